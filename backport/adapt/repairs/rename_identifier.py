"""A name that this tree's function spells otherwise on every line that it shares with upstream's."""

from __future__ import annotations

from backport.adapt.renamed_identifiers import spellings
from backport.adapt.repairs.base import Broken, Repair, Repaired, replaced
from backport.adapt.signals import Signal
from backport.csource.pieces import tokens


def make(broken: Broken) -> Repaired | None:
    """Every missing name has one spelling here, on all paired lines around the hunk that have it upstream."""
    missing = {name.encode() for name in broken.subjects(Signal.SYMBOL, Signal.SCOPE, Signal.SPELLED)}
    if not missing:
        return None
    learned = spellings(broken.problem, broken.k, missing)
    if set(learned) != missing:
        return None
    edits = broken.edits
    for edit in broken.edits:
        new = [b"".join(learned.get(token, token) for token in tokens(line)) for line in edit.new]
        edits = replaced(edits, edit, new) if tuple(new) != edit.new else edits
    if edits == broken.edits:
        return None
    shown = ", ".join(f"`{new.decode('utf-8', 'replace')}` for `{old.decode()}`"
                      for old, new in sorted(learned.items()))
    return Repaired(edits, f"{shown}, as in this tree's lines around it")


REPAIR = Repair(make, (Signal.SYMBOL, Signal.SCOPE, Signal.NO_LABEL, Signal.SPELLED))
