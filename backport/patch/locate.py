"""Where the old side of a hunk stands in the file that it was made for, or in a later state of it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from backport.patch.edits import Edit, hunk_edits
from backport.patch.model import Hunk


def header_line(hunk: Hunk) -> int:
    """0-based line at which the header says that the old side begins."""
    return hunk.old_start - 1 if hunk.old else hunk.old_start


def stands(hunk: Hunk, lines: Sequence[bytes]) -> bool:
    """True where the old side is in `lines` at the header's own line."""
    start = header_line(hunk)
    return 0 <= start <= len(lines) and tuple(lines[start:start + len(hunk.old)]) == hunk.old


def exact_edits(hunks: Iterable[Hunk], lines: Sequence[bytes]) -> list[Edit] | None:
    """The edits of `hunks`, each at its header's own line; None where one does not stand there, or before another."""
    edits: list[Edit] = []
    at = 0
    for hunk in hunks:
        start = header_line(hunk)
        if start < at or not stands(hunk, lines):
            return None
        edits += hunk_edits(hunk, start)
        at = start + len(hunk.old)
    return edits


def occurrences(source: bytes, old: Sequence[bytes]) -> list[int]:
    """1-based lines at which the lines `old` stand in `source`."""
    if not old:
        return []
    needle = b"".join(old)
    found = []
    line, counted = 1, 0             # counted on from place to place: a needle of one line may stand everywhere
    at = source.find(needle)
    while at != -1:
        end = at + len(needle)
        if (at == 0 or source[at - 1:at] == b"\n") and (needle.endswith(b"\n") or end == len(source)):
            line += source.count(b"\n", counted, at)
            counted = at
            found.append(line)
        at = source.find(needle, at + 1)
    return found


def find_preimage(source: bytes, hunk: Hunk) -> int:
    """1-based line of the hunk's pre-image in upstream's file, 0 where it is not there or not told apart.

    The header's own line wins; a pre-image from a later state of the file has moved, and is taken when unique.
    """
    spots = occurrences(source, hunk.old)
    if hunk.old_start in spots or len(spots) == 1:
        return hunk.old_start if hunk.old_start in spots else spots[0]
    return 0


def locate_all(hunks: Sequence[Hunk], lines: Sequence[bytes]) -> tuple[int, ...] | None:
    """0-based lines at which the old sides of `hunks` stand, in order; None where one of them does not."""
    out = []
    floor = drift = 0
    for hunk in hunks:
        own = header_line(hunk)
        at = nearest(hunk.old, lines, max(own + drift, floor), floor)
        if at is None:
            return None
        drift = at - own
        out.append(at)
        floor = at + len(hunk.old)
    return tuple(out)


def nearest(old: Sequence[bytes], lines: Sequence[bytes], hint: int, floor: int = 0) -> int | None:
    """The 0-based line nearest to `hint`, not before `floor`, where `old` stands byte for byte."""
    n = len(old)
    if n == 0:
        return hint if floor <= hint <= len(lines) else None
    if n > len(lines):
        return None
    wanted = list(old)
    if floor <= hint <= len(lines) - n and lines[hint:hint + n] == wanted:
        return hint
    probe = max(range(n), key=lambda i: len(old[i]))       # a long line is a rare one: looked for first
    text = old[probe]
    best: int | None = None
    for i in range(floor + probe, len(lines) - n + probe + 1):
        if lines[i] == text and lines[i - probe:i - probe + n] == wanted:
            at = i - probe
            if best is None or abs(at - hint) < abs(best - hint):
                best = at
            elif at > hint and best is not None:
                break
    return best
