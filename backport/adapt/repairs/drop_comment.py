"""An added comment about a line that this tree does not have: left out."""

from __future__ import annotations

from backport.adapt.repairs.base import Broken, Repair, Repaired
from backport.adapt.signals import Signal
from backport.patch.edits import Edit


def make(broken: Broken) -> Repaired | None:
    """The one comment that ends an edit and names what the finding is about, where other lines of the hunk stay."""
    subjects = broken.subjects(Signal.ABOUT)
    if len(subjects) != 1:
        return None
    for edit in broken.edits:
        lines = list(edit.new)
        end = len(lines)
        while end and not lines[end - 1].strip():
            end -= 1
        start = end - 1
        if end == 0 or not lines[start].rstrip().endswith(b"*/"):
            continue
        while start >= 0 and not lines[start].lstrip().startswith(b"/*"):
            start -= 1
        if start < 0 or subjects[0].encode() not in b"".join(lines[start:end]):
            continue
        left = tuple(lines[:start] + lines[end:])
        edits = tuple(Edit(e.lo, e.hi, left) if e is edit else e for e in broken.edits)
        edits = tuple(e for e in edits if e.new or e.hi > e.lo)
        if not any(line.strip() for e in edits for line in e.new):
            return None
        return Repaired(edits, f"the comment about `{subjects[0]}`, which is not in this tree, was left out",
                        Signal.DROPPED)
    return None


REPAIR = Repair(make, (Signal.ABOUT,))
