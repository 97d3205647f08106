"""What the tree has amid a change that upstream did not have there, or the other way round.

Strategies carry the changed lines; what upstream kept between them is as much a part of the change. Where the tree
has such a line elsewhere in the function, its statements come in another order, and the added lines would run at
another time than upstream's. Only for hunks that do not apply as they are.
"""

from __future__ import annotations

from collections import Counter

from backport.adapt.align import line_key, weak
from backport.adapt.revisions import Problem
from backport.adapt.signals import Signal
from backport.csource.declarations import lone
from backport.csource.functions import enclosing
from backport.csource.source import Source


def signals(problem: Problem, k: int) -> tuple[Signal, ...]:
    """INTERIOR, MOVED and INCLUDE, as far as they hold for hunk `k`."""
    found: dict[Signal, None] = {}
    if any(line.lstrip().startswith(b"#include") for line in problem.hunks[k].removed):
        found[Signal.INCLUDE] = None
    lost = _lost(problem, k)
    if lost:
        found[Signal.INTERIOR] = None
        statements = {key for key in lost if not lone(key)}      # declarations have no order
        if statements & set(_lines(problem.target, _function(problem, k))):
            found[Signal.MOVED] = None
    return tuple(found)


def _lost(problem: Problem, k: int) -> frozenset[bytes]:
    """Lines that upstream keeps between the hunk's changes and that have no partner in the target."""
    if problem.edits is None or problem.base_lines is None:
        return frozenset()
    edits = problem.edits[k]
    changed = {i for e in edits for i in range(e.lo, e.hi)}
    kept = [i for i in range(edits[0].lo, edits[-1].hi)
            if i not in changed and problem.base_to_target[i] < 0 and not weak(line_key(problem.base_lines[i]))]
    if not kept:
        return frozenset()
    pairing = problem.pairing(k)
    return frozenset(line_key(problem.base_lines[i]) for i in kept if pairing.partner[i] < 0)


def still_there(problem: Problem, k: int) -> bool:
    """True where a line that hunk `k` takes away stands in the target's function more often than upstream leaves it."""
    name = _function(problem, k)
    if not name:
        return False
    after, own = _lines(problem.upstream, name), _lines(problem.target, name)
    return any(own[key] > after[key] for line in problem.hunks[k].removed if not weak(key := line_key(line)))


def _function(problem: Problem, k: int) -> str:
    """The function that hunk `k` changes upstream, "" at file level or without a pre-image."""
    if problem.edits is None or problem.base is None:
        return ""
    found = enclosing(problem.base, problem.edits[k][0].lo + 1)
    return found.name if found else ""


def _lines(source: bytes, name: str) -> Counter[bytes]:
    """How often each line stands in the functions of that name, white space apart."""
    lines = Source.of(source).lines
    return Counter(line_key(line) for f in (Source.of(source).functions_named(name) if name else ())
                   for line in lines[f.start - 1:f.end])
