"""How programs that wait in a hosted driver are taken out of it: each as a real process.

Contract: WDM-FILE-001, WDM-FILE-004
"""

import errno
import fcntl
import os
import pty
import signal
import struct
import subprocess
import threading

from host_case import (COUNTS, DRIVERS, EXAMPLES, LIMIT, WAIT, HostCase, main, place, wrapped_ioctl,
                       CLOSE, EXCHANGE_MAGIC, PERFORM, SEND)


class Cancel(HostCase):
    def one_cancelled(self, host, **how):
        """One request was cancelled, by one call of the cancel routine."""
        host.idle(cancelled=1)
        self.assertEqual(self.counts(host)["cancel_routine"], 1)
        totals = host.stop()
        self.assertEqual(totals["cancelled"], 1)
        self.assertEqual(totals["arrived"],
                         totals["completed"] + totals["cancelled"] + totals["failed"])
        self.assertEqual(host.output().count("probe: cancel routine"), 1)

    def cat(self, host, **options):
        started = self.program("cat", host.path(), **options)
        host.waiting(process=started.pid, program="cat", operation="read")
        return started

    def test_interrupt(self):
        host = self.host()
        cat = self.cat(host)
        cat.send_signal(signal.SIGINT)
        self.assertEqual(cat.wait(LIMIT), -signal.SIGINT)
        self.one_cancelled(host)

    def test_example(self):
        host = self.host(EXAMPLES / "own_queue.c")
        cat = self.program("cat", host.path("Relay"))
        first, = host.waiting(process=cat.pid, device="Relay")
        with open(host.path("Relay"), "wb", buffering=0) as relay:
            self.assertEqual(relay.write(b"hello"), 5)
        self.assertEqual(cat.stdout.read(5), b"hello")
        host.waiting(process=cat.pid, after=first["number"])
        cat.send_signal(signal.SIGINT)
        self.assertEqual(cat.wait(LIMIT), -signal.SIGINT)
        host.idle(cancelled=1)
        self.assertEqual(host.stop()["cancelled"], 1)

    def test_kill(self):
        host = self.host()
        cat = self.cat(host)
        cat.kill()
        self.assertEqual(cat.wait(LIMIT), -signal.SIGKILL)
        self.one_cancelled(host)

    def test_closed_terminal(self):
        host = self.host()
        pid, terminal = pty.fork()
        if pid == 0:
            os.execlp("cat", "cat", host.path())
        host.waiting(process=pid)
        os.close(terminal)
        self.assertEqual(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]), -signal.SIGHUP)
        self.one_cancelled(host)

    def test_python_alarm(self):
        host = self.host()
        program = self.python("""
import os, signal, sys
class Late(Exception): pass
def late(*_): raise Late
signal.signal(signal.SIGUSR1, late)
descriptor = os.open(sys.argv[1], os.O_RDONLY)
try:
    os.read(descriptor, 16)
except Late:
    print("late")
""", host.path())
        host.waiting(process=program.pid)
        program.send_signal(signal.SIGUSR1)
        self.assertEqual(program.communicate(timeout=LIMIT)[0], b"late\n")
        self.one_cancelled(host)

    def test_python_itimer(self):
        host = self.host()
        program = self.python("""
import os, signal, sys
class Late(Exception): pass
def late(*_): raise Late
signal.signal(signal.SIGALRM, late)
descriptor = os.open(sys.argv[1], os.O_RDONLY)
signal.alarm(1)
try:
    os.read(descriptor, 16)
except Late:
    print("late")
""", host.path())
        self.assertEqual(program.communicate(timeout=LIMIT)[0], b"late\n")
        host.idle(cancelled=1)
        self.one_cancelled(host)

    def test_io_uring(self):
        program = os.environ.get("BELAY_URING_CANCEL", "")
        if not program:
            self.skipTest("liburing was not there when the tests were built")
        host = self.host()
        started = self.program(program, host.path(), stdin=subprocess.PIPE)
        host.waiting(process=started.pid)
        output, errors = started.communicate(b"cancel\n", timeout=LIMIT)
        self.assertEqual(started.returncode, 0, (output, errors))
        self.assertIn(output.split()[1], (b"EINTR", b"ECANCELED"))
        self.one_cancelled(host)

    def test_descriptor_closed(self):
        # close() alone ends nothing while a read of the same descriptor runs, as everywhere on Linux;
        # when the last reference goes, which the read holds, cleanup finds nothing left to cancel.
        host = self.host()
        descriptor = os.open(host.path(), os.O_RDWR)
        copy = os.dup(descriptor)
        os.close(descriptor)
        self.assertEqual(wrapped_ioctl(copy, COUNTS, room=32)[0], 0)
        os.close(copy)
        host.printed("probe: close, call 1")
        counts = self.counts(host)
        self.assertEqual((counts["created"], counts["cleanups"], counts["closed"]), (2, 1, 1))
        host.stop()

    def test_handle_closed(self):
        # What CloseHandle does: IRP_MJ_CLEANUP, though a read still uses the descriptor.
        host = self.host()
        descriptor = self.open(host.path())
        result = []
        reader = threading.Thread(target=lambda: result.append(self.error_of(os.pread, descriptor, 8, 0)))
        reader.start()
        host.waiting()
        status, _, _ = struct.unpack("<iIQ", os.pread(descriptor, 16, place(CLOSE, 0, 0)))
        reader.join(LIMIT)
        self.assertEqual((status, result), (0, [errno.ECANCELED]))
        self.assert_error(errno.EBADF, os.pread, descriptor, 8, 0)
        os.close(descriptor)
        host.idle(cancelled=1)
        self.assertEqual(self.counts(host)["cancel_routine"], 0)  # cleanup took it
        host.stop()

    @staticmethod
    def error_of(action, *arguments):
        try:
            return action(*arguments)
        except OSError as error:
            return error.errno

    def test_nonblocking(self):
        host = self.host()
        descriptor = self.open(host.path(), os.O_RDWR | os.O_NONBLOCK)
        self.assert_error(errno.EAGAIN, os.read, descriptor, 16)
        os.close(descriptor)
        self.one_cancelled(host)

    def test_control_code(self):
        host = self.host()
        program = self.python("""
import fcntl, os, sys
descriptor = os.open(sys.argv[1], os.O_RDWR)
fcntl.ioctl(descriptor, int(sys.argv[2]))
""", host.path(), str(WAIT))
        request, = host.waiting(process=program.pid, operation="ioctl")
        self.assertEqual(int(request["control_code"], 16), WAIT)
        program.send_signal(signal.SIGINT)
        program.communicate(timeout=LIMIT)
        self.one_cancelled(host)

    def test_command(self):
        host = self.host()
        cat = self.cat(host)
        request, = host.waiting()
        host.say(f"cancel {request['number']}")
        self.assertTrue(host.wait("cancel")["found"])
        self.assertIn(b"Operation canceled", cat.communicate(timeout=LIMIT)[1])
        self.assertEqual(cat.returncode, 1)
        host.idle(cancelled=1)
        host.say(f"cancel {request['number']}")
        self.assertFalse(host.wait("cancel", lambda event: not event["found"])["found"])
        host.say("stand on your head")
        host.wait("failed")
        self.one_cancelled(host)

    def test_one_of_many(self):
        host = self.host()
        programs = [self.program("cat", host.path()) for _ in range(8)]
        host.waiting(8)
        programs[3].send_signal(signal.SIGINT)
        self.assertEqual(programs[3].wait(LIMIT), -signal.SIGINT)
        host.waiting(7)
        self.assertEqual([each.poll() for each in programs].count(None), 7,
                         [(each.poll(), each.poll() is not None and each.communicate()) for each in programs])
        totals = host.stop()
        for each in programs:
            each.wait(LIMIT)
        self.assertEqual(totals["cancelled"], 8)
        self.assertEqual(host.output().count("probe: cancel routine"), 8)

    def test_exchange_interrupted(self):
        # The program is interrupted in its pread, and still gets the driver's answer.
        host = self.host()
        program = self.python("""
import os, signal, struct, sys
signal.signal(signal.SIGUSR1, lambda *_: None)
descriptor = os.open(sys.argv[1], os.O_RDWR)
send, perform = int(sys.argv[2]), int(sys.argv[3])
os.pwrite(descriptor, struct.pack("<IBBHIIIIq", int(sys.argv[4]), 3, 0, 0, 0, 0, 64, 0, 0), send)
status, _, information = struct.unpack("<iIQ", os.pread(descriptor, 4096, perform))
print(hex(status & 0xffffffff), information)
""", host.path(), str(place(SEND, 7, 0)), str(place(PERFORM, 7, 0)), str(EXCHANGE_MAGIC))
        host.waiting(process=program.pid, operation="read")
        program.send_signal(signal.SIGUSR1)
        self.assertEqual(program.communicate(timeout=LIMIT)[0], b"0xc0000120 0\n")
        self.one_cancelled(host)


