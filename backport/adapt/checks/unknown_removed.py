"""Does upstream take away a name that this tree never had?"""

from __future__ import annotations

from collections.abc import Sequence

from backport.adapt.checks.base import Doubt, Names, Result
from backport.adapt.edits import Edit
from backport.adapt.signals import Signal
from backport.csource.pieces import KEYWORDS
from backport.csource.tokens import identifiers


def check(result: Result, k: int, edits: Sequence[Edit], names: Names) -> list[Doubt]:
    """NEVER: names in the removed lines, not in the added ones, that stand nowhere in this tree's file.

    Part of the change is then about something that is not here, and its other half may have to be left out as well.
    """
    problem = result.problem
    hunk = problem.hunks[k]
    gone = set(identifiers(b"".join(hunk.removed))) - set(identifiers(b"".join(hunk.added))) - KEYWORDS
    return [Doubt(Signal.NEVER, f"the patch takes away `{w.decode()}`, which this tree's file never had", w.decode())
            for w in sorted(gone - problem.target_words)]
