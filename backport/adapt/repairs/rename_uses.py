"""Upstream gives a variable another name throughout a function: this tree's further uses of it follow."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from difflib import SequenceMatcher

from backport.adapt.checks.base import body
from backport.adapt.repairs.base import Broken, Repair, Repaired
from backport.adapt.signals import Signal
from backport.csource.bindings import OUTER, variable_uses
from backport.csource.functions import Function, enclosing
from backport.csource.pieces import code, solid
from backport.csource.uses import has
from backport.patch.edits import Edit

_SEEN = 2                # lines that must have changed so, the declaration included


def make(broken: Broken) -> Repaired | None:
    """The old name is no longer declared, one new name took its place in the patch and none other."""
    lost = broken.subjects(Signal.UNDECLARED)
    if len(lost) != 1:
        return None
    old = lost[0].encode()
    votes: Counter[bytes] = Counter()
    for hunk in broken.problem.hunks:
        votes.update(_votes(hunk.removed, hunk.added, old))
    if len(votes) != 1 or votes.total() < _SEEN:
        return None
    new = next(iter(votes))
    function = enclosing(broken.problem.target, broken.edits[0].lo + 1)
    if function is None or _known(broken, function, new):
        return None
    covered = {i for e in broken.result.edits for i in range(e.lo, e.hi)}
    places: dict[int, list[int]] = {}
    for use in variable_uses(body(broken.problem.target, function)):
        # a deeper block may have a variable of its own of that name
        if use.name == old and use.depth == OUTER and use.row + function.start - 1 not in covered:
            places.setdefault(use.row + function.start - 1, []).append(use.column)
    lines = broken.problem.target_lines
    more = [Edit(i, i + 1, (_put(lines[i], columns, old, new),)) for i, columns in sorted(places.items())]
    if not more:
        return None
    edits = tuple(sorted((*broken.edits, *more), key=lambda e: (e.lo, e.hi)))
    return Repaired(edits, f"{function.name}() has `{lost[0]}` in {len(more)} further line(s), which became "
                           f"`{new.decode()}` as in upstream's change")


def _known(broken: Broken, function: Function, name: bytes) -> bool:
    """True where the function uses `name` already: then it means something else here."""
    text = b"".join(broken.problem.target_lines[function.start - 1:function.end])
    return has(code(text), name)


def _put(line: bytes, columns: Sequence[int], old: bytes, new: bytes) -> bytes:
    """`line` with `old` renamed where it stands at `columns`."""
    for at in sorted(columns, reverse=True):
        line = line[:at] + new + line[at + len(old):]
    return line


def _votes(removed: tuple[bytes, ...], added: tuple[bytes, ...], old: bytes) -> Counter[bytes]:
    """What stands for `old` in the added lines that are a removed line with other words."""
    votes: Counter[bytes] = Counter()
    for gone in removed:
        a = solid(gone)
        if old not in a:
            continue
        for line in added:
            b = solid(line)
            if len(a) != len(b):
                continue
            swaps = {(x, y) for x, y in zip(a, b, strict=True) if x != y}
            named = {y for x, y in swaps if x == old}
            if len(named) == 1 and SequenceMatcher(None, a, b, autojunk=False).ratio() > 0.6:
                votes.update(named)
                break
    return votes


REPAIR = Repair(make, (Signal.UNDECLARED,))
