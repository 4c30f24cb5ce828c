"""./run bench: measures the cancellation core beside its peers, and says which targets it meets.

Runs the programs in rounds. A round in which the machine was not quiet is thrown away and repeated;
when that has happened too often the run is rejected, with exit code 3. Then it prints one table,
writes the numbers (bench.json) and draws them (bench.svg).
"""

import argparse
import json
import os
import pathlib
import platform
import re
import resource
import shutil
import statistics
import subprocess
import sys
import time

sys.dont_write_bytecode = True
HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE))

import chart  # noqa: E402
import table  # noqa: E402

EMPTY_HARNESS_NS = 6
FOREIGN_SHARE = 0.06
YARDSTICK_SWING = 0.05
WINDOWS = 41


class Noisy(Exception):
    pass


class Machine:
    """How much of the machine others used since it was made."""

    def __init__(self):
        self.busy, self.all = self.jiffies()
        self.ours = self.own_seconds()

    @staticmethod
    def jiffies() -> tuple[int, int]:
        fields = [int(x) for x in pathlib.Path("/proc/stat").read_text().split("\n")[0].split()[1:9]]
        idle = fields[3] + fields[4]
        return sum(fields) - idle, sum(fields)

    @staticmethod
    def own_seconds() -> float:
        used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
        return sum(u.ru_utime + u.ru_stime for u in used)

    def foreign_share(self) -> float:
        busy, everything = self.jiffies()
        second = os.sysconf("SC_CLK_TCK")
        others = (busy - self.busy) / second - (self.own_seconds() - self.ours)
        return max(0.0, others / max((everything - self.all) / second, 1e-9))


def processor() -> str:
    found = re.search(r"model name\s*:\s*(.+)", pathlib.Path("/proc/cpuinfo").read_text())
    return found[1].strip() if found else platform.machine()


def version(*command: str) -> str:
    if shutil.which(command[0]) is None:
        return "not installed"
    out = subprocess.run(command, capture_output=True, text=True, check=False).stdout
    return out.split("\n")[0].strip()


def packaged(package: str) -> str:
    out = subprocess.run(["dpkg-query", "-W", "-f=${Version}", package], capture_output=True, text=True,
                         check=False)
    return out.stdout or "not installed"


def about(arguments) -> dict[str, str]:
    return {
        "run": ("on a busy machine; two-thread rows are off" if arguments.tolerate_noise else
                "one short round" if arguments.quick else "three rounds on a quiet machine"),
        "processor": f"{processor()}, {os.cpu_count()} processors",
        "kernel": platform.release(),
        "g++": version("g++", "--version"),
        "clang": version("clang++-19", "--version"),
        "libc++": packaged("libc++-19-dev"),
        "Asio": packaged("libasio-dev"),
        "oneTBB": packaged("libtbb-dev"),
        "Go": version("go", "version"),
    }


class Programs:
    def __init__(self, folder: pathlib.Path, quick: bool):
        self.folder = folder
        self.seconds = 0.02 if quick else 0.1
        self.repetitions = 3
        self.windows = 11 if quick else 24

    def has(self, name: str) -> bool:
        return (self.folder / name).exists()

    def call(self, *command) -> list[dict]:
        done = subprocess.run([str(c) for c in command], stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                              text=True, check=False)
        if done.returncode != 0:
            sys.exit(f"belay: {command[0]} failed:\n{done.stderr}{done.stdout[-2000:]}")
        return json.loads(done.stdout)["benchmarks"]

    def google(self, name: str, only: str, repetitions: int, seconds: float) -> list[dict]:
        return self.call(self.folder / name, "--benchmark_format=json", f"--benchmark_filter={only}",
                         f"--benchmark_repetitions={repetitions}", f"--benchmark_min_time={seconds}",
                         "--benchmark_enable_random_interleaving=true")

    def yardstick(self) -> float:
        times = self.google("bench_cancel", "^loop/floor/cas_pair$", 7, 0.02)
        return statistics.median(t["cpu_time"] for t in times if t["run_type"] == "iteration")

    def one_thread(self, name: str) -> list[dict]:
        return self.google(name, "^(loop|batch)/", self.repetitions, self.seconds)

    def two_threads(self, name: str) -> list[dict]:
        return (self.google(name, "^(pair|race)/", self.windows, 0.01) +
                self.google(name, "^wait/", self.repetitions, 0.01))

    def go(self) -> list[dict]:
        return self.call(self.folder / "bench_go", "-time", f"{int(self.seconds * 1000)}ms",
                         "-repetitions", self.repetitions, "-windows", self.windows)

    def sizes(self) -> dict[str, list[dict]]:
        found = {"memory": self.call(self.folder / "bench_memory")}
        if self.has("bench_memory_libcxx"):
            found["memory_libcxx"] = self.call(self.folder / "bench_memory_libcxx")
        return found


