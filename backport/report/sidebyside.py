"""Two hunks beside each other: lines that belong together on one row, tokens that differ marked.

Pure text work; what is marked is decided on tokens (a whole identifier, a run of blanks, one operator), because
a change of one letter inside a name is a different name.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher

_TOKEN = re.compile(r"\w+|[ \t]+|.", re.DOTALL)
_LIMIT = 4000                        # pairs of lines to weigh against each other; beyond it, in order

Span = tuple[str, bool]              # text, and whether it differs from the other side


@dataclass(frozen=True, slots=True)
class DiffSide:
    """One line of one hunk. `kind` is " ", "-", "+", or "@" for the header; "" where there is no line."""

    kind: str = ""
    spans: tuple[Span, ...] = ()

    @property
    def text(self) -> str:
        return "".join(text for text, _marked in self.spans)


@dataclass(frozen=True, slots=True)
class DiffRow:
    left: DiffSide
    right: DiffSide

    @property
    def differs(self) -> bool:
        return self.left != self.right


def rows(left: str, right: str) -> list[DiffRow]:
    """The rows of two hunks. Line numbers in the @@ header never count as a difference."""
    one, two = _lines(left), _lines(right)
    made: list[DiffRow] = []
    matcher = SequenceMatcher(None, [_key(line) for line in one], [_key(line) for line in two], autojunk=False)
    for tag, i1, i2, j1, j2 in matcher.get_opcodes():
        if tag == "equal":
            made += [DiffRow(_plain(a), _plain(b)) for a, b in zip(one[i1:i2], two[j1:j2], strict=True)]
        else:
            made += _changed(one[i1:i2], two[j1:j2])
    return made


def _lines(hunk: str) -> list[str]:
    rows = hunk.split("\n")
    return rows[:-1] if rows and rows[-1] == "" else rows


def _key(line: str) -> str:
    # the function name behind @@ comes from git's guess and differs between trees
    return "@" if line.startswith("@@") else line


def _plain(line: str) -> DiffSide:
    if line.startswith("@@"):
        return DiffSide("@", ((line, False),))
    return DiffSide(line[:1] or " ", ((line[1:], False),))


def _changed(one: Sequence[str], two: Sequence[str]) -> list[DiffRow]:
    made: list[DiffRow] = []
    i = j = 0
    for a, b in _pairs(one, two):
        made += [DiffRow(_marked(line), DiffSide()) for line in one[i:a]]
        made += [DiffRow(DiffSide(), _marked(line)) for line in two[j:b]]
        made.append(_tokens(one[a], two[b]))
        i, j = a + 1, b + 1
    made += [DiffRow(_marked(line), DiffSide()) for line in one[i:]]
    made += [DiffRow(DiffSide(), _marked(line)) for line in two[j:]]
    return made


def _marked(line: str) -> DiffSide:
    return DiffSide(line[:1] or " ", ((line[1:], True),))


def _tokens(left: str, right: str) -> DiffRow:
    one, two = _TOKEN.findall(left[1:]), _TOKEN.findall(right[1:])
    a: list[Span] = []
    b: list[Span] = []
    for tag, i1, i2, j1, j2 in SequenceMatcher(None, one, two, autojunk=False).get_opcodes():
        same = tag == "equal"
        if i2 > i1:
            a.append(("".join(one[i1:i2]), not same))
        if j2 > j1:
            b.append(("".join(two[j1:j2]), not same))
    return DiffRow(DiffSide(left[:1] or " ", tuple(a)), DiffSide(right[:1] or " ", tuple(b)))


def _pairs(one: Sequence[str], two: Sequence[str]) -> list[tuple[int, int]]:
    """Which lines belong together, in order: the alignment with the greatest likeness in total.

    Only lines of one kind (context, removed, added) pair, and only when about half of them is the same.
    """
    if not one or not two:
        return []
    if len(one) * len(two) > _LIMIT:
        return [(n, n) for n in range(min(len(one), len(two))) if one[n][:1] == two[n][:1]]
    like = [[_likeness(a, b) for b in two] for a in one]
    best = [[0.0] * (len(two) + 1) for _ in range(len(one) + 1)]
    for i in range(len(one) - 1, -1, -1):
        for j in range(len(two) - 1, -1, -1):
            best[i][j] = max(best[i + 1][j], best[i][j + 1], like[i][j] + best[i + 1][j + 1] if like[i][j] else 0.0)
    made, i, j = [], 0, 0
    while i < len(one) and j < len(two):
        if like[i][j] and best[i][j] == like[i][j] + best[i + 1][j + 1]:
            made.append((i, j))
            i, j = i + 1, j + 1
        elif best[i][j] == best[i + 1][j]:
            i += 1
        else:
            j += 1
    return made


def _likeness(left: str, right: str) -> float:
    if left[:1] != right[:1]:
        return 0.0
    ratio = SequenceMatcher(None, _TOKEN.findall(left[1:].strip()), _TOKEN.findall(right[1:].strip()), False).ratio()
    return ratio if ratio >= 0.4 else 0.0
