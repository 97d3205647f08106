"""Where a rewritten hunk stands in the target, compared token by token, and with the target's own bytes.

A rule writes `vcpu->arch.exception.pending` on one line; the tree may have it broken over two, or with other
blanks. White space is no difference here. What is found is then written as the tree has it, because git apply
compares bytes.
"""

from __future__ import annotations

import re
from array import array
from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from itertools import accumulate, pairwise
from operator import add, sub

from backport.bounded import by_content
from backport.csource import pieces
from backport.rules.sides import Row, text_of


@dataclass(frozen=True, slots=True)
class Words:
    """The words of a text, their byte ranges, and the offset of each line."""

    source: bytes
    texts: tuple[bytes, ...]
    starts: Sequence[int]
    ends: Sequence[int]
    joined: bytes                    # every word behind a NUL: a search for words is a search for bytes
    at: Sequence[int]                # offset of each word's NUL in `joined`
    lines: Sequence[int]             # offset of each line

    def line(self, offset: int) -> int:
        """0-based line of a byte offset."""
        return bisect_right(self.lines, offset) - 1


@by_content(768 << 10)            # a word is many times its text
def words(source: bytes) -> Words:
    # comments are compared word by word as well: their line breaks are no difference either
    texts, gaps = pieces.words(source)
    sizes = list(map(len, texts))
    ends = array("I", accumulate(map(add, gaps, sizes)))
    starts = array("I", map(sub, ends, sizes))
    at = array("I", accumulate((1 + size for size in sizes), initial=0))
    lines = array("I", (0, *(m.end() for m in re.finditer(rb"\n", source))))
    joined = b"\0".join((b"", *texts, b""))
    return Words(source, tuple(texts), starts, ends, joined, at[:-1], lines)


@dataclass(frozen=True, slots=True)
class AnchorPlace:
    """Words [first, last) of the target are the wanted text and fill the 0-based lines [top, bottom)."""

    first: int
    last: int
    top: int
    bottom: int


def places(wanted: bytes, target: bytes) -> tuple[AnchorPlace, ...]:
    """Everywhere in `target` where whole lines hold the words of `wanted` and nothing else."""
    needle = words(wanted)
    if not needle.texts:
        return ()
    hay = words(target)
    found = []
    begin = hay.joined.find(needle.joined)
    while begin >= 0:
        first = bisect_left(hay.at, begin)
        last = first + len(needle.texts)
        top, bottom = hay.line(hay.starts[first]), hay.line(hay.ends[last - 1] - 1) + 1
        whole = ((first == 0 or hay.line(hay.starts[first - 1]) < top)
                 and (last == len(hay.texts) or hay.line(hay.starts[last]) >= bottom))
        if whole:
            found.append(AnchorPlace(first, last, top, bottom))
        begin = hay.joined.find(needle.joined, begin + 1)
    return tuple(found)


def edges(old: Sequence[Row], place: AnchorPlace, target: bytes) -> tuple[AnchorPlace, frozenset[int]]:
    """`place` with the empty lines around it that `old` begins and ends with; and the origins of those it lacks."""
    lines = target.split(b"\n")
    empty = [not row.text.strip() for row in old]
    lead = empty.index(False)
    trail = empty[::-1].index(False)
    above = below = 0
    while above < lead and place.top - above > 0 and not lines[place.top - above - 1].strip():
        above += 1
    while below < trail and place.bottom + below < len(lines) - 1 and not lines[place.bottom + below].strip():
        below += 1
    lost = [row.origins for row in old[:lead - above]] + [row.origins for row in old[len(old) - (trail - below):]]
    return AnchorPlace(place.first, place.last, place.top - above, place.bottom + below), frozenset().union(*lost)


def target_rows(old: Sequence[Row], place: AnchorPlace, target: bytes,
                kinds: Sequence[bytes]) -> tuple[Row, ...] | None:
    """The target's own lines at `place`, each with the origins of the rows of `old` whose words it holds.

    `place` and `old` begin and end with the same number of empty lines (`edges` sees to it).

    Rows of `old` that a line of the target joins (or that share one) get one origin set. None where empty
    lines differ beside a changed line, which nobody can map.
    """
    hay = words(target)
    own = words(text_of(old))
    row_of_word = []
    limits = []
    offset = 0
    for row in old:
        offset += len(row.text)
        limits.append(offset)
    for start in own.starts:
        row_of_word.append(bisect_right(limits, start))
    lines = [target[a:b] for a, b in zip(hay.lines, (*hay.lines[1:], len(target)), strict=True)]
    held: list[set[int]] = [set() for _ in range(place.top, place.bottom)]
    for k in range(place.first, place.last):
        for line in range(hay.line(hay.starts[k]), hay.line(hay.ends[k] - 1) + 1):
            held[line - place.top].add(row_of_word[k - place.first])
    # Empty lines: those of the target between two lines with words take the empty rows that `old` has there.
    for k in _leading(held):
        held[k].add(k)
    for k in _leading(held[::-1]):
        held[-1 - k].add(len(old) - 1 - k)
    sets = [frozenset().union(*(old[i].origins for i in rows)) for rows in held]
    steps = sorted({i for rows in held for i in rows})
    blanks = {(a, b): [i for i in range(a + 1, b)] for a, b in pairwise(steps) if b > a + 1}
    i = 0
    merged: list[tuple[frozenset[int], frozenset[int]]] = []
    while i < len(held):
        if held[i]:
            i += 1
            continue
        j = i
        while j < len(held) and not held[j]:
            j += 1
        above, below = max(held[i - 1]), min(held[j])
        between = blanks.pop((above, below), [])
        if len(between) == j - i:
            for k, index in zip(range(i, j), between, strict=True):
                sets[k] = old[index].origins
        else:
            merged.append((old[above].origins, old[below].origins
                           | frozenset().union(*(old[k].origins for k in between))))
            for k in range(i, j):
                sets[k] = old[above].origins
        i = j
    for (above, below), rows in blanks.items():   # empty rows that the target does not have
        if above != below:
            merged.append((old[above].origins, old[below].origins
                           | frozenset().union(*(old[k].origins for k in rows))))
    if any(kinds[i] != b" " for pair in merged for i in pair[0] | pair[1]):
        return None
    return tuple(Row(line, origins) for line, origins in
                 zip(lines[place.top:place.bottom], _joined(sets, [a | b for a, b in merged]), strict=True))


