"""What a host does with drivers, mount points and requests that are no good: a clear message, a clean
exit, no mount left.
"""

import errno
import fcntl
import os
import pathlib
import shutil
import struct
import subprocess

from host_case import (BELAY, CARELESS, COUNTS, DRIVERS, EXAMPLES, LIMIT, WILD, HostCase, ctl_code, main,
                       wrapped_ioctl)

PROBE = DRIVERS / "probe.c"
FAULTY = DRIVERS / "faulty.c"


class BadInput(HostCase):
    def test_no_driver(self):
        source = self.folder / "plain.c"
        source.write_text("int answer(void) { return 42; }\n")
        subprocess.run(["gcc", "-shared", "-fPIC", "-o", self.folder / "plain.so", source], check=True)
        self.refused(self.folder / "plain.so", "plain.so: was not built by `belay cc`")

    def test_text_file(self):
        text = self.folder / "notes.so"
        text.write_text("no driver at all\n")
        self.refused(text, "notes.so", "ELF")

    def test_no_such_file(self):
        self.refused(self.folder / "nothing.so", "nothing.so")

    def test_entry_fails(self):
        self.refused(FAULTY, "DriverEntry failed with 0xc000009a (STATUS_INSUFFICIENT_RESOURCES)",
                     options=("-DENTRY_FAILS",))

    def test_one_name_twice(self):
        twin = self.folder / "twin.c"
        shutil.copy(PROBE, twin)
        self.refused([PROBE, twin], "twin", "0xc0000035", "STATUS_OBJECT_NAME_COLLISION")

    def test_loaded_twice(self):
        self.refused([PROBE, PROBE], "is loaded already")

    def test_mount_in_use(self):
        host = self.host()
        done = subprocess.run([BELAY, "run", "--plain", "--mount", str(host.folder),
                               str(EXAMPLES / "own_queue.c")], env=self.environment,
                              capture_output=True, text=True, timeout=LIMIT)
        self.assertEqual(done.returncode, 2, done.stderr)
        self.assertIn("something is mounted there already", done.stderr)
        self.assertEqual(self.counts(host)["created"], 1)  # the first host is as it was
        host.stop()

    def test_mount_not_empty(self):
        (self.folder / "full").mkdir()
        (self.folder / "full/something").touch()
        self.refused(PROBE, "full: is not empty", folder=self.folder / "full")

    def test_mount_is_a_file(self):
        (self.folder / "file").touch()
        self.refused(PROBE, "file: is no folder", folder=self.folder / "file")

    def test_mount_through_link(self):
        (self.folder / "there").mkdir()
        (self.folder / "mount").symlink_to(self.folder / "there")
        host = self.host()
        self.assertEqual(os.listdir(self.folder / "there"), ["Probe"])
        os.kill(host.pid, 15)
        self.assertEqual(host.finish(), 0)
        self.assertEqual(os.listdir(self.folder / "there"), [])

    def test_mount_not_permitted(self):
        self.refused(PROBE, "/proc/belay: cannot be made", folder=pathlib.Path("/proc/belay"))

    def test_dead_mount(self):
        host = self.host()
        # Both at once: nobody is left to clean up.
        os.kill(host.process.pid, 19)
        os.kill(host.pid, 9)
        os.kill(host.process.pid, 9)
        host.process.wait(LIMIT)
        done = subprocess.run([BELAY, "run", "--plain", "--mount", str(host.folder), str(PROBE)],
                              env=self.environment, capture_output=True, text=True, timeout=LIMIT)
        self.assertEqual(done.returncode, 2, done.stderr)
        self.assertIn(f"a dead mount is there; run `fusermount3 -u {host.folder}`", done.stderr)

    def test_no_fuse(self):
        self.refused(PROBE, "/dev/fuse", "modprobe fuse", "--device /dev/fuse", code=77,
                     prefix=("unshare", "-m", "sh", "-c", "mount -t tmpfs none /dev && exec \"$@\"", "sh"))

    def test_doctor_without_fuse(self):
        done = subprocess.run(["unshare", "-m", "sh", "-c", "mount -t tmpfs none /dev && exec \"$@\"", "sh",
                               BELAY, "doctor"], env=self.environment, capture_output=True, text=True,
                              timeout=LIMIT)
        self.assertRegex(done.stdout, r"lacks +/dev/fuse +modprobe fuse")
        self.assertIn("all that `belay check` needs is here", done.stdout)
        self.assertEqual(done.returncode, 0)

    def test_doctor(self):
        done = subprocess.run([BELAY, "doctor"], env=self.environment, capture_output=True, text=True,
                              timeout=LIMIT)
        self.assertIn("all that `belay run` needs is here", done.stdout)


