"""Was a part of the change left out whose subject is in this tree?

Between commits, whatever upstream's commit has and this tree's has not is a part. Between releases only the last of
several equal changes of one file, the others of which were taken, is known to belong to them.
"""

from __future__ import annotations

from collections.abc import Iterator

from backport.adapt.align import line_key
from backport.audit.kinds.base import Question, around, holds, part
from backport.audit.model import Backported, Fault, Suspect, names_of


def ask(change: Backported) -> Iterator[Suspect]:
    """A part of upstream's change that nothing here corresponds to, whose place is in this tree as upstream had it."""
    here, there = change.tree, change.upstream
    if here.made or not (there.telling or there.gone):
        return
    name = there.place
    now = change.today
    place = part(now, name, change.path) if name else ()
    if not place:
        return
    gone = [key for _, key in there.gone]
    added = [key for _, key in there.telling if key not in gone]
    if not added and not gone:
        return
    if added and (holds(place, added) >= 0.5 or holds((line_key(x) for x in now.split(b"\n")), added) >= 0.8):
        return
    if holds(place, gone) < 1 and gone:
        return
    if added and holds(part(change.lasting, name, change.path), added) < 0.8:
        return
    if not added and any(holds(part(data, name, change.path), gone) == 1 for data in change.newer.values()):
        return
    above, below = around(there, name)
    near = [*above, *below]
    found = sum(key in place for key in near)
    if not near or found < 0.8 * len(near) or not (gone or (above and below)):
        return
    if any(word not in names_of(now) for word in _wanted(change)):
        return
    what = added[0] if added else gone[0]
    kind = Fault.LEFT if here.edits else Fault.FILE_LEFT
    yield Suspect(kind, change, f"upstream's commit changes {name}, which is here as it was there before; this "
                  "part was left out" if change.one_commit else f"upstream made the same change in {name}, which is "
                  "here as it was there before; it was left out", 0.6 + 0.1 * bool(gone) + 0.1 * change.one_commit,
                  what.decode("utf-8", "replace"),
                  (f"{found} of {len(near)} of upstream's neighbouring lines are in {name} of this tree",))


def _wanted(change: Backported) -> frozenset[bytes]:
    """The names in the added lines that upstream's file had before."""
    before = names_of(change.upstream.before)
    return frozenset(word for _, line in change.upstream.added for word in names_of(line)
                     if word in before)


QUESTION = Question(Fault.LEFT, ask)
