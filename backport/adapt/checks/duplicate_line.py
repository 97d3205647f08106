"""Does an added line stand near its place in this tree already, where upstream has none?"""

from __future__ import annotations

from collections.abc import Sequence

from backport.adapt.align import line_key, weak
from backport.adapt.checks.base import Doubt, Names, Result, added_pairs
from backport.adapt.edits import Edit
from backport.adapt.signals import Signal
from backport.csource.pieces import code

_NEAR = 6


def check(result: Result, k: int, edits: Sequence[Edit], names: Names) -> list[Doubt]:
    """DUPLICATE: the same statement within a few lines that the patch did not write, more often than upstream."""
    found = []
    after = result.problem.after or []
    for u, r in added_pairs(result, k, edits):
        text = code(result.lines[r]).strip()
        key = line_key(result.lines[r])
        if weak(key) or len(key) < 8 or not text.endswith(b";"):
            continue
        ours = sum(1 for i in range(max(0, r - _NEAR), min(len(result.lines), r + _NEAR + 1))
                   if i not in result.added and line_key(result.lines[i]) == key)
        theirs = sum(1 for i in range(max(0, u - _NEAR), min(len(after), u + _NEAR + 1))
                     if i != u and line_key(after[i]) == key)
        if ours > theirs:
            found.append(Doubt(Signal.DUPLICATE, f"`{result.lines[r].strip().decode('utf-8', 'replace')}` stands near "
                                                 "its place already"))
    return found
