"""An added declaration came to be after a statement: it goes up to the declarations of its block."""

from __future__ import annotations

from backport.adapt.repairs.base import Broken, Repair, Repaired, replaced
from backport.adapt.signals import Signal
from backport.csource.declarations import of_function
from backport.csource.functions import enclosing
from backport.csource.tokens import identifiers
from backport.patch.edits import Edit


def make(broken: Broken) -> Repaired | None:
    """For declarations of the function's own block that stand on one added line, each."""
    late = broken.subjects(Signal.ORDER)
    function = enclosing(broken.problem.target, broken.edits[0].lo + 1)
    if not late or function is None:
        return None
    lines = broken.problem.target_lines
    edits = broken.edits
    taken: list[bytes] = []
    for name in late:
        for edit in edits:
            found = [i for i, line in enumerate(edit.new)
                     if of_function(line) and name.encode() in identifiers(line)]
            if len(found) == 1:
                taken.append(edit.new[found[0]])
                edits = replaced(edits, edit, [*edit.new[:found[0]], *edit.new[found[0] + 1:]])
                break
        else:
            return None
    at = function.body               # 0-based: the line below the opening brace
    while at < function.end - 1 and of_function(lines[at]):
        at += 1
    if at == function.body or any(e.lo <= at <= e.hi and e.hi > e.lo for e in edits):
        return None
    edits = tuple(sorted((*(e for e in edits if e.new or e.hi > e.lo), Edit(at, at, tuple(taken))),
                         key=lambda e: (e.lo, e.hi)))
    shown = ", ".join(f"`{line.strip().decode('utf-8', 'replace')}`" for line in taken)
    return Repaired(edits, f"{shown} was put with the declarations of {function.name}()")


REPAIR = Repair(make, (Signal.ORDER,))
