"""Which of the strategies' answers is given, and how sure it is.

Independent strategies that produce the same bytes make an answer certain, provided that nothing else speaks
against it: strategies agree all too easily on a place where the tree needs other lines. What tells then is the
tree, and those signals can only lower the verdict, down to declining.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from backport.rewrite.place import Placed, Signal
from backport.rewrite.problem import Problem
from backport.rewrite.render import Edit, apply_edits
from backport.verdict import Sure


class State(StrEnum):
    """What became of one hunk."""

    FORWARD = "forward"
    ALREADY = "already"
    PARTLY = "partly there"
    BOTH = "fits both ways"
    NONE = "declined"
    DROPPED = "dropped"
    ABSENT = "subject not in this tree"


@dataclass(frozen=True, slots=True)
class Answer:
    """The verdict on one hunk: edits on the target, who proposed them, what they assume."""

    state: State
    edits: tuple[Edit, ...] = ()
    strategies: tuple[str, ...] = ()
    signals: tuple[Signal, ...] = ()
    sure: Sure = Sure.REVIEW
    others: tuple[tuple[str, tuple[Edit, ...]], ...] = ()
    notes: tuple[str, ...] = ()


# Strategies that find the place or make the text by means of their own; "as-is" and "anchor" share the search
# for the hunk's own lines, the other two share the pre-image.
PREFERENCE = ("as-is", "token-merge", "words", "anchor")

# what an answer may assume and still be certain, when it is agreed upon
_TOLERABLE = frozenset({Signal.NEIGHBOUR, Signal.BENT})
# what makes an answer too likely wrong to give at all
_FATAL = frozenset({Signal.EXTRA, Signal.FLOATING, Signal.MISSING})


def choose(problem: Problem, k: int, proposals: Mapping[str, Placed | None], back: Placed | None) -> Answer:
    """The answer for one hunk from what each strategy proposed and whether its reverse fits."""
    made = {name: p for name, p in proposals.items() if p is not None}
    order = sorted(made, key=lambda name: PREFERENCE.index(name) if name in PREFERENCE else len(PREFERENCE))
    present = any(Signal.PRESENT in p.signals for p in made.values())
    if back is not None and (not made or present or (
            Signal.LOOSE not in back.signals and all(_assumes(p) for p in made.values()))):
        return Answer(State.ALREADY, strategies=("reverse",),
                      sure=Sure.REVIEW if Signal.LOOSE in back.signals else Sure.CERTAIN)
    if not made:
        return Answer(State.NONE)
    first = order[0]
    best = made[first]
    if not best.edits and Signal.PRESENT in best.signals:
        return Answer(State.ALREADY, strategies=(first,), sure=Sure.REVIEW)
    if back is not None and Signal.LOOSE not in back.signals:
        return Answer(State.BOTH, best.edits, (first,), best.signals)
    agree = tuple(name for name in order if name == first or same_result(problem.t, made[name].edits, best.edits))
    others = tuple((name, made[name].edits) for name in order if name not in agree)
    signals = list(best.signals)
    if others:
        signals.append(Signal.DISAGREE)
    if present:
        signals.append(Signal.PRESENT)
    sure = Sure.CERTAIN if len(agree) > 1 and set(signals) <= _TOLERABLE else Sure.REVIEW
    if set(signals) & _FATAL:
        return Answer(State.NONE, best.edits, agree, tuple(dict.fromkeys(signals)), others=others)
    return Answer(State.FORWARD, best.edits, agree, tuple(dict.fromkeys(signals)), sure, others)


def _assumes(placed: Placed) -> bool:
    return bool(set(placed.signals) - {Signal.NEIGHBOUR})


def same_result(lines: Sequence[bytes], a: Sequence[Edit], b: Sequence[Edit]) -> bool:
    """True where both edits leave the same file behind."""
    if tuple(a) == tuple(b):
        return True
    if not a or not b:
        return False
    lo = min(a[0].lo, b[0].lo)
    hi = max(a[-1].hi, b[-1].hi)

    def local(edits: Sequence[Edit]) -> bytes:
        return b"".join(apply_edits(lines[lo:hi], [Edit(e.lo - lo, e.hi - lo, e.new) for e in edits]))

    # white space apart: where the lines break is no disagreement
    return hi - lo < 2000 and b"".join(local(a).split()) == b"".join(local(b).split())
