"""Each routine of a driver by itself: belay check --callbacks."""

import json
import re
import unittest

from belay_case import SOURCE, BelayCase, driver

PNP = str(SOURCE / "tests/cli/drivers/callbacks.c")

# The dispatch routine may free the block between a thread's look at Freed and its access.
RACE = driver(before="""
static volatile LONG Freed;
static VOID Use(PVOID Context)
{
    if (!Freed) *(volatile ULONG *)Context = 1;
    PsTerminateSystemThread(STATUS_SUCCESS);
}""", dispatch="""
    HANDLE thread;
    PULONG block = ExAllocatePoolWithTag(NonPagedPool, sizeof(ULONG), 'kblC');
    PsCreateSystemThread(&thread, THREAD_ALL_ACCESS, NULL, NULL, NULL, Use, block);
    Freed = 1;
    ExFreePoolWithTag(block, 'kblC');""")


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
                found = re.findall(rf"callbacks\.c:(\d+)(?::\d+)?: error: {clause}: (?:.+\n)+?"
                                   rf"  known to Windows' tools as {rule}\n", done.stdout)
                self.assertEqual(len(found), 1, done.stdout)
                number = int(found[0])
                self.assertIn(code, "".join(source[number - 2:number]))  # or the brace below
        self.assertEqual(len(errors), 5)

    def test_next_commands(self):
        """A finding says what was called and how to go on; the files are where it says."""
        done = self.check(PNP, "-DDEFECTS=1")
        for callback, called, clause in (
                ("IRP_MJ_PNP", "IRP_MJ_PNP (DispatchPnp) by itself, lower driver: failure", "WDM-IRP-032"),
                ("IRP_MJ_READ", "IRP_MJ_READ (DispatchRead) by itself, after IRP_MJ_CREATE, lower driver: success",
                 "WDM-LOCK-007"),
                ("DPC_of_device_1", "DPC of device 1 (ReadDpc) by itself, lower driver: success", "WDM-IRP-017")):
            with self.subTest(callback):
                stem = f"belay-out/callbacks.{callback}"
                self.assertIn(f"  {called}\n", done.stdout)
                self.assertIn(f"  page:    {stem}.html\n  replay:  belay replay {stem}.json\n"
                              f"  explain: belay explain {clause}\n", done.stdout)
        self.assertEqual(len(list((self.folder / "belay-out").iterdir())), 10)
        self.assert_exit(self.check(PNP, "-DDEFECTS=0"), 0)
        done = self.check(PNP, "-DDEFECTS=1", "--no-files", "--trace", "a/t.json")
        self.refused(done, "a/t.IRP_MJ_PNP.json")

    def test_no_files(self):
        done = self.check(PNP, "-DDEFECTS=1", "--no-files")
        self.assert_exit(done, 1)
        self.assertFalse((self.folder / "belay-out").exists())
        self.assertNotIn("replay", done.stdout)
        self.assertIn("belay explain WDM-IRP-032", done.stdout)

    def test_replay(self):
        """Each trace is the same finding again in another process."""
        done = self.check(PNP, "-DDEFECTS=1", "--no-files", "--trace", "t.json")
        self.assert_exit(done, 1)
        traces = sorted(self.folder.glob("t.*.json"))
        self.assertEqual(len(traces), 5, traces)
        for trace in traces:
            with self.subTest(trace.name):
                written = json.loads(trace.read_text())
                again = self.belay("replay", trace.name, "--times", "100")
                self.assert_exit(again, 1)
                self.assertIn(f": error: {written['found']['clause']}: {written['found']['text']}\n", again.stdout)
                self.assertIn(f"replayed 100 times: the same finding after the same {len(written['events'])} events",
                              again.stdout)
        pnp = json.loads((self.folder / "t.IRP_MJ_PNP.json").read_text())["callback"]
        self.assertEqual((pnp["name"], pnp["routine"], pnp["lower_driver"]),
                         ("IRP_MJ_PNP", "DispatchPnp", "failure"))

    def test_replay_of_a_preemption(self):
        """What only some interleavings show comes about again, too."""
        self.file("d.c", RACE)
        done = self.check("d.c", "--no-files", "--trace", "t.json")
        self.assert_exit(done, 1)
        trace = json.loads((self.folder / "t.IRP_MJ_READ.json").read_text())
        self.assertEqual(trace["found"]["clause"], "WDM-IRP-010")
        self.assertEqual(trace["preemptions"], 3)
        done = self.belay("replay", "t.IRP_MJ_READ.json", "--times", "100")
        self.assert_exit(done, 1)
        self.assertIn("replayed 100 times: the same finding", done.stdout)

    def test_replay_refused(self):
        """A trace of other code, and one whose callback is none."""
        self.build("d.c", RACE)
        self.assert_exit(self.check("d.so", "--no-files", "--trace", "t.json"), 1)
        trace = self.folder / "t.IRP_MJ_READ.json"
        written = json.loads(trace.read_text())
        for key, value in (("major", 28), ("device", 4), ("lower_driver", "sometimes")):
            self.file("bad.json", json.dumps(written | {"callback": written["callback"] | {key: value}}))
            self.refused(self.belay("replay", "bad.json"), f"callback.{key}")
        self.build("d.c", RACE.replace("Freed = 1", "Freed = 2"))
        self.refused(self.belay("replay", trace.name), "other code")

    def test_page(self):
        self.file("d.c", RACE)
        self.assert_exit(self.check("d.c", "--no-files", "--html", "p.html"), 1)
        page = (self.folder / "p.IRP_MJ_READ.html").read_text()
        for part in ("<svg", "belay explain WDM-IRP-010", "IRP_MJ_READ (Done) by itself, after IRP_MJ_CREATE",
                     "system thread"):
            self.assertIn(part, page)
        self.assertEqual([path.name for path in self.folder.glob("*.html")], ["p.IRP_MJ_READ.html"])

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
