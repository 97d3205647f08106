"""Where an added `#include` goes: among the others at the top of the file, never below a declaration.

Strategies look for the lines around it, and the line below the last include is often the first declaration of the
file. Where this tree has other declarations first, that line leads behind them.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import replace

from backport.adapt.align import line_key
from backport.adapt.revisions import Problem, reversed_edits
from backport.adapt.signals import Signal
from backport.adapt.simulated_apply import apply_as_is
from backport.adapt.transfer import Placed
from backport.csource.includes import Top, included, is_include, top
from backport.patch.edits import Edit


def among_others(problem: Problem, k: int, placed: Placed) -> Placed | None:
    """The proposal for hunk `k`, with an `#include` below a declaration corrected; None where that is together with
    other lines. What upstream includes below a declaration is left where it was put."""
    if not any(is_include(line) for line in problem.hunks[k].added) or problem.upstream_lines is None:
        return placed
    up, here = top(problem.upstream_lines), top(problem.target_lines)
    placed = _without_doubles(problem, k, placed, here)
    theirs = {line for e in reversed_edits(problem, k) for line in range(e.lo, e.hi)} & set(up.includes)
    if not theirs:
        return placed
    wanted = {line_key(problem.upstream_lines[line]): line for line in theirs}
    return _sorted_place(problem, k, theirs, up, here) or _at_home(problem, placed, wanted, up, here)


def _without_doubles(problem: Problem, k: int, placed: Placed, here: Top) -> Placed:
    """The proposal without an `#include` that this tree's file has at its top already, and upstream's once only; where
    git apply takes the hunk it stays as it is."""
    assert problem.upstream_lines is not None
    guard = _common(here)
    mine = {line_key(problem.target_lines[n]): n for n, under in here.includes.items() if len(under) == guard}
    theirs = Counter(line_key(line) for line in problem.upstream_lines if is_include(line))
    gone = {line_key(problem.target_lines[n]) for edit in placed.edits for n in range(edit.lo, edit.hi)}
    doubled = {key for edit in placed.edits for line in edit.new if is_include(line) and (key := line_key(line)) in mine
               and key not in gone and theirs[key] == 1}
    if not doubled or apply_as_is([problem.hunks[k]], problem.target) is not None:
        return placed
    kept = [replace(edit, new=tuple(line for line in edit.new if line_key(line) not in doubled))
            for edit in placed.edits]
    edits = tuple(edit for edit in kept if edit.lo != edit.hi or any(line.strip() for line in edit.new))
    told = (*placed.signals, Signal.PARTLY if edits else Signal.PRESENT)
    return Placed(edits, tuple(dict.fromkeys(told)), mine[min(doubled)])


def _sorted_place(problem: Problem, k: int, theirs: set[int], up: Top, here: Top) -> Placed | None:
    """For a hunk that adds one `#include` and nothing else: its place by name among this tree's includes of the same
    directory, where none of the lines that upstream's stands with is here. None where they are in no order either."""
    assert problem.upstream_lines is not None
    hunk = problem.hunks[k]
    if len(theirs) != 1 or hunk.removed or [line for line in hunk.added if line.strip()] != [
            problem.upstream_lines[next(iter(theirs))]] or len(hunk.added) != 1:
        return None
    (line,) = theirs
    own = included(problem.upstream_lines[line])
    folder = own[0].rpartition("/")[0] if own else ""
    paragraph = _paragraph(line, up)
    mine = {line_key(problem.target_lines[n]) for n in here.includes}
    if not folder or any(line_key(problem.upstream_lines[n]) in mine for n in paragraph if n != line):
        return None
    named = {n: (included(problem.target_lines[n]) or [""])[0] for n in here.includes}
    group = {n: name for n, name in named.items() if name.rpartition("/")[0] == folder}
    names = [group[n] for n in sorted(group)]
    if not names or names != sorted(names) or own[0] in names or len({here.includes[n] for n in group}) != 1:
        return None
    behind = [n for n in sorted(group) if group[n] < own[0]]
    at = behind[-1] + 1 if behind else min(group)
    return Placed((Edit(at, at, (problem.upstream_lines[line],)),), (Signal.NEIGHBOUR,))


def _paragraph(line: int, up: Top) -> list[int]:
    """The includes that stand with the one at `line`, without an empty line between them."""
    first = last = line
    while first - 1 in up.includes:
        first -= 1
    while last + 1 in up.includes:
        last += 1
    return list(range(first, last + 1))


def _at_home(problem: Problem, placed: Placed, wanted: Mapping[bytes, int], up: Top, here: Top) -> Placed | None:
    """`placed` with the includes of upstream's top (line without white space -> its line) at the top here."""
    edits = []
    signals = list(placed.signals)
    for edit in placed.edits:
        at_top = [line for line in edit.new if line_key(line) in wanted]
        if not at_top or edit.lo <= here.end:
            edits.append(edit)
            continue
        if edit.lo != edit.hi or any(line.strip() and line not in at_top for line in edit.new):
            return None
        first = wanted[line_key(at_top[0])]
        at = _place(problem, first, up, here)
        if at is None:
            return None
        edits.append(Edit(at, at, tuple(at_top)))
        signals.append(Signal.NEIGHBOUR)
    edits.sort(key=lambda e: (e.lo, e.hi))
    return Placed(tuple(edits), tuple(dict.fromkeys(signals)))


def _place(problem: Problem, line: int, up: Top, here: Top) -> int | None:
    """The line of the target before which an include goes that is line `line` upstream: behind the nearest of
    upstream's includes above it, else before the nearest below it, else behind the last; under the same conditions."""
    assert problem.upstream_lines is not None
    guard = _common(here)
    own = up.includes[line][_common(up):]
    mine = {line_key(problem.target_lines[n]): n for n, under in here.includes.items() if under[guard:] == own}
    beside = [n for n, under in up.includes.items() if under == up.includes[line]]
    for n in sorted((n for n in beside if n < line), reverse=True):
        if (there := mine.get(line_key(problem.upstream_lines[n]))) is not None:
            return there + 1
    for n in sorted(n for n in beside if n > line):
        if (there := mine.get(line_key(problem.upstream_lines[n]))) is not None:
            return there
    return max(mine.values()) + 1 if mine else None


def _common(one: Top) -> int:
    """How many conditions all includes of a top share: a header's guard."""
    return min(map(len, one.includes.values()), default=0)
