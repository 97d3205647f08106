"""From the answers for hunks to the answer for the file, with a diff for each file that they land in."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

from backport.adapt.arbiter import Answer, State
from backport.adapt.explain import evidence, notes_of, story
from backport.adapt.outcome import FileAnswer
from backport.adapt.records import HunkStory
from backport.adapt.refresh import refreshed_file
from backport.adapt.revisions import Problem
from backport.adapt.signals import Severity, Signal
from backport.adapt.simulated_apply import AsIs
from backport.adapt.verify import round_trip
from backport.patch.edits import apply_edits, render_hunks
from backport.patch.model import FileDiff
from backport.patch.retarget import retarget
from backport.verdict import Apply, Sure

_GONE = (State.ALREADY, State.ABSENT, State.DROPPED)


@dataclass(frozen=True, slots=True)
class Landed:
    """One hunk's answer and the file it is about: hunk `k` of `problem` is hunk `index` of the file's diff."""

    index: int
    problem: Problem
    k: int
    answer: Answer


def assembled(file: FileDiff, landed: Sequence[Landed], taken: AsIs | None) -> FileAnswer:
    """The file's answer; `taken` is where git apply puts the whole file, None where it refuses it."""
    told = tuple(story(one.problem, one.k, one.answer, one.index) for one in landed)
    gone = [one for one in landed if one.answer.state in _GONE]
    if len(gone) == len(landed) or any(one.answer.state is State.NONE for one in landed):
        return _without_a_diff(file, landed, told)
    path = file.old_path or file.path
    made = _made(file, landed, taken if not gone else None)
    both = any(one.answer.state is State.BOTH for one in landed)
    if not made:
        return FileAnswer(Apply.CONFLICT, hunks=told, reason=f"{path}: two hunks land on the same lines")
    if both and gone:
        return FileAnswer(Apply.CONFLICT, hunks=told,
                          reason=f"{path}: some hunks are there already, and others fit forward and in reverse")
    notes = notes_of(told)
    if both:
        return FileAnswer(Apply.SUSPECT, made, Sure.REVIEW, told, notes,
                          f"{path}: the patch fits forward and in reverse")
    notes += tuple(f"{path}: hunk {one.index + 1} left out, {_why_gone(one)}" for one in gone)
    outcome, reason = _outcome(path, landed, told, taken is not None and not gone)
    return FileAnswer(outcome, made, Sure.REVIEW if gone else _sure(landed), told, notes, reason,
                      alternatives=_alternatives(file, landed))


def _without_a_diff(file: FileDiff, landed: Sequence[Landed], told: tuple[HunkStory, ...]) -> FileAnswer:
    """A hunk is declined, or nothing is left to change."""
    path = file.old_path or file.path
    refused = [one for one in landed if one.answer.state is State.NONE]
    if refused:
        return FileAnswer(Apply.CONFLICT, hunks=told, reason=_refusal(path, refused),
                          evidence=tuple(evidence(one.problem, one.k, one.index) for one in refused))
    if all(one.answer.state is State.ABSENT for one in landed):
        why = tuple(dict.fromkeys(note for one in landed for note in one.answer.notes))
        return FileAnswer(Apply.ABSENT, (), Sure.REVIEW, told, (), why[0], why)
    sure = _sure(landed)
    return FileAnswer(Apply.ALREADY, (), sure, told, notes_of(told) if sure is Sure.REVIEW else (),
                      f"{path}: the reverse of the patch fits",
                      tuple(f"{path}: hunk {one.index + 1} is there already" for one in landed))


def _made(file: FileDiff, landed: Sequence[Landed], taken: AsIs | None) -> tuple[FileDiff, ...]:
    """The diffs: as it came where git takes it, unless its reverse would go to another place than it went in."""
    target = landed[0].problem.target
    whole = refreshed_file(file, target, taken.starts) if taken is not None else None
    return (whole,) if whole is not None and round_trip(whole, target) else _render(file, landed)


def _sure(landed: Sequence[Landed]) -> Sure:
    return Sure.CERTAIN if all(one.answer.sure is Sure.CERTAIN for one in landed) else Sure.REVIEW


def _why_gone(one: Landed) -> str:
    return "in this tree already" if one.answer.state is State.ALREADY else "; ".join(one.answer.notes)


def _outcome(path: str, landed: Sequence[Landed], told: Sequence[HunkStory], whole: bool) -> tuple[Apply, str]:
    """What the file came out as, and why, where that is no good; `whole`: git apply takes all of it."""
    if any(name.startswith("rule:") for one in landed for name in one.answer.strategies):
        return Apply.REWRITTEN, ""
    if not whole:
        return Apply.MERGED, ""
    odd = [one.index for one in landed if {Signal.DISAGREE, Signal.FUNCTION} & set(one.answer.signals)]
    if odd:
        return Apply.SUSPECT, f"{path}: git apply takes it, but other strategies put hunk {odd[0] + 1} elsewhere"
    return (Apply.OFFSET if any(one.offset for one in told) else Apply.CLEAN), ""


def _render(file: FileDiff, landed: Sequence[Landed]) -> tuple[FileDiff, ...]:
    """A diff for each file that hunks land in; empty where two of them want the same lines."""
    by_path: dict[str, list[Landed]] = {}
    for one in landed:
        if one.answer.edits and one.answer.state in (State.FORWARD, State.PARTLY, State.BOTH):
            by_path.setdefault(one.problem.path, []).append(one)
    out = []
    for path, ones in by_path.items():
        problem = ones[0].problem
        edits = sorted((e for one in ones for e in one.answer.edits), key=lambda e: (e.lo, e.hi))
        if any(two.lo < one.hi or (two.lo, two.hi) == (one.lo, one.hi) for one, two in pairwise(edits)):
            return ()
        after = b"".join(apply_edits(problem.target_lines, edits))
        out.append(retarget(file.with_hunks(render_hunks(problem.target_lines, edits)), path, problem.target, after))
    return tuple(out)


def _alternatives(file: FileDiff, landed: Sequence[Landed]) -> tuple[tuple[FileDiff, ...], ...]:
    out = []
    for n, one in enumerate(landed):
        for _name, other in one.answer.others[:2]:
            swapped = [replace(x, answer=replace(x.answer, edits=other)) if i == n else x
                       for i, x in enumerate(landed)]
            made = _render(file, swapped)
            if made:
                out.append(made)
    return tuple(out[:2])


def _refusal(path: str, refused: Sequence[Landed]) -> str:
    """Why, in one sentence: what was found, and the kinds without words of their own that weigh most."""
    kinds = [s for one in refused for s in one.answer.signals if not s.named or not one.answer.notes]
    worst = next((severity for severity in Severity if any(s.severity is severity for s in kinds)), None)
    why = list(dict.fromkeys([*(note for one in refused for note in one.answer.notes),
                              *(str(s) for s in kinds if s.severity is worst)]))
    text = f"{path}: no sure place for hunk {', '.join(str(one.index + 1) for one in refused)}"
    return text + (f" ({'; '.join(why)})" if why else "")
