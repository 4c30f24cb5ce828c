"""A Windows program against a hosted driver: through its device file, and in one process with it."""

import os
import pathlib
import subprocess

from host_case import BELAY, DRIVERS, LIMIT, HostCase, main

PROGRAM = pathlib.Path(__file__).resolve().parent / "programs/windows_user.c"


class Programs(HostCase):
    def run_bounded(self, *command, **more):
        return subprocess.run([str(each) for each in command], capture_output=True, text=True,
                              timeout=LIMIT, env=dict(self.environment, **more), check=False)

    def made(self):
        program = self.folder / "windows_user"
        done = self.run_bounded(BELAY, "cc", "--client", PROGRAM, "-o", program)
        self.assertEqual(done.returncode, 0, done.stderr)
        return program

    def test_through_the_device_file(self):
        program = self.made()
        host = self.host()
        done = self.run_bounded(program, BELAY_DEVICES=str(host.folder))
        self.assertEqual((done.stdout, done.returncode), ("all well\n", 0), done.stderr)
        # Four reads and a control were cancelled, each by one call of the cancel routine or by cleanup.
        totals = host.stop()
        self.assertEqual(totals["arrived"], totals["completed"] + totals["cancelled"] + totals["failed"])
        self.assertEqual(totals["cancelled"], 5)

    def test_in_one_process(self):
        done = self.run_bounded(BELAY, "run", DRIVERS / "probe.c", "--client", PROGRAM)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        self.assertTrue(done.stdout.endswith("all well\n"), done.stdout)

    def test_no_device(self):
        done = self.run_bounded(self.made(), BELAY_DEVICES=os.devnull)
        self.assertIn("FAILED: the device opens", done.stdout)


if __name__ == "__main__":
    main()
