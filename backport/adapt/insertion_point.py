"""Which of two neighbours added lines keep to, where this tree has further lines between them.

Upstream put them between two lines that touch; here those two are apart, and the added lines can stand before this
tree's own lines or behind them. What decides is layout first (a paragraph stays one, a label opens one), then what a
further line would mean (nothing is run before an early exit that upstream's did not pass), and for lines without an
order what a person does who resolves the conflict: this tree's lines first, upstream's behind them.
"""

from __future__ import annotations

from collections.abc import Sequence

from backport.adapt.align import line_key, weak
from backport.csource.declarations import is_local
from backport.csource.includes import is_include
from backport.csource.source import Source
from backport.csource.statements import controls, jump, label
from backport.patch.edits import Edit

_MANY = 24               # lines that are looked at


def behind(base: Sequence[bytes], edit: Edit, target: Sequence[bytes], lo: int, hi: int) -> bool:
    """True where the lines that `edit` adds to `base` go behind target[lo:hi], False where they go before them."""
    own = target[lo:hi]
    if controls(own[-1]):
        return False
    above = base[edit.lo - 1] if edit.lo > 0 else b""
    below = base[edit.lo] if edit.lo < len(base) else b""
    if not edit.new[0].strip():      # an empty line first: they end a paragraph
        return False
    if is_local(edit.new[0]) and (above.rstrip().endswith(b"{") or is_local(above)) \
            and any(_runs(line) for line in own):
        return False                 # a declaration opens its block
    amid = bool(own[-1].strip()) and not own[-1].rstrip().endswith(b"{")
    if not edit.new[-1].strip():     # a paragraph of its own
        if lo > 0 and not target[lo - 1].strip() and amid:
            return False             # or it would tear one of this tree's apart
        before = next((base[i] for i in range(edit.lo - 1, max(-1, edit.lo - 4), -1) if base[i].strip()), b"")
        # behind the declarations, or else before what follows
        return not is_local(before) or any(leaves(line) for line in own)
    if not above.strip() and amid and label(edit.new[-1]):
        return False                 # a label opens the paragraph that follows it
    if weak(line_key(above)):
        return not weak(line_key(below))
    return all(_orderless(line) for line in (*edit.new, above, below, *own))


def unconditional(base: Sequence[bytes], n: int, target: Sequence[bytes], lo: int, hi: int) -> int | None:
    """Where lines go that stand under no `#if` before base[n], if one of their neighbours does here, and target[lo:hi]
    between those ends or begins it: outside. None where no `#if` decides."""
    depths = [_opens(line) for line in target[lo:hi]]
    if sum(depths) == 0 or any(Source.of(b"".join(base)).conditions[max(0, n - 1):n + 1]):
        return None
    if sum(depths) < 0:
        return lo + max(i for i, depth in enumerate(depths) if depth < 0) + 1
    return lo + min(i for i, depth in enumerate(depths) if depth > 0)


def _opens(line: bytes) -> int:
    """1 for a line that opens a condition of the preprocessor, -1 for one that ends it, else 0."""
    word = line.lstrip()[1:].lstrip() if line.lstrip().startswith(b"#") else b""
    return word.startswith(b"if") - word.startswith(b"endif")


def unordered(base: Sequence[bytes], edit: Edit, target: Sequence[bytes], above: int, partner: Sequence[int]) -> int:
    """How many of this tree's lines behind target[above] go before the added ones, where upstream's next lines are not
    here: all of them up to the next that both have, if none of them all has an order."""
    end = edit.lo
    while end < len(partner) and partner[end] < 0:
        end += 1
    own = target[above + 1:partner[end]] if end < len(partner) else []
    lines = (*base[edit.lo - 1:end], *edit.new, *own)
    return len(own) if len(lines) <= _MANY and all(_orderless(line) for line in lines) else 0


def rest_of_paragraph(target: Sequence[bytes], at: int) -> int:
    """How many lines from target[at] on belong to the paragraph that stands above; 0 where one of them is no plain
    statement, or where it has no end near."""
    for n, line in enumerate(target[at:at + _MANY]):
        if not line.strip():
            return n
        if not line.rstrip().endswith(b";") or leaves(line) or controls(target[at + n - 1]):
            return 0
    return 0


def leaves(line: bytes) -> bool:
    """True for a `return` or a `goto`."""
    return jump(line) in (b"return", b"goto")


def _runs(line: bytes) -> bool:
    """True for a call or an assignment; a member, of whatever type, is neither."""
    text = line.strip()
    return not is_local(line) and text[:1] not in (b"/", b"*", b"#") \
        and (b" = " in text or (b"(" in text and b"(*" not in text))


def _orderless(line: bytes) -> bool:
    """True for a declaration, a member, an `#include`: what stands first of two of them says nothing."""
    return is_local(line) or is_include(line)
