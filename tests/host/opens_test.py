"""How programs open hosted devices: all that CreateFile says reaches the driver, and its answer the
program; through device files and in one process.
"""

import errno
import fcntl
import os
import pathlib
import stat
import struct
import subprocess
import threading

from host_case import (BELAY, CANCEL, DRIVERS, EXCHANGE_MAGIC, LIMIT, PERFORM, SEND, HostCase, main,
                       place)

PROGRAMS = pathlib.Path(__file__).resolve().parent / "programs"
OPENS = DRIVERS / "opens.c"
INTERFACES = DRIVERS / "interfaces.c"
READ, WRITE = 0x00120089, 0x00120116
USER = ("setpriv", "--reuid", "65534", "--regid", "65534", "--clear-groups")


class Opens(HostCase):
    def run_bounded(self, *command, **more):
        return subprocess.run([str(each) for each in command], capture_output=True, text=True,
                              timeout=LIMIT, env=dict(self.environment, **more), check=False)

    def made(self, name="opener"):
        program = self.folder / name
        done = self.run_bounded(BELAY, "cc", "--client", PROGRAMS / f"{name}.c", "-o", program)
        self.assertEqual(done.returncode, 0, done.stderr)
        return program

    def assert_well(self, done):
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        self.assertTrue(done.stdout.endswith("all well\n"), done.stdout)

    def both_ways(self, driver, name):
        program = self.made(name)
        host = self.host(driver)
        self.assert_well(self.run_bounded(program, BELAY_DEVICES=str(host.folder)))
        host.stop()
        self.assert_well(self.run_bounded(BELAY, "run", driver, "--client", PROGRAMS / f"{name}.c"))

    def test_asked_and_answered(self):
        self.both_ways(OPENS, "opener")

    def test_interfaces(self):
        self.both_ways(INTERFACES, "interface_user")
        done = self.run_bounded(BELAY, "check", INTERFACES, "--client", PROGRAMS / "interface_user.c")
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)

    def waiting_program(self, host):
        program = self.program(self.made(), "wait",
                               env=dict(self.environment, BELAY_DEVICES=str(host.folder)))
        host.printed("opens: create waits")
        return program

    def test_killed(self):
        host = self.host(OPENS)
        program = self.waiting_program(host)
        waiting, = host.wait("snapshot", lambda event: event["in_flight"])["in_flight"]
        self.assertEqual(waiting["process"], program.pid)
        program.kill()
        program.wait(LIMIT)
        host.printed("opens: create cancelled")
        host.idle(cancelled=1)
        self.assertEqual(host.stop()["arrived"], 1)

    def test_completed(self):
        host = self.host(OPENS)
        program = self.waiting_program(host)
        self.assertEqual(self.create(self.untold(host, r"\??\Opens"), r"\??\Opens\go")[0], 0)
        self.assertEqual(program.communicate(timeout=LIMIT)[0], b"0\n")
        self.assertEqual(host.stop()["cancelled"], 0)

    def test_host_ends(self):
        host = self.host(OPENS)
        program = self.waiting_program(host)
        self.assertEqual(host.stop()["cancelled"], 1)
        self.assertEqual(program.communicate(timeout=LIMIT)[0], b"995\n")  # ERROR_OPERATION_ABORTED

    def test_permissions(self):
        host = self.host(OPENS, '-DSDDL=L"D:P(A;;GA;;;SY)(A;;GA;;;BA)(A;;GR;;;WD)"')
        program = self.made()
        os.chmod(self.folder, 0o755)
        done = self.run_bounded(*USER, program, "read", BELAY_DEVICES=str(host.folder))
        self.assert_well(done)
        host.stop()

    def put(self, descriptor, data, offset, by_control):
        """A write of the exchange."""
        if not by_control:
            os.pwrite(descriptor, data, offset)
            return
        block = struct.pack("<qII", offset, len(data), 0) + data
        fcntl.ioctl(descriptor, 1 << 30 | len(block) << 16 | ord("B") << 8 | 2, block)

    def send_create(self, descriptor, path, access=READ, disposition=1, by_control=False):
        how = struct.pack("<IIIIHH", access, 3, disposition, 0, 0, 0) + path.encode("utf-16-le")
        self.put(descriptor,
                 struct.pack("<IBBHIIIIq", EXCHANGE_MAGIC, 0, 0, 0, 0, len(how), 0, 0, 0) + how,
                 place(SEND, 1, 0), by_control)

    def created(self, descriptor):
        """Returns (status, information)."""
        status, _, information = struct.unpack("<iIQ", os.pread(descriptor, 16, place(PERFORM, 1, 0)))
        return status & 0xFFFFFFFF, information

    def create(self, descriptor, path, access=READ | WRITE, **more):
        self.send_create(descriptor, path, access, **more)
        return self.created(descriptor)

    def untold(self, host, path, mode=os.O_RDWR):
        return self.open(host.folder / ".belay" / path, mode)

    def test_folder(self):
        host = self.host(OPENS)
        self.assertEqual(os.listdir(host.folder), ["Opens"])
        folder = host.folder / ".belay"
        self.assertEqual(sorted(os.listdir(folder)), [r"\Device\OpensDevice", r"\GLOBAL??\Opens"])
        for name in (r"\??\Opens", r"\DosDevices\OPENS", r"\??\Opens\some\where", r"\Device\OpensDevice"):
            about = os.stat(folder / name)
            self.assertTrue(stat.S_ISREG(about.st_mode), name)
            self.assertEqual(stat.S_IMODE(about.st_mode), 0o666)
        for name in ("Opens", r"\??\Open", r"\??\OpensX"):
            self.assert_error(errno.ENOENT, os.stat, folder / name)
        # No driver knows such a file: nothing arrives.
        descriptor = self.open(folder / r"\??\Opens")
        self.assert_error(errno.EBADF, os.read, descriptor, 4096)
        self.assert_error(errno.EBADF, os.write, descriptor, b"x")
        self.assert_error(errno.EBADF, os.fsync, descriptor)
        os.close(descriptor)
        self.assertEqual(host.stop()["arrived"], 0)

    def test_create(self):
        host = self.host([OPENS, DRIVERS / "probe.c"])
        descriptor = self.untold(host, r"\??\Opens")
        self.assertEqual(self.create(descriptor, r"\??\Opens\file"), (0xC0000034, 0))
        self.assertEqual(self.create(descriptor, r"\??\Opens\status\C0000022"), (0xC0000022, 0))
        self.assertEqual(self.create(descriptor, r"\??\Opens\file", disposition=2), (0, 2))  # FILE_CREATED
        access, share, disposition, _, _, _, process = struct.unpack("<7I", os.read(descriptor, 160)[:28])
        self.assertEqual((access, share, disposition, process), (READ | WRITE, 3, 2, os.getpid()))
        # It is open: once, and what follows is as with any other.
        self.assert_error(errno.EINVAL, self.send_create, descriptor, r"\??\Opens")
        host.stop()

    def test_create_cancelled(self):
        host = self.host(OPENS)
        descriptor = self.untold(host, r"\??\Opens")
        # Before it is there, and while the driver has it.
        self.send_create(descriptor, r"\??\Opens\wait")
        os.pwrite(descriptor, b"x", place(CANCEL, 1, 0))
        self.assertEqual(self.created(descriptor), (0xC0000120, 0))
        self.send_create(descriptor, r"\??\Opens\wait")
        got = []
        waiter = threading.Thread(target=lambda: got.append(self.created(descriptor)))
        waiter.start()
        host.printed("opens: create waits")
        self.assert_error(errno.EINVAL, self.created, descriptor)  # somebody waits for it
        self.assert_error(errno.EBUSY, self.send_create, descriptor, r"\??\Opens\go")
        self.assert_error(errno.EBADF, os.read, descriptor, 4096)
        os.pwrite(descriptor, b"x", place(CANCEL, 1, 0))
        waiter.join(LIMIT)
        self.assertEqual(got, [(0xC0000120, 0)])
        self.assertEqual(host.stop()["cancelled"], 2)

    def test_read_only(self):
        host = self.host(OPENS)
        descriptor = self.untold(host, r"\??\Opens", os.O_RDONLY)
        self.assert_error(errno.EBADF, self.create, descriptor, r"\??\Opens")
        # FILE_WRITE_DATA, FILE_APPEND_DATA, FILE_WRITE_ATTRIBUTES, DELETE, WRITE_DAC, WRITE_OWNER
        for access in (READ | WRITE, 2, 4, 0x100, 0x10000, 0x40000, 0x80000):
            self.assertEqual(self.create(descriptor, r"\??\Opens", access, by_control=True)[0], 0xC0000022)
        self.send_create(descriptor, r"\??\Opens\wait", by_control=True)
        self.put(descriptor, b"x", place(CANCEL, 1, 0), True)
        self.assertEqual(self.created(descriptor), (0xC0000120, 0))
        self.assertEqual(self.create(descriptor, r"\??\Opens", READ, by_control=True), (0, 1))
        self.assertEqual(struct.unpack("<I", os.read(descriptor, 160)[:4]), (READ,))
        self.assert_error(errno.EINVAL, self.put, descriptor, b"x", 0, True)
        host.stop()

    def test_create_wrongly(self):
        host = self.host([OPENS, DRIVERS / "probe.c"])
        # The permissions that were looked at are those of one device.
        descriptor = self.untold(host, r"\??\Opens")
        self.assertEqual(self.create(descriptor, r"\??\Probe"), (0xC0000034, 0))
        self.assertEqual(self.create(descriptor, ""), (0xC0000034, 0))
        for major in (3, 4, 14):
            wrong = struct.pack("<IBBHIIIIq", EXCHANGE_MAGIC, major, 0, 0, 0, 0, 0, 0, 0)
            self.assert_error(errno.EINVAL, os.pwrite, descriptor, wrong, place(SEND, 2, 0))
        short = struct.pack("<IBBHIIIIq", EXCHANGE_MAGIC, 0, 0, 0, 0, 4, 0, 0, 0) + b"\0\0\0\0"
        os.pwrite(descriptor, short, place(SEND, 3, 0))
        answer = os.pread(descriptor, 16, place(PERFORM, 3, 0))
        self.assertEqual(struct.unpack("<iIQ", answer)[0] & 0xFFFFFFFF, 0xC000000D)
        self.assert_error(errno.EINVAL, os.pread, descriptor, 16, place(PERFORM, 3, 0))
        self.assert_error(errno.EINVAL, os.pread, descriptor, 8, place(PERFORM, 4, 0))
        self.assertEqual(self.create(descriptor, r"\??\Opens")[0], 0)
        # A device file that a plain open made is open already.
        plain = self.open(host.path("Opens"))
        self.assert_error(errno.EINVAL, self.send_create, plain, r"\??\Opens")
        host.stop()


if __name__ == "__main__":
    main()
