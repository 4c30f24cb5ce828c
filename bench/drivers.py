"""./run bench drivers: IRPs in process, and a read through a device file beside the least libfuse can do.

Prints a table with the targets; with --docs it goes into docs/BENCHMARKS.md as well.
"""

import argparse
import json
import pathlib
import platform
import re
import statistics
import subprocess
import sys
import tempfile
import typing

HERE = pathlib.Path(__file__).resolve().parent
WAITING = (1, 10, 100, 1000, 10000)
SIZES = (64, 4096, 65536)


class Row(typing.NamedTuple):
    what: str
    ours: str
    other: str
    ratio: float | None
    target: float | None

    def met(self) -> str:
        if self.target is None or self.ratio is None:
            return ""
        return "yes" if self.ratio <= self.target else "no"


def call(*command) -> dict[str, float]:
    """Medians of the repetitions, in nanoseconds of real time, by name."""
    done = subprocess.run([str(c) for c in command], capture_output=True, text=True, check=False)
    if done.returncode != 0:
        sys.exit(f"belay: {command[0]} failed:\n{done.stderr[-2000:]}")
    times: dict[str, list[float]] = {}
    for each in json.loads(done.stdout)["benchmarks"]:
        if each.get("error_occurred"):
            sys.exit(f"belay: {each['name']}: {each['error_message']}")
        if each["run_type"] == "iteration":
            times.setdefault(each["run_name"], []).append(each["real_time"])
    return {name: statistics.median(samples) for name, samples in times.items()}


def options(seconds: float, repetitions: int) -> list[str]:
    return ["--benchmark_format=json", f"--benchmark_min_time={seconds}",
            f"--benchmark_repetitions={repetitions}", "--benchmark_enable_random_interleaving=true"]


def in_process(programs: pathlib.Path, seconds: float, repetitions: int) -> list[Row]:
    found = call(programs / "bench_irp_rates", *options(seconds, repetitions))
    rows = []
    for name, what in (("create_pend_complete", "create, pend, complete"),
                       ("create_pend_cancel", "create, pend, cancel")):
        alone = found[f"{name}/1"]
        rows.append(Row(f"{what}, alone in the queue", f"{alone:.0f} ns", f"{1e9 / alone:,.0f} a second",
                        None, None))
        for count in WAITING[1:]:
            time = found[f"{name}/{count}"]
            rows.append(Row(f"the same, {count:,} pending", f"{time:.0f} ns", f"{alone:.0f} ns",
                            time / alone, 1.2))
    return rows


def wait_for(line: typing.IO[str], what: str) -> str:
    text = line.readline().strip()
    if not text:
        sys.exit(f"belay: {what} did not start")
    return text


def device_file(programs: pathlib.Path, seconds: float, repetitions: int) -> list[Row]:
    with tempfile.TemporaryDirectory() as scratch:
        folder = pathlib.Path(scratch)
        (folder / "driver").mkdir()
        (folder / "echo").mkdir()
        host = subprocess.Popen([programs / "belay", "run", HERE / "drivers/echo_driver.c", "--plain",
                                 "--mount", folder / "driver"],
                                stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        echo = subprocess.Popen([programs / "bench_fuse_echo", folder / "echo"], stdout=subprocess.PIPE,
                                text=True)
        try:
            ours = wait_for(host.stdout, "belay run")
            wait_for(echo.stdout, "bench_fuse_echo")
            found = call(programs / "bench_device_file", ours, folder / "echo/echo",
                         *options(seconds, repetitions))
        finally:
            subprocess.run(["pkill", "-TERM", "-P", str(host.pid)], check=False)
            echo.terminate()
            host.wait(30)
            echo.wait(30)
    rows = []
    for size in SIZES:
        mine, other = found[f"driver/{size}/real_time"], found[f"echo/{size}/real_time"]
        rows.append(Row(f"a read of {size:,} bytes through the device file", f"{mine / 1000:.1f} us",
                        f"{other / 1000:.1f} us", mine / other, 1.5))
    return rows


def as_table(rows: list[Row], markdown: bool) -> str:
    head = ("what", "Belay", "beside", "ratio", "target", "met")
    cells = [(row.what, row.ours, row.other, f"{row.ratio:.2f}" if row.ratio else "",
              f"<= {row.target}" if row.target else "", row.met()) for row in rows]
    if markdown:
        lines = ["| " + " | ".join(line) + " |" for line in (head, ("---",) * 6, *cells)]
        return "\n".join(lines)
    widths = [max(len(line[i]) for line in (head, *cells)) for i in range(6)]
    return "\n".join("  ".join(cell.ljust(width) for cell, width in zip(line, widths)).rstrip()
                     for line in (head, *cells))


def processor() -> str:
    found = re.search(r"model name\s*:\s*(.+)", pathlib.Path("/proc/cpuinfo").read_text())
    return found[1].strip() if found else platform.machine()


def put_into(file: pathlib.Path, text: str) -> None:
    whole = file.read_text()
    start, end = "<!-- measured: drivers -->", "<!-- /measured: drivers -->"
    before, rest = whole.split(start)
    file.write_text(f"{before}{start}\n{text}\n{end}{rest.split(end)[1]}")


def main() -> int:
    parser = argparse.ArgumentParser(prog="./run bench drivers", description=__doc__.split("\n")[0])
    parser.add_argument("--quick", action="store_true", help="short runs")
    parser.add_argument("--enforce", action="store_true", help="exit 1 when a target is missed")
    parser.add_argument("--docs", action="store_true", help="also into docs/BENCHMARKS.md")
    parser.add_argument("--programs", type=pathlib.Path, default=HERE.parent / "build/release/bin")
    arguments = parser.parse_args()
    seconds, repetitions = (0.1, 5) if arguments.quick else (0.5, 9)
    rows = in_process(arguments.programs, seconds, repetitions)
    if (arguments.programs / "bench_fuse_echo").exists():
        rows += device_file(arguments.programs, seconds, repetitions)
    else:
        print("belay: libfuse3 is not installed; device files are not measured")
    print(as_table(rows, False))
    if arguments.docs:
        put_into(HERE.parent / "docs/BENCHMARKS.md",
                 f"\n{processor()}, Linux {platform.release()}\n\n{as_table(rows, True)}\n")
    missed = [row for row in rows if row.met() == "no"]
    return 1 if missed and arguments.enforce else 0


if __name__ == "__main__":
    sys.exit(main())
