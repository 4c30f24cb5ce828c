"""The live view of `belay run` on a real terminal, with keys.

What the terminal gets is read as it comes; each step waits for words on it.
"""

import os
import pty
import re
import select
import signal
import subprocess
import termios
import time

from host_case import BELAY, DRIVERS, LIMIT, HostCase, main


class LiveView(HostCase):
    def setUp(self):
        super().setUp()
        self.mount = self.folder / "mount"
        self.terminal, inner = pty.openpty()
        self.addCleanup(os.close, self.terminal)
        termios.tcsetwinsize(inner, (12, 90))
        self.before = termios.tcgetattr(inner)
        self.inner = inner
        self.addCleanup(os.close, inner)
        self.text = ""
        # setsid -c: the terminal is its own, as in a shell.
        self.view = self.program("setsid", "-c", "-w", BELAY, "run", "--mount", self.mount,
                                 DRIVERS / "probe.c", stdin=inner, stdout=inner, stderr=inner,
                                 env=dict(self.environment, TERM="xterm"))
        self.addCleanup(subprocess.run, ["fusermount3", "-u", "-q", "-z", str(self.mount)],
                        capture_output=True)
        self.shows("q: end")

    def shows(self, pattern):
        """Waits until this comes, and forgets what came until then."""
        until = time.monotonic() + LIMIT
        while True:
            found = re.search(pattern, self.text)
            if found:
                self.text = self.text[found.end():]
                return found
            if not select.select([self.terminal], [], [], max(0, until - time.monotonic()))[0]:
                self.fail(f"never shown: {pattern!r}; but: {self.text[-2000:]!r}")
            self.text += os.read(self.terminal, 65536).decode()

    def press(self, keys):
        os.write(self.terminal, keys.encode())

    def finish(self, code):
        # The terminal takes only so much: it is read until the end.
        while self.view.poll() is None:
            if select.select([self.terminal], [], [], 0.05)[0]:
                self.text += os.read(self.terminal, 65536).decode()
        self.assertEqual(self.view.returncode, code, self.text)
        while select.select([self.terminal], [], [], 0)[0]:
            self.text += os.read(self.terminal, 65536).decode()
        self.assertEqual(termios.tcgetattr(self.inner), self.before)
        self.assertIn("\x1b[?25h", self.text)  # the cursor is back
        self.assert_no_mount(self.mount)

    def test_cancel_by_key(self):
        first = self.program("cat", self.mount / "Probe")
        self.shows(rf"> 2  Probe +read +131072  {first.pid} cat +[0-9.]+ s  queued, cancel routine set")
        second = self.program("cat", self.mount / "Probe")
        self.shows(rf"  4  Probe +read +131072  {second.pid} cat")
        self.press("j")
        self.shows(r"> 4  Probe")
        self.press("c")
        self.assertIn(b"Operation canceled", second.communicate(timeout=LIMIT)[1])
        self.shows("probe: cancel routine, call 1\r\n")
        self.shows("1 cancelled")
        self.assertIsNone(first.poll())
        self.press("\x1b[A\r")
        self.assertIn(b"Operation canceled", first.communicate(timeout=LIMIT)[1])
        self.shows("2 cancelled")
        self.press("q")
        self.finish(0)
        self.assertIn("belay: 4 requests: 2 completed, 2 cancelled, 0 failed", self.text)

    def test_interrupt(self):
        cat = self.program("cat", self.mount / "Probe")
        self.shows("queued, cancel routine set")
        self.press("\x03")
        self.finish(0)
        self.assertIn(b"Operation canceled", cat.communicate(timeout=LIMIT)[1])
        self.assertIn("1 cancelled, 0 failed", self.text)

    def test_terminal_gone(self):
        # Only the first process of a terminal hears of its end: that is the front here.
        null = os.open(os.devnull, os.O_RDONLY)
        os.dup2(null, self.terminal)
        os.close(null)
        self.assertEqual(self.view.wait(LIMIT), 0)
        self.assert_no_mount(self.mount)

    def test_continued(self):
        host = self.host_process()
        os.kill(host, signal.SIGSTOP)
        termios.tcsetattr(self.inner, termios.TCSANOW, self.before)  # as a shell does
        os.kill(host, signal.SIGCONT)
        self.shows(r"q: end")
        self.assertFalse(termios.tcgetattr(self.inner)[3] & (termios.ICANON | termios.ECHO))
        self.press("q")
        self.finish(0)

    def host_process(self):
        children = subprocess.run(["pgrep", "-f", f"^[^ ]*belay-host .*{self.mount}"],
                                  capture_output=True, text=True, check=True).stdout.split()
        self.assertEqual(len(children), 1)
        return int(children[0])

    def test_killed(self):
        # The front sets the terminal right when the host cannot.
        os.kill(self.host_process(), signal.SIGKILL)
        self.finish(4)


if __name__ == "__main__":
    main()
