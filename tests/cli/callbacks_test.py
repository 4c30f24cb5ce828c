"""Each routine of a driver by itself: belay check --callbacks."""

import json
import unittest

from belay_case import SOURCE, BelayCase, driver

PNP = str(SOURCE / "tests/cli/drivers/callbacks.c")


class Callbacks(BelayCase):
    def check(self, path, *options):
        return self.belay("check", "--callbacks", path, *options)

    def table(self, done):
        """callback: (verdict, rule) of the table that ends the output."""
        lines = done.stdout.splitlines()
        start = next(i for i, line in enumerate(lines) if line.startswith("callback "))
        at = [lines[start].index(word) for word in ("callback", "routine", "verdict", "rule")]
        return {line[at[0]:at[1]].strip(): (line[at[2]:at[3]].strip(), line[at[3]:].strip())
                for line in lines[start + 1:]}

    def test_defects(self):
        done = self.check(PNP, "-DDEFECTS=1")
        self.assert_exit(done, 1)
        self.assertEqual(self.table(done), {
            "DriverEntry": ("holds", ""),
            "AddDevice": ("holds", ""),
            "IRP_MJ_PNP": ("violation", "LowerDriverReturn (lower driver: failure)"),
            "IRP_MJ_CREATE": ("holds", ""),
            "IRP_MJ_CLOSE": ("holds", ""),
            "IRP_MJ_READ": ("violation", "SpinLock"),
            "IRP_MJ_POWER": ("violation", "IrqlKeSetEvent"),
            "IRP_MJ_SYSTEM_CONTROL": ("violation", "CancelSpinLock"),
            "DPC of device 1": ("violation", "IrqlIoApcLte"),
            "DriverUnload": ("holds", "")})

    def test_lines(self):
        done = self.check(PNP, "-DDEFECTS=1")
        source = (SOURCE / "tests/cli/drivers/callbacks.c").read_text().splitlines()
        errors = [line for line in done.stdout.splitlines() if ": error: " in line]
        for clause, rule, code in (
                ("WDM-IRP-032", "LowerDriverReturn", "DispatchPnp("),
                ("WDM-LOCK-007", "SpinLock", "KeAcquireSpinLock("),
                ("WDM-LOCK-005", "IrqlKeSetEvent", "KeSetEvent("),
                ("WDM-LOCK-007", "CancelSpinLock", "IoAcquireCancelSpinLock("),
                ("WDM-IRP-017", "IrqlIoApcLte", "IoGetInitialStack(")):
            with self.subTest(rule):
                found = [line for line in errors if f": error: {clause} ({rule}): " in line]
                self.assertEqual(len(found), 1, done.stdout)
                number = int(found[0].split(": error: ")[0].rsplit(":", 1)[1])
                self.assertIn(code, "".join(source[number - 2:number]))  # or the brace below
        self.assertEqual(len(errors), 5)

    def test_right(self):
        done = self.check(PNP, "-DDEFECTS=0")
        self.assert_exit(done, 0)
        self.assertEqual({verdict for verdict, _ in self.table(done).values()}, {"holds"})
        self.assertEqual(len(self.table(done)), 10)

    def test_lifelike(self):
        """What is checked by itself is a driver that holds in its normal life, too."""
        done = self.belay("check", PNP, "--no-files", "--brief", "--executions", "200")
        self.assert_exit(done, 0)

    def test_json(self):
        done = self.check(PNP, "-DDEFECTS=1", "--json", "out.json")
        self.assert_exit(done, 1)
        all_of = {each["callback"]: each
                  for each in json.loads((self.folder / "out.json").read_text())["callbacks"]}
        power = all_of["IRP_MJ_POWER"]
        self.assertEqual((power["routine"], power["verdict"], power["clause"], power["rule"]),
                         ("DispatchPower", "violation", "WDM-LOCK-005", "IrqlKeSetEvent"))
        self.assertTrue(power["file"].endswith("callbacks.c"))
        self.assertEqual(power["bug_check"], "0xc4")
        self.assertEqual(all_of["IRP_MJ_PNP"]["lower_driver"], "failure")
        self.assertNotIn("clause", all_of["DriverUnload"])

    def test_without_device_of_its_own(self):
        """A driver without AddDevice: its first device is what is called."""
        self.file("d.c", driver(dispatch="KIRQL irql; KSPIN_LOCK lock; KeInitializeSpinLock(&lock);"
                                         "KeAcquireSpinLock(&lock, &irql);"))
        done = self.check("d.c")
        self.assert_exit(done, 1)
        self.assertEqual(self.table(done), {
            "DriverEntry": ("holds", ""), "IRP_MJ_CREATE": ("holds", ""),
            "IRP_MJ_CLOSE": ("holds", ""), "IRP_MJ_READ": ("violation", "SpinLockSafe"),
            "DriverUnload": ("holds", "")})

    def test_entry(self):
        """Nothing else is called when DriverEntry is wrong or fails."""
        self.file("d.c", driver(entry="KIRQL irql; KeRaiseIrql(DISPATCH_LEVEL, &irql);"))
        done = self.check("d.c")
        self.assert_exit(done, 1)
        self.assertEqual(list(self.table(done)), ["DriverEntry"])
        self.file("e.c", driver(entry="return STATUS_UNSUCCESSFUL;"))
        self.refused(self.check("e.c"), "0xc0000001")

    def test_no_device(self):
        """What cannot be called is not called right."""
        self.file("d.c", driver(entry="Driver->MajorFunction[IRP_MJ_READ] = Done; return STATUS_SUCCESS;")
                  .replace("IoDeleteDevice(Driver->DeviceObject);", "(void)Driver;"))
        done = self.check("d.c")
        self.assert_exit(done, 3)
        self.assertEqual(self.table(done), {
            "DriverEntry": ("holds", ""), "IRP_MJ_READ": ("inconclusive", "")})
        self.assertIn("no device to send it to", done.stdout)

    def test_other_options(self):
        self.file("d.c", driver())
        self.refused(self.check("d.c", "--clients", "2"), "--callbacks", "--clients")
        self.refused(self.check("d.c", "--expect", "d.expect"), "--callbacks", "--expect")


if __name__ == "__main__":
    unittest.main()
