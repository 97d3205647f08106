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


def joined(base: bytes, upstream: bytes, target: bytes) -> Joined | None:
    """`target` with the operands that `upstream` has where `base` had others. None where that is not all
    that upstream changed, or where the tree's condition has no more operands than upstream's."""
    old_if, new_if, own_if = condition(base), condition(upstream), condition(target)
    if old_if is None or new_if is None or own_if is None:
        return None
    if len(own_if.operands) <= len(old_if.operands) or len(new_if.operands) != len(old_if.operands):
        return None
    if line_key(old_if.head) != line_key(new_if.head) or line_key(old_if.tail) != line_key(new_if.tail) \
            or line_key(own_if.head) != line_key(old_if.head) or line_key(own_if.tail) != line_key(old_if.tail):
        return None
    if old_if.joiner not in (b"", own_if.joiner) or new_if.joiner != old_if.joiner:
        return None
    operands = list(own_if.operands)
    exact, floor = True, 0
    for old, new in zip(old_if.operands, new_if.operands, strict=True):
        at = _partner(old, own_if.operands, floor)
        if at is None:
            return None
        floor = at + 1
        if line_key(old) != line_key(new):
            exact = exact and line_key(old) == line_key(own_if.operands[at])
            own = own_if.operands[at]
            left, right = own[:len(own) - len(own.lstrip())], own[len(own.rstrip()):]
            operands[at] = left + new.strip() + right
    return Joined(own_if.head + own_if.joiner.join(operands) + own_if.tail, exact)


def _partner(operand: bytes, among: tuple[bytes, ...], floor: int) -> int | None:
    """The only one of `among`, from `floor` on, that is `operand` or much like it."""
    rest = range(floor, len(among))
    same = [n for n in rest if line_key(among[n]) == line_key(operand)]
    alike = same or [n for n in rest if similarity(among[n], operand) >= _ALIKE]
    return alike[0] if len(alike) == 1 else None


def lost(base: bytes, upstream: bytes, target: bytes, merged: bytes) -> bool:
    """True where `merged` has fewer `&&` and `||` than upstream's piece and those that only the tree has: an operand of
    the tree went with what upstream replaces."""
    own = logical(target) - logical(base)
    return own > 0 and logical(merged) < logical(upstream) + own
