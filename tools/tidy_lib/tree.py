"""The tree under check: its files, their text with and without comments, breaches, exceptions."""

from __future__ import annotations

import dataclasses
import functools
import pathlib
import re
import subprocess
import tomllib

SKIPPED_FOLDERS = {".git", "build", "out", ".cache", "__pycache__"}
CPP_SUFFIXES = {".cpp", ".hpp", ".h", ".c", ".cc", ".inl"}
HEADER_SUFFIXES = {".hpp", ".h"}

_LEXEME = re.compile(
    r"""(?P<comment>//[^\n]*|/\*.*?\*/)
      | R"(?P<tag>[^()\\\s]{0,16})\(.*?\)(?P=tag)"
      | (?P<string>"(?:\\.|[^"\\\n])*")
      | (?<![0-9A-Za-z_'])(?:L|u8|u|U)?'(?:\\.|[^'\\\n])+'""",
    re.S | re.X,
)
_INCLUDE = re.compile(r'^[ \t]*#[ \t]*include(?:_next)?[ \t]*([<"])([^>"\n]+)[>"]', re.M)


@dataclasses.dataclass(frozen=True, order=True)
class Breach:
    path: str
    line: int
    rule: str
    message: str

    def __str__(self) -> str:
        return f"{self.path}:{self.line}: {self.rule}: {self.message}"


@dataclasses.dataclass(frozen=True)
class Include:
    line: int
    quoted: bool
    path: str

    def __str__(self) -> str:
        return f'"{self.path}"' if self.quoted else f"<{self.path}>"


def _blank(text: str) -> str:
    return re.sub(r"[^\n]", " ", text)


class File:
    """One text file, path relative to the root with forward slashes."""

    def __init__(self, root: pathlib.Path, path: str, text: str):
        self.path = path
        self.absolute = root / path
        self.text = text
        self.suffix = pathlib.PurePosixPath(path).suffix
        self.name = pathlib.PurePosixPath(path).name
        self.is_cpp = self.suffix in CPP_SUFFIXES
        self.is_header = self.suffix in HEADER_SUFFIXES
        self.is_cmake = self.name == "CMakeLists.txt" or self.suffix == ".cmake"

    @functools.cached_property
    def without_comments(self) -> str:
        return _LEXEME.sub(
            lambda m: _blank(m[0]) if m["comment"] is not None else m[0], self.text
        )

    @functools.cached_property
    def code(self) -> str:
        """Comments and literals blanked, line numbers kept."""
        return _LEXEME.sub(lambda m: _blank(m[0]), self.text)

    @functools.cached_property
    def includes(self) -> list[Include]:
        text = self.without_comments
        return [
            Include(text.count("\n", 0, m.start(1)) + 1, m[1] == '"', m[2])
            for m in _INCLUDE.finditer(text)
        ]

    def line_of(self, offset: int) -> int:
        return self.text.count("\n", 0, offset) + 1


class Allow:
    """tools/tidy_allow.toml. An entry that nothing needs is a breach of its own."""

    PATH = "tools/tidy_allow.toml"

    def __init__(self, text: str):
        self.lines = text.splitlines()
        self.entries = tomllib.loads(text) if text else {}
        self.used: set[tuple[str, str, str]] = set()

    def of(self, rule: str) -> list[dict]:
        return self.entries.get(rule, [])

    def permits(self, rule: str, path: str, what: str) -> bool:
        for entry in self.of(rule):
            if entry.get("file") == path and what in entry.get("names", []):
                self.used.add((rule, path, what))
                return True
        return False

    def line_of(self, needle: str) -> int:
        for number, line in enumerate(self.lines, 1):
            if needle in line:
                return number
        return 1

    def report_stale(self, tree: Tree) -> None:
        for rule, entries in self.entries.items():
            for entry in entries:
                path = entry.get("file", "")
                line = self.line_of(f'"{path}"')
                if not entry.get("reason"):
                    tree.breach_at(self.PATH, line, "allow-stale",
                                   f"the entry for {path} gives no reason (add reason = \"…\")")
                if path not in tree.by_path:
                    tree.breach_at(self.PATH, line, "allow-stale",
                                   f"{path} does not exist (delete the entry)")
                    continue
                for name in entry.get("names", []):
                    if (rule, path, name) not in self.used:
                        tree.breach_at(self.PATH, line, "allow-stale",
                                       f"{path} no longer needs {name} for {rule} (delete it from the entry)")


class Tree:
    def __init__(self, root: pathlib.Path, known: dict[str, File] | None = None):
        """`known`: files of an earlier tree at this root, used again where they have not changed."""
        known = known or {}
        self.root = root.resolve()
        self.breaches: set[Breach] = set()
        self.files: list[File] = []
        for path in self._paths():
            try:
                text = (self.root / path).read_text(encoding="utf-8")
            except (UnicodeDecodeError, FileNotFoundError, IsADirectoryError):
                continue  # not text, or deleted and not yet committed
            same = path in known and known[path].text == text
            self.files.append(known[path] if same else File(self.root, path, text))
        self.by_path = {file.path: file for file in self.files}
        allow = self.by_path.get(Allow.PATH)
        self.allow = Allow(allow.text if allow else "")

    def _paths(self) -> list[str]:
        if (self.root / ".git").exists():
            listed = subprocess.run(
                ["git", "-C", str(self.root), "ls-files", "-z", "--cached", "--others",
                 "--exclude-standard"],
                capture_output=True, check=False)
            if listed.returncode == 0:
                return sorted(set(listed.stdout.decode().split("\0")) - {""})
        return sorted(
            path.relative_to(self.root).as_posix()
            for path in self.root.rglob("*")
            if path.is_file()
            and not SKIPPED_FOLDERS & set(path.relative_to(self.root).parts[:-1])
        )

    def under(self, *folders: str) -> list[File]:
        return [f for f in self.files if f.path.startswith(tuple(x + "/" for x in folders))]

    def breach(self, file: File, line: int, rule: str, message: str) -> None:
        self.breach_at(file.path, line, rule, message)

    def breach_at(self, path: str, line: int, rule: str, message: str) -> None:
        self.breaches.add(Breach(path, line, rule, message))
