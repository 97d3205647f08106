"""Do an added `break` and `continue` end the same kind of block as upstream's?"""

from __future__ import annotations

from backport.adapt.checks.base import Check, Context, Finding, bare_lines
from backport.adapt.revisions import reversed_edits
from backport.adapt.signals import Signal
from backport.csource.blocks import place_of
from backport.csource.statements import head_kind, jump

_ENDS = (b"break", b"continue")


def ask(context: Context) -> list[Finding]:
    """CONDITION: the innermost loop or `switch` around an added `break` is of another kind than upstream's, or there is
    none. Jumps are counted, as one reads like the other."""
    result = context.result
    problem = result.problem
    if problem.edits is None or problem.upstream_lines is None:
        return []
    theirs = [i for e in reversed_edits(problem, context.hunk) for i in range(e.lo, e.hi)]
    up = [(word, _ended(problem.upstream, i, word)) for i in theirs
          if (word := jump(bare_lines(problem.upstream)[i])) in _ENDS]
    here = [(word, _ended(result.source, i, word)) for i in context.written
            if (word := jump(bare_lines(result.source)[i])) in _ENDS]
    if len(up) != len(here):
        return []
    return [Finding(Signal.CONDITION, f"`{word.decode()};` ends {b.decode()} in this tree, {a.decode()} upstream")
            for (word, a), (_, b) in zip(up, here, strict=True) if a != b][:1]


def _ended(source: bytes, line: int, word: bytes) -> bytes:
    """What kind of block a jump on 0-based `line` ends."""
    place = place_of(source, line)
    for head in reversed((*place.outer, place.begun)) if place is not None else ():
        if head_kind(head) in (b"for", b"while", b"do"):
            return b"a loop"
        if head_kind(head) == b"switch" and word == b"break":
            return b"a switch"
    return b"nothing"


CHECK = Check(__name__, __doc__, ask, (Signal.CONDITION,), local=True)
