"""1,000 requests in flight, of eight programs, some completed and others cancelled at random: each is accounted
for once, by its program, by the host and by the driver, and the host's memory and threads stay what they were.

Runs for a fixed number of requests, or for BELAY_STRESS times six seconds.
"""

import json
import os
import struct
import subprocess

import host_case
from host_case import COUNTS, DRIVERS, wrapped_ioctl

CLIENTS = 8
DEPTH = 125
READS = 4000  # of each client
SECONDS = 6.0 * float(os.environ.get("BELAY_STRESS", "0"))
MOST_GROWTH = 8 << 10  # KiB, of the host between a fifth of the load and its end: two pages of each thread …
OF_A_THREAD = 64        # … and what a thread brings along that libfuse has started meanwhile
NAMES = ("reads", "given", "routine", "early", "cleanup", "writes", "refused")


def status_of(process, key):
    with open(f"/proc/{process}/status") as lines:
        return next(int(line.split()[1]) for line in lines if line.startswith(key + ":"))


class Load(host_case.HostCase):
    def driver_counts(self, host):
        descriptor = os.open(host.path("Load"), os.O_RDWR)
        status, _, data = wrapped_ioctl(descriptor, COUNTS, room=8 * len(NAMES))
        os.close(descriptor)
        self.assertEqual(status, 0)
        return dict(zip(NAMES, struct.unpack(f"<{len(NAMES)}q", data)))

    def measure(self, host):
        return status_of(host.pid, "VmRSS"), status_of(host.pid, "Threads")

    def test_accounted(self):
        host = self.host(DRIVERS / "load.c")
        clients = [
            self.program(os.environ["BELAY_LOAD_CLIENT"], host.path("Load"), ("uring", "threads")[i % 2],
                         DEPTH, 0 if SECONDS else READS, SECONDS, i + 1,
                         stdin=subprocess.PIPE, stderr=None)
            for i in range(CLIENTS)]
        for each in clients:
            self.assertEqual(each.stdout.readline(), b"up\n")
        host.waiting(CLIENTS * DEPTH, operation="read")
        for each in clients:
            each.stdin.write(b"go\n")
            each.stdin.flush()
        measured = [self.measure(host)]
        in_flight = []
        while any(each.poll() is None for each in clients):
            event = host.next()
            self.assertIsNotNone(event, host.text())
            self.assertNotEqual(event["event"], "bug_check", event)
            host.events.clear()
            if event["event"] == "snapshot":
                measured.append(self.measure(host))
                in_flight.append(len(event["in_flight"]))
        total = {}
        for each in clients:
            self.assertEqual(each.returncode, 0)
            for key, value in json.loads(each.stdout.read()).items():
                total[key] = total.get(key, 0) + value
        driver = self.driver_counts(host)
        measured.append(self.measure(host))
        ended = host.stop()
        self.report(total, driver, ended, measured, in_flight)
        self.check(total, driver, ended)
        early, late = measured[len(measured) // 5], measured[-1]
        threads = max(late[1] - early[1], 0)
        self.assertLess(late[0] - early[0], MOST_GROWTH + OF_A_THREAD * threads, "the host's memory grows")
        self.assertLessEqual(max(threads for _, threads in measured), 1100)

    def report(self, total, driver, ended, measured, in_flight):
        fifths = [measured[(len(measured) - 1) * i // 5] for i in range(1, 6)]
        print(f"programs {total}\ndriver {driver}\nhost {ended}\nin flight at "
              f"{len(in_flight)} looks {sum(in_flight) // len(in_flight)} on average; KiB and threads, "
              f"after each fifth: {fifths}", flush=True)

    def check(self, total, driver, ended):
        sums = lambda counts, *keys: sum(counts[key] for key in keys)
        # Every read that a program issued ended once …
        self.assertEqual(total["issued"], sums(total, "completed", "cancelled", "withdrawn", "failed"))
        self.assertEqual(total["failed"], 0)
        reads = total["issued"] - total["withdrawn"]
        # … as the driver has it …
        self.assertEqual(driver["reads"], reads)
        self.assertEqual(driver["given"], total["completed"])
        self.assertEqual(driver["routine"] + driver["early"], total["cancelled"])
        self.assertEqual(driver["cleanup"], 0)
        self.assertEqual(driver["writes"], total["writes"])
        self.assertEqual(driver["refused"], total["refused"])
        # … with the bytes of one write each …
        self.assertEqual(total["written"], total["completed"])
        self.assertEqual(total["sum_read"] % (1 << 64), total["sum_written"] % (1 << 64))
        # … and so does the host. Its own: the clients' opens, and the open and the question of driver_counts.
        own = CLIENTS + 2
        self.assertEqual(ended["arrived"], reads + total["writes"] + own)
        self.assertEqual(ended["cancelled"], total["cancelled"])
        self.assertEqual(ended["failed"], total["refused"])
        self.assertEqual(ended["completed"], total["completed"] + total["written"] + own)
        self.assertGreater(total["cancelled"], CLIENTS * DEPTH)
        self.assertGreater(total["completed"], CLIENTS * DEPTH)


if __name__ == "__main__":
    host_case.main()
