"""The clause rules: clause-form, clause-test, clause-unknown."""

from __future__ import annotations

import fnmatch
import pathlib
import re
import tomllib

from .tree import File, Tree

FAMILIES = "WDM|WDF|WIN32|COM|WWS|MI"
ID = re.compile(rf"\b(?:{FAMILIES})-[A-Z][A-Z0-9]*-\d{{3}}\b")
REQUIRED = ("id", "title", "text", "source", "status", "tests")
OPTIONAL = ("rule", "bug_check", "fix", "reason")
STATUSES = ("implemented", "partial", "stub", "planned")
NEED_TESTS = ("implemented", "partial")

GTEST = re.compile(r"^[ \t]*(?:TYPED_)?TEST(?:_F|_P)?\s*\(\s*(\w+)\s*,\s*(\w+)\s*\)", re.M)
BELAY_GTEST = re.compile(r"\bbelay_gtest\s*\(\s*([\w.]+)\s")
ADD_TEST = re.compile(r"\badd_test\s*\(\s*NAME\s+\"?([^\s\")]+)")


class Tests:
    """The ctest names that the tree defines, found in its text."""

    def __init__(self, tree: Tree):
        self.sources: dict[str, File] = {}  # gtest name -> the file that holds it
        self.patterns: list[tuple[str, File]] = []  # of add_test, ${…} turned into *
        layers: dict[str, set[str]] = {}  # tests/<folder> -> the layers its CMakeLists names
        for file in tree.files:
            if file.is_cmake:
                text = re.sub(r"#[^\n]*", "", file.text)
                for match in ADD_TEST.finditer(text):
                    self.patterns.append((re.sub(r"\$\{[^}]*\}", "*", match[1]), file))
                folder = str(pathlib.PurePosixPath(file.path).parent)
                layers.setdefault(folder, set()).update(BELAY_GTEST.findall(text))
        for file in tree.under("tests"):
            if file.suffix != ".cpp":
                continue
            folder = "/".join(file.path.split("/")[:2])
            prefixes = layers.get(folder, set()) | {folder.split("/")[1]}
            for suite, name in GTEST.findall(file.without_comments):
                for prefix in prefixes:
                    self.sources[f"{prefix}.{suite}.{name}"] = file
        self.stems = {
            part.split(".")[0] for f in tree.files for part in pathlib.PurePosixPath(f.path).parts
        }

    def script_exists(self, name: str) -> bool:
        for pattern, file in self.patterns:
            if not fnmatch.fnmatchcase(name, pattern):
                continue
            if "*" not in pattern:
                return True
            # What stands for the variable must be a file, a folder or a word of that list.
            shape = re.escape(pattern).replace(r"\*", r"(.+)")
            values = re.fullmatch(shape, name).groups()
            if all(v in self.stems or re.search(rf"(?<![\w]){re.escape(v)}(?![\w])", file.text)
                   for v in values):
                return True
        return False


def line_of(file: File, identifier: str) -> int:
    found = re.search(rf"""^id\s*=\s*["']{re.escape(identifier)}["']""", file.text, re.M)
    return file.line_of(found.start()) if found else 1


def load(tree: Tree) -> list[tuple[File, dict]]:
    found = []
    for file in tree.under("contracts"):
        if file.suffix != ".toml":
            continue
        try:
            table = tomllib.loads(file.text)
        except tomllib.TOMLDecodeError as error:
            tree.breach(file, 1, "clause-form", f"{error} (mend the TOML)")
            continue
        found += [(file, clause) for clause in table.get("clause", [])]
    return found


def check_form(tree: Tree, clauses: list[tuple[File, dict]]) -> None:
    seen: dict[str, str] = {}
    for file, clause in clauses:
        identifier = str(clause.get("id", ""))
        line = line_of(file, identifier)

        def wrong(message: str) -> None:
            tree.breach(file, line, "clause-form", f"{identifier or 'a clause'}: {message}")

        if not ID.fullmatch(identifier):
            wrong("not an id of the form FAMILY-GROUP-nnn (see contracts/README.md)")
        if identifier in seen:
            wrong(f"stands in {seen[identifier]} already (take the next free number)")
        seen[identifier] = file.path
        for key in REQUIRED:
            if key not in clause:
                wrong(f"no `{key}` (see the table in contracts/README.md)")
        for key in clause:
            if key not in REQUIRED + OPTIONAL:
                wrong(f"unknown key `{key}` (the keys are {', '.join(REQUIRED + OPTIONAL)})")
        if len(str(clause.get("title", ""))) > 60:
            wrong("the title is longer than 60 characters (shorten it)")
        if clause.get("status") not in STATUSES:
            wrong(f"status {clause.get('status')!r} is not known (take one of {', '.join(STATUSES)})")
        if clause.get("status") == "partial" and not clause.get("reason"):
            wrong("partial without a reason (say what is missing)")


def check_tests(tree: Tree, clauses: list[tuple[File, dict]]) -> None:
    tests = Tests(tree)
    for file, clause in clauses:
        identifier = str(clause.get("id", ""))
        line = line_of(file, identifier)
        names = clause.get("tests", [])
        if clause.get("status") in NEED_TESTS and not names:
            tree.breach(file, line, "clause-test",
                        f"{identifier} is {clause['status']} and has no test (name one, or call it planned)")
        if clause.get("status") == "planned" and names:
            tree.breach(file, line, "clause-test",
                        f"{identifier} is planned and has tests (call it implemented or partial)")
        for name in names:
            source = tests.sources.get(name)
            if source is None and not tests.script_exists(name):
                tree.breach(file, line, "clause-test",
                            f"{identifier}: there is no test {name} (layer.suite.case of a gtest under "
                            "tests/, or the name in an add_test)")
            elif source is not None and identifier not in source.text:
                tree.breach(source, 1, "clause-test",
                            f"{identifier} claims {name}, but this file never says {identifier} (name the "
                            "clause in a comment above the test)")


def check_unknown(tree: Tree, clauses: list[tuple[File, dict]]) -> None:
    known = {clause.get("id") for _, clause in clauses}
    for file in tree.files:
        for match in ID.finditer(file.text):
            if match[0] not in known:
                tree.breach(file, file.line_of(match.start()), "clause-unknown",
                            f"{match[0]} is in no contracts/*.toml (correct the number, or add the clause)")


def check(tree: Tree) -> None:
    clauses = load(tree)
    check_form(tree, clauses)
    check_tests(tree, clauses)
    check_unknown(tree, clauses)


CHECKS = (check,)
