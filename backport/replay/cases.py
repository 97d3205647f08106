"""A replay case, and how it is cut out of two deltas of the same file.

Releases bundle many commits. What is compared is only what both branches got: the delta of a file in the newer
branch and in the older one are cut into groups of changes, and the groups that correspond are kept, one to one.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from backport.csource.pieces import bare, squeeze
from backport.patch.edits import Edit

GAP = 6              # unchanged lines that still keep two changes in one group
FILE_JACCARD = 0.5   # how much of a file's changed lines both deltas must share
GROUP_DICE = 0.6     # how much of a group's tokens both sides must share


@dataclass(frozen=True, slots=True)
class CaseEdit(Edit):
    """An edit with the lines `old` that stood there."""

    old: tuple[bytes, ...]


@dataclass(frozen=True, slots=True)
class Case:
    """One real backport: `upstream` -> `upstream_after` is known to the engine, `target` is what it gets,
    `truth` what the maintainers made of it (never handed to the engine)."""

    name: str                        # 5.10.218..223 <- 6.1.164..170 path
    path: str
    upstream: bytes
    upstream_edits: tuple[CaseEdit, ...]
    target: bytes
    truth: bytes
    same_lines: bool                 # the maintainers changed the very lines that upstream changed
    newer: tuple[str, str] = ("", "")
    older: tuple[str, str] = ("", "")
    message: bytes = b""
    made: tuple[tuple[CaseEdit, ...], ...] = ()      # what the maintainers made of each hunk, where that is known


Delta = tuple[CaseEdit, ...]


def parse_delta(diff: bytes) -> dict[str, Delta]:
    """path -> edits of a `git diff -U0` with `--no-prefix`-less headers (a/ b/); new and deleted files left out."""
    out: dict[str, list[CaseEdit]] = {}
    path: str | None = None
    fresh = False
    lines = diff.split(b"\n")
    i = 0
    while i < len(lines):
        line = lines[i]
        i += 1
        if line.startswith(b"diff --git "):
            path, fresh = None, False
        elif line.startswith((b"new file", b"deleted file")):
            fresh = True
        elif line.startswith(b"+++ b/") and not fresh:
            path = line[6:].rstrip(b"\t").decode("utf-8", "surrogateescape")
        elif line.startswith(b"@@ -"):
            edit, i = _edit(line, lines, i)
            if path is not None:
                out.setdefault(path, []).append(edit)
    return {path: tuple(edits) for path, edits in out.items()}


def _edit(header: bytes, lines: Sequence[bytes], i: int) -> tuple[CaseEdit, int]:
    """The edit of the hunk whose body begins at lines[i], and the line behind it."""
    spec = header.split(b" ", 3)
    start, count = _range(spec[1][1:])
    _new_start, new_count = _range(spec[2][1:])
    sides: dict[bytes, list[bytes]] = {b"-": [], b"+": []}
    last = sides[b"-"]
    while len(sides[b"-"]) < count or len(sides[b"+"]) < new_count or (i < len(lines) and lines[i][:1] == b"\\"):
        mark, text = lines[i][:1], lines[i][1:]
        if mark in sides:
            last = sides[mark]
            last.append(text + b"\n")
        elif mark == b"\\":
            last[-1] = last[-1][:-1]             # "\ No newline at end of file"
        i += 1
    lo = start - 1 if count else start
    return CaseEdit(lo, lo + count, tuple(sides[b"+"]), tuple(sides[b"-"])), i


def _range(text: bytes) -> tuple[int, int]:
    start, _, count = text.partition(b",")
    return int(start), int(count) if count else 1


def groups(delta: Sequence[CaseEdit]) -> list[Delta]:
    """`delta` cut where more than GAP unchanged lines lie between two edits."""
    out: list[list[CaseEdit]] = []
    for edit in delta:
        if out and edit.lo - out[-1][-1].hi <= GAP:
            out[-1].append(edit)
        else:
            out.append([edit])
    return [tuple(group) for group in out]


def changed_lines(delta: Iterable[CaseEdit]) -> Counter[bytes]:
    """Multiset of changed lines without white space, marked - or +; blank lines do not count."""
    count: Counter[bytes] = Counter()
    for edit in delta:
        count.update(b"-" + squeeze(line) for line in edit.old if line.strip())
        count.update(b"+" + squeeze(line) for line in edit.new if line.strip())
    return count


def jaccard(a: Counter[bytes], b: Counter[bytes]) -> float:
    union = (a | b).total()
    return (a & b).total() / union if union else 0.0


def _group_tokens(group: Delta) -> Counter[bytes]:
    count: Counter[bytes] = Counter()
    for edit in group:
        for line in edit.old:
            count.update(bare(line))
        for line in edit.new:
            count.update(bare(line))
    return count


def corresponding(newer: Delta, older: Delta) -> list[tuple[Delta, Delta]]:
    """Pairs of groups that are the same change on both sides, best first match, in the newer side's order."""
    ours, theirs = groups(newer), groups(older)
    ours_tokens = [_group_tokens(group) for group in ours]
    theirs_tokens = [_group_tokens(group) for group in theirs]
    scored = []
    for i, a in enumerate(ours_tokens):
        for j, b in enumerate(theirs_tokens):
            total = a.total() + b.total()
            dice = 2 * (a & b).total() / total if total else 0.0
            if dice >= GROUP_DICE:
                scored.append((-dice, abs(i - j), i, j))
    taken_i: set[int] = set()
    taken_j: set[int] = set()
    pairs = []
    for _dice, _distance, i, j in sorted(scored):
        if i not in taken_i and j not in taken_j:
            taken_i.add(i)
            taken_j.add(j)
            pairs.append((i, j))
    return [(ours[i], theirs[j]) for i, j in sorted(pairs)]
