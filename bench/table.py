"""From what the programs printed to the lines of the table."""

import statistics
import typing

from targets import LINES, Line

YARDSTICK = "floor/cas_pair"


class Value(typing.NamedTuple):
    value: float  # nanoseconds, or bytes
    fairness: float | None = None
    heap: int = 0
    completed: float | None = None  # the share of a race that the owner won


class Result(typing.NamedTuple):
    line: Line
    ours: Value
    other: Value | None
    ratio: float | None
    met: bool | None  # None: nothing was asked


def is_good_window(sample: dict) -> bool:
    """Both threads were running nearly all the time."""
    return sample.get("busy", 1) >= 0.95


def name_of(sample: dict) -> str:
    parts = sample["name"].split("/")
    return "/".join(parts[1:3])


def medians(samples: list[dict]) -> dict[str, Value]:
    """By name, without the shape."""
    by_name: dict[str, list[dict]] = {}
    for sample in samples:
        if sample.get("run_type", "iteration") == "iteration":
            by_name.setdefault(name_of(sample), []).append(sample)
    found = {}
    for name, each in by_name.items():
        each = [s for s in each if is_good_window(s)] or each
        # A window in which one thread kept the other out is no contention: it says how fast one is.
        fair = [s for s in each if s.get("fairness", 1) >= 0.6]
        counted = fair if len(fair) * 4 >= len(each) else each
        values = [s.get("ns", s.get("bytes", s.get("cpu_time"))) for s in counted]
        fairness = [s["fairness"] for s in each if "fairness" in s]
        races = [s["tally"] for s in counted if s["name"].startswith("race/")]
        found[name] = Value(statistics.median(values),
                            statistics.median(fairness) if fairness else None,
                            int(each[0].get("heap_bytes", 0)),
                            statistics.median(races) if races else None)
    return found


def common_measure(programs: dict[str, list[dict]]) -> dict[str, Value]:
    """All programs' medians in nanoseconds of the main program: another's are scaled by what a pair of
    raw compare-and-swaps took there and here, as each program measures its own."""
    main = medians(programs["cancel"])
    merged = {}
    for program, samples in programs.items():
        own = medians(samples)
        scale = 1.0
        if YARDSTICK in own and YARDSTICK in main:
            scale = main[YARDSTICK].value / own[YARDSTICK].value
        for name, value in own.items():
            if name.startswith("floor/") and program != "cancel":
                continue
            merged[name] = value._replace(value=value.value * scale)
    return merged


def judge(line: Line, ours: Value, other: Value | None) -> Result:
    ratio = None
    if other is not None:
        over, under = (ours, other) if line.want in ("<=", "=") else (other, ours)
        ratio = over.value / under.value
    met = {
        "<=": lambda: ratio <= line.value,
        ">=": lambda: ratio >= line.value,
        "=": lambda: abs(ratio - 1) <= line.value,
        "ns": lambda: ours.value <= line.value,
        "bytes": lambda: ours.value <= line.value and ours.heap == 0,
        "fair": lambda: ours.fairness >= line.value,
        "": lambda: None,
    }[line.want]()
    return Result(line, ours, other, ratio, met)


def evaluate(values: dict[str, Value]) -> list[Result]:
    """The lines of which both sides were measured."""
    results = []
    for line in LINES:
        ours, other = values.get(line.ours), values.get(line.other)
        if ours is not None and (other is not None or not line.other):
            results.append(judge(line, ours, other))
    return results


def number(value: float) -> str:
    if value >= 10000:
        return f"{value / 1000:.0f}k"
    return f"{value:.0f}" if value >= 100 else f"{value:.1f}" if value >= 10 else f"{value:.2f}"


def cells(result: Result) -> list[str]:
    line, unit = result.line, " B" if result.line.row == "T15" else ""
    show = (lambda v: f"{v.value:.0f}{unit}" + (f"+{v.heap}" if v.heap else "")) if unit else (
        lambda v: number(v.value))
    wanted = {"<=": f"≤ {line.value:.2f}", ">=": f"≥ {line.value:g}", "=": f"1 ± {line.value:g}",
              "ns": f"≤ {number(line.value)} ns", "bytes": f"≤ {line.value:g} B", "fair":
              f"≥ {line.value:g}", "": "–"}[line.want]
    ratio = "" if result.ratio is None else number(result.ratio)
    if line.want == "fair":
        ratio = f"{result.ours.fairness:.2f}"
    verdict = "" if result.met is None else "met" if result.met else "MISSED"
    note = line.note
    if result.ours.completed is not None and result.other.completed:
        note = f"completed: {100 * result.ours.completed:.0f} %, its {100 * result.other.completed:.0f} %"
    if result.other is not None and (result.other.fairness or 1) < 0.6:
        note = (note + "; " if note else "") + f"fairness {result.other.fairness:.2f}"
    return [line.row, line.work, show(result.ours), line.name,
            "" if result.other is None else show(result.other), ratio, wanted, verdict, note]


HEAD = ["row", "work", "Belay", "against", "its", "ratio", "target", "", "note"]
RIGHT = (2, 4, 5)


def as_text(results: list[Result]) -> str:
    rows = [HEAD] + [cells(r) for r in results]
    widths = [max(len(row[i]) for row in rows) for i in range(len(HEAD))]
    lines, before = [], ""
    for row in rows:
        if row[0] != before and before:
            lines.append("")
        before = row[0]
        lines.append("  ".join(c.rjust(w) if i in RIGHT else c.ljust(w)
                               for i, (c, w) in enumerate(zip(row, widths))).rstrip())
    return "\n".join(lines)


def as_markdown(results: list[Result]) -> str:
    lines = ["| " + " | ".join(HEAD) + " |",
             "|" + "|".join("---:" if i in RIGHT else "---" for i in range(len(HEAD))) + "|"]
    lines += ["| " + " | ".join(cells(r)) + " |" for r in results]
    return "\n".join(lines)
