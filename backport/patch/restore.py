"""White space that a web archive lost, restored from trees.

An archive page collapses runs of blanks, drops the blank of context lines and drops empty lines. What is left of
a hunk is its words and the counts of its header. Context and removed lines are taken from a tree that holds
exactly these words in one place, so that the patch then applies there; added lines only from a tree that has
the whole new text already. Nothing is made up: what no tree has, or what two places have differently, is refused.

Pure: trees come in as TreeViews, newest first; out come hunks and what was inferred.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from backport.errors import InvalidPatch
from backport.patch.edits import apply_edits
from backport.patch.locate import exact_edits
from backport.patch.model import Hunk, Line
from backport.treeview import TreeView

_CONTEXT = 3                 # lines of context that git writes on each side of a change
_MOST = 64                   # readings of one hunk that are looked at; more means that it is not unique


@dataclass(frozen=True, slots=True)
class LooseLine:
    """A line of a hunk without its white space: kind as in Line, `words` joined by single blanks."""

    kind: bytes
    words: bytes


@dataclass(frozen=True, slots=True)
class LooseHunk:
    """A hunk as the archive left it: the header's numbers hold, empty context lines are missing."""

    old_start: int
    old_count: int
    new_start: int
    new_count: int
    section: bytes
    lines: tuple[LooseLine, ...]
    mail_line: int

    @property
    def missing(self) -> int:
        """Empty context lines that are gone, by the old side's count."""
        return self.old_count - sum(line.kind != b"+" for line in self.lines)

    @property
    def missing_new(self) -> int:
        return self.new_count - sum(line.kind != b"-" for line in self.lines)


@dataclass(frozen=True, slots=True)
class LooseFile:
    """One file's part: paths as in FileDiff, blobs abbreviated as they came."""

    old_path: str | None
    new_path: str | None
    old_blob: str | None
    new_blob: str | None
    hunks: tuple[LooseHunk, ...]


@dataclass(frozen=True, slots=True)
class Restored:
    """The hunks of each file, and one sentence for each thing that was inferred or confirmed."""

    hunks: tuple[tuple[Hunk, ...], ...]
    notes: tuple[str, ...]


def words(line: bytes) -> bytes:
    """A line as an archive shows it: runs of white space are one blank, none at the ends."""
    return b" ".join(line.split())


def restore(files: Sequence[LooseFile], views: Sequence[TreeView], source: str,
            blobs: Callable[[str], bytes | None] | None = None) -> Restored:
    """White space for every hunk of `files`; raises InvalidPatch with the reason where it is not certain."""
    for file in files:
        for hunk in file.hunks:
            if hunk.missing < 0 or hunk.missing != hunk.missing_new:
                raise InvalidPatch("the hunk's lines do not fit the counts of its header, so it cannot be restored",
                                   line=hunk.mail_line, source=source)
    if not views:
        raise InvalidPatch("a web archive's text: its white space is gone, and there are no trees to take it from",
                           line=files[0].hunks[0].mail_line if files and files[0].hunks else 1, source=source,
                           hint="fetch the trees first (backport trees fetch), or give the mail as it was sent")
    out: list[tuple[Hunk, ...]] = []
    notes: list[str] = []
    for file in files:
        hunks, said = _file(file, views, source, blobs)
        out.append(hunks)
        notes += said
    return Restored(tuple(out), tuple(notes))


@dataclass(frozen=True, slots=True)
class _Side:
    """One tree's version of a file: where from, its bytes, lines and their words."""

    name: str
    data: bytes
    lines: tuple[bytes, ...]
    keys: tuple[bytes, ...]
    exact: bool              # its blob is the one of the index line


def _side(name: str, data: bytes, blob: str | None) -> _Side:
    lines = tuple(line + b"\n" for line in data.split(b"\n"))
    lines = lines[:-1] if data.endswith(b"\n") or not data else (*lines[:-1], lines[-1][:-1])
    return _Side(name, data, lines, tuple(words(line) for line in lines), _is_blob(data, blob))


def _is_blob(data: bytes, name: str | None) -> bool:
    if not name or len(name) < 7 or set(name) == {"0"}:
        return False
    kind = hashlib.sha256 if len(name) > 40 else hashlib.sha1
    return kind(b"blob %d\0" % len(data) + data).hexdigest().startswith(name)


def _sides(path: str | None, blob: str | None, views: Sequence[TreeView],
           blobs: Callable[[str], bytes | None] | None) -> list[_Side]:
    """The versions of a file, the one that the index line names first, then newest tree first, each content once."""
    if path is None:
        return [_side("nothing", b"", None)]
    seen: set[bytes] = set()
    found: list[_Side] = []
    named = blobs(blob) if blobs is not None and blob and set(blob) != {"0"} else None
    candidates: list[tuple[str, bytes | None]] = [(f"blob {blob}", named)] if named is not None else []
    candidates += [(view.name, view.read(path)) for view in views]
    for name, data in candidates:
        if data is not None and data not in seen:
            seen.add(data)
            found.append(_side(name, data, blob))
    return sorted(found, key=lambda side: not side.exact)


