"""Strategy "token-merge": three-way merge with upstream's pre-image, whole lines first and tokens where they differ."""

from __future__ import annotations

from bisect import bisect_right

from backport.csource.functions import Function, functions
from backport.rewrite.align import align, soften
from backport.rewrite.place import Placed, place
from backport.rewrite.problem import Problem
from backport.rewrite.render import Edit


def propose(problem: Problem, k: int) -> Placed | None:
    """The edits of hunk `k` on the target; None without a pre-image, or where the merge clashes."""
    if problem.a is None or problem.edits is None:
        return None
    edits = problem.edits[k]
    moved = _moved_function(problem, edits)
    if moved is not None:
        return moved
    pairing = soften(problem.a, problem.t, problem.to, edits[0].lo - 4, edits[-1].hi + 4)
    return place(problem.a, edits, problem.t, pairing)


def reversed_edits(problem: Problem, k: int) -> list[Edit]:
    """The edits that take hunk `k` out of upstream's file after the whole patch."""
    assert problem.edits is not None
    assert problem.a is not None
    grown = sum(len(e.new) - (e.hi - e.lo) for edits in problem.edits[:k] for e in edits)
    out = []
    for e in problem.edits[k]:
        lo = e.lo + grown
        out.append(Edit(lo, lo + len(e.new), tuple(problem.a[e.lo:e.hi])))
        grown += len(e.new) - (e.hi - e.lo)
    return out


def _moved_function(problem: Problem, edits: tuple[Edit, ...]) -> Placed | None:
    """Merge inside the function of the same name where the file's order of functions differs."""
    assert problem.a is not None
    assert problem.preimage is not None
    here = _enclosing(problem.preimage, edits[0].lo + 1)
    if here is None or edits[-1].hi > here.end:
        return None
    there = [f for f in functions(problem.target) if f.name == here.name]
    if len(there) != 1:
        return None
    only = there[0]
    inside = [problem.to[i] for i in range(here.start - 1, min(here.end, len(problem.to))) if problem.to[i] >= 0]
    landed = sum(only.start - 1 <= j < only.end for j in inside)
    if landed * 2 >= max(1, len(inside)) and inside:
        return None                  # the file's own alignment already leads there
    a = problem.a[here.start - 1:here.end]
    t = problem.t[only.start - 1:only.end]
    local = [Edit(e.lo - here.start + 1, e.hi - here.start + 1, e.new) for e in edits]
    pairing = soften(a, t, align(a, t), local[0].lo - 4, local[-1].hi + 4)
    placed = place(a, local, t, pairing)
    if placed is None:
        return None
    shift = only.start - 1
    return Placed(tuple(Edit(e.lo + shift, e.hi + shift, e.new) for e in placed.edits), placed.signals)


def _enclosing(source: bytes, line: int) -> Function | None:
    table = functions(source)
    index = bisect_right([f.start for f in table], line) - 1
    if index >= 0 and table[index].start <= line <= table[index].end:
        return table[index]
    return None
