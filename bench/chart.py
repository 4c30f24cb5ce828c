"""Draws a run as one picture: how many times Belay's time each peer takes, on a logarithmic axis.

A band a row. Belay is the line at 1; the least that the machine allows is a diamond to its left; a
peer is a dot with its name; a target is a tick, in the colour of whom it is about.
"""

import html
import math

from table import Result, number

WIDTH, LEFT, RIGHT = 900, 226, 16
LANE, PAD, DOT, TOP, LEAST = 13, 5, 4, 74, 40
LOW, HIGH = 0.3, 1200.0
CHARACTER = 6.2  # of an 11 px label

COLOURS = {"libstdc++": "a", "libc++": "b", "Go": "c", "Asio": "d", "oneTBB": "e", "mutex + list": "f",
           "timerfd": "g"}

# The rows of the picture: a title, and of which benchmark the ratios are.
BANDS = [
    ("arm + disarm one routine", "T1/belay_notify"),
    ("an operation's life, decided", "T2/belay_notify"),
    ("add + remove a listener", "T3/belay"),
    ("… with 1,000 others there", "T4_1k/belay"),
    ("… with 10,000 others there", "T4_10k/belay"),
    ("… by two threads at once", "T5/belay"),
    ("… by two, wide source", "T6/belay_wide"),
    ("cancel: one claim routine", "T7/belay_claim"),
    ("cancel: one notify routine", "T7/belay_notify"),
    ("cancel: each of 1,000", "T8/belay"),
    ("cancel: each of 100,000, shuffled", "T9_100k/belay_fan_out"),
    ("cancel: each of 1,000,000", "T9_1m/belay_fan_out"),
    ("complete races cancel", "T10/belay_notify"),
    ("create, arm, cancel, destroy", "T11/belay_notify"),
    ("attach + detach a child", "T12/belay_source"),
    ("deadline, with the clock read", "T13_0/belay_clock"),
    ("… 1,000,000 others pending", "T13_1m/belay_clock"),
    ("biased arm + disarm", "T16/belay_biased"),
    ("poll", "poll/belay"),
]

STYLE = """
  svg { --ink: #1f2328; --soft: #656d76; --line: #d8dee4; --band: #f6f8fa; --page: #ffffff;
        --us: #1a7f37; --a: #0969da; --b: #bc4c00; --c: #0d7d8c; --d: #8250df; --e: #bf3989;
        --f: #57606a; --g: #7d4e00; }
  @media (prefers-color-scheme: dark) {
    svg { --ink: #e6edf3; --soft: #9198a1; --line: #30363d; --band: #161b22; --page: #0d1117;
          --us: #3fb950; --a: #58a6ff; --b: #f0883e; --c: #39c5cf; --d: #bc8cff; --e: #f778ba;
          --f: #9198a1; --g: #d29922; }
  }
  text { font: 11px system-ui, -apple-system, "Segoe UI", "DejaVu Sans", sans-serif; fill: var(--ink); }
  .on { paint-order: stroke; stroke: var(--page); stroke-width: 3px; stroke-opacity: 0.75; }
  .title { font-size: 15px; font-weight: 600; }
  .soft { fill: var(--soft); }
  .page { fill: var(--page); } .band { fill: var(--band); } .grid { stroke: var(--line); }
  .us { stroke: var(--us); stroke-width: 2; } .ustext { fill: var(--us); font-weight: 600; }
  .floor { fill: var(--page); stroke: var(--us); stroke-width: 1.5; }
  .tick { stroke-width: 2; }
""" + "".join(f"  .{c} {{ fill: var(--{c}); }} .s{c} {{ stroke: var(--{c}); }}\n" for c in "abcdefg")


def across(ratio: float) -> float:
    ratio = min(max(ratio, LOW), HIGH)
    return LEFT + (WIDTH - LEFT - RIGHT) * math.log(ratio / LOW) / math.log(HIGH / LOW)


def colour(name: str) -> str:
    return next((c for peer, c in COLOURS.items() if name.startswith(peer)), "f")


class Band:
    def __init__(self, title: str, results: list[Result]):
        self.title = title
        self.ours = results[0].ours.value
        self.marks: list[tuple[float, str, float]] = []  # ratio, name, time
        self.ticks: list[tuple[float, str]] = []
        self.floor: tuple[float, str] | None = None
        self.floor_tick: float | None = None
        for result in results:
            self.add(result)
        self.marks.sort()
        self.place()

    def add(self, result: Result) -> None:
        line = result.line
        if line.want == "<=" and result.other is not None and not line.name.startswith("T3"):
            self.floor = (1 / result.ratio, line.name)
            self.floor_tick = 1 / line.value
        elif line.want in (">=", "") and result.other is not None and (
                colour(line.name) != "f" or line.name.startswith("mutex")):
            self.marks.append((result.ratio, line.name, result.other.value))
            if line.want == ">=":
                self.ticks.append((line.value, line.name))

    def place(self) -> None:
        """Gives each label a lane in which it meets no other: above the dots, or beneath."""
        taken: list[list[tuple[float, float]]] = [[], [], [], []]
        self.labels = []
        for ratio, name, time in self.marks:
            text = f"{name} {number(ratio)}×"
            half = len(text) * CHARACTER / 2
            middle = min(max(across(ratio), LEFT + half + 2), WIDTH - RIGHT - half)
            for lane, spans in enumerate(taken):
                if all(middle + half + 4 < low or middle - half - 4 > high for low, high in spans):
                    break
            spans.append((middle - half, middle + half))
            self.labels.append((middle, lane, text, name))
        lanes = [bool(spans) for spans in taken]
        self.above = 2 if lanes[2] else 1
        self.below = 2 if lanes[3] else 1 if lanes[1] else 0
        self.height = (self.above + self.below) * LANE + 2 * PAD + 2 * DOT + 2
        spare = max(0, LEAST - self.height)
        self.height += spare
        self.centre = PAD + self.above * LANE + DOT + 1 + spare // 2

    def baseline(self, lane: int) -> float:
        """Lanes 0 and 2 are above the dots, 1 and 3 beneath."""
        away = lane // 2
        if lane % 2 == 0:
            return self.centre - DOT - 4 - away * LANE
        return self.centre + DOT + 11 + away * LANE