class Shutdown(HostCase):
    def test_terminated(self):
        host = self.host()
        programs = [self.program("cat", host.path()) for _ in range(3)]
        host.waiting(3)
        totals = host.stop()
        self.assertEqual(totals["cancelled"], 3)
        for each in programs:
            self.assertEqual(each.wait(LIMIT), 1)
        self.assertTrue(host.output().endswith("probe: unloaded\n"), host.output())
        self.assertEqual(host.output().count("probe: close"), 3)

    def test_front_terminated(self):
        host = self.host()
        cat = self.program("cat", host.path())
        host.waiting(1)
        host.process.terminate()
        host.ended(0)
        self.assertEqual(cat.wait(LIMIT), 1)
        self.assertEqual(host.last("ended")["totals"]["cancelled"], 1)

    def test_timeout_terminated(self):
        # timeout(1) signals its child, then its group with the child in it: the driver is still unloaded.
        host = self.host(prefix=("timeout", "3600"))
        cat = self.program("cat", host.path())
        host.waiting(1)
        host.process.terminate()
        host.ended(0)
        self.assertEqual(cat.wait(LIMIT), 1)
        self.assertIn("probe: unloaded", host.output())

    def test_front_killed(self):
        host = self.host()
        cat = self.program("cat", host.path())
        host.waiting(1)
        host.process.kill()
        host.ended(-signal.SIGKILL)
        self.assertEqual(cat.wait(LIMIT), 1)

    def test_group_interrupted(self):
        # Both processes get it, as from a terminal; that is one request to end, not two.
        host = self.host(prefix=("setsid", "--wait"))
        cat = self.program("cat", host.path())
        host.waiting(1)
        os.killpg(os.getpgid(host.pid), signal.SIGINT)
        host.ended(0)
        self.assertEqual(cat.wait(LIMIT), 1)

    def test_open_files(self):
        # A program keeps its descriptor: the driver is closed and unloaded all the same.
        host = self.host()
        descriptor = self.open(host.path())
        host.stop()
        self.assertEqual(host.output(), "probe: close, call 1\nprobe: unloaded\n")
        self.assert_error(errno.ENOTCONN, os.read, descriptor, 1)

    def test_host_killed(self):
        host = self.host()
        cat = self.program("cat", host.path())
        host.waiting(1)
        os.kill(host.pid, signal.SIGKILL)
        host.ended(4)
        self.assertIn("was killed by Killed", host.text())
        self.assertEqual(cat.wait(LIMIT), 1)

    def test_keeps_cancelled(self):
        host = self.host(DRIVERS / "faulty.c", "-DKEEPS_CANCELLED", "--patience", "1")
        cat = self.program("cat", host.path("Faulty"))
        host.waiting(1)
        host.stop(1)
        said = host.last("failed")["text"]
        self.assertIn("1 request is still with the driver 1 s after the cancel (WDM-FILE-003)", said)
        self.assertIn(f"Faulty read 131072 bytes, {cat.pid} cat", said)
        self.assertIn(b"Input/output error", cat.communicate(timeout=LIMIT)[1])

    def test_keeps_thread(self):
        host = self.host(DRIVERS / "faulty.c", "-DWAITS_IN_READ", "--patience", "1")
        cat = self.program("cat", host.path("Faulty"))
        host.wait("snapshot", lambda event: len(event["in_flight"]) == 1)
        host.stop(1)
        self.assertIn("1 request is still with the driver", host.last("failed")["text"])
        cat.wait(LIMIT)

    def test_keeps_unload(self):
        host = self.host(DRIVERS / "faulty.c", "-DWAITS_IN_UNLOAD", "--patience", "1")
        host.stop(1)
        self.assertIn("by force", host.last("failed")["text"])

    def test_forced(self):
        host = self.host(DRIVERS / "faulty.c", "-DKEEPS_CANCELLED", "--patience", "3600")
        cat = self.program("cat", host.path("Faulty"))
        host.waiting(1)
        os.kill(host.pid, signal.SIGTERM)
        host.wait("stopping")
        os.kill(host.pid, signal.SIGTERM)
        host.ended(1)
        self.assertIn("by force", host.last("failed")["text"])
        self.assertIn(b"Input/output error", cat.communicate(timeout=LIMIT)[1])


if __name__ == "__main__":
    main()
