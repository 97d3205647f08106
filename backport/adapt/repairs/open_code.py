"""A macro of one expression that this tree lacks: written out, from upstream's own definition of it."""

from __future__ import annotations

from backport.adapt.repairs.base import Broken, Repair, Repaired
from backport.adapt.signals import Signal
from backport.csource.oneliner import OneLiner, definition, written_out
from backport.patch.edits import Edit
from backport.patch.parse import split_lines


def make(broken: Broken) -> Repaired | None:
    """Every missing name is such a macro, defined once upstream, and every added line that uses one can be written out.

    A name that this tree has with another meaning is not missing, and stays a matter for a person.
    """
    missing = broken.subjects(Signal.SYMBOL)
    known = {name: one for name in missing if (one := _upstream(broken, name)) is not None}
    if not missing or len(known) < len(missing):
        return None
    edits = []
    for edit in broken.edits:
        new: list[bytes] = []
        for line in edit.new:
            for one in known.values():
                if one.name in line:
                    done = written_out(line, one)
                    if done is None:
                        return None
                    line = done
            new += split_lines(line)
        edits.append(Edit(edit.lo, edit.hi, tuple(new)))
    shown = " and ".join(f"{name}()" for name in known)
    return Repaired(tuple(edits), f"open-coded {shown}, which this tree does not have")


def _upstream(broken: Broken, name: str) -> OneLiner | None:
    """Upstream's definition, None where its tree is not at hand or has more than one of that name."""
    found = {text for text in broken.names.macros(name)}
    if len(found) != 1:
        return None
    return definition(found.pop(), name)


REPAIR = Repair(make, (Signal.SYMBOL,))
