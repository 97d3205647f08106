"""Are added members and entries inside the struct, union or entry that upstream's are in?

A member that comes to stand in the union beside its place shares its bytes with another one, and an initialiser in
the next entry of a table configures other hardware: both compile.
"""

from __future__ import annotations

from collections.abc import Sequence

from backport.adapt.checks.base import Check, Context, Finding, quote
from backport.adapt.signals import Signal
from backport.csource.scopes import block
from backport.csource.tables import Inner, entries_around, opened


def ask(context: Context) -> list[Finding]:
    """INSIDE where other aggregates or designators are around the line, ENTRY where only the entry without a name
    begins otherwise."""
    result = context.result
    found = []
    for u, r in context.pairs:
        theirs, ours = block(result.problem.upstream, u + 1), block(result.source, r + 1)
        if theirs is None or ours is None:
            continue
        a, b = entries_around(result.problem.upstream, theirs, u), entries_around(result.source, ours, r)
        if not a or not b:
            continue
        text = result.lines[r].strip()
        if opened(a) != opened(b):
            found.append(Finding(Signal.INSIDE, f"{quote(text)} is inside {_shown(b)} in this "
                                                f"tree, inside {_shown(a)} upstream"))
        elif any(x == b"" and one != two and not b" ".join(text.split()).startswith(two) and _differ(one, two)
                 for (x, one), (_, two) in zip(a[1:], b[1:], strict=True)):
            found.append(Finding(Signal.ENTRY, f"{quote(text)} is in the entry that begins "
                                               f"with {quote(b[-1][1])} in this tree, with "
                                               f"{quote(a[-1][1])} upstream"))
    return found[:1]


def _differ(one: bytes, two: bytes) -> bool:
    return one.rstrip(b",}") != two.rstrip(b",}")


def _shown(chain: Sequence[Inner]) -> str:
    return " / ".join(f"{quote(head)}" if head else "an entry" for head, _ in chain)


CHECK = Check(__name__, __doc__, ask, (Signal.ENTRY, Signal.INSIDE))
