"""From edits on a file to the hunks of a unified diff, as git writes them, and back onto the file."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher

from backport.patch.model import Hunk, Line
from backport.patch.parse import split_lines

CONTEXT = 3
# git's rule for the text behind @@ without a userdiff driver: the line begins with a letter, _ or $
_SECTION = re.compile(rb"[A-Za-z_$]")


@dataclass(frozen=True, slots=True)
class Edit:
    """Lines [lo, hi) of a file, 0-based, become `new` (each with its newline)."""

    lo: int
    hi: int
    new: tuple[bytes, ...]


def hunk_edits(hunk: Hunk, start: int) -> list[Edit]:
    """The edits of `hunk` where its old side begins at 0-based line `start`."""
    edits: list[Edit] = []
    at = start
    lo: int | None = None
    new: list[bytes] = []
    for line in (*hunk.lines, Line(b" ", b"")):
        if line.kind == b" ":
            if lo is not None:
                edits.append(Edit(lo, at, tuple(new)))
                lo, new = None, []
            at += 1
            continue
        if lo is None:
            lo = at
        if line.kind == b"-":
            at += 1
        else:
            new.append(line.text)
    return edits


def apply_edits(lines: Sequence[bytes], edits: Iterable[Edit]) -> list[bytes]:
    """`lines` with `edits` made; they are sorted and do not overlap."""
    out: list[bytes] = []
    at = 0
    for edit in edits:
        out += lines[at:edit.lo]
        out += edit.new
        at = edit.hi
    out += lines[at:]
    return out


def edited(source: bytes, edits: Iterable[Edit]) -> bytes:
    """`source` with `edits` made; they do not overlap."""
    return b"".join(apply_edits(split_lines(source), sorted(edits, key=lambda e: (e.lo, e.hi))))


def file_edits(before: Sequence[bytes], after: Sequence[bytes]) -> tuple[Edit, ...]:
    """The edits that make `after` of `before`."""
    lo = 0
    while lo < min(len(before), len(after)) and before[lo] == after[lo]:
        lo += 1
    tail = 0
    while tail < min(len(before), len(after)) - lo and before[-1 - tail] == after[-1 - tail]:
        tail += 1
    matcher = SequenceMatcher(None, before[lo:len(before) - tail], after[lo:len(after) - tail], autojunk=False)
    return tuple(Edit(lo + i1, lo + i2, tuple(after[lo + j1:lo + j2]))
                 for tag, i1, i2, j1, j2 in matcher.get_opcodes() if tag != "equal")


def trim(lines: Sequence[bytes], edit: Edit) -> Edit | None:
    """`edit` without the lines that it takes away and puts back at either end; None where nothing is left."""
    old = lines[edit.lo:edit.hi]
    new = edit.new
    head = 0
    while head < len(old) and head < len(new) and old[head] == new[head]:
        head += 1
    tail = 0
    while tail < len(old) - head and tail < len(new) - head and old[-1 - tail] == new[-1 - tail]:
        tail += 1
    if head == len(old) and head == len(new):
        return None
    return Edit(edit.lo + head, edit.hi - tail, new[head:len(new) - tail])


def render_hunks(lines: Sequence[bytes], edits: Sequence[Edit], context: int = CONTEXT) -> tuple[Hunk, ...]:
    """Hunks that make `edits` on `lines`; edits sorted, not overlapping. Removed lines stand before added ones."""
    hunks: list[Hunk] = []
    group: list[Edit] = []
    grown = 0
    for edit in edits:
        if group and edit.lo - group[-1].hi > 2 * context:
            hunks.append(_hunk(lines, group, context, grown))
            grown += sum(len(e.new) - (e.hi - e.lo) for e in group)
            group = []
        group.append(edit)
    if group:
        hunks.append(_hunk(lines, group, context, grown))
    return tuple(hunks)


def _hunk(lines: Sequence[bytes], edits: Sequence[Edit], context: int, grown: int) -> Hunk:
    first = max(0, edits[0].lo - context)
    last = min(len(lines), edits[-1].hi + context)
    body: list[Line] = []
    at = first
    for edit in edits:
        body += [Line(b" ", text) for text in lines[at:edit.lo]]
        body += [Line(b"-", text) for text in lines[edit.lo:edit.hi]]
        body += [Line(b"+", text) for text in edit.new]
        at = edit.hi
    body += [Line(b" ", text) for text in lines[at:last]]
    old_count = sum(line.kind != b"+" for line in body)
    new_count = sum(line.kind != b"-" for line in body)
    # a side without lines names the line before it, as diff does
    old_start = first + 1 if old_count else first
    new_start = first + grown + (1 if new_count else 0)
    return Hunk(old_start, new_start, tuple(body), section(lines, first))


def section(lines: Sequence[bytes], first: int) -> bytes:
    """The text git puts behind the second @@ of a hunk that begins at 0-based line `first`."""
    for i in range(first - 1, -1, -1):
        if _SECTION.match(lines[i]):
            return lines[i][:80].rstrip()
    return b""
