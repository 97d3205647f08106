"""Do lines of files that are no C stand in the section that upstream's stand in?

A `select` in the next `config`, a property in another device's node: nothing in their text says whose they are.
"""

from __future__ import annotations

from collections.abc import Sequence

from backport import sections
from backport.adapt.checks.base import Doubt, Names, Result, added_pairs
from backport.adapt.edits import Edit
from backport.adapt.signals import Signal


def check(result: Result, k: int, edits: Sequence[Edit], names: Names) -> list[Doubt]:
    """INSIDE: another `config`, node or routine is around an added line than around upstream's."""
    problem = result.problem
    if sections.is_c(problem.path):
        return []
    for u, r in added_pairs(result, k, edits):
        a = sections.scope(problem.after_source, u + 1, problem.upstream_path)
        b = sections.scope(result.source, r + 1, problem.path)
        if not sections.same(b, a, problem.path, result.source):
            shown = result.lines[r].strip().decode("utf-8", "replace")
            return [Doubt(Signal.INSIDE, f"`{shown}` stands in `{b}` in this tree, in `{a}` upstream")]
    return []
