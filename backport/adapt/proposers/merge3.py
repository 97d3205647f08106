"""Proposer "merge3": three-way merge with upstream's pre-image, whole lines first and tokens where they differ."""

from __future__ import annotations

import itertools
from dataclasses import replace

from backport import sections
from backport.adapt.align import align, line_key, soften
from backport.adapt.proposers.base import Evidence, FunctionProposer
from backport.adapt.revisions import NEAR, Problem
from backport.adapt.signals import Signal
from backport.adapt.transfer import Placed, place
from backport.csource.functions import Function
from backport.csource.scopes import Block, block, blocks, scope
from backport.patch.edits import Edit
from backport.sections import Section


def propose(problem: Problem, k: int) -> Placed | None:
    """The edits of hunk `k` on the target; None without a pre-image, or where the merge clashes."""
    if problem.base_lines is None or problem.edits is None:
        return None
    edits = problem.edits[k]
    moved = _moved_function(problem, edits)
    if moved is not None:
        return moved
    pairing = problem.pairing(k)
    if edits[-1].lo > 0 and pairing.partner[edits[-1].lo - 1] < 0:
        last = _last_of_block(problem, edits)
        if last is not None:
            return last
    placed = place(problem.base_lines, edits, problem.target_lines, pairing)
    return _same_block(problem, edits, placed) or placed or _reordered(problem, edits)


def _reordered(problem: Problem, edits: tuple[Edit, ...]) -> Placed | None:
    """Removed lines that stand once in both files, only elsewhere: the replacement goes where they are."""
    assert problem.base_lines is not None
    index, own = problem.target_index, problem.base_index
    out = []
    for edit in edits:
        keys = [line_key(line) for line in problem.base_lines[edit.lo:edit.hi]]
        places = [index.get(key, []) for key in keys]
        if not keys or any(len(p) != 1 or len(own.get(key, ())) != 1 for p, key in zip(places, keys, strict=True)):
            return None
        at = places[0][0]
        if [p[0] for p in places] != list(range(at, at + len(keys))):
            return None
        out.append(Edit(at, at + len(keys), edit.new))
    if any(one.lo > two.lo for one, two in itertools.pairwise(out)):
        return None                  # what upstream adds first would be run last
    return Placed(tuple(out), (Signal.NEIGHBOUR, Signal.REORDERED))


def _last_of_block(problem: Problem, edits: tuple[Edit, ...]) -> Placed | None:
    """Lines added at the very end of a function or struct: the same end is there, whatever stands before it."""
    assert problem.base_lines is not None
    if len(edits) != 1 or edits[0].lo != edits[0].hi or problem.base is None:
        return None
    edit = edits[0]
    end = edit.lo
    while end < len(problem.base_lines) and not problem.base_lines[end].strip():
        end += 1
    if end >= len(problem.base_lines) or problem.base_lines[end][:1] != b"}":
        return None
    name = scope(problem.base, end + 1)
    ends = [i for i, line in enumerate(problem.target_lines)
            if line[:1] == b"}" and name and scope(problem.target, i + 1) == name]
    if len(ends) != 1:
        return None
    return Placed((Edit(ends[0], ends[0], edit.new),), (Signal.NEIGHBOUR, Signal.REORDERED))


def _moved_function(problem: Problem, edits: tuple[Edit, ...]) -> Placed | None:
    """Merge inside the function of the same name where the file's order of functions differs."""
    assert problem.base_lines is not None
    assert problem.base is not None
    at = edits[0].lo + 1
    if not sections.is_c(problem.upstream_path) and edits[0].lo == edits[0].hi:
        at = max(1, edits[0].lo)     # a line at the end of an entry belongs to it
    here = sections.around(problem.base, at, problem.upstream_path)
    if here is None or edits[-1].hi > here.end:
        return None
    there = sections.named(problem.target, here.name, problem.path)
    if len(there) != 1:
        return None
    only = there[0]
    inside = [j for j in problem.base_to_target[here.start - 1:here.end] if j >= 0]
    landed = sum(only.start - 1 <= j < only.end for j in inside)
    if landed * 2 >= max(1, len(inside)) and inside:
        return None                  # the file's own alignment already leads there
    return _inside(problem, edits, here, only)


def _same_block(problem: Problem, edits: tuple[Edit, ...], found: Placed | None) -> Placed | None:
    """Merge inside the table or struct that the same line opens, where the files' own alignment gave no place in it."""
    assert problem.base_lines is not None
    assert problem.base is not None
    here = block(problem.base, edits[0].lo + 1)
    if here is None or edits[-1].hi >= here.end:
        return None
    there = [b for b in blocks(problem.target) if b.name == here.name]
    if len(there) != 1 or sum(b.name == here.name for b in blocks(problem.base)) != 1:
        return None
    if found is not None and all(there[0].start <= e.lo < there[0].end for e in found.edits):
        return None
    placed = _inside(problem, edits, here, there[0])
    return None if placed is None else replace(placed, signals=(*placed.signals, Signal.NEIGHBOUR))


def _inside(problem: Problem, edits: tuple[Edit, ...], here: Function | Section | Block,
            there: Function | Section | Block) -> Placed | None:
    """The edits carried from one span of lines of the pre-image into one of the target, whatever stands around them."""
    assert problem.base_lines is not None
    base = problem.base_lines[here.start - 1:here.end]
    target = problem.target_lines[there.start - 1:there.end]
    local = [Edit(e.lo - here.start + 1, e.hi - here.start + 1, e.new) for e in edits]
    pairing = soften(base, target, align(base, target), local[0].lo - NEAR, local[-1].hi + NEAR)
    placed = place(base, local, target, pairing)
    if placed is None:
        return None
    shift = there.start - 1
    return Placed(tuple(Edit(e.lo + shift, e.hi + shift, e.new) for e in placed.edits), placed.signals,
                  placed.at + shift if placed.at >= 0 else -1)


PROPOSER = FunctionProposer("merge3", frozenset({Evidence.BEFORE}), propose)