def _leading(held: Sequence[set[int]]) -> list[int]:
    """Indices of the lines without words in front of the first one with words."""
    return list(range(next((i for i, rows in enumerate(held) if rows), 0)))


def _joined(sets: Sequence[frozenset[int]], more: Sequence[frozenset[int]]) -> list[frozenset[int]]:
    """Each set grown to the union of all that overlap with it, directly or through others."""
    classes: list[set[int]] = []
    for item in (*sets, *more):
        grown = set(item)
        rest = []
        for known in classes:
            if known & grown:
                grown |= known
            else:
                rest.append(known)
        classes = [*rest, grown]
    return [frozenset(next(known for known in classes if item <= known)) for item in sets]


def adopt(old: Sequence[Row], new: Sequence[Row], target: Sequence[Row],
          kinds: Sequence[bytes]) -> tuple[Row, ...] | None:
    """`new` with the target's bytes wherever the patch did not change anything.

    Context rows become the target's lines. An added row keeps the target's white space between two words that
    it shares with the removed rows, unless the patch itself changed the white space there. None where the
    patch adds lines between two that the target has on one.
    """
    out: list[Row] = []
    groups = {row.origins for row in target}
    done: set[frozenset[int]] = set()
    for row in new:
        home = next((g for g in groups if row.origins <= g), None)
        if home is not None and all(kinds[i] == b" " for i in home):
            if home not in done:
                done.add(home)
                out += [line for line in target if line.origins == home]
            elif out[-1].origins != home:
                return None
            continue
        out.append(row)
    return _borrow_spacing(old, tuple(out), target, kinds)


def _borrow_spacing(old: Sequence[Row], new: tuple[Row, ...], target: Sequence[Row],
                    kinds: Sequence[bytes]) -> tuple[Row, ...]:
    before = words(text_of([row for row in old if any(kinds[i] != b" " for i in row.origins)]))
    there = words(text_of([row for row in target if any(kinds[i] != b" " for i in row.origins)]))
    added = [row for row in new if any(kinds[i] != b" " for i in row.origins)]
    if (before.texts != there.texts or before.source == there.source or not added
            or not text_of(added).endswith(b"\n")):
        return new
    fresh = words(text_of(added))
    gaps: dict[int, bytes] = {}      # index of a word of `fresh` -> the white space in front of it
    matcher = SequenceMatcher(None, before.texts, fresh.texts, autojunk=False)
    for block in matcher.get_matching_blocks():
        for k in range(block.size):
            i, j = block.a + k, block.b + k
            if k == 0 and not (i == 0 and j == 0):
                continue
            if _gap(before, i) == _gap(fresh, j):
                gaps[j] = _gap(there, i)
    text = b"".join(gaps.get(j, _gap(fresh, j)) + word for j, word in enumerate(fresh.texts))
    text += fresh.source[fresh.ends[-1]:] if fresh.ends else b""
    origins = frozenset().union(*(row.origins for row in added))
    lines = [line + b"\n" for line in text.split(b"\n")]
    lines.pop()                      # `added` ends with its newline
    if len(lines) != len(added) and _blocks(new, kinds) > 1:
        return new                   # which of the blocks grew is not known any more
    if len(lines) == len(added):     # the usual case: every line keeps its own origin
        fitted = [Row(line, row.origins) for line, row in zip(lines, added, strict=True)]
    else:
        fitted = [Row(line, origins) for line in lines]
    out: list[Row] = []
    placed = 0
    for row in new:
        if any(kinds[i] != b" " for i in row.origins):
            if len(lines) == len(added):
                out.append(fitted[placed])
                placed += 1
            elif not placed:
                out += fitted
                placed = 1
        else:
            out.append(row)
    return tuple(out)


def _blocks(rows: Sequence[Row], kinds: Sequence[bytes]) -> int:
    changed = [any(kinds[i] != b" " for i in row.origins) for row in rows]
    return sum(now and not before for before, now in zip([False, *changed], changed, strict=False))


def _gap(text: Words, index: int) -> bytes:
    return text.source[text.ends[index - 1] if index else 0:text.starts[index]]
