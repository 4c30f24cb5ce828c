"""Plants a breach of each rule of tools/tidy in a copy of the tree and expects tidy to name it.

Also expects that the copy without a breach passes, so that a breach is all that tidy reports.
"""

import pathlib
import shutil
import subprocess
import sys
import tempfile
import tomllib
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.dont_write_bytecode = True
sys.path.insert(0, str(ROOT / "tools"))

from tidy_lib import check  # noqa: E402
from tidy_lib.tree import Tree  # noqa: E402

# In halves, so that this file names no unknown clause itself.
UNKNOWN = "WDM-" + "CANCEL-999"
SCRATCH = "/" + "tmp/x"


def tidy(root: pathlib.Path, *arguments: str) -> subprocess.CompletedProcess:
    return subprocess.run(
        [sys.executable, "-B", str(root / "tools/tidy"), "--root", str(root), *arguments],
        capture_output=True, text=True, check=False)


def tracked() -> list[str]:
    listed = subprocess.run(
        ["git", "-C", str(ROOT), "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        capture_output=True, text=True, check=False)
    if listed.returncode == 0:
        return sorted(set(listed.stdout.split("\0")) - {""})
    skipped = {".git", "build", "out", ".cache"}
    return [p.relative_to(ROOT).as_posix() for p in ROOT.rglob("*")
            if p.is_file() and not skipped & set(p.relative_to(ROOT).parts)]


class Breaches(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.scratch = tempfile.TemporaryDirectory(prefix="belay-tidy-")
        cls.root = pathlib.Path(cls.scratch.name) / "tree"
        for path in tracked():
            source = ROOT / path
            if source.is_file():
                (cls.root / path).parent.mkdir(parents=True, exist_ok=True)
                shutil.copyfile(source, cls.root / path)
        cls.known = Tree(cls.root).by_path

    @classmethod
    def tearDownClass(cls):
        cls.scratch.cleanup()

    def plant(self, path: str, text: str, *, append: bool = False):
        """Writes a file into the copy and takes it back when the test is over."""
        target = self.root / path
        before = target.read_text() if target.exists() else None
        target.parent.mkdir(parents=True, exist_ok=True)

        def restore():
            if before is None:
                target.unlink()
            else:
                target.write_text(before)

        self.addCleanup(restore)
        target.write_text((before or "") + text if append else text)

    def breaches(self) -> list:
        return check(Tree(self.root, self.known))

    def expect(self, rule: str, path: str, line: int | None = None):
        all_found = self.breaches()
        found = [x for x in all_found if (x.rule, x.path) == (rule, path) and line in (None, x.line)]
        self.assertTrue(found, f"no {rule} at {path}:{line or ''} in:\n" + "\n".join(map(str, all_found)))
        for breach in found:
            self.assertIn("(", breach.message, "a breach says what to do")

    def expect_none(self, path: str):
        self.assertEqual([str(x) for x in self.breaches() if x.path == path], [])

    # ---- the tree as it is --------------------------------------------------------------------

    def test_clean_tree_passes(self):
        result = tidy(self.root)
        self.assertEqual(result.returncode, 0, result.stdout + result.stderr)
        self.assertEqual(len(result.stdout.splitlines()), 1, result.stdout)

    def test_command_line_of_a_breach(self):
        self.plant("src/kernel/planted.cpp", '\n#include "wdm/irp.hpp"\n')
        result = tidy(self.root)
        self.assertIn("src/kernel/planted.cpp:2: layer-edge: ", result.stdout)
        self.assertEqual(result.returncode, 1)

    def test_every_rule_has_a_breach_here(self):
        listed = {line.split()[0] for line in tidy(self.root, "--list").stdout.splitlines()}
        text = pathlib.Path(__file__).read_text()
        self.assertEqual({rule for rule in listed if f'"{rule}"' not in text}, set())

    def test_no_tree(self):
        with tempfile.TemporaryDirectory() as empty:
            result = subprocess.run(
                [sys.executable, "-B", str(self.root / "tools/tidy"), "--root", empty],
                capture_output=True, text=True, check=False)
        self.assertEqual(result.returncode, 2)
        self.assertIn("no contracts/", result.stderr)

    # ---- rule 1: layers -----------------------------------------------------------------------

    def test_layer_upwards(self):
        self.plant("src/kernel/planted.cpp", '#include "wdm/irp.hpp"\n')
        self.expect("layer-edge", "src/kernel/planted.cpp", 1)

    def test_host_and_explore_apart(self):
        self.plant("src/host/planted.cpp", '\n#include "explore/engine.hpp"\n')
        self.expect("layer-edge", "src/host/planted.cpp", 2)
        self.plant("src/explore/planted.cpp", '#include "host/loader.hpp"\n')
        self.expect("layer-edge", "src/explore/planted.cpp", 1)

    def test_sync_is_the_lowest(self):
        self.plant("src/sync/planted.cpp", "#include <belay/operation.hpp>\n")
        self.expect("layer-edge", "src/sync/planted.cpp", 1)

    def test_folder_that_is_no_layer(self):
        self.plant("src/helpers/planted.cpp", "int x;\n")
        self.expect("layer-edge", "src/helpers/planted.cpp")

    def test_include_without_its_layer(self):
        self.plant("src/wdm/planted.cpp", '#include "irp.hpp"\n')
        self.expect("layer-edge", "src/wdm/planted.cpp", 1)

    def test_include_in_a_comment_is_none(self):
        self.plant("src/kernel/planted.cpp", '// #include "wdm/irp.hpp"\n/*\n#include "wdm/irp.hpp"\n*/\n')
        self.expect_none("src/kernel/planted.cpp")

    # ---- rule 2: core -------------------------------------------------------------------------

    def test_core_and_the_operating_system(self):
        self.plant("src/core/planted.cpp", "#include <cstdint>\n#include <unistd.h>\n")
        self.expect("core-pure", "src/core/planted.cpp", 2)

    def test_core_and_windows(self):
        self.plant("src/core/planted.cpp", "#include <NTDDK.h>\n")
        self.expect("core-pure", "src/core/planted.cpp", 1)
        self.plant("include/belay/planted.hpp", "using status = NTSTATUS;\n")
        self.expect("core-pure", "include/belay/planted.hpp", 1)

    def test_core_and_logging(self):
        self.plant("src/core/planted.cpp", "void f() { printf(\"x\"); }\n")
        self.expect("core-pure", "src/core/planted.cpp", 1)

    def test_core_upwards(self):
        self.plant("src/core/planted.hpp", '#include "kernel/irql.hpp"\n')
        self.expect("core-pure", "src/core/planted.hpp", 1)

    # ---- rule 3: two families of headers --------------------------------------------------------

    def test_windows_header_includes_belay(self):
        self.plant("include/windows/planted.h", "#include <belay/operation.hpp>\n")
        self.expect("windows-headers-apart", "include/windows/planted.h", 1)

    def test_belay_header_includes_windows(self):
        self.plant("include/belay/planted.hpp", "#include <wdm.h>\n")
        self.expect("windows-headers-apart", "include/belay/planted.hpp", 1)

    def test_both_in_a_header_of_a_facade(self):
        both = "#include <belay/operation.hpp>\n#include <wdm.h>\n"
        self.plant("src/wdm/planted.hpp", both)
        self.expect("windows-headers-apart", "src/wdm/planted.hpp", 2)
        self.plant("src/wdm/planted.cpp", both)
        self.expect_none("src/wdm/planted.cpp")

    def test_guest_includes_belay(self):
        self.plant("examples/drivers/planted/planted.c", '#include "sync/sync.hpp"\n')
        self.expect("windows-headers-apart", "examples/drivers/planted/planted.c", 1)

    # ---- rule 4: the one door -------------------------------------------------------------------

    def test_door(self):
        for text in (
            "std::thread t;", "std::mutex m;", "std::condition_variable c;", "std::atomic<int> a;",
            "pthread_create(a, b, c, d);", "auto t = std::chrono::steady_clock::now();", "usleep(1);",
            "nanosleep(a, b);", "std::this_thread::yield();", "void* p = malloc(1);", "std::free(p);",
            "return ::calloc(1, 1);", "p = realloc(p, 2);", "#include <atomic>", "thread_local int x;",
            "__atomic_load_n(p, 0);", "#include <sys/mman.h>",
        ):
            with self.subTest(text):
                self.plant("src/wdm/planted.cpp", f"\n{text}\n")
                self.expect("one-door", "src/wdm/planted.cpp", 2)
                self.doCleanups()

    def test_door_and_names_of_our_own(self):
        self.plant("src/wdm/planted.cpp", "\n".join((
            "void free(void*);", "arena.free(p);", "auto s = \"malloc(1)\";  // sleep(1)",
            "sync::atomic<int> a;", "heap::free(p);", "char* free_list;", "int sleep;")) + "\n")
        self.expect_none("src/wdm/planted.cpp")

    def test_new_in_core(self):
        self.plant("src/core/planted.cpp", "auto* p = new int;\n")
        self.expect("one-door", "src/core/planted.cpp", 1)
        self.plant("src/core/planted.cpp", "auto* p = ::new (place) int;\n")
        self.expect_none("src/core/planted.cpp")

    # ---- rule 5: two builds -----------------------------------------------------------------------

    def test_namespace_without_build(self):
        for folder in ("src/sync", "src/core", "src/kernel", "src/wdm", "include/belay"):
            with self.subTest(folder):
                self.plant(f"{folder}/planted.hpp",
                           "namespace belay::inline BELAY_BUILD { class a; }\nnamespace belay {\n}\n")
                self.expect("build-mixing", f"{folder}/planted.hpp", 2)
                self.doCleanups()

    def test_both_libraries_in_one_target(self):
        self.plant("tests/planted/CMakeLists.txt",
                   "target_link_libraries(planted PRIVATE belay_native)\n"
                   "target_link_libraries(planted PRIVATE belay_explored)\n")
        self.expect("build-mixing", "tests/planted/CMakeLists.txt", 2)

    # ---- rule 6: libraries ------------------------------------------------------------------------

    def test_library_in_another_folder(self):
        for path, include in (
            ("src/explore/planted.cpp", "fuse_lowlevel.h"), ("src/wdm/planted.cpp", "CLI/CLI.hpp"),
            ("src/cli/planted.cpp", "nlohmann/json.hpp"), ("src/host/planted.cpp", "boost/beast.hpp"),
            ("src/explore/planted.cpp", "gtest/gtest.h"), ("src/host/planted.cpp", "unheard/of.hpp"),
        ):
            with self.subTest(include):
                self.plant(path, f"#include <{include}>\n")
                self.expect("library-folder", path, 1)
                self.doCleanups()

    # ---- clauses ------------------------------------------------------------------------------------

    def clause(self, **changes) -> str:
        clause = {"id": "WDM-" + "CANCEL-998", "title": "planted", "text": "planted", "source": "planted",
                  "status": "implemented", "tests": ["tidy.breaches"], **changes}
        lines = [f"{key} = {value!r}" for key, value in clause.items() if value is not None]
        return "\n[[clause]]\n" + "\n".join(lines) + "\n"

    def expect_clause(self, rule: str, **changes):
        self.plant("contracts/wdm.toml", self.clause(**changes), append=True)
        tomllib.loads((self.root / "contracts/wdm.toml").read_text())
        self.expect(rule, "contracts/wdm.toml")
        self.doCleanups()

    def test_clause_as_it_should_be(self):
        self.plant("contracts/wdm.toml", self.clause(), append=True)
        self.expect_none("contracts/wdm.toml")

    def test_clause_without_test(self):
        self.expect_clause("clause-test", tests=[])
        self.expect_clause("clause-test", tests=[], status="partial", reason="planted")

    def test_clause_with_a_test_that_does_not_exist(self):
        self.expect_clause("clause-test", tests=["wdm.nothing.of_this_name"])

    def test_clause_planned_with_a_test(self):
        self.expect_clause("clause-test", status="planned")

    def test_clause_whose_test_does_not_name_it(self):
        self.plant("tests/wdm/planted_test.cpp", "TEST(planted, holds) {}\n")
        self.plant("contracts/wdm.toml", self.clause(tests=["wdm.planted.holds"]), append=True)
        self.expect("clause-test", "tests/wdm/planted_test.cpp")
        self.plant("tests/wdm/planted_test.cpp", "// WDM-" + "CANCEL-998\nTEST(planted, holds) {}\n")
        self.expect_none("tests/wdm/planted_test.cpp")

    def test_clause_form(self):
        self.expect_clause("clause-form", id="WDM-" + "CANCEL-7")
        self.expect_clause("clause-form", id="WDM-" + "CANCEL-001")
        self.expect_clause("clause-form", status="done")
        self.expect_clause("clause-form", title="x" * 61)
        self.expect_clause("clause-form", source=None)
        self.expect_clause("clause-form", colour="red")
        self.expect_clause("clause-form", status="partial")

    def test_contracts_that_do_not_parse(self):
        self.plant("contracts/planted.toml", "[[clause]\n")
        self.expect("clause-form", "contracts/planted.toml")

    def test_unknown_clause(self):
        for path in ("tests/wdm/planted_test.cpp", "src/wdm/planted.cpp", "docs/planted.md",
                     "examples/drivers/planted/expect.toml"):
            with self.subTest(path):
                self.plant(path, f"\n// {UNKNOWN}\n")
                self.expect("clause-unknown", path, 2)
                self.doCleanups()

    # ---- length, names, exceptions --------------------------------------------------------------

    def test_file_length(self):
        self.plant("src/wdm/planted.cpp", "\n" * 499)
        self.expect_none("src/wdm/planted.cpp")
        self.plant("src/wdm/planted.cpp", "\n" * 500)
        self.expect("file-length", "src/wdm/planted.cpp", 500)

    def test_the_list_of_long_files_does_not_grow(self):
        self.plant("src/wdm/planted.cpp", "\n" * 500)
        self.plant("tools/tidy_allow.toml", '\n[[file-length]]\nfile = "src/wdm/planted.cpp"\nlines = 500\n'
                   'reason = "planted"\n', append=True)
        self.expect("file-length", "tools/tidy_allow.toml")

    def test_workplace(self):
        for text in (f"see {SCRATCH}", "/" + "work/main", "the previous " + "session did", "/" + "root/x"):
            with self.subTest(text):
                self.plant("docs/planted.md", f"\n\n{text}\n")
                self.expect("workplace", "docs/planted.md", 3)
                self.doCleanups()
        self.plant("docs/planted.md", "network/work, ${TMPDIR}/x, a WS session, at work\n")
        self.expect_none("docs/planted.md")

    def test_exception(self):
        entry = '\n[[one-door]]\nfile = "src/explore/planted.cpp"\nnames = ["clock"]\nreason = "planted"\n'
        self.plant("src/explore/planted.cpp", "auto t = time(nullptr);\n")
        self.plant("tools/tidy_allow.toml", entry, append=True)
        self.expect_none("src/explore/planted.cpp")
        self.plant("src/explore/planted.cpp", "int t;\n")
        self.expect("allow-stale", "tools/tidy_allow.toml")

    def test_exception_without_file_or_reason(self):
        self.plant("tools/tidy_allow.toml", '\n[[one-door]]\nfile = "src/no/file.cpp"\nnames = []\n',
                   append=True)
        self.expect("allow-stale", "tools/tidy_allow.toml")


if __name__ == "__main__":
    unittest.main()
