"""The rules behind tools/tidy."""

from . import clauses, hygiene, layers
from .tree import Breach, Tree


def check(tree: Tree) -> list[Breach]:
    """All breaches in `tree`, by file and line."""
    for one in (*layers.CHECKS, *clauses.CHECKS, *hygiene.CHECKS):
        one(tree)
    tree.allow.report_stale(tree)  # last: the checks above mark what they used
    return sorted(tree.breaches)
