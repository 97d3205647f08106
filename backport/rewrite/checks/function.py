"""Is the function that a hunk lands in the one that upstream changed?"""

from __future__ import annotations

from collections.abc import Sequence

from backport.csource.functions import Function, enclosing, functions
from backport.rewrite.align import line_key, weak
from backport.rewrite.checks.base import Doubt, Names, Result
from backport.rewrite.render import Edit
from backport.rewrite.signals import Signal

_SAME = 0.4              # Dice over the lines that say something: the function only has another name


def check(result: Result, k: int, edits: Sequence[Edit], names: Names) -> list[Doubt]:
    """RENAMED where the other function has most of upstream's lines, STRANGER where it has not.

    Only where this tree has no function of upstream's name in the file: landing elsewhere although it is there is
    for arbitration.
    """
    problem = result.problem
    if problem.edits is None or problem.preimage is None or problem.a is None or not edits:
        return []
    theirs = enclosing(problem.preimage, problem.edits[k][0].lo + 1)
    ours = enclosing(problem.target, edits[0].lo + 1)
    if theirs is None or any(f.name == theirs.name for f in functions(problem.target)):
        return []
    told = _telling(problem.a, theirs)
    own = _telling(problem.t, ours) if ours is not None else []
    inside = sum(1 for i in told if ours is not None and ours.start - 1 <= problem.to[i] < ours.end)
    where = f"{ours.name}()" if ours is not None else "file level"
    same = ours is not None and 2 * inside >= _SAME * (len(told) + len(own))
    return [Doubt(Signal.RENAMED if same else Signal.STRANGER,
                  f"lands in {where}; upstream changed {theirs.name}(), which this tree does not have, and "
                  f"{inside} of whose {len(told)} lines are there")]


def _telling(lines: Sequence[bytes], f: Function) -> list[int]:
    """0-based numbers of the function's lines that say something."""
    return [i for i in range(f.start - 1, min(f.end, len(lines))) if not weak(line_key(lines[i]))]
