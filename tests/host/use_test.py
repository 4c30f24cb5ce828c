"""Hosted devices as programs use them: modes, exclusive opens, large transfers, control codes, the
exchange protocol, who the caller is.
"""

import errno
import mmap
import os
import select
import signal
import stat
import struct
import subprocess
import threading

from host_case import (BELAY, COUNTS, DIRECT, DRIVERS, EXCHANGE_MAGIC, LIMIT, PERFORM, REVERSE, SEND,
                       HostCase, ctl_code, main, place, wrapped_ioctl)

MEMORY = DRIVERS / "memory.c"
WAITING = 1100


class Use(HostCase):
    def mode(self, sddl):
        host = self.host(MEMORY, f'-DSDDL=L"{sddl}"')
        mode = stat.S_IMODE(os.stat(host.path("Memory")).st_mode)
        self.assertEqual(host.devices["Memory"]["mode"], f"{mode:04o}")
        host.stop()
        return mode

    def test_security(self):
        self.assertEqual(self.mode("D:P(A;;GA;;;SY)(A;;GA;;;BA)"), 0o600)
        self.assertEqual(self.mode("D:P"), 0o600)
        self.assertEqual(self.mode("D:P(A;;GA;;;SY)(A;;GRGWGX;;;BA)(A;;GR;;;WD)"), 0o644)
        self.assertEqual(self.mode("D:P(A;;GA;;;SY)(A;;GA;;;BA)(A;;GA;;;WD)"), 0o666)

    def test_security_enforced(self):
        host = self.host(MEMORY, '-DSDDL=L"D:P(A;;GA;;;SY)(A;;GA;;;BA)(A;;GR;;;WD)"')
        os.chmod(self.folder, 0o755)
        program = self.python("""
import os, sys
os.setgid(65534)
os.setuid(65534)
os.close(os.open(sys.argv[1], os.O_RDONLY))
try:
    os.open(sys.argv[1], os.O_RDWR)
except PermissionError:
    print("denied")
""", host.path("Memory"))
        output, errors = program.communicate(timeout=LIMIT)
        self.assertEqual(output, b"denied\n", errors)
        host.stop()

    def test_without_security(self):
        host = self.host()
        self.assertEqual(stat.S_IMODE(os.stat(host.path()).st_mode), 0o666)
        self.assertEqual(host.devices["Probe"]["device"], r"\Device\Probe")
        host.stop()

    def test_exclusive(self):
        host = self.host(MEMORY, "-DEXCLUSIVE=TRUE")
        first = self.open(host.path("Memory"))
        self.assert_error(errno.EACCES, os.open, host.path("Memory"), os.O_RDWR)
        os.close(first)
        host.idle(failed=1)
        # close() returns before the host has heard of it: open until it has.
        again = None
        while again is None:
            try:
                again = self.open(host.path("Memory"))
            except OSError as error:
                self.assertEqual(error.errno, errno.EACCES)
        host.stop()

    def test_large(self):
        host = self.host(MEMORY)
        descriptor = self.open(host.path("Memory"))
        data = os.urandom(5 << 20)
        done = 0
        while done < len(data):
            done += os.pwrite(descriptor, data[done:], done)
        got = b""
        while len(got) < len(data):
            part = os.pread(descriptor, len(data) - len(got), len(got))
            self.assertNotEqual(part, b"")
            got += part
        self.assertTrue(got == data)
        self.assertEqual(os.pread(descriptor, 16, 8 << 20), b"")
        self.assert_error(errno.ENOSPC, os.pwrite, descriptor, b"x", 8 << 20)
        os.lseek(descriptor, (8 << 20) - 3, os.SEEK_SET)
        self.assertEqual(len(os.read(descriptor, 16)), 3)
        host.stop()

    def test_caller(self):
        host = self.host()
        cat = self.program("cat", host.path())
        host.waiting(process=cat.pid)
        self.assertEqual(self.counts(host)["last_process"], cat.pid)
        host.stop()

    def test_wrapped(self):
        host = self.host()
        descriptor = self.open(host.path())
        self.assertEqual(wrapped_ioctl(descriptor, REVERSE, b"forwards", 8), (0, 8, b"sdrawrof"))
        self.assertEqual(wrapped_ioctl(descriptor, REVERSE, b"forwards", 4)[0], 0xC0000023)
        large = bytes(range(256)) * 63
        self.assertEqual(wrapped_ioctl(descriptor, REVERSE, large, len(large)),
                         (0, len(large), large[::-1]))
        status, information, output = wrapped_ioctl(descriptor, DIRECT, b"", 10000)
        self.assertEqual((status, information), (0, 10000))
        self.assertEqual(output, bytes(i * 7 & 0xFF for i in range(10000)))
        host.stop()

    def exchange(self, descriptor, identity, major, code=0, data=b"", room=0, piece=1 << 20, offset=0):
        """Returns (status, information, output)."""
        sent = struct.pack("<IBBHIIIIq", EXCHANGE_MAGIC, major, 0, 0, code, len(data), room, 0, offset)
        sent += data
        done = 0
        while done < len(sent):
            done += os.pwrite(descriptor, sent[done:done + piece], place(SEND, identity, done))
        answer = os.pread(descriptor, piece, place(PERFORM, identity, 0))
        status, _, information = struct.unpack_from("<iIQ", answer)
        status &= 0xFFFFFFFF
        whole = 16 + (min(information, room) if status < 0xC0000000 else 0)
        while len(answer) < whole:
            more = os.pread(descriptor, piece, place(PERFORM, identity, len(answer)))
            self.assertNotEqual(more, b"")
            answer += more
        return status, information, answer[16:]

    def test_exchange(self):
        host = self.host()
        descriptor = self.open(host.path())
        for piece in (4096, 100, 1 << 20):
            data = os.urandom(200000)
            self.assertEqual(self.exchange(descriptor, 5, 14, REVERSE, data, len(data), piece),
                             (0, len(data), data[::-1]))
        self.assertEqual(self.exchange(descriptor, 1, 14, ctl_code(0x8FF))[0], 0xC0000010)
        self.assertEqual(self.exchange(descriptor, 2, 4, data=b"hello")[:2], (0, 0))
        host.stop()

    def test_exchange_wrongly(self):
        host = self.host()
        descriptor = self.open(host.path())
        self.assert_error(errno.EINVAL, os.pread, descriptor, 4096, place(PERFORM, 9, 0))
        os.pwrite(descriptor, b"short", place(SEND, 9, 0))
        self.assert_error(errno.EINVAL, os.pread, descriptor, 4096, place(PERFORM, 9, 0))
        self.assert_error(errno.EINVAL, os.pwrite, descriptor, b"x", place(SEND, 9, 100))
        self.assert_error(errno.EINVAL, os.pwrite, descriptor, b"x", place(PERFORM, 9, 0))
        self.assert_error(errno.EINVAL, os.pread, descriptor, 16, place(SEND, 9, 0))
        wrong = struct.pack("<IBBHIIIIq", EXCHANGE_MAGIC, 0x0D, 0, 0, 0, 0, 0, 0, 0)
        self.assert_error(errno.EINVAL, os.pwrite, descriptor, wrong, place(SEND, 9, 0))
        self.assert_error(errno.EINVAL, os.pread, descriptor, 4096, place(PERFORM, 9, 0))
        self.assertEqual(wrapped_ioctl(descriptor, COUNTS, room=32)[0], 0)
        host.stop()

    def test_poll(self):
        host = self.host()
        descriptor = self.open(host.path(), os.O_RDWR | os.O_NONBLOCK)
        poll = select.poll()
        poll.register(descriptor, select.POLLIN | select.POLLOUT)
        self.assertEqual(poll.poll(), [(descriptor, select.POLLIN | select.POLLOUT)])
        host.stop()

    def test_threads(self):
        # Two reads of one descriptor at once, and a write that ends the first of them.
        host = self.host()
        descriptor = self.open(host.path())
        got = []
        readers = [threading.Thread(target=lambda: got.append(os.pread(descriptor, 16, 0)))
                   for _ in range(2)]
        for each in readers:
            each.start()
        host.waiting(2)
        os.pwrite(descriptor, b"one", 0)
        host.waiting(1)
        os.pwrite(descriptor, b"two", 0)
        for each in readers:
            each.join(LIMIT)
        self.assertEqual(sorted(got), [b"one", b"two"])
        host.stop()

    def test_page_cache(self):
        # What goes through the kernel's page cache cannot be cancelled: it does not get to the driver.
        host = self.host()
        descriptor = self.open(host.path())
        reader, writer = os.pipe()
        self.addCleanup(os.close, reader)
        self.addCleanup(os.close, writer)
        self.assert_error(errno.EINVAL, os.sendfile, writer, descriptor, None, 100)
        os.posix_fadvise(descriptor, 0, 100000, os.POSIX_FADV_WILLNEED)
        self.assert_error(errno.ENODEV, mmap.mmap, descriptor, 4096)
        private = self.python("""
import mmap, sys
with open(sys.argv[1], "r+b", buffering=0) as device:
    mmap.mmap(device.fileno(), 4096, flags=mmap.MAP_PRIVATE)[0]
""", host.path())
        self.assertEqual(private.wait(LIMIT), -signal.SIGBUS)
        self.assertEqual(self.counts(host)["reads"], 0)  # and the device can still be opened
        host.stop()

    def test_waiting_threads(self):
        # A request never waits for others that their driver keeps in its dispatch routine.
        host = self.host(DRIVERS / "patient.c")
        descriptor = self.open(host.path("Patient"))
        got = []
        readers = [threading.Thread(target=lambda: got.append(os.pread(descriptor, 1, 0)))
                   for _ in range(WAITING)]
        for each in readers:
            each.start()
        host.wait("snapshot", lambda event: len(event["in_flight"]) == WAITING)
        self.assertEqual(os.pwrite(descriptor, b"x", 0), 1)
        for each in readers:
            each.join(LIMIT)
        self.assertEqual(len(got), WAITING)
        # And the threads end.
        while len(os.listdir(f"/proc/{host.pid}/task")) > 32:
            self.assertIsNone(host.process.poll())
        host.stop()

    def test_signal_shows(self):
        host = self.host()
        cat = self.program("cat", host.path())
        request, = host.waiting()
        before = len(host.events)
        os.kill(host.pid, signal.SIGUSR1)
        while host.next()["event"] != "snapshot":
            pass
        again, = host.events[-1]["in_flight"]
        self.assertGreater(len(host.events), before)
        self.assertEqual(again["irp"], request["irp"])
        self.assertGreaterEqual(again["age_ms"], request["age_ms"])
        self.assertEqual((again["program"], again["process"]), ("cat", cat.pid))
        host.process.send_signal(signal.SIGUSR1)  # `belay run` hands it on
        while host.next()["event"] != "snapshot":
            pass
        host.stop()

    def test_as_user(self):
        # In a mount namespace of its own, with a /dev/fuse that everybody may open.
        node = self.folder / "fuse"
        os.mknod(node, stat.S_IFCHR | 0o666, os.makedev(10, 229))
        os.chmod(node, 0o666)
        os.chmod(self.folder, 0o777)
        user = ("setpriv", "--reuid", "65534", "--regid", "65534", "--clear-groups")
        host = self.host(prefix=("unshare", "-m", "sh", "-c",
                                 'mount --bind "$0" /dev/fuse && exec "$@"', str(node), *user))
        inside = ("nsenter", "-t", str(host.pid), "-m")
        cat = self.program(*inside, *user, "cat", host.path())
        host.waiting(process=cat.pid)
        self.assertEqual(os.stat(f"/proc/{host.pid}").st_uid, 65534)
        other = self.program(*inside, "cat", host.path())
        self.assertIn(b"Permission denied", other.communicate(timeout=LIMIT)[1])
        cat.kill()
        host.idle(cancelled=1)
        self.assertEqual(host.stop()["cancelled"], 1)

    def test_two_drivers(self):
        host = self.host([DRIVERS / "probe.c", MEMORY])
        self.assertEqual(sorted(os.listdir(host.folder)), ["Memory", "Probe"])
        with open(host.path("Memory"), "r+b", buffering=0) as memory:
            memory.write(b"abc")
        self.assertEqual(self.counts(host)["created"], 1)
        host.stop()

    def test_registry(self):
        greeting = DRIVERS / "greeting.c"
        host = self.host(greeting)
        with open(host.path("Greeting"), "rb", buffering=0) as device:
            self.assertEqual(device.read(64), b"nobody is there")
        host.stop()
        file = self.folder / "greeting.reg"
        file.write_text("Windows Registry Editor Version 5.00\n\n"
                        "[HKEY_LOCAL_MACHINE\\SYSTEM\\CurrentControlSet\\Services\\greeting\\Parameters]\n"
                        '"Greeting"="hello"\n"Reads"=dword:0000000a\n')
        host = self.host(greeting, "--registry", file)
        with open(host.path("Greeting"), "rb", buffering=0) as device:
            self.assertEqual(device.read(64), b"hello")
            self.assertEqual(device.read(64), b"hello")
        host.printed("greeting: read 12")
        host.stop()
        file.write_text("Windows Registry Editor Version 5\n")
        self.refused(greeting, "greeting.reg:1", options=("--registry", str(file)))


if __name__ == "__main__":
    main()
