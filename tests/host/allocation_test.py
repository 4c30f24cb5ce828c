"""Each allocation of the host and of its driver fails, once for each call stack: programs get an error, the
host goes on, and in the end everything has been given back.
"""

import ctypes
import errno
import os
import re
import signal

import host_case
from host_case import DRIVERS, ctl_code, wrapped_ioctl

EVERYTHING = ctl_code(0x801)
DIRECT = ctl_code(0x802, 2)
NEITHER = ctl_code(0x803, 3)
NO_MEMORY = 0xC000009A
LIBC = ctypes.CDLL(None, use_errno=True)
MOST_ROUNDS = 2000
LEAST_STACKS = 40


class Allocation(host_case.HostCase):
    def attempt(self, action, *arguments):
        """What the action returns, or None where it was told that there is no memory."""
        try:
            return action(*arguments)
        except OSError as error:
            self.assertEqual(error.errno, errno.ENOMEM, f"{action.__name__}: {error}")
            self.refused += 1
            return None

    def control(self, descriptor, code, data, room):
        answer = self.attempt(wrapped_ioctl, descriptor, code, data, room)
        if answer is not None and answer[0] == NO_MEMORY:
            self.refused += 1
        elif answer is not None:
            self.assertEqual(answer[0], 0, hex(answer[0]))

    def cancelled_read(self, descriptor):
        """A read that a signal takes back."""
        buffer = ctypes.create_string_buffer(8)
        signal.setitimer(signal.ITIMER_REAL, 0.002, 0.002)
        result = LIBC.read(descriptor, buffer, 8)  # os.read would begin again
        error = ctypes.get_errno()
        signal.setitimer(signal.ITIMER_REAL, 0)
        self.assertEqual(result, -1)
        if error == errno.EINTR:
            self.cancelled += 1
        else:
            self.assertEqual(error, errno.ENOMEM, os.strerror(error))
            self.refused += 1

    def round(self, path):
        descriptor = self.attempt(os.open, path, os.O_RDWR)
        if descriptor is None:
            return
        try:
            if self.attempt(os.write, descriptor, b"12345678") == 8:
                while True:  # what was written comes, however often there is no memory for asking
                    if self.attempt(os.read, descriptor, 8) == b"12345678":
                        break
            self.cancelled_read(descriptor)
            self.control(descriptor, EVERYTHING, b"", 0)
            self.control(descriptor, EVERYTHING, b"1234", 16)
            self.control(descriptor, DIRECT, b"1234", 16)
            self.control(descriptor, NEITHER, b"1234", 16)
            self.attempt(os.fsync, descriptor)
        finally:
            os.close(descriptor)

    def test_each_stack(self):
        signal.signal(signal.SIGALRM, lambda *_: None)
        host = self.host(DRIVERS / "scarce.c", "--fail-allocations")
        self.cancelled = total = rounds = quiet = 0
        while quiet < 5:
            self.refused = 0
            self.round(host.path("Scarce"))
            rounds += 1
            total += self.refused
            quiet = 0 if self.refused else quiet + 1
            self.assertLess(rounds, MOST_ROUNDS, "there is always another call stack")
        ended = host.stop()
        failed = int(re.search(r"belay: (\d+) allocations failed", host.text()).group(1))
        print(f"{failed} call stacks failed, {total} of them seen by the program, in {rounds} rounds; {ended}")
        self.assertGreaterEqual(failed, LEAST_STACKS)
        self.assertGreaterEqual(failed, total)
        self.assertGreater(self.cancelled, 0)
        self.assertEqual(ended["arrived"], ended["completed"] + ended["cancelled"] + ended["failed"])
        self.assertEqual(ended["cancelled"], self.cancelled)
        self.assertEqual(ended["failed"], total)


if __name__ == "__main__":
    host_case.main()