class Watch:
    """Over one round. Raises Noisy as soon as the machine turns out not to be quiet."""

    def __init__(self, programs: Programs, tolerant: bool):
        self.programs, self.tolerant, self.machine, self.yard = programs, tolerant, Machine(), []
        self.harness = 0.0

    def noise(self) -> list[str]:
        swing, foreign = max(self.yard) / min(self.yard) - 1, self.machine.foreign_share()
        self.said = (f"raw CAS pair {self.yard[0]:.2f} ns, swings {100 * swing:.1f} %; others took "
                     f"{100 * foreign:.1f} % of the machine")
        if self.harness:
            self.said += f"; empty two-thread harness {self.harness:.2f} ns"
        return [name for name, bad in (("the yardstick swings", swing > YARDSTICK_SWING),
                                       ("others use the machine", foreign > FOREIGN_SHARE),
                                       ("the two-thread harness is slow", self.harness > EMPTY_HARNESS_NS))
                if bad]

    def look(self) -> None:
        self.yard.append(self.programs.yardstick())
        noise = self.noise()
        if noise and not self.tolerant:
            raise Noisy(f"{self.said}: {', '.join(noise)}")

    def see_harness(self, samples: list[dict]) -> None:
        self.harness = statistics.median(s["ns"] for s in samples if table.name_of(s) == "floor/empty" and
                                         s["run_type"] == "iteration")


def one_round(programs: Programs, tolerant: bool) -> dict[str, list[dict]]:
    """Runs each program once. Raises Noisy if the machine was not quiet."""
    watch = Watch(programs, tolerant)
    watch.look()
    found = {"cancel": programs.two_threads("bench_cancel")}
    watch.see_harness(found["cancel"])
    watch.look()
    found["cancel"] += programs.one_thread("bench_cancel")
    watch.look()
    if programs.has("bench_libcxx"):
        found["libcxx"] = programs.one_thread("bench_libcxx") + programs.two_threads("bench_libcxx")
    watch.look()
    if programs.has("bench_go"):
        found["go"] = programs.go()
    watch.look()
    print(f"  {watch.said}{' (noisy)' if watch.noise() else ''}", flush=True)
    return found


def wait_for_quiet(patience: float) -> None:
    """Returns when others leave the machine alone. Raises Noisy when that takes too long."""
    said, end = False, time.monotonic() + patience
    while time.monotonic() < end:
        machine = Machine()
        time.sleep(2)
        if machine.foreign_share() <= FOREIGN_SHARE:
            return
        if not said:
            print("belay: others use the machine; waiting", flush=True)
            said = True
    raise Noisy(f"others used the machine for {patience:.0f} s")


def too_few_windows(found: dict[str, list[dict]], wanted: int) -> list[str]:
    """Rows with two threads for which not enough windows had both processors to themselves."""
    count: dict[str, int] = {}
    for samples in found.values():
        for sample in samples:
            if "busy" in sample and sample["run_type"] == "iteration":
                count[sample["name"]] = count.get(sample["name"], 0) + table.is_good_window(sample)
    return sorted(name for name, n in count.items() if n < wanted)


def run_rounds(programs: Programs, arguments) -> dict[str, list[dict]]:
    found: dict[str, list[dict]] = {}
    good = refused = 0
    wanted = 1 if arguments.quick else 3
    while True:
        lacking = too_few_windows(found, WINDOWS if wanted > 1 else 1)
        if good >= wanted and (not lacking or arguments.tolerate_noise):
            return found
        if good > wanted:  # the machine is quiet; it is the row that leaves few windows to count
            print(f"belay: few windows count for {', '.join(lacking)}", flush=True)
            return found
        if refused + good >= wanted + arguments.retries:
            raise Noisy(f"{refused} rounds were not quiet" +
                        (f"; too few quiet windows for {', '.join(lacking)}" if lacking else ""))
        try:
            if not arguments.tolerate_noise:
                wait_for_quiet(arguments.patience)
            print(f"belay: round {good + 1} of {wanted}", flush=True)
            for program, samples in one_round(programs, arguments.tolerate_noise).items():
                found.setdefault(program, []).extend(samples)
            good += 1
        except Noisy as noise:
            refused += 1
            print(f"  thrown away: {noise}", flush=True)


