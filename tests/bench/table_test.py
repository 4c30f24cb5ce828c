"""What bench/ makes of numbers: medians, targets, the picture. Measures nothing."""

import pathlib
import re
import sys
import unittest
import xml.etree.ElementTree as xml

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.dont_write_bytecode = True
sys.path.insert(0, str(ROOT / "bench"))

import chart  # noqa: E402
import table  # noqa: E402
import targets  # noqa: E402


def loop(name: str, *times: float) -> list[dict]:
    return [{"name": f"loop/{name}", "run_type": "iteration", "cpu_time": t} for t in times]


def window(name: str, ns: float, busy: float, fairness: float) -> dict:
    return {"name": f"pair/{name}/iterations:1/manual_time", "run_type": "iteration", "ns": ns, "busy": busy,
            "fairness": fairness}


def everything() -> dict[str, table.Value]:
    """A number for each name that a line mentions."""
    names = {n for line in targets.LINES for n in (line.ours, line.other) if n}
    return {name: table.Value(2.0 + 17 * index % 91, 0.9) for index, name in enumerate(sorted(names))}


class Medians(unittest.TestCase):
    def test_of_repetitions_not_of_aggregates(self):
        samples = loop("T1/x", 3, 100, 2) + [{"name": "loop/T1/x_mean", "run_type": "aggregate"}]
        self.assertEqual(table.medians(samples)["T1/x"].value, 3)

    def test_windows_without_both_processors_do_not_count(self):
        samples = [window("T5/x", 9, 0.99, 0.9), window("T5/x", 1, 0.5, 0.9), window("T5/x", 11, 0.98, 0.9)]
        self.assertEqual(table.medians(samples)["T5/x"].value, 10)

    def test_an_unfair_window_says_nothing_of_contention(self):
        samples = [window("T5/x", 9, 1, 0.9), window("T5/x", 1, 1, 0.01), window("T5/x", 1, 1, 0.02)]
        value = table.medians(samples)["T5/x"]
        self.assertEqual((value.value, value.fairness), (9, 0.02))

    def test_other_programs_are_scaled_by_their_own_yardstick(self):
        values = table.common_measure({"cancel": loop("floor/cas_pair", 4),
                                       "go": loop("floor/cas_pair", 8) + loop("T1/go", 100)})
        self.assertEqual(values["T1/go"].value, 50)
        self.assertEqual(values["floor/cas_pair"].value, 4)


class Targets(unittest.TestCase):
    def judged(self, want: str, value: float, ours: float, other: float | None = None):
        line = targets.Line("T1", "", "a", "b" if other else "", "", want, value)
        return table.judge(line, table.Value(ours, 0.7), table.Value(other) if other else None).met

    def test_each_kind_at_and_past_its_limit(self):
        self.assertTrue(self.judged("<=", 1.5, 3, 2))
        self.assertFalse(self.judged("<=", 1.4, 3, 2))
        self.assertTrue(self.judged(">=", 2, 3, 6))
        self.assertFalse(self.judged(">=", 2.1, 3, 6))
        self.assertTrue(self.judged("=", 0.1, 1.05, 1))
        self.assertFalse(self.judged("=", 0.1, 0.8, 1))
        self.assertTrue(self.judged("ns", 14, 14))
        self.assertFalse(self.judged("ns", 14, 15))
        self.assertTrue(self.judged("fair", 0.7, 1))
        self.assertFalse(self.judged("fair", 0.8, 1))
        self.assertIsNone(self.judged("", 0, 1, 2))

    def test_memory_from_the_heap_misses(self):
        line = targets.Line("T15", "", "a", "", "", "bytes", 16)
        self.assertTrue(table.judge(line, table.Value(16), None).met)
        self.assertFalse(table.judge(line, table.Value(16, heap=8), None).met)

    def test_a_peer_that_is_not_installed_is_left_out(self):
        values = {n: v for n, v in everything().items() if not n.endswith("/go")}
        names = {r.line.name for r in table.evaluate(values)}
        self.assertNotIn("Go", names)
        self.assertIn("libstdc++", names)

    def test_the_programs_offer_what_the_lines_name(self):
        sources = "".join(p.read_text() for p in sorted((ROOT / "bench").rglob("*")) if p.suffix in
                          (".cpp", ".go"))
        named = set(re.findall(r'"(?:(?:loop|batch|pair|race|wait)/)?([\w+]+/[\w+]*)"', sources))
        named |= {n + library for n in named if n.endswith("/") for library in ("libstdc++", "libc++")}
        sizes = {f"T15/{n}" for n in re.findall(r'measure<.*?"(\w+)"', sources)}
        sizes |= {f"T15/{lib}_{n}" for lib in ("libstdc++", "libc++")
                  for n in ("source", "registration", "child")}
        for line in targets.LINES:
            for name in (line.ours, line.other):
                self.assertTrue(not name or name in named | sizes, name)


class Picture(unittest.TestCase):
    def test_is_whole_and_nothing_is_outside(self):
        drawn = xml.fromstring(chart.draw(table.evaluate(everything()), {"processor": "a <fast> one"}))
        height = float(drawn.get("height"))
        for text in drawn.iter("{http://www.w3.org/2000/svg}text"):
            self.assertTrue(0 <= float(text.get("x")) <= chart.WIDTH)
            self.assertTrue(0 <= float(text.get("y")) <= height)
        self.assertEqual(len(chart.bands_of(table.evaluate(everything()))), len(chart.BANDS))


if __name__ == "__main__":
    unittest.main()
