"""Where `git apply` puts a hunk, with its rules and nothing more lenient.

The whole old side of a hunk must be there byte for byte; of several places the one nearest to the line in the
header wins, later before earlier at the same distance; a hunk at line 1 must be at the top and one without
trailing context at the end; no hunk may touch a line that an earlier one has written.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from backport.patch.edits import Edit, edited, hunk_edits
from backport.patch.locate import occurrences
from backport.patch.model import Hunk


@dataclass(frozen=True, slots=True)
class AsIs:
    """Per hunk the 0-based line of the target where its old side begins, and its edits there."""

    starts: tuple[int, ...]
    edits: tuple[tuple[Edit, ...], ...]
    ambiguous: tuple[bool, ...] = ()  # the same text stands at another place too

    def made(self, source: bytes) -> bytes:
        """The file `source` with all hunks."""
        return edited(source, (edit for edits in self.edits for edit in edits))


def apply_as_is(hunks: Sequence[Hunk], source: bytes) -> AsIs | None:
    """Where `git apply` puts `hunks` in the file `source`, None where it refuses."""
    ambiguous: list[bool] = []
    done: list[_Done] = []
    for hunk in hunks:
        places = _allowed(hunk, source, done)
        if not places:
            return None
        best = _nearest(hunk, places, done)
        ambiguous.append(len(places) > 1)
        done.append((best, best + len(hunk.old), len(hunk.new) - len(hunk.old)))
    starts = tuple(start for start, _end, _grown in done)
    edits = tuple(tuple(hunk_edits(h, s)) for h, s in zip(hunks, starts, strict=True))
    return AsIs(starts, edits, tuple(ambiguous))


_Done = tuple[int, int, int]         # start and end in the target, and by how much it grew


def _allowed(hunk: Hunk, source: bytes, done: Sequence[_Done]) -> list[int]:
    """Where the old side stands, as far as git would put it there."""
    old = hunk.old
    places = [line - 1 for line in occurrences(source, old)] if old else [] if source else [0]
    places = [p for p in places if all(p + len(old) <= s or p >= e for s, e, _ in done)]
    if not hunk.lines or hunk.old_start in (0, 1):
        places = [p for p in places if p == 0]
    if hunk.lines and hunk.lines[-1].kind != b" ":
        size = source.count(b"\n") + (not source.endswith(b"\n") and source != b"")
        places = [p for p in places if p + len(old) == size]
    return places


def _nearest(hunk: Hunk, places: Sequence[int], done: Sequence[_Done]) -> int:
    """git searches in the half-patched file, from the new side's line number."""
    hint = max(0, hunk.new_start - 1)

    def distance(place: int) -> tuple[int, bool]:
        at = place + sum(grown for start, _end, grown in done if start < place)
        return abs(at - hint), at < hint

    return min(places, key=distance)
