"""Did this tree ever have the names that upstream removes?"""

from __future__ import annotations

from backport.adapt.checks.base import Check, Context, Finding, quote
from backport.adapt.signals import Signal
from backport.csource.pieces import KEYWORDS
from backport.csource.tokens import identifiers


def ask(context: Context) -> list[Finding]:
    """NEVER: names in the removed lines, not in the added ones, that stand nowhere in this tree's file.

    Part of the change is then about something that is not here, and its other half may have to be left out as well.
    """
    result = context.result
    problem = result.problem
    hunk = problem.hunks[context.hunk]
    gone = set(identifiers(b"".join(hunk.removed))) - set(identifiers(b"".join(hunk.added))) - KEYWORDS
    return [Finding(Signal.NEVER, f"the patch removes {quote(w)}, which this tree's file never had", w.decode())
            for w in sorted(gone) if not problem.target_has(w)]


CHECK = Check(__name__, __doc__, ask, (Signal.NEVER,))
