"""Which line of one file is which line of the other.

Patience diff on lines without their white space: lines that are unique on both sides pin the rest down, so that
a `}` or a `break;` cannot drag an alignment into the wrong function. What is left between exact pairs is paired
by similarity (`soften`), line by line and in order. Both are bounded: no input makes them quadratic in a file.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from functools import lru_cache
from itertools import chain

from backport.csource.declarations import member_name
from backport.csource.pieces import bare, has_letter, has_long_name, squeeze

SIMILAR = 0.6            # share of tokens that makes two lines the same line, changed
_SMALL = 40_000          # cells of a gap that may be aligned without unique lines
_RUN = 64                # lines that are compared at once
_SOFT = 6_000            # cells of a gap that may be paired by similarity
_WEAK = frozenset({b"", b"{", b"}", b"};", b"else", b"}else{", b"break;", b"continue;", b"return0;", b"returnret;",
                   b"/*", b"*/", b"*", b"#endif", b"#else", b"return;", b"default:", b"){"})


@dataclass(frozen=True, slots=True)
class Pairing:
    """`partner[i]` is the line of the target that line i of the base is, -1 where there is none; `same` is `partner`
    without the pairs that are only similar."""

    partner: Sequence[int]
    same: Sequence[int]

    def exact(self, i: int) -> bool:
        """Whether line i of the base has a partner from which it differs in white space alone."""
        return self.same[i] >= 0


@lru_cache(maxsize=32768)
def line_key(line: bytes) -> bytes:
    """A line without its white space."""
    return squeeze(line)


def weak(key: bytes) -> bool:
    """True for a line (without white space) that says nothing about where it stands."""
    return key in _WEAK or not has_long_name(key)


def silent(key: bytes) -> bool:
    """True for a line (without white space) that is no statement worth a question; `i++;` is one, if no anchor."""
    return key in _WEAK or not has_letter(key)


def align(base: Sequence[bytes], target: Sequence[bytes]) -> list[int]:
    """For each line of `base` the index in `target` of the same line (white space apart), in order; -1 where there is
    none."""
    return align_keys(list(map(line_key, base)), list(map(line_key, target)))


def align_keys(x: Sequence[bytes], y: Sequence[bytes]) -> list[int]:
    """`align` for lines that have lost their white space already."""
    partner = [-1] * len(x)
    stack = [(0, len(x), 0, len(y))]
    while stack:
        alo, ahi, blo, bhi = gap = _within_ends(x, y, stack.pop(), partner)
        if alo == ahi or blo == bhi:
            continue
        rows, columns = _unique_pins(x, y, *gap)
        if rows:
            one, two = alo - 1, blo - 1
            for i, j in zip(chain(rows, (ahi,)), chain(columns, (bhi,)), strict=True):
                if i - one > 1 and j - two > 1:
                    stack.append((one + 1, i, two + 1, j))
                one, two = i, j
            for i, j in zip(rows, columns, strict=True):
                partner[i] = j
        elif (ahi - alo) * (bhi - blo) <= _SMALL:
            matcher = SequenceMatcher(None, x[alo:ahi], y[blo:bhi], autojunk=False)
            for i, j, size in matcher.get_matching_blocks():
                partner[alo + i:alo + i + size] = range(blo + j, blo + j + size)
    _drop_lonely(partner, x)
    return partner


_Gap = tuple[int, int, int, int]     # x[alo:ahi] against y[blo:bhi]


def _within_ends(x: Sequence[bytes], y: Sequence[bytes], gap: _Gap, partner: list[int]) -> _Gap:
    """The gap without what is the same at its ends, which is paired."""
    alo, ahi, blo, bhi = gap
    while alo + _RUN <= ahi and blo + _RUN <= bhi and x[alo:alo + _RUN] == y[blo:blo + _RUN]:
        partner[alo:alo + _RUN] = range(blo, blo + _RUN)
        alo += _RUN
        blo += _RUN
    while alo < ahi and blo < bhi and x[alo] == y[blo]:
        partner[alo] = blo
        alo += 1
        blo += 1
    while alo < ahi and blo < bhi and x[ahi - 1] == y[bhi - 1]:
        ahi -= 1
        bhi -= 1
        partner[ahi] = bhi
    return alo, ahi, blo, bhi


def _unique_pins(x: Sequence[bytes], y: Sequence[bytes], alo: int, ahi: int, blo: int,
                 bhi: int) -> tuple[list[int], list[int]]:
    """The lines that stand once on both sides, as many of them as are in order: their indexes here and there. Two
    lists, for a pair of each line of a file is what the garbage collector then goes through."""
    here, there = _once(x, alo, ahi), _once(y, blo, bhi)
    rows = [i for key, i in here.items() if key in there]
    columns = [there[key] for key in here if key in there]
    if columns == sorted(columns):   # the usual case: nothing was moved
        return rows, columns
    # longest increasing run of the right-hand side
    tops: list[int] = []
    piles: list[int] = []
    back: list[int] = []
    for n, j in enumerate(columns):
        at = bisect_left(tops, j)
        if at == len(tops):
            tops.append(j)
            piles.append(n)
        else:
            tops[at] = j
            piles[at] = n
        back.append(piles[at - 1] if at else -1)
    run: list[int] = []
    n = piles[-1] if piles else -1
    while n >= 0:
        run.append(n)
        n = back[n]
    run.reverse()
    return [rows[n] for n in run], [columns[n] for n in run]


def _once(keys: Sequence[bytes], lo: int, hi: int) -> dict[bytes, int]:
    """key -> its index, of those that stand once in keys[lo:hi], in order."""
    part = keys[lo:hi]
    last = dict(zip(part, range(lo, hi), strict=True))
    if len(last) == len(part):
        return last
    first = dict(zip(reversed(part), range(hi - 1, lo - 1, -1), strict=True))
    return {key: at for key, at in last.items() if first[key] == at}


def _drop_lonely(partner: list[int], base: Sequence[bytes]) -> None:
    """Unpair runs of lines that say nothing (`}`, an empty line) with no paired neighbour on either side."""
    n = len(partner)
    i = 0
    while i < n:
        if partner[i] < 0:
            i += 1
            continue
        j = i + 1
        while j < n and partner[j] == partner[j - 1] + 1:
            j += 1
        if i > 0 and j < n and all(weak(base[k]) for k in range(i, j)):
            partner[i:j] = [-1] * (j - i)
        i = j


def similarity(one: bytes, two: bytes) -> float:
    """Dice over the tokens of two lines, 0..1."""
    x, y = _bag(one), _bag(two)
    total = x.total() + y.total()
    return 2 * (x & y).total() / total if total else 0.0


@lru_cache(maxsize=8192)
def _bag(line: bytes) -> Counter[bytes]:
    return Counter(bare(line))


def soften(base: Sequence[bytes], target: Sequence[bytes], partner: Sequence[int], lo: int, hi: int) -> Pairing:
    """`partner` with the unpaired lines near base[lo:hi] paired by similarity, where they stand between the same
    pairs."""
    out = list(partner)
    lo, hi = max(0, lo), min(len(partner), hi)
    i = lo
    while i > 0 and partner[i - 1] < 0 and lo - i < 40:
        i -= 1
    end = hi
    while end < len(partner) and partner[end] < 0 and end - hi < 40:
        end += 1
    while i < end:
        if partner[i] >= 0:
            i += 1
            continue
        j = i
        while j < len(partner) and partner[j] < 0:
            j += 1
        left = next((k for k in range(i - 1, -1, -1) if partner[k] >= 0), -1)
        blo = partner[left] + 1 if left >= 0 else 0
        bhi = partner[j] if j < len(partner) else len(target)
        alo, ahi = max(i, lo - 40), min(j, hi + 40)
        if bhi > blo and (ahi - alo) * (bhi - blo) <= _SOFT:
            for p, q in _best_pairs(base[alo:ahi], target[blo:bhi]):
                out[alo + p] = blo + q
        i = j
    return Pairing(out, partner)


def _best_pairs(base: Sequence[bytes], target: Sequence[bytes]) -> list[tuple[int, int]]:
    """In-order pairs of similar lines with the highest total similarity."""
    n, m = len(base), len(target)
    score = [[0.0] * (m + 1) for _ in range(n + 1)]
    sims = [[_similar(x, y) for y in target] for x in base]
    for i in range(n - 1, -1, -1):
        row, below, sim = score[i], score[i + 1], sims[i]
        for j in range(m - 1, -1, -1):
            best = below[j] if below[j] >= row[j + 1] else row[j + 1]
            if sim[j] and sim[j] + below[j + 1] > best:
                best = sim[j] + below[j + 1]
            row[j] = best
    pairs = []
    i = j = 0
    while i < n and j < m:
        if sims[i][j] and score[i][j] == sims[i][j] + score[i + 1][j + 1]:
            pairs.append((i, j))
            i += 1
            j += 1
        elif score[i + 1][j] >= score[i][j + 1]:
            i += 1
        else:
            j += 1
    return pairs


def _similar(x: bytes, y: bytes) -> float:
    kx, ky = line_key(x), line_key(y)
    if kx == ky:
        return 0.3 if weak(kx) else 1.0
    if weak(kx) or weak(ky):
        return 0.0
    value = similarity(x, y)
    if value < SIMILAR:
        return 0.0
    one, two = member_name(x), member_name(y)
    # of two members that both read like it, the one of the same name is the same one
    return value + 0.1 if one and one == two and value < 0.9 else value
