"""Are the neighbours of added lines on the same side of them as upstream's?

Where two statements have changed places in this tree, both sides of "between them" are wrong for one of the two: what
upstream sets up before it registers would be set up behind it.
"""

from __future__ import annotations

from collections.abc import Sequence

from backport.adapt.align import line_key, weak
from backport.adapt.checks.base import Check, Context, Finding
from backport.adapt.signals import Signal
from backport.csource.functions import Function, enclosing

_NEAR = 3


def ask(context: Context) -> list[Finding]:
    """BESIDE: the nearest line above or below upstream's added ones that says something stands in this tree's function
    as well, and only on the other side."""
    result = context.result
    pairs = context.pairs
    after = result.problem.upstream_lines or []
    written = {line_key(line) for hunk in result.problem.hunks for line in hunk.added}
    found = []
    for u, r in pairs:
        theirs, ours = enclosing(result.problem.upstream, u + 1), enclosing(result.source, r + 1)
        if theirs is None or ours is None or theirs.name != ours.name:
            continue
        for step, word in ((-1, "above"), (1, "below")):
            key = _neighbour(after, theirs, u, step, written)
            if not key or sum(line_key(x) == key for x in after[theirs.body:theirs.end - 1]) != 1:
                continue
            there = [i for i in range(ours.body, ours.end - 1) if line_key(result.lines[i]) == key]
            if len(there) == 1 and there[0] not in result.added and (there[0] - r) * step < 0:
                shown, other = (result.lines[i].strip().decode("utf-8", "replace") for i in (r, there[0]))
                found.append(Finding(Signal.BESIDE, f"`{other}` is {word} `{shown}` upstream, and on its "
                                                    "other side in this tree"))
    return found[:1]


def _neighbour(lines: Sequence[bytes], f: Function, at: int, step: int, written: set[bytes]) -> bytes:
    """The nearest line on that side that says something and is none of the patch's, b"" where it is further off."""
    i, seen = at + step, 0
    while f.body <= i < f.end - 1 and seen < _NEAR:
        key = line_key(lines[i])
        if key not in written:
            seen += 1
            if not weak(key):
                return key
        i += step
    return b""


CHECK = Check(__name__, __doc__, ask, (Signal.BESIDE,), local=True)
