"""Proposer "tokens": the hunk with its surroundings merged as one stream of tokens, without any notion of a line.

Blind to what the line-wise strategies go by, which is what its agreement is worth.
"""

from __future__ import annotations

from difflib import SequenceMatcher

from backport.adapt.operands import lost
from backport.adapt.proposers.base import Evidence, FunctionProposer
from backport.adapt.revisions import Problem
from backport.adapt.signals import Signal
from backport.adapt.token_merge import merge
from backport.adapt.transfer import Placed, seen
from backport.patch.edits import Edit, apply_edits, trim
from backport.patch.parse import split_lines

_REACH = 25              # lines on either side in which a line that both files have is looked for


def propose(problem: Problem, k: int) -> Placed | None:
    """The edits of hunk `k` on the target; None without a pre-image or where tokens clash."""
    if problem.base_lines is None or problem.edits is None:
        return None
    edits = problem.edits[k]
    lo = _steady(problem, edits[0].lo, -1)
    hi = _steady(problem, edits[-1].hi, 1)
    if lo is None or hi is None:
        return None
    partner, lines = problem.base_to_target, problem.target_lines
    tlo = partner[lo] if lo < len(partner) else len(lines)
    thi = partner[hi - 1] + 1 if hi > 0 else 0
    # the first or last line of the file may have no partner; any other bound has one
    if hi <= lo or tlo < 0 or thi <= tlo or thi - tlo > 3 * (hi - lo) + 60:
        return None
    target = b"".join(lines[tlo:thi])
    base = b"".join(problem.base_lines[lo:hi])
    upstream = b"".join(apply_edits(problem.base_lines[lo:hi], [Edit(e.lo - lo, e.hi - lo, e.new) for e in edits]))
    done = merge(base, upstream, target)
    if done is None or (done.swallowed and lost(base, upstream, target, done.text)):
        return None
    new = split_lines(done.text)
    matcher = SequenceMatcher(None, lines[tlo:thi], new, autojunk=False)
    found = [Edit(tlo + i1, tlo + i2, tuple(new[j1:j2]))
             for tag, i1, i2, j1, j2 in matcher.get_opcodes() if tag != "equal"]
    out = tuple(e for e in (trim(lines, edit) for edit in found) if e is not None)
    if not out:
        return Placed((), (Signal.PRESENT,), seen(lines, tlo, thi, [line for e in edits for line in e.new]))
    return Placed(out, (Signal.TOUCHING,) if done.touching else ())


def _steady(problem: Problem, line: int, step: int) -> int | None:
    """The bound of the piece: three lines that agree beyond `line`, or the end of the file."""
    size = len(problem.base_to_target)
    run = 0
    at = line
    for _ in range(_REACH):
        index = at - 1 if step < 0 else at
        if index < 0 or index >= size:
            return 0 if step < 0 else size
        run = run + 1 if problem.base_to_target[index] >= 0 else 0
        at += step
        if run == 3:
            return at
    return None


PROPOSER = FunctionProposer("tokens", frozenset({Evidence.BEFORE, Evidence.TOKENS}), propose, finds_place=False)
