"""Is an added statement a statement, and no part of a comment of this tree?"""

from __future__ import annotations

from collections.abc import Sequence

from backport.adapt.checks.base import Doubt, Names, Result, added_pairs, bare_lines
from backport.adapt.edits import Edit
from backport.adapt.signals import Signal


def check(result: Result, k: int, edits: Sequence[Edit], names: Names) -> list[Doubt]:
    """COMMENTED: code upstream that would be text here (the tree has the block commented out: the fix would be
    reported as made and do nothing), or the other way round."""
    theirs, ours = bare_lines(result.problem.after_source), bare_lines(result.source)
    found = []
    for u, r in added_pairs(result, k, edits):
        here, up = bool(ours[r].strip()), bool(theirs[u].strip())
        if here != up:
            shown = result.lines[r].strip().decode("utf-8", "replace")
            found.append(Doubt(Signal.COMMENTED, f"`{shown}` stands inside a comment in this tree" if up else
                               f"`{shown}` is part of a comment upstream, and stands in none in this tree"))
    return found[:1]
