"""One side of a hunk (before or after) while rules edit it, every line knowing which hunk lines it came from."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from backport.patch.model import Line


@dataclass(frozen=True, slots=True)
class Row:
    """One line of a side; `origins` are the indices of the hunk lines it was made from."""

    text: bytes
    origins: frozenset[int]


def side_of(lines: Sequence[Line], skip: bytes) -> tuple[Row, ...]:
    """The side that leaves out lines of kind `skip` (b"+" gives the pre-image)."""
    return tuple(Row(line.text, frozenset({i})) for i, line in enumerate(lines) if line.kind != skip)


def text_of(rows: Sequence[Row]) -> bytes:
    return b"".join(row.text for row in rows)


def replace_range(rows: tuple[Row, ...], start: int, end: int, new: bytes) -> tuple[tuple[Row, ...], frozenset[int]]:
    """Put `new` in place of bytes [start, end) of the side; also the origins that were touched.

    Lines that the range joins become one origin set, so that a call over a context line and a changed line
    is one thing from here on.
    """
    offset = 0
    first = last = 0
    begin = 0
    for i, row in enumerate(rows):
        if offset <= start < offset + len(row.text):
            first, begin = i, offset
        offset += len(row.text)
        if offset >= end:
            last = i
            break
    joined = text_of(rows[first:last + 1])
    text = joined[:start - begin] + new + joined[end - begin:]
    origins = frozenset().union(*(row.origins for row in rows[first:last + 1]))
    if not text.strip() and not new.strip():
        pieces: list[bytes] = []     # a statement was taken out: its line goes with it
    else:
        pieces = _lines(text)
    return (*rows[:first], *(Row(piece, origins) for piece in pieces), *rows[last + 1:]), origins


def _lines(text: bytes) -> list[bytes]:
    parts = text.split(b"\n")
    return [part + b"\n" for part in parts[:-1]] + ([parts[-1]] if parts[-1] else [])


def weave(old: Sequence[Row], new: Sequence[Row], kinds: Sequence[bytes]) -> tuple[Line, ...]:
    """A hunk body again: rows that both sides have from the same context lines are context, the rest changes.

    `kinds` are the kinds of the original hunk lines. A context line that the two sides no longer agree on
    (a call that runs from it into a changed line) becomes a removed and an added line.
    """
    left, right = _groups(old), _groups(new)
    common = {origins for origins, text in left.items()
              if right.get(origins) == text and all(kinds[i] == b" " for i in origins)}
    out: list[Line] = []
    minus: list[bytes] = []
    plus: list[bytes] = []

    def flush() -> None:
        # what both sides say in this dialect is context, as git diff would write it
        top = _common(minus, plus)
        end = _common(minus[top:][::-1], plus[top:][::-1])
        out.extend(Line(b" ", text) for text in minus[:top])
        out.extend(Line(b"-", text) for text in minus[top:len(minus) - end])
        out.extend(Line(b"+", text) for text in plus[top:len(plus) - end])
        out.extend(Line(b" ", text) for text in minus[len(minus) - end:])
        minus.clear()
        plus.clear()

    j = 0
    new_rows = list(new)
    for row in old:
        if row.origins not in common:
            minus.append(row.text)
            continue
        while j < len(new_rows) and new_rows[j].origins not in common:
            plus.append(new_rows[j].text)
            j += 1
        if minus or plus:
            flush()
        out.append(Line(b" ", row.text))
        j += 1
    plus.extend(row.text for row in new_rows[j:])
    flush()
    return tuple(out)


def _common(a: Sequence[bytes], b: Sequence[bytes]) -> int:
    """How many lines both begin with."""
    count = 0
    while count < min(len(a), len(b)) and a[count] == b[count]:
        count += 1
    return count


def _groups(rows: Sequence[Row]) -> dict[frozenset[int], tuple[bytes, ...]]:
    groups: dict[frozenset[int], tuple[bytes, ...]] = {}
    for row in rows:
        groups[row.origins] = (*groups.get(row.origins, ()), row.text)
    return groups
