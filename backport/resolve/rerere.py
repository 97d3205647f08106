"""What became of a conflict, to be made of the very same conflict when another patch brings it: as git rerere does.

A conflict is one block of markers: the file's name, our lines, the lines before, theirs. It is recorded where the
lines around it still stand in the file that the person left. A block that comes again is filled in, and the file stays
unmerged: a person reads it before it is added. Bytes in, bytes out; the text of `render` lies beside the resolution.
"""

from __future__ import annotations

import posixpath
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher

from backport.patch.parse import split_lines
from backport.resolve.sides import BASE, MIDDLE, OURS, THEIRS

_TITLE = b"# What the conflicts of this resolution became; the same ones are filled in again.\n"
_SIDES = (b"ours", b"before", b"theirs", b"became")


@dataclass(frozen=True, slots=True)
class Conflict:
    """One block of markers in the file `name` (the last part of its path)."""

    name: bytes
    ours: bytes
    before: bytes
    theirs: bytes

    @property
    def telling(self) -> bool:
        """Whether it is enough to know the place by: `}` against nothing is the same everywhere."""
        return sum(any(byte in b"(=[;\"" for byte in row) or len(row.strip()) > 12
                   for side in (self.ours, self.before, self.theirs) for row in split_lines(side)) >= 2


@dataclass(frozen=True, slots=True)
class _Block:
    lo: int                              # lines [lo, hi) of the file with the markers, 0-based
    hi: int
    conflict: Conflict


def recorded(path: str, marked: bytes, final: bytes) -> Iterator[tuple[Conflict, bytes]]:
    """(conflict, what became of it) for each block of `marked`, the file that a person turned into `final`."""
    lines, made = split_lines(marked), split_lines(final)
    blocks = _blocks(path, lines)
    if not blocks or not final.endswith(b"\n"):
        return
    folded: list[bytes] = []             # the file with one line in the place of each block, which `final` cannot have
    at, spots = 0, []
    for block in blocks:
        folded += lines[at:block.lo]
        spots.append(len(folded))
        folded.append(b"\0%d" % len(spots))
        at = block.hi
    folded += lines[at:]
    there: dict[int, int] = {len(folded): len(made), -1: -1}
    for i, j, size in SequenceMatcher(None, folded, made, autojunk=False).get_matching_blocks():
        there |= {i + n: j + n for n in range(size)}
    for block, spot in zip(blocks, spots, strict=True):
        above, below = there.get(spot - 1), there.get(spot + 1)
        if above is not None and below is not None and block.conflict.telling:
            yield block.conflict, b"".join(made[above + 1:below])


def replayed(path: str, marked: bytes, known: Mapping[Conflict, bytes]) -> tuple[bytes, list[Conflict]]:
    """The file with what is known of its blocks in their place, and which ones that are."""
    lines = split_lines(marked)
    out: list[bytes] = []
    found = []
    at = 0
    for block in _blocks(path, lines):
        made = known.get(block.conflict)
        if made is not None:
            out += [*lines[at:block.lo], made]
            found.append(block.conflict)
            at = block.hi
    return b"".join([*out, *lines[at:]]), found


def render(rows: Iterable[tuple[Conflict, bytes]]) -> bytes:
    """The conflicts and what they became, to read and to keep; b"" for none."""
    out = []
    for one, became in rows:
        out.append(b"conflict " + one.name + b"\n")
        for side, text in zip(_SIDES, (one.ours, one.before, one.theirs, became), strict=True):
            out += [side + b"\n", *(b" " + row for row in split_lines(text))]
    return b"".join([_TITLE, *out]) if out else b""


def read(data: bytes) -> Iterator[tuple[Conflict, bytes]]:
    """What `render` wrote; nothing where the file is damaged."""
    name, sides = b"", [b"", b"", b"", b""]
    at = -2
    for row in [*split_lines(data), b"conflict end\n"]:
        if row.startswith(b" ") and at >= 0:
            sides[at] += row[1:]
        elif row.startswith(b"conflict ") and at in (-2, 3):
            if at == 3:
                yield Conflict(name, *sides[:3]), sides[3]
            name, sides, at = row[9:].rstrip(b"\n"), [b"", b"", b"", b""], -1
        elif at < 3 and row.rstrip(b"\n") == _SIDES[at + 1] and at >= -1:
            at += 1
        elif not row.startswith(b"#"):
            return


def _blocks(path: str, lines: Sequence[bytes]) -> list[_Block]:
    """The blocks of markers; one whose own lines look like markers cannot be told, and ends the reading."""
    name = posixpath.basename(path).encode("utf-8", "surrogateescape")
    found: list[_Block] = []
    want = (OURS, BASE, MIDDLE, THEIRS)
    marks: list[int] = []
    for n, line in enumerate(lines):
        if not line.startswith(want) or (line == MIDDLE and not marks):
            continue
        if not line.startswith(want[len(marks)]):
            return found
        marks.append(n)
        if len(marks) == len(want):
            a, b, c, d = marks
            found.append(_Block(a, d + 1, Conflict(name, *(b"".join(lines[i + 1:j]) for i, j in (
                (a, b), (b, c), (c, d))))))
            marks = []
    return found
