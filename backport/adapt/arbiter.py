"""Which of the strategies' answers is given, and how sure it is.

Independent strategies that produce the same bytes make an answer certain, provided that nothing else speaks
against it: strategies agree all too easily on a place where the tree needs other lines. What tells then is the
tree, and those signals can only lower the verdict, down to declining.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from backport.adapt import interior_context
from backport.adapt.edits import Edit, apply_edits
from backport.adapt.revisions import Problem
from backport.adapt.signals import FATAL, HARMLESS, Signal
from backport.adapt.transfer import Placed
from backport.adapt.within import strays, words
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
    done: tuple[str, ...] = ()       # those of the notes that say what a rule or a repair did: for the changelog
    missing: tuple[str, ...] = ()    # names in added lines that the whole tree does not have


# Strategies that find the place or make the text by means of their own; "as-is" and "anchor" share the search
# for the hunk's own lines, the other two share the pre-image.
PREFERENCE = ("as-is", "token-merge", "words", "anchor")


def choose(problem: Problem, k: int, proposals: Mapping[str, Placed | None], back: Placed | None) -> Answer:
    """The answer for one hunk from what each strategy proposed and whether its reverse fits."""
    made = {name: p for name, p in proposals.items() if p is not None}
    # what lands in upstream's function comes before what fits in another one as well
    order = sorted(made, key=lambda name: (Signal.FLOATING in made[name].signals, _strays(problem, k, made[name]),
                                           PREFERENCE.index(name) if name in PREFERENCE else len(PREFERENCE)))
    present = any(Signal.PRESENT in p.signals for p in made.values())
    exact_back = back is not None and Signal.LOOSE not in back.signals
    takes = not any(line.strip() for line in problem.hunks[k].added)
    if exact_back and (not made or present or all(_assumes(p) for p in made.values())):
        if takes and interior_context.still_there(problem, k):
            return Answer(State.NONE, signals=(Signal.ELSEWHERE,))
        return Answer(State.ALREADY, strategies=("reverse",), sure=Sure.CERTAIN)
    if not made:
        return Answer(State.NONE, signals=(Signal.PRESENT,) if back is not None else ())
    first = order[0]
    best = made[first]
    if not best.edits and Signal.PRESENT in best.signals:
        # that lines are not there is no evidence of somebody having taken them away
        if any(_strays(problem, k, p) for p in made.values()):
            return Answer(State.NONE, strategies=tuple(order), signals=(Signal.FUNCTION,),
                          notes=words(problem, k, _spots(best)))
        if all(not p.edits for p in made.values()) and not takes:
            return Answer(State.ALREADY, strategies=tuple(order), sure=Sure.REVIEW)
        return Answer(State.NONE, strategies=tuple(order), signals=(Signal.PRESENT, Signal.DISAGREE))
    if exact_back:
        return Answer(State.BOTH, best.edits, (first,), best.signals)
    agree = tuple(name for name in order if name == first or same_result(problem.t, made[name].edits, best.edits))
    others = tuple((name, made[name].edits) for name in order if name not in agree)
    signals = list(best.signals)
    if others:
        signals.append(Signal.DISAGREE)
    if present:
        signals.append(Signal.PRESENT)
    if _strays(problem, k, best):
        signals.append(Signal.FUNCTION)
    signals = list(dict.fromkeys(signals))
    # "words" knows no places of its own, and a floating one is a guess: alone they are no answer
    solid = [name for name in agree if name != "words" and (
        Signal.FLOATING not in made[name].signals or "anchor" in agree)]
    if any(s.severity is FATAL for s in signals) or (not solid and problem.a is not None):
        notes = words(problem, k, best.edits) if Signal.FUNCTION in signals else ()
        return Answer(State.NONE, best.edits, agree, tuple(signals), others=others, notes=notes)
    sure = Sure.CERTAIN if len(agree) > 1 and all(s.severity is HARMLESS for s in signals) else Sure.REVIEW
    return Answer(State.FORWARD, best.edits, agree, tuple(signals), sure, others)


def _strays(problem: Problem, k: int, placed: Placed) -> bool:
    """True where an edit, or what stands for it already, is outside of what upstream changed."""
    return strays(problem, k, _spots(placed))


def _spots(placed: Placed) -> tuple[Edit, ...]:
    """The edits, or the line where what they would do stands already."""
    return placed.edits or ((Edit(placed.at, placed.at + 1, ()),) if placed.at >= 0 else ())


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
