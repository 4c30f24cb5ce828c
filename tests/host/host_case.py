"""What the tests of hosted drivers share: a host as a process, its events, and programs that use it.

Nothing here proves anything by waiting: each step waits for an event that the host prints (a line of
JSON), or for a process to end. The one time limit, LIMIT, is there so that a failure ends.
"""

import ctypes
import fcntl
import json
import os
import pathlib
import queue
import signal
import struct
import subprocess
import sys
import tempfile
import threading
import unittest

SOURCE = pathlib.Path(os.environ["BELAY_SOURCE"])
BELAY = os.environ["BELAY"]
DRIVERS = SOURCE / "tests/host/drivers"
EXAMPLES = SOURCE / "examples/drivers"
LIMIT = 60
HAS_FUSE = os.access("/dev/fuse", os.R_OK | os.W_OK) and os.geteuid() == 0


def ctl_code(function, method=0, device=0x22, access=0):
    return device << 16 | access << 14 | function << 2 | method


COUNTS = ctl_code(0x800)
CARELESS = ctl_code(0x802, 3)
REVERSE = ctl_code(0x803)
WAIT = ctl_code(0x804)
DIRECT = ctl_code(0x805, 2)
WILD = ctl_code(0x801, 3, 0x4008)

# src/host/exchange.hpp
EXCHANGE_MAGIC = 0x594C4542
SEND, PERFORM, CLOSE, CANCEL = 1, 2, 3, 4


def place(step, identity, position):
    return 1 << 62 | step << 56 | identity << 32 | position


def wrapped_ioctl(descriptor, code, data=b"", room=0):
    """Returns (status, information, output)."""
    size = 32 + max(len(data), room)
    block = bytearray(size)
    struct.pack_into("<IIIiQQ", block, 0, code, len(data), room, 0, 0, 0)
    block[32:32 + len(data)] = data
    fcntl.ioctl(descriptor, 3 << 30 | size << 16 | ord("B") << 8 | 1, block)
    _, _, _, status, information, _ = struct.unpack_from("<IIIiQQ", block)
    return status & 0xFFFFFFFF, information, bytes(block[32:32 + min(information, room)])


class Host:
    """`belay run --json`, and what it has said."""

    def __init__(self, case, drivers, *options, prefix=()):
        self.case = case
        self.folder = case.folder / "mount"
        self.events = []
        self.lines = queue.Queue()
        self.errors = open(case.folder / f"errors-{len(case.hosts)}", "w+b")
        names = [str(each) for each in (drivers if isinstance(drivers, (list, tuple)) else [drivers])]
        self.process = subprocess.Popen(
            [*prefix, BELAY, "run", "--json", "--mount", str(self.folder), *options, *names],
            env=case.environment, cwd=case.folder, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
            stderr=self.errors)
        case.hosts.append(self)
        self.reader = threading.Thread(target=self._read, daemon=True)
        self.reader.start()

    def _read(self):
        for line in self.process.stdout:
            self.lines.put(json.loads(line))
        self.lines.put(None)

    def text(self):
        self.errors.flush()
        self.errors.seek(0)
        return self.errors.read().decode(errors="replace")

    def next(self):
        try:
            event = self.lines.get(timeout=LIMIT)
        except queue.Empty:
            self.case.fail(f"the host says nothing more; so far: {self.events[-5:]}\n{self.text()}")
        if event is not None:
            self.events.append(event)
        return event

    def last(self, kind):
        return next((each for each in reversed(self.events) if each["event"] == kind), None)

    def wait(self, kind, accept=lambda event: True):
        """The last event of this kind if it will do, or the next that does."""
        found = self.last(kind)
        while found is None or not accept(found):
            found = self.next()
            if found is None:
                self.case.fail(f"the host ended before {kind} came: {self.events[-5:]}\n{self.text()}")
            if found["event"] != kind:
                found = None
        return found

    def ready(self):
        event = self.wait("ready")
        self.pid = event["process"]
        self.devices = {pathlib.Path(each["path"]).name: each for each in event["devices"]}
        return self

    def path(self, name="Probe"):
        return str(self.folder / name)

    def waiting(self, count=1, after=0, **what):
        """Waits until so many requests wait in the driver, of those with numbers above `after`; returns
        them."""
        def fits(each):
            return (each["cancel_routine"] and each["number"] > after and
                    all(each[key] == value for key, value in what.items()))

        def enough(event):
            return sum(fits(each) for each in event["in_flight"]) == count
        return [each for each in self.wait("snapshot", enough)["in_flight"] if fits(each)]

    def idle(self, **totals):
        """Waits until nothing is in flight, and these totals are reached."""
        return self.wait("snapshot", lambda event: not event["in_flight"] and all(
            event["totals"][key] == value for key, value in totals.items()))["totals"]

    def printed(self, text):
        """Waits until the drivers have printed this."""
        while text not in self.output():
            if self.next() is None:
                self.case.fail(f"never printed: {text!r}; but: {self.output()!r}")

    def output(self):
        return "".join(each["text"] for each in self.events if each["event"] == "print")

    def say(self, line):
        self.process.stdin.write(line.encode() + b"\n")
        self.process.stdin.flush()

    def finish(self):
        """Waits for the end; returns the exit code."""
        while self.next() is not None:
            pass
        return self.process.wait(LIMIT)

    def stop(self, code=0):
        """A clean end on SIGTERM: exit code, mount gone; returns the totals."""
        os.kill(self.pid, signal.SIGTERM)
        self.ended(code)
        return self.last("ended")["totals"] if code == 0 else None

    def ended(self, code):
        got = self.finish()
        self.case.assertEqual(got, code, f"{self.events[-5:]}\n{self.text()}")
        self.case.assert_no_mount(self.folder)

    def kill(self):
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        subprocess.run(["fusermount3", "-u", "-q", "-z", str(self.folder)], capture_output=True)
        self.process.stdin.close()
        self.reader.join(LIMIT)
        self.process.stdout.close()
        self.errors.close()


