"""What the tests of the command line share: a scratch folder, tiny drivers, and running belay."""

import os
import pathlib
import subprocess
import tempfile
import unittest

SOURCE = pathlib.Path(os.environ["BELAY_SOURCE"])
BELAY = os.environ["BELAY"]

DRIVER = r"""
#include <ntddk.h>
%(before)s
static UNICODE_STRING Name = RTL_CONSTANT_STRING(L"\\Device\\Tiny");
static NTSTATUS Done(PDEVICE_OBJECT Device, PIRP Irp)
{
    (void)Device;
    %(dispatch)s
    Irp->IoStatus.Status = STATUS_SUCCESS;
    Irp->IoStatus.Information = 0;
    IoCompleteRequest(Irp, IO_NO_INCREMENT);
    return STATUS_SUCCESS;
}
static NTSTATUS Plain(PDEVICE_OBJECT Device, PIRP Irp)
{
    (void)Device;
    Irp->IoStatus.Status = STATUS_SUCCESS;
    Irp->IoStatus.Information = 0;
    IoCompleteRequest(Irp, IO_NO_INCREMENT);
    return STATUS_SUCCESS;
}
static VOID Unload(PDRIVER_OBJECT Driver) { IoDeleteDevice(Driver->DeviceObject); }
NTSTATUS DriverEntry(PDRIVER_OBJECT Driver, PUNICODE_STRING Path)
{
    PDEVICE_OBJECT device;
    (void)Path;
    %(entry)s
    Driver->DriverUnload = Unload;
    Driver->MajorFunction[IRP_MJ_CREATE] = Plain;
    Driver->MajorFunction[IRP_MJ_CLOSE] = Plain;
    Driver->MajorFunction[IRP_MJ_READ] = Done;
    return IoCreateDevice(Driver, 0, &Name, FILE_DEVICE_UNKNOWN, 0, FALSE, &device);
}
"""


def driver(before="", dispatch="", entry=""):
    return DRIVER % {"before": before, "dispatch": dispatch, "entry": entry}


class BelayCase(unittest.TestCase):
    def setUp(self):
        scratch = tempfile.TemporaryDirectory(prefix="belay-test-")
        self.addCleanup(scratch.cleanup)
        self.folder = pathlib.Path(scratch.name)
        self.environment = dict(os.environ, XDG_CACHE_HOME=str(self.folder / "cache"), LC_ALL="C")
        self.environment.pop("CC", None)

    def file(self, name, content):
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        if isinstance(content, bytes):
            path.write_bytes(content)
        else:
            path.write_text(content)
        return name

    def belay(self, *arguments, stdout=subprocess.PIPE):
        return subprocess.run([BELAY, *arguments], cwd=self.folder, env=self.environment, timeout=100,
                              stdin=subprocess.DEVNULL, stdout=stdout, stderr=subprocess.PIPE, text=True)

    def assert_exit(self, done, code):
        codes = code if isinstance(code, tuple) else (code,)
        self.assertIn(done.returncode, codes, f"stdout:\n{done.stdout}\nstderr:\n{done.stderr}")

    def refused(self, done, *words, code=2):
        """Exactly one line on standard error, from belay, with each of `words`."""
        self.assert_exit(done, code)
        lines = done.stderr.splitlines()
        self.assertEqual(len(lines), 1, done.stderr)
        self.assertTrue(lines[0].startswith("belay: "), lines[0])
        for word in words:
            self.assertIn(word, lines[0])
        return lines[0]

    def build(self, name, source, *options):
        """Compiles with belay cc; returns the name of the .so."""
        stem = pathlib.Path(name).stem
        done = self.belay("cc", self.file(name, source), "-o", stem + ".so", *options)
        self.assert_exit(done, 0)
        return stem + ".so"

    def host_compile(self, *arguments):
        subprocess.run(["gcc", *arguments], cwd=self.folder, check=True, capture_output=True)
