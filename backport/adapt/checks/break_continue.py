"""Do an added `break` and `continue` end the same kind of block as upstream's?"""

from __future__ import annotations

from backport.adapt.checks.base import Check, Context, Finding, bare_lines
from backport.adapt.signals import Signal
from backport.csource.blocks import LOOPS, around
from backport.csource.statements import head_kind, jump


def ask(context: Context) -> list[Finding]:
    """CONDITION: the innermost loop or `switch` around an added `break` is of another kind than upstream's, or there is
    none."""
    up, here = context.problem.upstream, context.result.source
    found = []
    for u, r in context.jumps(b"break", b"continue"):
        word = jump(bare_lines(up)[u])
        theirs, ours = _ended(up, u, word), _ended(here, r, jump(bare_lines(here)[r]))
        if theirs != ours:
            found.append(Finding(Signal.CONDITION, f"`{word.decode()};` ends {ours.decode()} in this tree, "
                                                   f"{theirs.decode()} upstream"))
    return found[:1]


def _ended(source: bytes, line: int, word: bytes) -> bytes:
    """What kind of block a jump on 0-based `line` ends."""
    for head in reversed(around(source, line)):
        if head_kind(head) in LOOPS:
            return b"a loop"
        if head_kind(head) == b"switch" and word == b"break":
            return b"a switch"
    return b"nothing"


CHECK = Check(__name__, __doc__, ask, (Signal.CONDITION,), local=True)