class HostCase(unittest.TestCase):
    def setUp(self):
        scratch = tempfile.TemporaryDirectory(prefix="belay-host-", ignore_cleanup_errors=True)
        self.addCleanup(scratch.cleanup)
        self.folder = pathlib.Path(scratch.name)
        self.environment = dict(os.environ, XDG_CACHE_HOME=str(self.folder / "cache"), LC_ALL="C")
        self.environment.pop("CC", None)
        self.hosts = []
        self.programs = []
        self.addCleanup(self._end_all)

    def _end_all(self):
        for each in self.programs:
            if each.poll() is None:
                each.kill()
        for each in self.hosts:
            each.kill()
        for each in self.programs:
            each.wait(LIMIT)
            for stream in (each.stdin, each.stdout, each.stderr):
                if stream is not None:
                    stream.close()

    def host(self, drivers=DRIVERS / "probe.c", *options, **more):
        return Host(self, drivers, *options, **more).ready()

    def program(self, *arguments, **options):
        options.setdefault("stdin", subprocess.DEVNULL)
        options.setdefault("stdout", subprocess.PIPE)
        options.setdefault("stderr", subprocess.PIPE)
        started = subprocess.Popen([str(each) for each in arguments], **options)
        self.programs.append(started)
        return started

    def python(self, text, *arguments, **options):
        return self.program(sys.executable, "-B", "-c", text, *arguments, **options)

    def open(self, path, flags=os.O_RDWR):
        descriptor = os.open(path, flags)

        def close():
            try:
                os.close(descriptor)
            except OSError:
                pass
        self.addCleanup(close)
        return descriptor

    def counts(self, host):
        descriptor = os.open(host.path(), os.O_RDWR)
        status, _, data = wrapped_ioctl(descriptor, COUNTS, room=32)
        os.close(descriptor)
        self.assertEqual(status, 0)
        names = ("created", "cleanups", "closed", "reads", "writes", "controls", "cancel_routine",
                 "last_process")
        return dict(zip(names, struct.unpack("<8i", data)))

    def assert_no_mount(self, folder):
        with open("/proc/self/mounts") as mounts:
            self.assertNotIn(f" {folder} ", mounts.read())
        self.assertFalse(os.path.exists(folder), "the folder that the host made is still there")

    def assert_error(self, number, action, *arguments):
        with self.assertRaises(OSError) as caught:
            action(*arguments)
        self.assertEqual(caught.exception.errno, number, os.strerror(caught.exception.errno))

    def refused(self, drivers, *words, code=2, options=(), prefix=(), folder=None):
        """`belay run` ends at once, with one line that has these words, and leaves no mount."""
        mount = folder or self.folder / "mount"
        names = [str(each) for each in (drivers if isinstance(drivers, (list, tuple)) else [drivers])]
        done = subprocess.run([*prefix, BELAY, "run", "--plain", "--mount", str(mount), *options, *names],
                              env=self.environment, cwd=self.folder, stdin=subprocess.DEVNULL,
                              capture_output=True, text=True, timeout=LIMIT)
        self.assertEqual(done.returncode, code, done.stderr)
        lines = [each for each in done.stderr.splitlines() if each.startswith("belay: ")]
        self.assertEqual(len(lines), 1, done.stderr)
        for word in words:
            self.assertIn(word, lines[0])
        with open("/proc/self/mounts") as mounts:
            self.assertNotIn(f" {mount} fuse", mounts.read())
        return lines[0]


def main():
    if not HAS_FUSE:
        print("no /dev/fuse, or not root: nothing can be mounted here", file=sys.stderr)
        sys.exit(77)
    unittest.main()
