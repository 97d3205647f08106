"""Is an added statement code, and not inside a comment of this tree?"""

from __future__ import annotations

from backport.adapt.checks.base import Check, Context, Finding
from backport.adapt.signals import Signal


def ask(context: Context) -> list[Finding]:
    """COMMENTED: code upstream that would be text here (the tree has the block commented out: the fix would be
    reported as made and do nothing), or the other way round."""
    theirs, ours = context.upstream.bare_lines, context.adapted.bare_lines
    found = []
    for u, r in context.pairs:
        here, up = bool(ours[r].strip()), bool(theirs[u].strip())
        if here != up:
            shown = context.result.lines[r].strip().decode("utf-8", "replace")
            found.append(Finding(Signal.COMMENTED, f"`{shown}` is inside a comment in this tree" if up else
                                                   f"`{shown}` is part of a comment upstream, not in this tree"))
    return found[:1]


CHECK = Check(__name__, __doc__, ask, (Signal.COMMENTED,))
