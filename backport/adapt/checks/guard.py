"""Do the added lines run under upstream's conditions, as whole statements?"""

from __future__ import annotations

from backport.adapt.checks.base import Check, Context, Finding
from backport.adapt.signals import Signal
from backport.csource.blocks import Place, place_of
from backport.csource.statements import head_kind, walker
from backport.csource.tokens import identifiers

_LOOP = 0.5              # Dice over the words of two loops' heads that makes them the same loop
_WAYS = frozenset({b"safe", b"rcu", b"reverse", b"continue", b"from"})
_NAME = 6                # letters of a name that may be part of another one's
_TURNED = ((b"!", b""), (b"==", b"!="), (b"<=", b">"), (b">=", b"<"), (b"==0", b""), (b"==NULL", b""))


def ask(context: Context) -> list[Finding]:
    """OPPOSITE where an added line runs under the negation of upstream's head (an `else` is one), CONDITION where
    under another kind of head, GUARD where the head only reads differently; STATEMENT where it stands amid a statement
    on one side only."""
    result = context.result
    found: list[Finding] = []
    after = result.problem.upstream
    for u, r in context.pairs:
        text = result.lines[r].strip()
        theirs, ours = place_of(after, u), place_of(result.source, r)
        if theirs is None or ours is None or text.startswith((b"*", b"/*", b"//")):
            continue
        shown = text.decode("utf-8", "replace")
        (a, a_amid), (b, b_amid) = _around(theirs), _around(ours)
        if a_amid != b_amid:
            found.append(Finding(Signal.STATEMENT, f"`{shown}` is in the middle of a statement on one side only"))
        elif a != b:
            up, here = a.decode("utf-8", "replace"), b.decode("utf-8", "replace")
            kinds = head_kind(a) or a, head_kind(b) or b
            signal = Signal.OPPOSITE if opposite(a, b) or (kinds[0] != kinds[1] and b"else" in kinds) else \
                Signal.GUARD if kinds[0] == kinds[1] and _refines(a, b) and _walks(a) == _walks(b) else Signal.CONDITION
            found.append(Finding(signal, f"`{shown}` runs under `{here}` in this tree, under `{up}` upstream"))
    return found[:3]


def _around(place: Place) -> tuple[bytes, bool]:
    """(the head that rules the line, whether the line stands amid a statement)."""
    if head_kind(place.begun):
        # `if (x)` without braces rules the line; an open parenthesis is amid it
        if place.begun.count(b"(") > place.begun.count(b")"):
            return b"", True
        return place.begun, False
    return place.head + place.case, bool(place.begun)


def _walks(head: bytes) -> frozenset[bytes]:
    """In which way a loop over a list goes: what may be taken off it inside is another thing for each."""
    return _WAYS & frozenset(walker(head).split(b"_"))


def _refines(a: bytes, b: bytes) -> bool:
    """Whether one of two heads has all words of the other, a call by a longer name included (`aa_unpack_x`): a further
    condition, and not another one. A loop has no branch beside it that could be meant: half of its words will do."""
    x, y = set(identifiers(a)), set(identifiers(b))
    if head_kind(a) == b"for" and 2 * len(x & y) >= _LOOP * (len(x) + len(y)):
        return True
    return any(all(any(word == other or (len(word) >= _NAME and (word in other or other in word)) for other in more)
                   for word in few) for few, more in ((x, y), (y, x)))


def opposite(a: bytes, b: bytes) -> bool:
    """Whether two heads differ in nothing but one negation: `if(ret)` and `if(!ret)`, `==` and `!=`, `<=` and `>`."""
    a, b = (x.replace(b"->", b".") for x in (a, b))
    return a != b and any(x.replace(gone, come, 1) == y for x, y in ((a, b), (b, a)) for gone, come in _TURNED)


CHECK = Check(__name__, __doc__, ask, (Signal.CONDITION, Signal.GUARD, Signal.OPPOSITE, Signal.STATEMENT), local=True)