def slim(programs: dict[str, list[dict]]) -> dict[str, list[dict]]:
    keys = ("name", "run_type", "cpu_time", "ns", "busy", "fairness", "tally", "bytes", "heap_bytes",
            "heap_calls")

    def kept(sample: dict) -> dict:
        return {k: float(f"{sample[k]:.5g}") if isinstance(sample[k], float) else sample[k]
                for k in keys if k in sample}
    return {p: [kept(s) for s in samples if s["run_type"] == "iteration"]
            for p, samples in programs.items()}


def put_into(page: pathlib.Path, text: str) -> None:
    """Between the marks that say so."""
    before = page.read_text()
    page.write_text(re.sub(r"(<!-- measured -->\n).*?(<!-- /measured -->)",
                           lambda m: m[1] + text + m[2], before, flags=re.S))


def show(programs: dict[str, list[dict]], machine: dict[str, str], arguments) -> bool:
    results = table.evaluate(table.common_measure(programs))
    text = table.as_text(results)
    missed = [r for r in results if r.met is False]
    asked = sum(r.met is not None for r in results)
    print(f"\n{text}\n\n{asked - len(missed)} of {asked} targets met", flush=True)
    out = arguments.out
    out.mkdir(parents=True, exist_ok=True)
    (out / "bench.json").write_text(json.dumps({"machine": machine, "programs": slim(programs)},
                                               separators=(",", ":")) + "\n")
    picture = chart.draw(results, machine)
    (out / "bench.svg").write_text(picture)
    print(f"numbers: {out / 'bench.json'}, picture: {out / 'bench.svg'}")
    if arguments.docs:
        docs = HERE.parent / "docs"
        (docs / "bench.svg").write_text(picture)
        lines = "".join(f"{name}: {value}  \n" for name, value in machine.items())
        put_into(docs / "BENCHMARKS.md", f"\n{lines}\n{table.as_markdown(results)}\n\n")
    return not missed


def main() -> int:
    parser = argparse.ArgumentParser(prog="./run bench", description=__doc__.split("\n")[0])
    parser.add_argument("--quick", action="store_true", help="one short round")
    parser.add_argument("--enforce", action="store_true", help="exit 1 when a target is missed")
    parser.add_argument("--tolerate-noise", action="store_true", help="show a noisy run all the same")
    parser.add_argument("--retries", type=int, default=6, help="rounds thrown away before giving up")
    parser.add_argument("--patience", type=float, default=120, help="seconds to wait before a round")
    parser.add_argument("--docs", action="store_true", help="also into docs/: bench.svg, BENCHMARKS.md")
    parser.add_argument("--out", type=pathlib.Path, default=HERE.parent / "out")
    parser.add_argument("--programs", type=pathlib.Path, help="where the programs were built",
                        default=HERE.parent / "build/release/bin")
    parser.add_argument("--from", dest="earlier", type=pathlib.Path, metavar="JSON",
                        help="measure nothing; show an earlier run's numbers")
    arguments = parser.parse_args()
    if arguments.earlier:
        earlier = json.loads(arguments.earlier.read_text())
        return 1 if not show(earlier["programs"], earlier["machine"], arguments) and arguments.enforce else 0

    programs = Programs(arguments.programs, arguments.quick)
    for name, what in (("bench_libcxx", "libc++"), ("bench_go", "Go")):
        if not programs.has(name):
            print(f"belay: {what} is not installed and takes no part")
    try:
        found = run_rounds(programs, arguments)
    except Noisy as noise:
        print(f"belay: noisy run rejected: {noise}", file=sys.stderr)
        return 3
    found.update(programs.sizes())
    return 1 if not show(found, about(arguments), arguments) and arguments.enforce else 0


if __name__ == "__main__":
    sys.exit(main())