class BadRequest(HostCase):
    def test_wild_pointer(self):
        host = self.host()
        descriptor = self.open(host.path())
        for address in (8, 0xFFFF_8000_0000_0000, 0x7FFF_0000_1000, 3):
            with self.assertRaises(OSError, msg=hex(address)) as caught:
                fcntl.ioctl(descriptor, WILD, struct.pack("<Q", address))
            self.assertEqual(caught.exception.errno, errno.EFAULT, hex(address))
            status, _, _ = wrapped_ioctl(descriptor, WILD, struct.pack("<Q", address))
            self.assertIn(status, (0xC0000005, 0x80000002))
        os.close(descriptor)
        self.assertEqual(self.counts(host)["controls"], 9)  # it lives
        host.stop()

    def test_unknown_code(self):
        host = self.host()
        descriptor = self.open(host.path())
        self.assert_error(errno.ENOTTY, fcntl.ioctl, descriptor, ctl_code(0x8FF))
        self.assertEqual(wrapped_ioctl(descriptor, ctl_code(0x8FF))[0], 0xC0000010)
        os.close(descriptor)
        host.stop()

    def test_wrapped_badly(self):
        host = self.host()
        descriptor = self.open(host.path())
        code = 3 << 30 | 64 << 16 | ord("B") << 8 | 1
        self.assert_error(errno.EINVAL, fcntl.ioctl, descriptor, code,
                          bytearray(struct.pack("<IIIiQQ", COUNTS, 33, 0, 0, 0, 0).ljust(64)))
        self.assert_error(errno.EINVAL, fcntl.ioctl, descriptor, code,
                          bytearray(struct.pack("<IIIiQQ", COUNTS, 0, 1 << 31, 0, 0, 0).ljust(64)))
        self.assert_error(errno.EINVAL, fcntl.ioctl, descriptor, 3 << 30 | 8 << 16 | ord("B") << 8 | 1,
                          bytearray(8))
        os.close(descriptor)
        host.stop()

    def test_other_names(self):
        host = self.host()
        self.assert_error(errno.ENOENT, os.open, host.path("Nothing"), os.O_RDONLY)
        self.assertEqual(os.listdir(host.folder), ["Probe"])
        with self.assertRaises(OSError):
            os.mkdir(host.path("Folder"))
        with self.assertRaises(OSError):
            os.unlink(host.path())
        self.assert_error(errno.EPERM, os.chmod, host.path(), 0o600)
        host.stop()


