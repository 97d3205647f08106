"""Where `git apply` puts a hunk, with its rules and nothing more lenient.

The whole old side of a hunk must be there byte for byte; of several places the one nearest to the line in the
header wins, later before earlier at the same distance; a hunk at line 1 must be at the top and one without
trailing context at the end; no hunk may touch a line that an earlier one has written.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from backport.adapt.edits import Edit, hunk_edits
from backport.patch.model import Hunk


@dataclass(frozen=True, slots=True)
class AsIs:
    """Per hunk the 0-based line of the target where its old side begins, and its edits there."""

    starts: tuple[int, ...]
    edits: tuple[tuple[Edit, ...], ...]
    ambiguous: tuple[bool, ...] = ()  # the same text stands at another place too


def apply_as_is(hunks: Sequence[Hunk], lines: Sequence[bytes]) -> AsIs | None:
    """Where `git apply` puts `hunks`, None where it refuses."""
    index: dict[bytes, list[int]] = {}
    wanted = {line for hunk in hunks for line in hunk.old}
    for i, line in enumerate(lines):
        if line in wanted:
            index.setdefault(line, []).append(i)
    starts: list[int] = []
    ambiguous: list[bool] = []
    done: list[tuple[int, int, int]] = []      # start, end in the target, growth
    for hunk in hunks:
        old = list(hunk.old)
        # git searches in the half-patched file, from the new side's line number
        hint = max(0, hunk.new_start - 1)
        places = [p for p in _places(old, lines, index)
                  if all(p + len(old) <= s or p >= e for s, e, _ in done)]
        if not hunk.lines or (hunk.old_start <= 1 and hunk.old_start >= 0 and _at_top(hunk)):
            places = [p for p in places if p == 0]
        if hunk.lines and hunk.lines[-1].kind != b" ":
            places = [p for p in places if p + len(old) == len(lines)]
        if not places:
            return None

        def moved(p: int) -> int:
            return p + sum(g for s, _e, g in done if s < p)

        def distance(p: int, hint: int = hint) -> tuple[int, int]:
            at = moved(p)
            return (abs(at - hint), 0 if at >= hint else 1)

        best = min(places, key=distance)
        ambiguous.append(len(places) > 1)
        starts.append(best)
        done.append((best, best + len(old), len(hunk.new) - len(old)))
    edits = tuple(tuple(hunk_edits(h, s)) for h, s in zip(hunks, starts, strict=True))
    return AsIs(tuple(starts), edits, tuple(ambiguous))


def _at_top(hunk: Hunk) -> bool:
    return hunk.old_start in (0, 1)


def _places(old: list[bytes], lines: Sequence[bytes], index: dict[bytes, list[int]]) -> list[int]:
    n = len(old)
    if n == 0:
        return [0] if not lines else []
    probe = min(range(n), key=lambda i: len(index.get(old[i], ())))
    found = []
    for i in index.get(old[probe], ()):
        at = i - probe
        if at >= 0 and at + n <= len(lines) and all(lines[at + k] == old[k] for k in range(n)):
            found.append(at)
    return found
