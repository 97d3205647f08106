"""Does control fall through to added labels and statements as it does upstream?"""

from __future__ import annotations

from collections.abc import Sequence

from backport.adapt.checks.base import Check, Context, Finding, bare_lines, quote
from backport.adapt.signals import Signal
from backport.csource.blocks import place_of
from backport.csource.functions import enclosing
from backport.csource.statements import is_case, label, leaves


def ask(context: Context) -> list[Finding]:
    """FALLING: the statement above an added label is a jump on one side only, an added statement stands behind a jump
    or behind a label in this tree only."""
    result = context.result
    found = []
    theirs, ours = (bare_lines(s) for s in (result.problem.upstream, result.source))
    for u, r in context.pairs:
        a, b = _above(theirs, u), _above(ours, r)
        if not b or not a or b.strip().endswith((b"{", b"}")) or a.strip().endswith((b"{", b"}")):
            continue
        shown, above, up = (x.strip().decode("utf-8", "replace") for x in (ours[r], b, a))
        if label(ours[r]) or is_case(ours[r]):
            if leaves(a) != leaves(b):
                found.append(Finding(Signal.FALLING, f"`{above}` comes before the added `{shown}`, upstream has "
                                                     f"`{up}` there"))
        elif leaves(b) and not leaves(a) and (place := place_of(result.source, r)) is not None \
                and not place.begun and not _ruled(result.source, ours, r):
            found.append(Finding(Signal.FALLING, f"`{shown}` comes after `{above}` in this tree, after `{up}` "
                                                 "upstream"))
    for u, r in context.pairs[:1]:
        mine, yours = _label(result.source, ours, r), _label(result.problem.upstream, theirs, u)
        if mine and not yours:
            shown = ours[r].strip().decode("utf-8", "replace")
            found.append(Finding(Signal.FALLING, f"`{shown}` comes after the label {quote(mine)} "
                                                 "in this tree, after none upstream"))
    return found


def _ruled(source: bytes, lines: Sequence[bytes], at: int) -> bool:
    """Whether the statement above line `at` is an `if`'s."""
    above = next((i for i in range(at - 1, -1, -1) if lines[i].strip()), None)
    place = place_of(source, above) if above is not None else None
    return place is None or bool(place.begun)


def _label(source: bytes, lines: Sequence[bytes], at: int) -> bytes:
    """The nearest label at column 0 above line `at` in its function."""
    f = enclosing(source, at + 1)
    if f is None:
        return b""
    margin = (lines[i] for i in range(at, f.body, -1) if lines[i][:1] not in (b" ", b"\t"))
    return next((name for line in margin if (name := label(line))), b"")


def _above(lines: Sequence[bytes], at: int) -> bytes:
    return next((line for line in reversed(lines[:at]) if line.strip()), b"")


CHECK = Check(__name__, __doc__, ask, (Signal.FALLING,), local=True)
