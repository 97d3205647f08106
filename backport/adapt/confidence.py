"""How likely an answer is what the maintainers would have made: a number that was fitted and checked, not a guess.

`measure` says what is known of one hunk's answer, in a few numbers; the model beside this file (confidence.json) turns
them into a probability. `backport replay --calibrate` fits it on backports that humans made and checks it on pairs of
branches that it was not fitted on (docs/accuracy.md). No weight is positive, so that a further finding, a further
difference or a voice less never makes an answer surer.

The probability alone makes nothing certain: a finding for review, a repair, another file or a program of the user's
forbids that, whatever it is.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any

from backport.adapt.align import line_key
from backport.adapt.revisions import Problem
from backport.adapt.signals import HARMLESS, Signal
from backport.csource.functions import enclosing
from backport.patch.edits import Edit

CERTAIN = 0.98           # an answer is certain from this probability on
_WIDE = 20               # lines on either side of the change that stand for the function where there is none

# what each number means; each is 0 where nothing speaks against the answer, and grows with what does
FEATURES: Mapping[str, str] = {
    "refused": "git apply does not take the file",
    "rewritten": "git apply does not take the hunk by itself",
    "alone": "no second, independent piece of evidence leads to the same lines",
    "disagree": "another proposal gives other lines",
    "findings": "kinds of findings for review, up to 3",
    "neighbour": "a neighbouring line differs",
    "merged": "a changed line reads differently and was merged by tokens",
    "differs": "an added line is not upstream's",
    "function": "square root of the share of the function's lines that the other tree does not have",
    "size": "changed lines: log2(1 + n) / 6",
    "parts": "separate changes in the hunk beyond the first, of 5",
    "outside": "the change is outside of any function",
}
# the same as a reason for a person
WORDS: Mapping[str, str] = {
    "refused": "git apply does not take the file", "rewritten": "git apply does not take the hunk",
    "alone": "no independent proposal agrees", "disagree": "another proposal gives other lines",
    "findings": "findings of the checks", "neighbour": "a neighbouring line differs",
    "merged": "a changed line was merged by tokens", "differs": "an added line differs from upstream's",
    "function": "the function differs in this tree", "size": "the number of changed lines",
    "parts": "several changes in one hunk", "outside": "outside of any function",
}
_TOLD = 0.5              # of the log-odds, from which on a number is worth a word
_MERGED = frozenset({Signal.BENT, Signal.SWALLOWED, Signal.TOUCHING, Signal.OPERATORS})
_OWN = _MERGED | {Signal.NEIGHBOUR, Signal.DISAGREE}     # those that are measured by a number of their own


@dataclass(frozen=True, slots=True)
class Model:
    """P = 1 / (1 + exp(-(intercept + sum of weight * number)))."""

    intercept: float
    weights: Mapping[str, float]

    def probability(self, measured: Mapping[str, float]) -> float:
        """0..1 for the numbers of `measure`."""
        return 1 / (1 + math.exp(-self.intercept - sum(self.parts(measured).values())))

    def parts(self, measured: Mapping[str, float]) -> dict[str, float]:
        """What each number takes from the log-odds (never more than 0), the largest first."""
        found = {name: self.weights.get(name, 0.0) * value for name, value in measured.items()}
        return {name: part for name, part in sorted(found.items(), key=lambda pair: pair[1]) if part}


@cache
def model() -> Model:
    """The model that came with the package."""
    return read(json.loads((files("backport.adapt") / "confidence.json").read_bytes()))


def read(data: Mapping[str, Any]) -> Model:
    """A model from its JSON form. Raises ValueError where a weight is positive or belongs to no known number."""
    weights = {name: float(entry["weight"]) for name, entry in data["features"].items()}
    if unknown := weights.keys() - FEATURES.keys():
        raise ValueError(f"no such number: {', '.join(sorted(unknown))}")
    if raising := [name for name, weight in weights.items() if weight > 0]:
        raise ValueError(f"a weight must not raise the probability: {', '.join(raising)}")
    return Model(float(data["intercept"]), weights)


def explained(measured: Mapping[str, float], probability: float) -> str:
    """One line for a person: the probability, and what lowered it most."""
    parts = [name for name, part in model().parts(measured).items() if part < -_TOLD][:3]
    return f"{100 * probability:.1f} % likely to be right" + (
        f": {'; '.join(WORDS[name] for name in parts)}" if parts else "")


def measure(problem: Problem, k: int, edits: tuple[Edit, ...], signals: tuple[Signal, ...], voices: int,
            verbatim: bool, whole: bool) -> dict[str, float]:
    """The numbers of hunk `k`'s answer, by the names of FEATURES; `voices` is how many independent pieces of evidence
    lead to `edits`, `verbatim` whether git apply takes the hunk by itself, `whole` whether it takes the file.

    Where it takes the file, distance and size tell nothing (measured), and only what speaks against the result counts.
    """
    hunk = problem.hunks[k]
    changed = sum(1 for line in (*hunk.added, *hunk.removed) if line.strip())
    kinds = set(signals)
    said = {
        "alone": float(voices < 2), "disagree": float(Signal.DISAGREE in kinds),
        "findings": float(min(3, sum(kind.severity is not HARMLESS for kind in kinds - _OWN))),
    }
    if whole:
        return said
    return said | {
        "refused": 1.0, "rewritten": float(not verbatim),
        "neighbour": float(Signal.NEIGHBOUR in kinds), "merged": float(bool(kinds & _MERGED)),
        "size": math.log2(1 + changed) / 6, **_distance(problem, k, edits),
        "differs": float([key for line in hunk.added if (key := line_key(line))]
                         != [key for e in edits for line in e.new if (key := line_key(line))]),
    }


def _distance(problem: Problem, k: int, edits: tuple[Edit, ...]) -> dict[str, float]:
    """How far the target's function is from upstream's; without upstream's file the worst is assumed."""
    if problem.edits is None or problem.base is None or not problem.edits[k]:
        return {"function": 1.0, "parts": 0.0, "outside": 1.0}
    own = problem.edits[k]
    inside = enclosing(problem.base, own[0].lo + 1)
    apart = _apart(problem, own) if inside is None else _unlike(problem, inside.start - 1, inside.end, edits)
    return {"function": math.sqrt(apart), "parts": min(5, len(own) - 1) / 5, "outside": float(inside is None)}


def _apart(problem: Problem, own: Sequence[Edit]) -> float:
    """Share of the pre-image's lines around the change that are not in the target."""
    lo, hi = own[0].lo, own[-1].hi
    lines = [*range(max(0, lo - _WIDE), lo), *range(hi, min(len(problem.base_to_target), hi + _WIDE))]
    return len([i for i in lines if problem.base_to_target[i] < 0]) / max(1, len(lines))


def _unlike(problem: Problem, lo: int, hi: int, edits: tuple[Edit, ...]) -> float:
    """Share of the lines of upstream's function base[lo:hi] and of the one that the first edit stands in here that the
    other does not have; empty lines do not count."""
    there = enclosing(problem.target, edits[0].lo + 1) if edits else None
    if there is None or problem.base_lines is None:
        return 1.0
    own = [i for i in range(lo, min(hi, len(problem.base_to_target))) if problem.base_lines[i].strip()]
    mine = sum(1 for line in problem.target_lines[there.start - 1:there.end] if line.strip())
    both = sum(there.start - 1 <= problem.base_to_target[i] < there.end for i in own)
    return 1.0 - 2 * both / max(1, len(own) + mine)