def _file(file: LooseFile, views: Sequence[TreeView], source: str,
          blobs: Callable[[str], bytes | None] | None) -> tuple[tuple[Hunk, ...], list[str]]:
    path = file.new_path or file.old_path or ""
    olds = _sides(file.old_path, file.old_blob, views, blobs)
    news = _sides(file.new_path, file.new_blob, views, blobs)
    start = file.hunks[0].mail_line
    if not olds:
        raise InvalidPatch(f"{path} is in none of the trees, so its white space cannot be restored", line=start,
                           source=source)
    before = [side for side in olds if all(_windows(hunk, side, b"+") for hunk in file.hunks)]
    if not before:
        bad = next((hunk for hunk in file.hunks if not any(_windows(hunk, side, b"+") for side in olds)), file.hunks[0])
        raise InvalidPatch(f"no tree has the context and removed lines of this hunk of {path}, so its white space "
                           "cannot be restored", line=bad.mail_line, source=source)
    adds = any(line.kind == b"+" for hunk in file.hunks for line in hunk.lines)
    after: list[_Side | None] = [None]
    if adds:
        after = [side for side in news if all(_windows(hunk, side, b"-") for hunk in file.hunks)]
        if not after:
            bad = next((hunk for hunk in file.hunks if not any(_windows(hunk, side, b"-") for side in news)),
                       file.hunks[0])
            raise InvalidPatch(f"no tree has the added lines of this hunk of {path}, so their white space cannot be "
                               "known", line=bad.mail_line, source=source,
                               hint="a tree that has the fix already is needed, or the mail as it was sent")
    old, new, hunks = _first_pair(file, before, after, path, source)
    agree = 1
    if not (old.exact and (new is None or new.exact)):
        # the same words in other trees: where they stand with other white space, only a person can choose
        for side, other in [(a, new) for a in before if a is not old] + [(old, b) for b in after if b is not new]:
            if other is not None and other.lines == side.lines:
                continue
            try:
                again = tuple(_hunk(hunk, side, other, path, source) for hunk in file.hunks)
            except InvalidPatch:
                continue
            differs = next((h for h, h2 in zip(hunks, again, strict=True) if h.added != h2.added), None)
            if differs is not None and new is not None and other is not None:
                raise InvalidPatch(f"{new.name} and {other.name} have the added lines of this hunk of {path} with "
                                   "different white space", line=differs.mail_line, source=source,
                                   hint="give the mail as it was sent")
            agree += again == hunks
    return hunks, _notes(path, file, old, new, hunks, agree)


def _first_pair(file: LooseFile, before: Sequence[_Side], after: Sequence[_Side | None], path: str,
                source: str) -> tuple[_Side, _Side | None, tuple[Hunk, ...]]:
    """The newest pair of trees whose lines around the change agree; raises InvalidPatch for the newest of all."""
    error: InvalidPatch | None = None
    for new in after:
        for old in before:
            if new is not None and new.lines == old.lines:
                # one file that reads as both has the change in one place and its like in another: a coincidence
                continue
            try:
                return old, new, tuple(_hunk(hunk, old, new, path, source) for hunk in file.hunks)
            except InvalidPatch as refusal:
                error = error or refusal
                if "ways" in refusal.reason:        # two places in one tree: another tree does not settle it
                    raise
    raise error or InvalidPatch(
        f"the only tree that has the lines of {path} before this change has those after it too, so its white space "
        "cannot be restored", line=file.hunks[0].mail_line, source=source, hint="give the mail as it was sent")


def _hunk(hunk: LooseHunk, old: _Side, new: _Side | None, path: str, source: str) -> Hunk:
    """The one reading of `hunk` between the two versions; raises InvalidPatch where there is none or another."""
    readings: list[tuple[Line, ...]] = []
    for p in _windows(hunk, old, b"+"):
        for q in _windows(hunk, new, b"-") if new is not None else [0]:
            for reading in _align(hunk, old, p, new, q):
                if reading not in readings:
                    readings.append(reading)
                if len(readings) > _MOST:
                    break
    # git's own shape where it decides: three lines of context on either side, fewer only at the file's ends
    shaped = [r for r in readings if _context(r) == (_CONTEXT, _CONTEXT)]
    readings = shaped or readings
    effects = {(tuple(x.text for x in r if x.kind != b"+"), tuple(x.text for x in r if x.kind != b"-"))
               for r in readings}
    if not readings:
        names = old.name if new is None else f"{old.name} and {new.name}"
        raise InvalidPatch(f"the lines around this change of {path}, or their white space, differ between {names}",
                           line=hunk.mail_line, source=source, hint="give the mail as it was sent")
    if len(effects) > 1:
        raise InvalidPatch(f"this hunk of {path} can be restored in {len(effects)} ways from {old.name}, which differ",
                           line=hunk.mail_line, source=source, hint="give the mail as it was sent")
    return Hunk(hunk.old_start, hunk.new_start, readings[0], hunk.section, b"", hunk.mail_line)


