"""The three sides of what does not fit: bytes in, bytes out.

The hunks that found their place are made on our side and count as made upstream, so that a three-way merge, and
whoever looks at the stages with git mergetool, sees only what is open. What git would merge without a word although
it was declined gets markers all the same: a person has to look.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher

from backport.adapt.arbiter import State
from backport.adapt.records import HunkStory
from backport.errors import InvalidPatch
from backport.patch.edits import Edit, apply_edits, hunk_edits
from backport.patch.locate import find_preimage, header_line
from backport.patch.model import FileDiff, Hunk, Patch
from backport.patch.parse import parse, split_lines

OURS, BASE, THEIRS = b"<<<<<<< ", b"||||||| ", b">>>>>>> "
MIDDLE = b"=======\n"
_SETTLED = (State.FORWARD, State.ALREADY, State.DROPPED, State.ABSENT)

# (ours, base, theirs) -> (the merged text with zdiff3 markers, number of conflicts)
Merge = Callable[[bytes, bytes, bytes], tuple[bytes, int]]


@dataclass(frozen=True, slots=True)
class Open:
    """A file with hunks that a person has to place. A side is None where it has no such file.

    `merged` is what the work tree gets (None: nothing to write), `hunks` are the 0-based numbers of upstream's hunks
    that are open, `proposed` says that git's merge had an answer, which stands behind the markers.
    """

    path: str
    base: bytes | None
    ours: bytes | None
    theirs: bytes | None
    merged: bytes | None
    hunks: tuple[int, ...] = ()
    proposed: bytes | None = None


@dataclass(frozen=True, slots=True)
class Parted:
    """A patch in two: `fits` is what goes in (path -> the file with it, None for a deletion), `open` is the rest."""

    fits: Mapping[str, bytes | None]
    open: tuple[Open, ...]


def part(patch: Patch, before: Mapping[str, bytes], stories: Sequence[HunkStory],
         read: Callable[[str], bytes | None], merge: Merge) -> Parted:
    """What of `patch` fits the tree behind `read`, and what is open, with its sides."""
    fits: dict[str, bytes | None] = {}
    found: list[Open] = []
    elsewhere: dict[str, list[Edit]] = {}
    for file in patch.files:
        mine = [story for story in stories if story.path == (file.old_path or file.path)]
        if file.created or file.deleted or file.binary or not file.hunks:
            _whole(file, read, fits, found, merge)
            continue
        _modified(file, before.get(file.old_path or ""), mine, read, merge, fits, found, elsewhere)
    for path, edits in elsewhere.items():
        data = fits.get(path) or read(path)
        made = None if data is None or path in fits else _made(split_lines(data), edits)
        if made is not None and not any(one.path == path for one in found):
            fits[path] = made
    return Parted(fits, tuple(found))


def _whole(file: FileDiff, read: Callable[[str], bytes | None], fits: dict[str, bytes | None],
           found: list[Open], merge: Merge) -> None:
    """A file that comes, goes or is binary: it fits, or its sides stand as git has them (add/add, delete/modify)."""
    there = read(file.path)
    lines = b"".join(line for hunk in file.hunks for line in hunk.new)
    if file.binary or (not file.hunks and not file.created):
        if there is not None or not file.deleted:
            found.append(Open(file.path, None, there, None, None))
    elif file.created:
        if there is None:
            fits[file.path] = lines
        elif there != lines:
            text = None if _binary(there) or _binary(lines) else merge(there, b"", lines)[0]
            found.append(Open(file.path, None, there, lines, text, tuple(range(len(file.hunks)))))
    elif there is not None:
        old = b"".join(line for hunk in file.hunks for line in hunk.old)
        if there == old:
            fits[file.path] = None
        else:
            found.append(Open(file.path, old, there, None, there, tuple(range(len(file.hunks)))))


def _modified(file: FileDiff, pre: bytes | None, stories: Sequence[HunkStory], read: Callable[[str], bytes | None],
              merge: Merge, fits: dict[str, bytes | None], found: list[Open],
              elsewhere: dict[str, list[Edit]]) -> None:
    hunks = sorted(file.hunks, key=lambda hunk: hunk.old_start)
    path = file.old_path or file.path
    data = read(path)
    placed: dict[int, list[Edit]] = {}
    made_elsewhere: dict[int, tuple[str, list[Edit]]] = {}
    for story in stories:
        edits = _edits(story)
        if edits is None:
            continue
        if story.landed_path in ("", path):
            placed[story.index] = edits
        else:
            made_elsewhere[story.index] = (story.landed_path, edits)
    for other, edits in made_elsewhere.values():
        elsewhere.setdefault(other, []).extend(edits)
    still = tuple(k for k in range(len(hunks)) if k not in placed and k not in made_elsewhere)
    ours = _made(split_lines(data), [e for edits in placed.values() for e in edits]) if data is not None else None
    if data is not None and ours is None:        # two hunks want the same lines: all of them are open
        ours, still = data, tuple(range(len(hunks)))
    if not still:
        if ours is not None and ours != data:
            fits[path] = ours
        return
    base = _with(pre, [hunk for k, hunk in enumerate(hunks) if k not in still]) if pre is not None else None
    theirs = _with(base, [hunks[k] for k in still]) if base is not None else None
    if base is None or theirs is None:
        found.append(_without_upstream(path, ours, [hunks[k] for k in still], still))
    elif ours is None:                           # as git leaves a file that one side deleted: theirs, to be moved
        found.append(Open(path, base, None, theirs, theirs, still))
    elif any(_binary(side) for side in (ours, base, theirs)):      # git merges none of these, and leaves ours
        found.append(Open(path, base, ours, theirs, None, still))
    else:
        text, count = merge(ours, base, theirs)
        proposed = text if not count else None
        found.append(Open(path, base, ours, theirs, text if count else _marked(ours, text), still, proposed))


def _binary(data: bytes) -> bool:
    """Whether git merges no such file."""
    return b"\0" in data[:8000]


def _edits(story: HunkStory) -> list[Edit] | None:
    """What is made of one hunk in the tree; [] where nothing has to be, None where it is open (or cannot be told: its
    text went through a decoding, so bytes that are no UTF-8 are lost)."""
    if story.state not in _SETTLED:
        return None
    if story.state != State.FORWARD or not story.adapted:
        return [] if story.state != State.FORWARD else None
    if "\ufffd" in story.adapted:
        return None
    try:
        made = parse(b"--- a/x\n+++ b/x\n" + story.adapted.encode())
    except InvalidPatch:
        return None
    return [edit for hunk in made.files[0].hunks for edit in hunk_edits(hunk, max(0, header_line(hunk)))]


def _made(lines: Sequence[bytes], edits: Iterable[Edit]) -> bytes | None:
    """The file with `edits`, None where two of them want the same lines."""
    ordered = sorted(edits, key=lambda edit: (edit.lo, edit.hi))
    at = 0
    for n, edit in enumerate(ordered):
        if edit.lo < at or (n and edit.lo == ordered[n - 1].lo) or edit.hi > len(lines):
            return None
        at = edit.hi
    return b"".join(apply_edits(lines, ordered))


def _with(pre: bytes, hunks: Sequence[Hunk]) -> bytes | None:
    """Upstream's file with some of the patch's hunks made, None where one does not stand in it."""
    lines = split_lines(pre)
    edits: list[Edit] = []
    for hunk in hunks:
        at = find_preimage(pre, hunk)
        if not at:
            return None
        edits += hunk_edits(hunk, at - 1)
    return _made(lines, edits)


def _without_upstream(path: str, ours: bytes | None, hunks: Sequence[Hunk], still: tuple[int, ...]) -> Open:
    """Upstream's file is not known: the hunks' own lines are the two sides, at the place that resembles them most."""
    old, new = b"".join(x for hunk in hunks for x in hunk.old), b"".join(x for hunk in hunks for x in hunk.new)
    if ours is None:
        return Open(path, old, None, new, None, still)
    lines = split_lines(ours)
    spots: list[tuple[int, int, Hunk]] = []
    for hunk in hunks:
        at = _likeliest(lines, hunk.old)
        if at is not None:
            spots.append((at, min(len(lines), at + len(hunk.old)), hunk))
    out: list[bytes] = []
    at = 0
    for lo, hi, hunk in sorted(spots, key=lambda spot: spot[0]):
        if lo < at:
            continue
        out += [*lines[at:lo], _conflict(lines[lo:hi], hunk.old, hunk.new)]
        at = hi
    text = b"".join([*out, *lines[at:]])
    return Open(path, old, ours, new, text, still)


def _likeliest(lines: Sequence[bytes], old: Sequence[bytes]) -> int | None:
    """0-based line where `old` resembles the file most, None where no line that says something is there."""
    told = {line.strip() for line in old if len(line.strip()) > 3}
    best, where = 0, None
    for at in range(max(1, len(lines) - len(old) + 1)):
        score = sum(line.strip() in told for line in lines[at:at + len(old)])
        if score > best:
            best, where = score, at
    return where


def _marked(ours: bytes, proposed: bytes) -> bytes:
    """`ours` with git's own answer behind markers, where the two differ."""
    a, b = split_lines(ours), split_lines(proposed)
    head = next((n for n, (x, y) in enumerate(zip(a, b, strict=False)) if x != y), min(len(a), len(b)))
    tail = 0
    while tail < min(len(a), len(b)) - head and a[-1 - tail] == b[-1 - tail]:
        tail += 1
    mine, theirs = a[head:len(a) - tail], b[head:len(b) - tail]
    out = list(a[:head])
    for tag, i1, i2, j1, j2 in SequenceMatcher(None, mine, theirs, autojunk=False).get_opcodes():
        out += mine[i1:i2] if tag == "equal" else [_conflict(mine[i1:i2], mine[i1:i2], theirs[j1:j2])]
    return b"".join([*out, *a[len(a) - tail:]])


def _conflict(ours: Sequence[bytes], base: Sequence[bytes], theirs: Sequence[bytes]) -> bytes:
    def text(lines: Sequence[bytes]) -> bytes:
        joined = b"".join(lines)
        return joined if not joined or joined.endswith(b"\n") else joined + b"\n"

    return b"".join((OURS, b"ours\n", text(ours), BASE, b"upstream before\n", text(base), MIDDLE, text(theirs),
                     THEIRS, b"upstream after\n"))


def markers(data: bytes) -> list[int]:
    """1-based lines that are conflict markers; a heading underlined with seven = is none by itself."""
    return [n for n, line in enumerate(split_lines(data), 1) if line.startswith((OURS, THEIRS, BASE))
            or line.rstrip(b"\r\n") in (b"<<<<<<<", b">>>>>>>", b"|||||||")]
