"""Several drivers in one exploration: loading, reports, traces, what each leaves behind."""

import unittest

from belay_case import BelayCase, driver

SMALL = ("--executions", "200", "--bound", "1", "--budget", "60")

# A filter over the device of `driver()`, which passes everything on.
FILTER = r"""
#include <ntddk.h>
static UNICODE_STRING Target = RTL_CONSTANT_STRING(L"\\Device\\Tiny");
static PDEVICE_OBJECT Lower;
static LONG Loads;
static NTSTATUS Pass(PDEVICE_OBJECT Device, PIRP Irp)
{
    (void)Device;
    %(dispatch)s
    IoSkipCurrentIrpStackLocation(Irp);
    return IoCallDriver(Lower, Irp);
}
static VOID Unload(PDRIVER_OBJECT Driver)
{
    IoDetachDevice(Lower);
    IoDeleteDevice(Driver->DeviceObject);
}
NTSTATUS DriverEntry(PDRIVER_OBJECT Driver, PUNICODE_STRING Path)
{
    PDEVICE_OBJECT target, filter;
    PFILE_OBJECT file;
    NTSTATUS status;
    ULONG i;
    (void)Path;
    if (Loads++ != 0) return STATUS_UNSUCCESSFUL;
    %(entry)s
    for (i = 0; i <= IRP_MJ_MAXIMUM_FUNCTION; i++) Driver->MajorFunction[i] = Pass;
    Driver->DriverUnload = Unload;
    status = IoGetDeviceObjectPointer(&Target, FILE_READ_DATA, &file, &target);
    if (!NT_SUCCESS(status)) return status;
    status = IoCreateDevice(Driver, 0, NULL, FILE_DEVICE_UNKNOWN, 0, FALSE, &filter);
    if (!NT_SUCCESS(status)) return status;
    Lower = IoAttachDeviceToDeviceStack(filter, target);
    ObDereferenceObject(file);
    return STATUS_SUCCESS;
}
"""
# Each execution finds its data as it was loaded; a pool block lives as long as its driver.
ONCE = "static LONG Loads; if (Loads++ != 0) return STATUS_UNSUCCESSFUL;"
READ = '[[request]]\nop = "read"\n'


def upper(dispatch="", entry=""):
    return FILTER % {"dispatch": dispatch, "entry": entry}


class SeveralDrivers(BelayCase):
    def check(self, *arguments):
        return self.belay("check", *arguments, *SMALL)

    def sources(self, lower_source, upper_source):
        self.file("lower.c", lower_source)
        self.file("upper.c", upper_source)

    def test_option(self):
        self.sources(driver(entry=ONCE), upper())
        self.assert_exit(self.check("upper.c", "--with-driver", "lower.c", "--no-files"), 0)
        lower = self.build("lower.c", driver(entry=ONCE))
        self.assert_exit(self.check("upper.c", "--with-driver=" + lower, "--no-files"), 0)

    def test_scenario(self):
        self.file("sub/lower.c", driver())
        self.file("sub/upper.c", upper())
        self.file("sub/pair.toml", 'with_drivers = ["lower.c"]\n' + READ)
        self.assert_exit(self.check("sub/upper.c", "--scenario", "sub/pair.toml", "--no-files"), 0)

    def test_finding_in_either(self):
        twice = "IoCompleteRequest(Irp, IO_NO_INCREMENT);"
        self.sources(driver(dispatch=twice), upper())
        done = self.check("upper.c", "--with-driver", "lower.c", "--trace", "t.json", "--html", "t.html")
        self.assert_exit(done, 1)
        self.assertRegex(done.stdout, r"^lower\.c:\d+:\d+: error: WDM-IRP-001")
        self.assertRegex(done.stdout, r"upper\.c:\d+:\d+: note: in Pass")
        self.assertIn("in driver lower", done.stdout)
        self.assertIn("with driver lower", done.stdout)
        self.assertIn("<td>with driver</td><td>lower</td>", (self.folder / "t.html").read_text())
        again = self.belay("replay", "t.json", "--times", "3")
        self.assert_exit(again, 1)
        self.assertIn("replayed 3 times: the same finding", again.stdout)

    def test_order_of_loading(self):
        self.sources(driver(), upper())
        done = self.check("lower.c", "--with-driver", "upper.c", "--no-files")
        self.refused(done, "upper", "DriverEntry returned 0xc0000034")

    def test_trace_of_another_build(self):
        self.file("upper.c", upper())
        lower = self.build("lower.c", driver(dispatch="IoCompleteRequest(Irp, IO_NO_INCREMENT);"))
        self.assert_exit(self.check("upper.c", "--with-driver", lower, "--trace", "t.json"), 1)
        self.build("lower.c", driver(dispatch="IoCompleteRequest(Irp, 1);"))
        self.refused(self.belay("replay", "t.json"), "lower.so", "other code")
        (self.folder / lower).unlink()
        self.refused(self.belay("replay", "t.json"), "lower.so", "is gone")

    def test_pool_of_each(self):
        keeps = driver(before="static PVOID Block;", entry="Block = ExAllocatePoolWithTag(NonPagedPool, 8, 'tseT');")
        frees = keeps.replace("IoDeleteDevice(", "ExFreePoolWithTag(Block, 'tseT'); IoDeleteDevice(")
        self.sources(frees, upper())
        self.assert_exit(self.check("upper.c", "--with-driver", "lower.c", "--no-files"), 0)
        self.sources(frees, upper(entry="ExAllocatePoolWithTag(NonPagedPool, 16, 'tseT');"))
        done = self.check("upper.c", "--with-driver", "lower.c", "--no-files")
        self.assert_exit(done, 1)
        self.assertRegex(done.stdout, r"^upper\.c:\d+:\d+: error: WDM-IRP-009")

    def test_device_of_a_client(self):
        other = driver().replace("Tiny", "Other")
        self.sources(driver(), other)
        two = 'clients = 2\n[[client]]\n[[client]]\ndevice = "\\\\Device\\\\%s"\n' + READ
        self.file("two.toml", 'with_drivers = ["lower.c"]\n' + two % "Tiny")
        self.assert_exit(self.check("upper.c", "--scenario", "two.toml", "--no-files"), 0)
        self.file("none.toml", two % "Nobody's")
        self.refused(self.check("upper.c", "--scenario", "none.toml"), "no device is named \\Device\\Nobody's")
        self.file("many.toml", "clients = 1\n[[client]]\n[[client]]\n")
        self.refused(self.check("upper.c", "--scenario", "many.toml"), "many.toml:", "more [[client]] sections")

    def test_missing(self):
        self.file("upper.c", upper())
        self.refused(self.check("upper.c", "--with-driver", "nowhere.so"), "nowhere.so")
        self.refused(self.check("upper.c", "--with-driver", "nowhere.c"), "nowhere.c")


if __name__ == "__main__":
    unittest.main()
