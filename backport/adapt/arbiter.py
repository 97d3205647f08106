"""Which of the proposals for a hunk is given, and how sure it is.

The first one gives the lines, in the order of preference; one that lands in upstream's function comes before others.
Nobody is outvoted. Independent proposals of the same lines make the answer certain, another proposal makes it one for
review, and nothing is given where none of those that agree knows the place for sure. They agree all too easily on a
place where the tree needs other lines: what tells then is the tree (backport.adapt.checks), and what it says can only
lower the verdict, down to declining.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from backport.adapt import interior_context
from backport.adapt.proposers.base import Evidence, Voice, independent
from backport.adapt.revisions import Problem
from backport.adapt.signals import FATAL, HARMLESS, Signal
from backport.adapt.transfer import Placed
from backport.adapt.within import words
from backport.patch.edits import Edit, apply_edits
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
    voices: int = 1                  # independent pieces of evidence that lead to these edits
    verbatim: bool = False           # git apply takes the hunk by itself
    measured: tuple[tuple[str, float], ...] = ()     # what the probability was computed from
    unopposed: bool = False          # nothing but the probability, where it is too low, speaks against it
    probability: float | None = None                 # of being the maintainers' lines; None where nothing was fitted



def choose(problem: Problem, k: int, voices: Sequence[Voice], back: Placed | None) -> Answer:
    """The answer for one hunk from what was proposed, in the order of preference, and whether its reverse fits."""
    # what lands in upstream's function comes before what fits in another one as well
    heard = sorted(voices, key=lambda voice: (Signal.FLOATING in voice.placed.signals, voice.strays))
    exact_back = back is not None and Signal.LOOSE not in back.signals
    if exact_back and all(_assumes(voice) or _says_present(heard) for voice in heard):
        if _takes_only(problem, k) and interior_context.still_there(problem, k):
            return Answer(State.NONE, signals=(Signal.ELSEWHERE,))
        return Answer(State.ALREADY, strategies=("reverse",), sure=Sure.CERTAIN)
    if not heard:
        return Answer(State.NONE, signals=(Signal.PRESENT,) if back is not None else ())
    best = heard[0]
    if not best.placed.edits and Signal.PRESENT in best.placed.signals:
        return _nothing_to_do(problem, k, heard)
    if exact_back:
        return Answer(State.BOTH, best.placed.edits, (best.name,), best.placed.signals)
    return _agreed(problem, k, heard)


def _nothing_to_do(problem: Problem, k: int, heard: Sequence[Voice]) -> Answer:
    """The best voice leaves no edit. That lines are not there is no evidence of somebody having taken them away."""
    names = tuple(voice.name for voice in heard)
    if any(voice.strays for voice in heard):
        return Answer(State.NONE, strategies=names, signals=(Signal.FUNCTION,),
                      notes=words(problem, k, heard[0].placed.spots))
    if all(not voice.placed.edits for voice in heard) and not _takes_only(problem, k):
        return Answer(State.ALREADY, strategies=names, sure=Sure.REVIEW)
    return Answer(State.NONE, strategies=names, signals=(Signal.PRESENT, Signal.DISAGREE))


def _agreed(problem: Problem, k: int, heard: Sequence[Voice]) -> Answer:
    """The best voice's edits, with those who say the same and those who do not; no answer where nobody is solid."""
    best = heard[0]
    edits = best.placed.edits
    agree = [voice for voice in heard if voice is best or same_result(problem.target_lines, voice.placed.edits, edits)]
    others = tuple((voice.name, voice.placed.edits) for voice in heard if voice not in agree)
    found = {Signal.DISAGREE: bool(others), Signal.PRESENT: _says_present(heard), Signal.FUNCTION: best.strays}
    signals = tuple(dict.fromkeys([*best.placed.signals, *(signal for signal, holds in found.items() if holds)]))
    names = tuple(voice.name for voice in agree)
    solid = problem.base_lines is None or any(_solid(voice, agree) for voice in agree)
    if not solid or any(signal.severity is FATAL for signal in signals):
        notes = words(problem, k, edits) if best.strays else ()
        return Answer(State.NONE, edits, names, signals, others=others, notes=notes)
    voices = independent(voice.proposer for voice in agree)
    sure = Sure.CERTAIN if voices > 1 and all(signal.severity is HARMLESS for signal in signals) else Sure.REVIEW
    return Answer(State.FORWARD, edits, names, signals, sure, others, voices=voices,
                  verbatim=any(voice.proposer.verbatim for voice in agree))


def _solid(voice: Voice, agree: Sequence[Voice]) -> bool:
    """Whether the voice can stand for an answer: it knows places, and one that hangs on no neighbour of the change is
    found by the hunk's own lines as well."""
    if not voice.proposer.finds_place:
        return False
    return Signal.FLOATING not in voice.placed.signals \
        or any(Evidence.HUNK in other.proposer.evidence for other in agree)


def _assumes(voice: Voice) -> bool:
    return bool(set(voice.placed.signals) - {Signal.NEIGHBOUR})


def _says_present(heard: Sequence[Voice]) -> bool:
    return any(Signal.PRESENT in voice.placed.signals for voice in heard)


def _takes_only(problem: Problem, k: int) -> bool:
    """True where hunk `k` adds nothing."""
    return not any(line.strip() for line in problem.hunks[k].added)


def same_result(lines: Sequence[bytes], one: Sequence[Edit], two: Sequence[Edit]) -> bool:
    """True where both edits leave the same file behind."""
    if tuple(one) == tuple(two):
        return True
    if not one or not two:
        return False
    lo = min(one[0].lo, two[0].lo)
    hi = max(one[-1].hi, two[-1].hi)

    def local(edits: Sequence[Edit]) -> bytes:
        return b"".join(apply_edits(lines[lo:hi], [Edit(e.lo - lo, e.hi - lo, e.new) for e in edits]))

    # white space apart: where the lines break is no disagreement
    return hi - lo < 2000 and b"".join(local(one).split()) == b"".join(local(two).split())