def _context(lines: tuple[Line, ...]) -> tuple[int, int]:
    changed = [i for i, line in enumerate(lines) if line.kind != b" "]
    return changed[0], len(lines) - 1 - changed[-1]


def _windows(hunk: LooseHunk, side: _Side | None, without: bytes) -> list[int]:
    """Starts (0-based) of the stretches of `side` that read as one side of the hunk, empty lines put back."""
    if side is None:
        return [0]
    wanted = [line.words for line in hunk.lines if line.kind != without]
    count = hunk.old_count if without == b"+" else hunk.new_count
    start = hunk.old_start if without == b"+" else hunk.new_start
    if count == 0:
        return [0]
    if side.exact:                        # the very file of the index line: the header's number is the place
        places: Sequence[int] = [start - 1] if 0 < start <= len(side.keys) - count + 1 else []
    else:
        places = range(len(side.keys) - count + 1)
    lost = count - len(wanted)
    first = next((i for i, text in enumerate(wanted) if text), None)
    found = []
    for p in places:
        if first is not None and wanted[first] not in side.keys[p:p + lost + first + 1]:
            continue
        if _fits(side.keys[p:p + count], wanted, lost):
            found.append(p)
    return found


def _fits(window: Sequence[bytes], wanted: Sequence[bytes], lost: int) -> bool:
    """True where `wanted` is `window` with `lost` empty lines taken out."""
    if [key for key in window if key] != [text for text in wanted if text]:
        return False
    # empty lines that the hunk names (a removed or added one) must stand between the same neighbours
    i = 0
    for key in window:
        if i < len(wanted) and key == wanted[i]:
            i += 1
        elif key:
            return False
        else:
            lost -= 1
    return i == len(wanted) and lost == 0


def _align(hunk: LooseHunk, old: _Side, p: int, new: _Side | None, q: int) -> Iterator[tuple[Line, ...]]:
    """Every way to put the missing empty context lines so that both sides read as the two trees do."""
    total = len(hunk.lines)

    def walk(i: int, a: int, b: int, lost: int, done: tuple[Line, ...]) -> Iterator[tuple[Line, ...]]:
        if i == total and lost == 0:
            yield done
            return
        if lost and a < p + hunk.old_count and not old.keys[a] and (
                new is None or (b < q + hunk.new_count and not new.keys[b])):
            yield from walk(i, a + 1, b + 1, lost - 1, (*done, Line(b" ", old.lines[a])))
        if i == total:
            return
        line = hunk.lines[i]
        if line.kind == b"+":
            if new is not None and b < q + hunk.new_count and new.keys[b] == line.words:
                yield from walk(i + 1, a, b + 1, lost, (*done, Line(b"+", new.lines[b])))
        elif a < p + hunk.old_count and old.keys[a] == line.words:
            if line.kind == b"-":
                yield from walk(i + 1, a + 1, b, lost, (*done, Line(b"-", old.lines[a])))
            elif new is None or (b < q + hunk.new_count and new.lines[b] == old.lines[a]):
                # a context line that stands otherwise in the newer tree: its added lines are indented otherwise too
                yield from walk(i + 1, a + 1, b + 1, lost, (*done, Line(b" ", old.lines[a])))

    yield from walk(0, p, q, hunk.missing, ())


def _notes(path: str, file: LooseFile, old: _Side, new: _Side | None, hunks: Sequence[Hunk],
           agree: int) -> list[str]:
    notes = []
    if file.old_path is not None:
        notes.append(f"{path}: white space of context and removed lines taken from {old.name}")
    if new is not None:
        notes.append(f"{path}: white space of added lines taken from {new.name}")
    blanks = sum(hunk.missing for hunk in file.hunks)
    if blanks:
        notes.append(f"{path}: {blanks} empty context line{'s' if blanks > 1 else ''} put back where {old.name} has "
                     f"{'them' if blanks > 1 else 'it'}")
    if file.old_blob and file.new_blob:
        name = f"{file.old_blob}..{file.new_blob}"
        edits = exact_edits(hunks, old.lines) if old.exact else None
        image = b"".join(apply_edits(old.lines, edits)) if edits is not None else None
        if image is not None and _is_blob(image, file.new_blob):
            notes.append(f"{path}: confirmed by the index line: {old.name} with the patch is blob {file.new_blob}")
        elif old.exact or (new is not None and new.exact):
            side = file.old_blob if old.exact else file.new_blob
            notes.append(f"{path}: the index line {name} is confirmed for {side} only")
        else:
            notes.append(f"{path}: not confirmed: no available tree has the blobs of the index line {name}"
                         + (f" ({agree} versions of the file give the same)" if agree > 1 else ""))
    return notes