class Crash(HostCase):
    def bug_check(self, host, clause, code, function=None, line=None):
        event = host.wait("bug_check")
        host.ended(1)
        self.assertEqual((event["clause"], event["code"]), (clause, code), event)
        if function is not None:
            frames = [each["function"] for each in event["stack"]]
            self.assertIn(function, frames)
        if line is not None:
            source = FAULTY.read_text().splitlines()
            places = [(pathlib.Path(each["file"]).name, source[each["line"] - 1].strip())
                      for each in event["stack"] if each["file"].endswith("faulty.c")]
            self.assertTrue(any(line in text for _, text in places), places)
        return event

    def faulty(self, *options):
        return self.host(FAULTY, *options)

    def test_careless_pointer(self):
        host = self.host()
        cat = self.program("cat", host.path())
        host.waiting(1)
        descriptor = self.open(host.path())
        self.assert_error(errno.EIO, fcntl.ioctl, descriptor, CARELESS)
        self.bug_check(host, "WDM-IRP-014", "0x7e", "ProbeControl")
        self.assertIn(b"Input/output error", cat.communicate(timeout=LIMIT)[1])

    def test_screen(self):
        # The same for people's eyes.
        host = subprocess.Popen([BELAY, "run", "--plain", "--mount", str(self.folder / "mount"),
                                 str(PROBE)], env=self.environment, stdin=subprocess.DEVNULL,
                                stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        self.programs.append(host)
        path = host.stdout.readline().strip()
        self.assertEqual(path, str(self.folder / "mount/Probe"))
        descriptor = self.open(path)
        self.assert_error(errno.EIO, fcntl.ioctl, descriptor, CARELESS)
        screen = host.communicate(timeout=LIMIT)[1]
        self.assertEqual(host.returncode, 1)
        self.assertIn("*** STOP: 0x0000007E (0x00000000C0000005, 0x", screen)
        self.assertRegex(screen, r"0  probe\S*!ProbeControl at \S*probe\.c:\d+")
        self.assertIn("IRPs in flight: 1", screen)
        self.assert_no_mount(self.folder / "mount")

    def test_in_read(self):
        host = self.faulty("-DCRASH_IN_READ")
        cat = self.program("cat", host.path("Faulty"))
        self.assertIn(b"Input/output error", cat.communicate(timeout=LIMIT)[1])
        self.bug_check(host, "WDM-IRP-014", "0x7e", "FaultyRead", "Touch(NULL)")

    def test_divides(self):
        host = self.faulty("-DDIVIDES")
        cat = self.program("cat", host.path("Faulty"))
        self.assertIn(b"Input/output error", cat.communicate(timeout=LIMIT)[1])
        event = self.bug_check(host, "WDM-IRP-014", "0x7e", "FaultyRead")
        self.assertEqual(event["parameters"][0], "0xc0000094")

    def test_jumps(self):
        host = self.faulty("-DJUMPS")
        cat = self.program("cat", host.path("Faulty"))
        self.assertIn(b"Input/output error", cat.communicate(timeout=LIMIT)[1])
        event = self.bug_check(host, "WDM-IRP-014", "0x7e", "FaultyRead", "0x1234)()")
        self.assertEqual(event["parameters"][1], "0x1234")

    def test_recurses(self):
        host = self.faulty("-DRECURSES")
        cat = self.program("cat", host.path("Faulty"))
        self.assertIn(b"Input/output error", cat.communicate(timeout=LIMIT)[1])
        self.bug_check(host, "WDM-IRP-015", "0x7f", "Recurse")

    def test_forgets(self):
        # The routine has returned, and is named all the same.
        host = self.faulty("-DFORGETS")
        cat = self.program("cat", host.path("Faulty"))
        self.assertIn(b"Input/output error", cat.communicate(timeout=LIMIT)[1])
        self.bug_check(host, "WDM-IRP-003", "0xc9", "FaultyRead")

    def test_in_cancel_routine(self):
        host = self.faulty("-DCRASH_IN_CANCEL")
        cat = self.program("cat", host.path("Faulty"))
        host.waiting(1)
        cat.kill()
        self.bug_check(host, "WDM-IRP-014", "0x7e", "FaultyCancel", "Touch(NULL)")
        cat.wait(LIMIT)

    def test_in_unload(self):
        host = self.faulty("-DCRASH_IN_UNLOAD")
        os.kill(host.pid, 15)
        self.bug_check(host, "WDM-IRP-014", "0x7e", "FaultyUnload", "Touch(NULL)")

    def test_in_entry(self):
        done = subprocess.run([BELAY, "run", "--plain", "--mount", str(self.folder / "mount"),
                               "-DCRASH_IN_ENTRY", str(FAULTY)], env=self.environment,
                              stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=LIMIT)
        self.assertEqual(done.returncode, 1)
        self.assertIn("*** STOP: 0x0000007E", done.stderr)
        self.assertIn("!DriverEntry at ", done.stderr)
        self.assert_no_mount(self.folder / "mount")

    def test_completes_twice(self):
        host = self.faulty("-DCOMPLETES_TWICE")
        cat = self.program("cat", host.path("Faulty"))
        host.waiting(1)
        descriptor = self.open(host.path("Faulty"))
        # The first completion has ended this program's request; the second breaks the rule.
        self.assert_error(errno.EAGAIN, os.write, descriptor, b"x")
        event = self.bug_check(host, "WDM-CANCEL-020", "0x44", "FaultyWrite", "the wrong line")
        self.assertIn(b"Input/output error", cat.communicate(timeout=LIMIT)[1])
        self.assertEqual(len(event["in_flight"]), 1)


if __name__ == "__main__":
    main()
