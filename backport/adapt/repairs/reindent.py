"""Added lines as deep as the blocks that they stand in here."""

from __future__ import annotations

from backport.adapt.checks.nesting import deeper
from backport.adapt.repairs.base import Broken, Repair, Repaired
from backport.adapt.signals import Signal
from backport.patch.edits import Edit


def make(broken: Broken) -> Repaired | None:
    """Every edit whose lines all stand by the same number of blocks deeper or less deep than upstream's, moved by as
    many tabs. None where nothing moves, where one edit has it both ways, or where a line has not that many tabs."""
    result = broken.result
    shifts: dict[Edit, set[int]] = {}
    for u, r in broken.context.pairs:
        depths = deeper(result, u, r)
        edit = next((e for e in broken.edits if result.new_line(e) <= r < result.new_line(e) + len(e.new)), None)
        if depths is not None and edit is not None:
            shifts.setdefault(edit, set()).add(depths[1] - depths[0])
    if any(len(found) > 1 for found in shifts.values()):
        return None
    moved = {edit: by for edit, (by,) in shifts.items() if by}
    if not moved or any(_shifted(line, by) is None for edit, by in moved.items() for line in edit.new):
        return None
    edits = tuple(Edit(e.lo, e.hi, tuple(_shifted(line, moved[e]) or line for line in e.new)) if e in moved else e
                  for e in broken.edits)
    by = sorted(set(moved.values()))
    text = " and ".join(f"{abs(n)} tab{'s' if abs(n) > 1 else ''} {'deeper' if n > 0 else 'less deep'}" for n in by)
    return Repaired(edits, f"added lines were indented {text} than upstream's, as their block is in this tree",
                    Signal.REINDENTED)


def _shifted(line: bytes, by: int) -> bytes | None:
    """`line` by so many tabs deeper, None where it has not that many; labels, directives and empty lines stay."""
    if not line.strip() or line[:1] not in (b"\t", b" "):
        return line
    if by > 0:
        return b"\t" * by + line
    return line[-by:] if line[:-by] == b"\t" * -by else None


REPAIR = Repair(make, (Signal.DEPTH,))
