"""The verbs doing what they are for, on tiny drivers."""

import json
import re
import unittest

from belay_case import SOURCE, BelayCase, driver

SMALL = ("--executions", "200", "--bound", "1", "--budget", "60", "--no-files")
TWICE = driver(dispatch="IoCompleteRequest(Irp, IO_NO_INCREMENT);")


class GoodUse(BelayCase):
    def holds(self, *arguments):
        done = self.belay("check", *arguments, *SMALL)
        self.assert_exit(done, 0)
        return done

    # ---- compiling

    def test_upper_case_headers(self):
        self.file("Shared.H", '#include "INNER.h"\n')
        self.file("inner.h", "#define VALUE 7\n")
        source = driver(before='#include <WDM.H>\n#include "shared.h"\n#if VALUE != 7\n#error\n#endif\n')
        self.file("d.c", source.replace("<ntddk.h>", "<NtDDK.h>"))
        self.holds("d.c")
        self.holds("d.c", "--cc", "clang")

    def test_backslash_includes(self):
        self.file("Inc/Sub/one.h", '#include "..\\two.h"\n')
        self.file("Inc/Two.h", "#define VALUE 7\n")
        self.file("src/d.c", driver(before='#include "..\\inc\\sub\\One.h"\n#if VALUE != 7\n#error\n#endif\n'))
        self.holds("src/d.c")
        self.holds("src/d.c", "--cc", "clang")

    def test_several_sources(self):
        self.file("a.c", driver(before="VOID Note(PIRP Irp);", dispatch="Note(Irp);"))
        self.file("b.c", "#include <ntddk.h>\nLONG Count;\nVOID Note(PIRP Irp) { (void)Irp; InterlockedIncrement(&Count); }\n")
        self.holds("a.c", "b.c")

    def test_cpp_source(self):
        source = driver(before='struct counter { LONG n; counter() : n(3) {} };\nstatic counter Counter;\n',
                        dispatch="InterlockedIncrement(&Counter.n);")
        self.file("d.cpp", source.replace("NTSTATUS DriverEntry", 'extern "C" NTSTATUS DriverEntry'))
        self.holds("d.cpp")
        self.holds("d.cpp", "--cc", "clang")

    def test_clang(self):
        self.file("d.c", driver())
        self.holds("d.c", "--cc", "clang")

    def test_defines(self):
        self.file("inc/extra.h", "#define EXTRA 1\n")
        self.file("d.c", driver(before="#include <extra.h>\n#if !EXTRA || LEVEL != 4\n#error\n#endif\n"))
        self.holds("d.c", "-DLEVEL=4", "-I", "inc")
        self.assert_exit(self.belay("cc", "d.c", "-Iinc", "-D", "LEVEL=4", "-std=gnu11", "-Wall", "-o", "d.so"), 0)
        self.holds("d.so")

    def test_cached(self):
        self.file("inc/extra.h", "#define EXTRA 1\n")
        self.file("d.c", driver(before="#include <extra.h>\n#if EXTRA == 2\n#error two\n#endif\n"))
        self.holds("d.c", "-I", "inc")
        made = list((self.folder / "cache" / "belay").glob("d-*/d.so"))
        self.assertEqual(len(made), 1)
        before = made[0].stat().st_mtime_ns
        self.holds("d.c", "-I", "inc")
        self.assertEqual(made[0].stat().st_mtime_ns, before)
        self.file("inc/extra.h", "#define EXTRA 2\n")
        self.assert_exit(self.belay("check", "d.c", "-I", "inc"), 2)

    # ---- checking

    def test_holds(self):
        self.file("d.c", driver())
        done = self.holds("d.c")
        self.assertRegex(done.stdout, r"^d\.c: holds")
        self.assertIn("preemption", done.stdout)
        self.assertIn("a second", done.stdout)
        self.assertIn("2 clients", done.stdout)

    def test_violation(self):
        self.file("d.c", TWICE)
        done = self.belay("check", "d.c")
        self.assert_exit(done, 1)
        line = 1 + TWICE[: TWICE.index("IoCompleteRequest(Irp")].count("\n")
        self.assertRegex(done.stdout.splitlines()[0], r"^d\.c:\d+:\d+: error: WDM-[A-Z]+-\d{3}: ")
        self.assertIn("on Windows: bug check 0x", done.stdout)
        self.assertIn(str(line), done.stdout)
        self.assertIn("╭─ client 1", done.stdout)
        self.assertNotIn("\033", done.stdout)
        for line in done.stdout.splitlines()[6:]:
            self.assertLessEqual(len(line), 120, line)
        replay = re.search(r"belay replay (\S+)", done.stdout)[1]
        self.assert_exit(self.belay("replay", replay), 1)
        self.assertTrue((self.folder / "belay-out" / "d.html").is_file())

    def test_expectation_met(self):
        self.file("d.c", TWICE)
        self.file("d.expect", 'verdict = "violation"\nclauses = ["WDM-CANCEL-020", "WDM-IRP-001"]\nmax_preemptions = 0\n')
        done = self.belay("check", "d.c", "--expect", "d.expect", "--brief")
        self.assert_exit(done, 0)
        self.assertEqual(len(done.stdout.splitlines()), 1)
        self.assertRegex(done.stdout, r"^d +violation +WDM-")

    def test_expectation_missed(self):
        self.file("d.c", TWICE)
        self.file("d.expect", 'verdict = "holds"\n')
        self.refused(self.belay("check", "d.c", "--expect", "d.expect", "--brief"), "expected holds, got violation", code=1)
        self.file("d.expect", 'verdict = "violation"\nclauses = ["WDM-LOCK-003"]\n')
        self.refused(self.belay("check", "d.c", "--expect", "d.expect", "--brief"), "of WDM-LOCK-003, got WDM-", code=1)

    def test_json(self):
        self.file("d.c", TWICE)
        self.assert_exit(self.belay("check", "d.c", "--json", "r.json", "--no-files"), 1)
        result = json.loads((self.folder / "r.json").read_text())
        self.assertEqual(result["verdict"], "violation")
        self.assertEqual(result["violation"]["preemptions"], 0)
        self.assertTrue(result["violation"]["stack"][0]["file"].endswith("d.c"))

    def test_symbols_with_columns(self):
        self.file("d.c", TWICE)
        for compiler in ("gcc", "clang"):
            self.assert_exit(self.belay("check", "d.c", "--cc", compiler, "--json", "r.json", "--no-files"), 1)
            result = json.loads((self.folder / "r.json").read_text())
            frame = result["violation"]["stack"][0]
            self.assertEqual(frame["function"], "Done")
            self.assertGreater(frame["column"], 0)

    # ---- replaying

    def checked(self):
        self.file("d.c", TWICE)
        self.assert_exit(self.belay("check", "d.c", "--keep", "d.so", "--trace", "t.json", "--no-files"), 1)

    def test_replay(self):
        self.checked()
        done = self.belay("replay", "t.json", "--events", "--html", "p.html")
        self.assert_exit(done, 1)
        self.assertIn("the same finding", done.stdout)
        self.assertIn("<svg", (self.folder / "p.html").read_text())

    def test_replay_many(self):
        self.checked()
        done = self.belay("replay", "t.json", "--times", "1000")
        self.assert_exit(done, 1)
        self.assertIn("replayed 1000 times: the same finding", done.stdout)

    def test_replay_elsewhere(self):
        self.checked()
        (self.folder / "d.so").rename(self.folder / "moved.so")
        done = self.belay("replay", "t.json", "--driver", "moved.so")
        self.assert_exit(done, 1)

    # ---- reports and the other verbs

    def test_page_is_self_contained(self):
        self.file("d.c", TWICE)
        self.assert_exit(self.belay("check", "d.c", "--html", "p.html", "--no-files"), 1)
        page = (self.folder / "p.html").read_text()
        self.assertNotRegex(page, r"""(?:src|href)=|url\(|@import|https?://""")
        for part in ("<svg", "belay explain WDM-", "bug check 0x", "prefers-color-scheme", "class=\"hit\""):
            self.assertIn(part, page)

    def test_explain(self):
        done = self.belay("explain", "wdm-cancel-011")
        self.assert_exit(done, 0)
        for part in ("WDM-CANCEL-011", "The contract", "What Windows shows", "How to fix", "Source"):
            self.assertIn(part, done.stdout)

    def test_list(self):
        done = self.belay("list")
        self.assert_exit(done, 0)
        self.assertRegex(done.stdout, r"(?m)^IoCancelIrp +implemented +.*WDM-CANCEL-001")
        self.assertNotIn("__tsan", done.stdout)

    def test_clauses_of_functions(self):
        done = self.belay("list", "clauses")
        self.assert_exit(done, 0)
        ids = set(re.findall(r"(?m)^(\S+)", done.stdout))
        stated = set(re.findall(r'(?m)^id = "(.*)"', (SOURCE / "contracts" / "wdm.toml").read_text()))
        self.assertTrue(stated <= ids)

    def test_doctor(self):
        done = self.belay("doctor")
        self.assert_exit(done, 0)
        self.assertIn("address space", done.stdout)

    def test_version(self):
        self.assertRegex(self.belay("version").stdout, r"^belay \d+\.\d+\.\d+ \(guest ABI \d+\)$")

    def test_help(self):
        for verb in ("check", "cc", "replay", "explain", "list", "doctor"):
            done = self.belay(verb, "--help")
            self.assert_exit(done, 0)
            self.assertIn("Usage", done.stdout)


if __name__ == "__main__":
    unittest.main()
