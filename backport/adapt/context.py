"""Hunks that came without context (`git diff -U0`), or with none that says anything: a lone `}`, empty lines.

git apply puts such a hunk at the end of the file or where a like line stands, and returns 0. It has a place only in
the file that it was made for: there its header's lines are exact, and context can be put in. Without that file it has
none, and its lines are no evidence of anything: added ones stand elsewhere, removed ones need never have been there.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import takewhile

from backport.adapt.align import line_key, weak
from backport.csource.pieces import code
from backport.csource.statements import label
from backport.patch.edits import CONTEXT, hunk_edits, render_hunks, section
from backport.patch.locate import exact_edits, find_preimage, header_line, stands
from backport.patch.model import FileDiff, Hunk
from backport.patch.parse import split_lines

_FEW = 5                 # hunks that are told by number


def bare(hunk: Hunk) -> bool:
    """True where the hunk has less than three lines of context, and no line of it says where it stands."""
    return _width(hunk) < CONTEXT and all(weak(line_key(line.text)) for line in hunk.lines if line.kind == b" ")


def bare_hunks(file: FileDiff) -> tuple[int, ...]:
    """0-based numbers of the hunks that have no place without the file that they were made for."""
    if file.created or file.deleted:
        return ()                    # it is the whole file
    return tuple(n for n, hunk in enumerate(file.hunks) if bare(hunk))


def with_context(file: FileDiff, before: bytes) -> FileDiff:
    """`file` with three lines of context from `before`, the file that it was made for; as it came where it has them,
    or where it does not fit."""
    if file.created or file.deleted or all(_width(hunk) >= CONTEXT for hunk in file.hunks):
        return file
    lines = split_lines(before)
    starts = [_start(hunk, lines, before) for hunk in file.hunks]
    edits = [edit for hunk, start in zip(file.hunks, starts, strict=True) if start is not None
             for edit in hunk_edits(hunk, start)]
    if None in starts or edits != sorted(edits, key=lambda edit: (edit.lo, edit.hi)):
        return file
    return file.with_hunks(render_hunks(lines, edits))


def stands_exactly(file: FileDiff, before: bytes) -> bool:
    """True where every hunk stands in `before` at its header's own line."""
    return exact_edits(file.hunks, split_lines(before)) is not None


def says_where(file: FileDiff, lines: Sequence[bytes]) -> bool:
    """True where every hunk without context finds its place in `lines` by what it takes away: lines that stand there
    once and say something, below the very line that the header names, or at the header's own number."""
    for n in bare_hunks(file):
        hunk = file.hunks[n]
        old = list(hunk.old)
        places = [i for i in range(len(lines) - len(old) + 1) if lines[i:i + len(old)] == old] if old else []
        if len(places) != 1 or all(weak(line_key(line)) for line in hunk.removed):
            return False
        if not (above(lines, places[0]) == hunk.section if hunk.section else places[0] + 1 == hunk.old_start):
            return False
    return True


def refusal(file: FileDiff) -> str:
    """Why the file's hunks cannot be placed, and what to do; "" where they can."""
    numbers = bare_hunks(file)
    if not numbers:
        return ""
    which = f"hunk{'s' if len(numbers) > 1 else ''} {', '.join(str(n + 1) for n in numbers)}" \
        if len(numbers) <= _FEW else f"{len(numbers)} of {len(file.hunks)} hunks"
    have = "have" if len(numbers) > 1 else "has"
    known = file.old_blob is not None and file.old_blob.strip("0")
    why = (f"the file that it was made for, blob {file.old_blob} of the index line, is in no tree here" if known
           else "no index line names the file that it was made for")
    return f"{file.path}: {which} {have} no context, and {why}: make the patch with -U3"


def at_the_top(file: FileDiff) -> bool:
    """True where the only hunk without context begins at line 1: git apply takes it there or nowhere."""
    return bare_hunks(file) == (0,) and file.hunks[0].old_start == 1 and bool(file.hunks[0].old)


def covers(file: FileDiff, data: bytes | None) -> bool:
    """True where the only hunk's old side is the whole file: there is no context to have, and no other place."""
    return data is not None and len(file.hunks) == 1 and bool(data) and b"".join(file.hunks[0].old) == data


def above(lines: Sequence[bytes], start: int) -> bytes:
    """The text that git writes behind @@ for a hunk at 0-based `start`; for C it passes over labels."""
    while start > 0:
        found = section(lines, start)
        at = next((i for i in range(start - 1, -1, -1) if lines[i][:80].rstrip() == found), -1)
        if not found or at < 0 or not (label(lines[at]) and code(lines[at]).rstrip().endswith(b":")):
            return found
        start = at
    return b""


def _width(hunk: Hunk) -> int:
    """Lines of context before the first change or behind the last one, whichever are more."""
    head = sum(1 for _ in takewhile(lambda line: line.kind == b" ", hunk.lines))
    tail = sum(1 for _ in takewhile(lambda line: line.kind == b" ", reversed(hunk.lines)))
    return max(head, tail)


def _start(hunk: Hunk, lines: Sequence[bytes], source: bytes) -> int | None:
    """0-based line at which the hunk's old side stands: its header's, or the only one."""
    if stands(hunk, lines):
        return header_line(hunk)
    line = find_preimage(source, hunk)
    return line - 1 if line else None
