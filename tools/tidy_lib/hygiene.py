"""File length, and names that do not belong into the repository."""

from __future__ import annotations

import re

from .tree import Allow, File, Tree

LONGEST = 499
# How many files may be longer. Lower it when one has been split; it never grows.
MOST_LONG_FILES = 0
COUNTED = {".cpp", ".hpp", ".h", ".c", ".cc", ".inl", ".S", ".py", ".sh", ".cmake"}

# Put together from halves, so that this file passes its own check.
_PLACES = (
    r"(?<![\w.$}])/wo" r"rk(?:/|\b(?!-))",
    r"(?<![\w.$}])/tm" r"p(?:/|\b)",
    r"(?<![\w.$}])/ro" r"ot/",
    r"(?<![\w.$}])/ho" r"me/\w",
)
_WORDS = (
    r"\bissues (?:sh" r"ow|li" r"st)\b",
    r"\b(?:this|next|previous|last|another|my|a later|an earlier) sess" r"ion\b(?! (?:key|id|of the))",
    r"\b(?:my|the other|another|fellow) help" r"ers?\b",
    r"\b(?:this|the|our) work" r"place\b",
    r"\bcla" r"ude\b|\banth" r"ropic\b|\bsub-?ag" r"ents?\b",
)
WORKPLACE = re.compile("|".join(_PLACES + _WORDS), re.I)
# One of these is in every match: the regular expression is slow, and few files need it.
_HINTS = ("/wo" "rk", "/tm" "p", "/ro" "ot/", "/ho" "me/", "issues ", " sess" "ion", " help" "er",
          " work" "place", "cla" "ude", "anth" "ropic", "ag" "ent")


def is_counted(file: File) -> bool:
    return (file.suffix in COUNTED or file.name == "CMakeLists.txt"
            or (not file.suffix and file.text.startswith("#!")))


def check_length(tree: Tree) -> None:
    allowed = {entry.get("file"): entry for entry in tree.allow.of("file-length")}
    for file in tree.files:
        if not is_counted(file):
            continue
        lines = file.text.count("\n") + (not file.text.endswith("\n"))
        entry = allowed.get(file.path)
        if entry is None:
            if lines > LONGEST:
                tree.breach(file, LONGEST + 1, "file-length",
                            f"{lines} lines (split it: a file stays under {LONGEST + 1})")
            continue
        at = tree.allow.line_of(f'"{file.path}"')
        if lines <= LONGEST:
            tree.breach_at(Allow.PATH, at, "allow-stale",
                           f"{file.path} has {lines} lines now (delete the entry)")
        elif lines > entry.get("lines", 0):
            tree.breach(file, entry.get("lines", 0) + 1, "file-length",
                        f"{lines} lines, allowed are {entry.get('lines')} (split it; the allowance only shrinks)")
        elif lines < entry.get("lines", 0):
            tree.breach_at(Allow.PATH, at, "allow-stale",
                           f"{file.path} has shrunk to {lines} lines (lower the allowance to that)")
    if len(allowed) > MOST_LONG_FILES:
        tree.breach_at(Allow.PATH, 1, "file-length",
                       f"{len(allowed)} files are allowed to be long, the most is {MOST_LONG_FILES} "
                       "(split one; the list only shrinks)")


def check_workplace(tree: Tree) -> None:
    for file in tree.files:
        lower = file.text.lower()
        if not any(hint in lower for hint in _HINTS):
            continue
        for match in WORKPLACE.finditer(file.text):
            if not tree.allow.permits("workplace", file.path, match[0].strip()):
                tree.breach(file, file.line_of(match.start()), "workplace",
                            f"names {match[0].strip()!r} (say it in terms of the repository; scratch files "
                            "come from mktemp or TMPDIR)")


CHECKS = (check_length, check_workplace)
