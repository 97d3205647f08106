"""The conflicts of a file as a report shows them: each with its markers and a few lines around."""

from __future__ import annotations

from collections.abc import Iterator

from backport.cell import ConflictMarkers
from backport.patch.parse import split_lines
from backport.resolve.sides import OURS, THEIRS, Parted

_AROUND = 3
_ROWS = 60               # of one conflict; `backport resolve` lays out all of it
_CONFLICTS = 20          # of one patch


def excerpts(parted: Parted) -> tuple[ConflictMarkers, ...]:
    """Every conflict of the files that are open, in their order; `line` counts from 1 in the file with the markers."""
    found = [one for file in parted.open if file.merged is not None for one in _of(file.path, split_lines(file.merged))]
    return tuple(found[:_CONFLICTS])


def _of(path: str, lines: list[bytes]) -> Iterator[ConflictMarkers]:
    spans: list[list[int]] = []
    begun = -1
    for number, line in enumerate(lines):
        if line.startswith(OURS):
            begun = number
        elif line.startswith(THEIRS) and begun >= 0:
            lo, hi = max(0, begun - _AROUND), min(len(lines), number + 1 + _AROUND)
            if spans and lo <= spans[-1][1]:
                spans[-1][1] = hi                # the lines around are shown once
            else:
                spans.append([lo, hi])
            begun = -1
    for lo, hi in spans:
        shown = lines[lo:min(hi, lo + _ROWS)]
        text = b"".join(shown).decode("utf-8", "replace")
        left = hi - lo - len(shown)
        yield ConflictMarkers(path, lo + 1, text + (f"[{left} more lines]\n" if left else ""))
