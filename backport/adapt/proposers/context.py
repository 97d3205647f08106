"""Proposer "context": each hunk finds its place on its own lines, without knowing the file it was made for.

Every line of the hunk's old side votes for the places where it stands in the target, rare lines with more weight;
the hunk's lines are then paired with the window around the best place, and its edits carried along that pairing.
The function named in the header decides between equal places; it never excludes one.
"""

from __future__ import annotations

from collections import defaultdict

from backport.adapt.align import align, line_key, soften, weak
from backport.adapt.proposers.base import Evidence, FunctionProposer
from backport.adapt.revisions import Problem
from backport.adapt.signals import Signal
from backport.adapt.transfer import Placed, place
from backport.patch.edits import Edit, hunk_edits
from backport.patch.model import Hunk

_MARGIN = 12             # lines around the best place that may belong to it
_OFTEN = 60              # a line that stands more often says nothing


def propose(problem: Problem, k: int) -> Placed | None:
    """The edits of hunk `k` on the target, None where no place is good enough."""
    hunk = problem.hunks[k]
    snippet = list(hunk.old)
    if not snippet:
        return None
    places = candidates(problem, hunk)
    if not places:
        return None
    (score, diagonal), *others = places
    signals: list[Signal] = []
    if others and others[0][0] >= 0.85 * score:
        signals.append(Signal.AMBIGUOUS)
    lo = max(0, diagonal - _MARGIN)
    hi = min(len(problem.target_lines), diagonal + len(snippet) + _MARGIN)
    window = problem.target_lines[lo:hi]
    edits = hunk_edits(hunk, 0)
    pairing = soften(snippet, window, align(snippet, window), edits[0].lo - 3, edits[-1].hi + 3)
    placed = place(snippet, edits, window, pairing)
    if placed is None:
        return None
    return Placed(tuple(Edit(e.lo + lo, e.hi + lo, e.new) for e in placed.edits),
                  tuple(dict.fromkeys([*signals, *placed.signals])), placed.at + lo if placed.at >= 0 else -1)


def candidates(problem: Problem, hunk: Hunk) -> list[tuple[float, int]]:
    """(score, 0-based line where the hunk would begin), best first, far enough apart to be different places."""
    index, old = problem.target_index, hunk.old
    votes: defaultdict[int, float] = defaultdict(float)
    for i, line in enumerate(old):
        key = line_key(line)
        places = index.get(key, ())
        if not places or len(places) > _OFTEN or weak(key):
            continue
        for at in places:
            votes[at - i] += 1 / len(places)
    if not votes:
        return []
    # lines inserted or taken away inside the hunk move part of the votes to a near diagonal
    scored = []
    for diagonal, own in list(votes.items()):
        near = sum(votes.get(diagonal + d, 0) / (1 + abs(d) / 8) for d in range(-8, 9) if d)
        scored.append((own + near, own, diagonal))
    section = line_key(hunk.section)
    hint = hunk.old_start - 1

    def rank(entry: tuple[float, float, int]) -> tuple[float, float, float]:
        score, own, diagonal = entry
        return (-(score + (0.25 if section and _under(problem, diagonal, section) else 0)), -own, abs(diagonal - hint))

    out: list[tuple[float, int]] = []
    for score, _own, diagonal in sorted(scored, key=rank)[:40]:
        if all(abs(diagonal - other) > max(8, len(old)) for _, other in out):
            out.append((score, diagonal))
    return out


def _under(problem: Problem, line: int, section: bytes) -> bool:
    """True where the nearest line at column 0 above `line` is the header's."""
    for i in range(min(line, len(problem.target_lines) - 1), max(-1, line - 400), -1):
        text = problem.target_lines[i]
        if text[:1].isalpha() or text[:1] == b"_":
            key = line_key(text)
            return key.startswith(section) or section.startswith(key)
    return False


PROPOSER = FunctionProposer("context", frozenset({Evidence.HUNK}), propose)
