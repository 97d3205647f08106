"""A line that upstream only moves reads otherwise in this tree: this tree's line moves."""

from __future__ import annotations

from backport.adapt.align import line_key, similarity
from backport.adapt.repairs.base import Broken, Repair, Repaired, replaced
from backport.adapt.signals import Signal
from backport.csource.tokens import identifiers

_ALIKE = 0.5             # share of tokens that makes a line of the tree the line that upstream moves


def make(broken: Broken) -> Repaired | None:
    """Added lines with a missing name, or in other words than this tree's, that are, white space apart, lines which the
    same hunk takes away."""
    problem = broken.problem
    missing = {name.encode() for name in broken.subjects(Signal.SYMBOL, Signal.SCOPE, Signal.MEMBER)}
    moved = {line_key(text.encode()) for text in broken.subjects(Signal.REWORDED)}
    if not (missing or moved) or problem.base_lines is None or problem.edits is None:
        return None
    mine = problem.edits[broken.k]
    pairing = problem.pairing(broken.k)
    base, target = problem.base_lines, problem.target_lines
    own_form = {line_key(base[i]): target[pairing.partner[i]] for e in mine for i in range(e.lo, e.hi)
                if pairing.partner[i] >= 0 and not pairing.exact(i)
                and similarity(base[i], target[pairing.partner[i]]) >= _ALIKE}
    edits = broken.edits
    told = []
    for edit in broken.edits:
        new = []
        for line in edit.new:
            own = own_form.get(line_key(line))
            if own is not None and (line_key(line) in moved or missing & set(identifiers(line))):
                told.append(f"`{line.strip().decode('utf-8', 'replace')}` only moves upstream; this tree's "
                            f"`{own.strip().decode('utf-8', 'replace')}` moved instead")
                line = line[:len(line) - len(line.lstrip())] + own.lstrip()
            new.append(line)
        edits = replaced(edits, edit, new) if tuple(new) != edit.new else edits
    return Repaired(edits, "; ".join(told)) if told else None


REPAIR = Repair(make, (Signal.SYMBOL, Signal.SCOPE, Signal.NO_LABEL, Signal.MEMBER, Signal.REWORDED))
