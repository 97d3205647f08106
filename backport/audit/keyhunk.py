"""A hunk without white space and blank lines: does it apply to a part of a file, and what stands where it belongs?"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache

from backport.adapt.align import line_key, weak
from backport.audit.kinds.base import part
from backport.patch.model import Hunk

Keys = Sequence[bytes]


@dataclass(frozen=True, slots=True)
class KeyHunk:
    """The lines of a hunk that are not blank, without white space."""

    above: tuple[bytes, ...]
    old: tuple[bytes, ...]
    new: tuple[bytes, ...]
    below: tuple[bytes, ...]

    @classmethod
    def of(cls, hunk: Hunk, inside: Callable[[int], bool]) -> KeyHunk:
        """Of the lines around the change those that are `inside`, asked by the 1-based line before it."""
        at = hunk.old_start
        rows = []
        for line in hunk.lines:
            key = line_key(line.text)
            if key and (line.kind != b" " or inside(at)):
                rows.append((line.kind, key))
            at += line.kind != b"+"
        changed = [n for n, (kind, _) in enumerate(rows) if kind != b" "]
        first, last = (changed[0], changed[-1] + 1) if changed else (len(rows), len(rows))
        keys = tuple(key for _, key in rows)
        return cls(keys[:first], tuple(key for kind, key in rows[first:last] if kind != b"+"),
                   tuple(key for kind, key in rows[first:last] if kind != b"-"), keys[last:])

    def narrower(self) -> Iterator[KeyHunk]:
        """The hunk with as many lines around it as there are, and with fewer, as long as they say something."""
        for size in range(max(len(self.above), len(self.below)), 0, -1):
            above, below = self.above[-size:], self.below[:size]
            if above and below and not all(map(weak, above)) and not all(map(weak, below)):
                yield KeyHunk(above, self.old, self.new, below)

    def between(self, lines: Keys) -> tuple[bytes, ...] | None:
        """What stands between the lines above and those below, None where these are not there, or not only once."""
        size, most = len(self.above), len(self.old) + 2 * len(self.new) + 2
        starts = [n + size for n in places(lines, self.above)]
        ends = [end for start in starts for end in places(lines[:start + most + len(self.below)], self.below)
                if end >= start]
        return tuple(lines[starts[0]:ends[0]]) if len(starts) == 1 and ends else None

    def beside(self, lines: Keys) -> bool:
        """Whether the new lines stand right behind those above, or before those below, where these say enough and are
        there once: on the other side a later change can have been made."""
        return any(sum(not weak(key) for key in near) > 1 and len(places(lines, near)) == 1 and places(lines, both)
                   for near, both in ((self.above, (*self.above, *self.new)), (self.below, (*self.new, *self.below))))


@lru_cache(maxsize=128)
def part_lines(source: bytes, name: str, path: str) -> tuple[bytes, ...]:
    """The lines of the part, of the whole file where it has no name; without white space and blank lines."""
    lines = part(source, name, path) if name else tuple(map(line_key, source.split(b"\n")))
    return tuple(filter(None, lines))


def places(lines: Keys, wanted: Keys) -> list[int]:
    first, size = wanted[0], len(wanted)
    return [n for n, key in enumerate(lines) if key == first and lines[n:n + size] == wanted]
