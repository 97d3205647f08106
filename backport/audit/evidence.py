"""What a finding between releases may rest on.

A release holds many commits, and a step from one branch to the next holds a merge window: that two groups of lines have
the same words does not make them the same commit. A wrong accusation is the worst that an audit can say, so a finding
needs what speaks for it, and not only nothing that speaks against it. What has too little is counted, and not listed.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from backport import sections
from backport.adapt.align import line_key, weak
from backport.audit.keyhunk import KeyHunk, part_lines
from backport.audit.kinds.base import holds, part, spans
from backport.audit.model import Backported, Fault, Suspect

_SHARE = 0.5             # of the added lines: so much of them in a part and the change is there

FEW = 3                  # merge windows: across more of them, lines that moved are more than lines that were misplaced

# where the change is; the other classes are what it is, or what goes with it
_PLACED = (Fault.FUNCTION, Fault.HALF, Fault.INSIDE, Fault.PLACE)
# what two commits of one step look like: the first one is here, and the second came later, or never
_OF_ONE_COMMIT = (Fault.LEFT, Fault.FILE_LEFT, Fault.LEFTOVER, Fault.TURNED)


def rests(one: Suspect) -> bool:
    """Whether enough speaks for a finding."""
    change = one.change
    if change.one_commit or one.own:
        return True
    if change.elsewhere is not None:
        return not change.across
    if change.across and not (one.kind in _PLACED and alone(change) and applies(change)
                              and (change.windows <= FEW or _alike(change))):
        return False
    if one.kind is Fault.FUNCTION and not (applies(change) or _alike(change)):
        return False
    if one.kind in _OF_ONE_COMMIT and not _seconded(one):
        return False
    return _agreed(change)


def alone(change: Backported) -> bool:
    """Whether the change is all that upstream's step did to the part in which it is, and to that in which it is here:
    mainline moved neither side."""
    upstream = change.upstream
    others = [edit for edit in upstream.edits if edit not in upstream.made]
    for name in {upstream.place, change.tree.place}:
        found = spans(upstream.before, name, change.path) if name else []
        if not found or any(edit.lo < end and edit.hi > start - 1 for edit in others for start, end in found):
            return False
    return True


def _alike(change: Backported) -> bool:
    """Whether the change stands beside the same lines on both sides, right behind or before one that says something, or
    among two: git apply, and a person, take the one place for the other where they look alike."""
    ours, theirs = ([KeyHunk.of(hunk, lambda _line: True) for hunk in side.patch]
                    for side in (change.tree, change.upstream))
    near = [{("above", key) for one in some for key in one.above[-1:]} | {("below", key) for one in some
                                                                         for key in one.below[:1]}
            for some in (ours, theirs)]
    if any(not weak(key) for _, key in near[0] & near[1]):
        return True
    every = [{key for one in some for key in (*one.above, *one.below) if not weak(key)} for some in (ours, theirs)]
    return len(every[0] & every[1]) > 1


def applies(change: Backported, target: bytes | None = None) -> bool:
    """Whether a hunk of upstream's change fits where it belongs in this tree, today or as `target` has it; in a part of
    a few lines, a node or a table, that it is upstream's from its first line to its last."""
    there = change.upstream
    name = there.place
    lines = part_lines(change.today if target is None else target, name, change.path)
    if lines and lines == part_lines(there.before, name, change.path):
        return True
    for text in there.patch:
        whole = KeyHunk.of(text, lambda line: sections.scope(there.before, line, change.path) == name)
        if any(one.between(lines) == one.old for one in whole.narrower()):
            return True
    return False


def _agreed(change: Backported) -> bool:
    """Whether another branch than the one whose step it is has the change at upstream's place; also where no other has
    that place."""
    name = change.upstream.place
    if not name:
        return True
    series = change.origin.upstream.rpartition("..")[2].split(".")[:2]
    added = [key for _, key in change.upstream.telling]
    others = [lines for version, data in change.newer.items() if version.split(".")[:2] != series
              and (lines := part(data, name, change.path))]
    return not others or any(holds(lines, added) >= _SHARE for lines in others)


def _seconded(one: Suspect) -> bool:
    """Whether another branch has what is missing, or takes away what stayed, in a step of its own with the rest, too:
    else it can be another commit's."""
    key = (one.wanted or one.subject).encode("utf-8", "surrogateescape")
    return any(line_key(line) == key for side in one.change.others for edit in side.made
               for line in (*edit.new, *edit.old))


def places_of(change: Backported) -> list[str]:
    """The parts that have the added lines at the end of upstream's branch, and are here without them. Where there are
    several, the change can be meant for any of them."""
    added = [key for _, key in change.upstream.telling]
    if not added:
        return []

    def having(source: bytes, name: str) -> bool:
        return holds(part(source, name, change.path), added) == 1
    found = [name for name in sorted(sections.known(change.lasting, change.path)) if having(change.lasting, name)]
    return [name for name in found if part(change.today, name, change.path) and not having(change.today, name)]


def with_places(one: Suspect) -> Suspect:
    """A finding of lines in another part, which names every part that can be meant."""
    places = places_of(one.change) if one.kind is Fault.FUNCTION and not one.change.one_commit else []
    if len(places) < 2:
        return one
    return replace(one, evidence=(*one.evidence, f"{shown(places)} have the lines upstream and lack them here: any of "
                                  "them can be meant"))


def shown(names: Sequence[str]) -> str:
    """Names in a sentence."""
    return f"{', '.join(names[:-1])} and {names[-1]}"
