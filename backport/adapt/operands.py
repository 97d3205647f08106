"""A condition of which upstream replaces some operands, where this tree's has others beside them."""

from __future__ import annotations

from dataclasses import dataclass

from backport.adapt.align import line_key, similarity
from backport.csource.operands import condition, logical

_ALIKE = 0.6             # share of tokens that makes an operand of the tree the one that upstream replaces


@dataclass(frozen=True, slots=True)
class Joined:
    """`text` is the piece with upstream's operands in it; `exact` where the replaced ones read as upstream's did."""

    text: bytes
    exact: bool


def joined(base: bytes, ours: bytes, theirs: bytes) -> Joined | None:
    """`theirs` (the tree's piece) with the operands that `ours` has where `base` had others. None where that is not all
    that upstream changed, or where the tree's condition has no more operands than upstream's."""
    a, u, t = condition(base), condition(ours), condition(theirs)
    if a is None or u is None or t is None or len(t.operands) <= len(a.operands) or len(u.operands) != len(a.operands):
        return None
    if line_key(a.head) != line_key(u.head) or line_key(a.tail) != line_key(u.tail) \
            or line_key(t.head) != line_key(a.head) or line_key(t.tail) != line_key(a.tail):
        return None
    if a.joiner not in (b"", t.joiner) or u.joiner != a.joiner:
        return None
    operands = list(t.operands)
    exact, floor = True, 0
    for old, new in zip(a.operands, u.operands, strict=True):
        at = _partner(old, t.operands, floor)
        if at is None:
            return None
        floor = at + 1
        if line_key(old) != line_key(new):
            exact = exact and line_key(old) == line_key(t.operands[at])
            own = t.operands[at]
            left, right = own[:len(own) - len(own.lstrip())], own[len(own.rstrip()):]
            operands[at] = left + new.strip() + right
    return Joined(t.head + t.joiner.join(operands) + t.tail, exact)


def _partner(operand: bytes, among: tuple[bytes, ...], floor: int) -> int | None:
    """The only one of `among`, from `floor` on, that is `operand` or much like it."""
    rest = range(floor, len(among))
    same = [n for n in rest if line_key(among[n]) == line_key(operand)]
    alike = same or [n for n in rest if similarity(among[n], operand) >= _ALIKE]
    return alike[0] if len(alike) == 1 else None


def lost(base: bytes, ours: bytes, theirs: bytes, merged: bytes) -> bool:
    """True where `merged` has fewer `&&` and `||` than upstream's piece and those that only the tree has: an operand of
    the tree went with what upstream replaces."""
    own = logical(theirs) - logical(base)
    return own > 0 and logical(merged) < logical(ours) + own