def draw_band(band: Band, top: float, shaded: bool) -> list[str]:
    out, y = [], top + band.centre
    if shaded:
        out.append(f'<rect class="band" x="0" y="{top}" width="{WIDTH}" height="{band.height}"/>')
    middle = top + band.height / 2
    out.append(f'<text x="12" y="{middle - 2:.1f}">{html.escape(band.title)}</text>')
    out.append(f'<text class="soft" x="12" y="{middle + 12:.1f}">Belay {number(band.ours)} ns</text>')
    for ratio, name in band.ticks:
        x = across(ratio)
        out.append(f'<line class="tick s{colour(name)}" x1="{x:.1f}" x2="{x:.1f}" y1="{y - 8:.1f}" '
                   f'y2="{y + 8:.1f}"><title>target: at least {ratio:g} × {html.escape(name)}</title></line>')
    if band.floor is not None:
        x, tick = across(band.floor[0]), across(band.floor_tick)
        out.append(f'<line class="us" x1="{tick:.1f}" x2="{tick:.1f}" y1="{y - 8:.1f}" y2="{y + 8:.1f}"/>')
        out.append(f'<path class="floor" d="M{x - 5:.1f} {y} L{x:.1f} {y - 5} L{x + 5:.1f} {y} '
                   f'L{x:.1f} {y + 5} Z"><title>{html.escape(band.floor[1])}</title></path>')
    for (ratio, name, time) in band.marks:
        out.append(f'<circle class="{colour(name)}" cx="{across(ratio):.1f}" cy="{y:.1f}" r="{DOT}">'
                   f'<title>{html.escape(name)}: {number(time)} ns</title></circle>')
    for middle, lane, text, name in band.labels:
        out.append(f'<text class="on {colour(name)}" text-anchor="middle" x="{middle:.1f}" '
                   f'y="{top + band.baseline(lane):.1f}">{html.escape(text)}</text>')
    return out


def bands_of(results: list[Result]) -> list[Band]:
    bands = []
    for title, ours in BANDS:
        mine = [r for r in results if r.line.ours == ours and r.other is not None]
        if mine:
            bands.append(Band(title, mine))
    return bands


def draw(results: list[Result], machine: dict[str, str]) -> str:
    bands = bands_of(results)
    bottom = TOP + sum(b.height for b in bands)
    height = bottom + 50
    out = [f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" width="{WIDTH}" '
           f'height="{height}" role="img" aria-label="Time of each peer divided by the time of Belay">',
           f"<style>{STYLE}</style>", f'<rect class="page" width="{WIDTH}" height="{height}"/>',
           '<text class="title" x="12" y="24">How many times Belay’s time the others take</text>',
           f'<text class="soft" x="12" y="42">{html.escape(machine.get("processor", ""))}; '
           f'medians, {html.escape(machine.get("run", ""))}; further right is slower</text>']
    body, top = [], TOP
    for index, band in enumerate(bands):
        body += draw_band(band, top, index % 2 == 0)
        top += band.height
    shades = [b for b in body if b.startswith('<rect class="band"')]
    out += shades
    for ratio in (0.5, 1, 2, 5, 10, 20, 50, 100, 200, 500, 1000):
        x = across(ratio)
        kind = "us" if ratio == 1 else "grid"
        out.append(f'<line class="{kind}" x1="{x:.1f}" x2="{x:.1f}" y1="{TOP - 4}" y2="{bottom}"/>')
        label = "Belay" if ratio == 1 else f"{ratio:g}×"
        out.append(f'<text class="{"ustext" if ratio == 1 else "soft"}" text-anchor="middle" x="{x:.1f}" '
                   f'y="{TOP - 10}">{label}</text>')
    out += [b for b in body if not b.startswith('<rect class="band"')]
    y = bottom + 22
    out += [f'<path class="floor" d="M17 {y - 4} l5 -5 l5 5 l-5 5 Z"/>',
            f'<text class="soft" x="34" y="{y}">the same number of bare locked instructions</text>',
            f'<line class="tick us" x1="318" x2="318" y1="{y - 12}" y2="{y + 4}"/>',
            f'<text class="soft" x="328" y="{y}">a target: a dot is to be right of the tick of its colour, '
            'the diamond right of the green one</text>',
            f'<text class="soft" x="12" y="{y + 18}">Asio, bare, does not synchronise; oneTBB sets flags and '
            'calls nothing; Go’s listeners are child contexts. docs/BENCHMARKS.md</text>', "</svg>", ""]
    return "\n".join(out)
