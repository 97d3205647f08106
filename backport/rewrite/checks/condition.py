"""Do the added lines run under upstream's conditions, and begin and end where statements do?"""

from __future__ import annotations

import re
from collections.abc import Sequence

from backport.csource.blocks import Place, places
from backport.rewrite.checks.base import Doubt, Names, Result, added_pairs
from backport.rewrite.render import Edit
from backport.rewrite.signals import Signal

_CONTROL = re.compile(rb"(?:else)?(if|for|while|switch|do|else)(?!\w)|(\w*for_each\w*)\(")


def check(result: Result, k: int, edits: Sequence[Edit], names: Names) -> list[Doubt]:
    """OPPOSITE where an added line runs under the negation of upstream's head (an `else` is one), CONDITION where
    under another kind of head, GUARD where the head only reads differently; STATEMENT where it stands amid a statement
    on one side only."""
    found: list[Doubt] = []
    after = result.problem.after_source
    for u, r in added_pairs(result, k, edits):
        text = result.lines[r].strip()
        theirs, ours = _place(after, u), _place(result.source, r)
        if theirs is None or ours is None or text.startswith((b"*", b"/*", b"//")):
            continue
        shown = text.decode("utf-8", "replace")
        (a, a_amid), (b, b_amid) = _around(theirs), _around(ours)
        if a_amid != b_amid:
            found.append(Doubt(Signal.STATEMENT, f"`{shown}` stands amid a statement on one side only"))
        elif a != b:
            up, here = a.decode("utf-8", "replace"), b.decode("utf-8", "replace")
            kinds = _kind(a), _kind(b)
            signal = Signal.OPPOSITE if opposite(a, b) or (kinds[0] != kinds[1] and b"else" in kinds) else \
                Signal.GUARD if kinds[0] == kinds[1] else Signal.CONDITION
            found.append(Doubt(signal, f"`{shown}` runs under `{here}` in this tree, under `{up}` upstream"))
    return found[:3]


def _place(source: bytes, line: int) -> Place | None:
    found = places(source, line + 1)
    if found is None:
        return None
    first, table = found
    index = line + 1 - first
    return table[index] if 0 <= index < len(table) else None


def _around(place: Place) -> tuple[bytes, bool]:
    """(the head that rules the line, whether the line stands amid a statement)."""
    if _CONTROL.match(place.begun):
        # `if (x)` without braces rules the line; an open parenthesis is amid it
        if place.begun.count(b"(") > place.begun.count(b")"):
            return b"", True
        return place.begun, False
    return place.head + place.case, bool(place.begun)


def _kind(head: bytes) -> bytes:
    match = _CONTROL.match(head)
    if match is None:
        return head
    return b"for" if match[2] or match[1] == b"for" else match[1]


def opposite(a: bytes, b: bytes) -> bool:
    """Whether two heads differ in nothing but one negation: `if(ret)` and `if(!ret)`, `==` and `!=`."""
    return a != b and (a.replace(b"!", b"", 1) == b or b.replace(b"!", b"", 1) == a
                       or a.replace(b"==", b"!=", 1) == b or b.replace(b"==", b"!=", 1) == a)
