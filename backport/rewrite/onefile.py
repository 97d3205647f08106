"""One file of the patch against one file of the tree: every strategy, one answer a hunk, one diff."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Mapping, Sequence

from backport.patch.model import FileDiff
from backport.rewrite import anchor, merge3, words
from backport.rewrite.already import reverse_fits
from backport.rewrite.arbitrate import Answer, State, choose, same_result
from backport.rewrite.asis import AsIs, apply_as_is
from backport.rewrite.header import retarget
from backport.rewrite.outcome import FileAnswer
from backport.rewrite.place import Placed, Signal
from backport.rewrite.problem import Problem
from backport.rewrite.render import Edit, apply_edits, render_hunks
from backport.rewrite.story import HunkStory
from backport.rewrite.tell import story
from backport.verdict import Apply, Sure

Strategy = Callable[[Problem, int], Placed | None]

# one line here and one file is all that a further one needs
STRATEGIES: Mapping[str, Strategy] = {
    "token-merge": merge3.propose,
    "anchor": anchor.propose,
    "words": words.propose,
}


def adapt_file(file: FileDiff, problem: Problem, wanted: Sequence[str]) -> FileAnswer:
    """The answer for `file` where it is to be made on `problem.path` of the tree."""
    taken = apply_as_is(problem.hunks, problem.t)
    if taken is not None:
        answers = [_confirm(problem, k, taken, wanted) for k in range(len(problem.hunks))]
    else:
        answers = [_solve(problem, k, wanted) for k in range(len(problem.hunks))]
    told = tuple(story(problem, k, answer) for k, answer in enumerate(answers))
    states = {answer.state for answer in answers}
    if State.NONE in states:
        return FileAnswer(Apply.CONFLICT, hunks=told, reason=_refusal(problem, answers),
                          evidence=tuple(_evidence(problem, k, a) for k, a in enumerate(answers)
                                         if a.state is State.NONE))
    notes = _notes(problem, told)
    if states == {State.ALREADY}:
        sure = Sure.CERTAIN if all(a.sure is Sure.CERTAIN for a in answers) else Sure.REVIEW
        return FileAnswer(Apply.ALREADY, (), sure, told, (), f"{problem.path}: the reverse of the patch fits",
                          tuple(f"{problem.path}: hunk {k + 1} is there already" for k in range(len(answers))))
    edits = sorted((e for a in answers if a.state is not State.ALREADY for e in a.edits), key=lambda e: (e.lo, e.hi))
    if any(two.lo < one.hi or (two.lo == one.lo and two.hi == one.hi)
           for one, two in itertools.pairwise(edits)):
        return FileAnswer(Apply.CONFLICT, hunks=told, reason=f"{problem.path}: two hunks land on the same lines")
    partly = State.ALREADY in states
    made = file if taken is not None and not partly else _render(file, problem, edits)
    if made is None:
        return FileAnswer(Apply.CONFLICT, hunks=told, reason=f"{problem.path}: nothing is left to change")
    sure = Sure.CERTAIN if all(a.sure is Sure.CERTAIN for a in answers) and not partly else Sure.REVIEW
    if State.BOTH in states:
        return FileAnswer(Apply.SUSPECT, (made,), Sure.REVIEW, told, notes,
                          f"{problem.path}: the patch fits forward and in reverse")
    if partly:
        there = ", ".join(str(k + 1) for k, a in enumerate(answers) if a.state is State.ALREADY)
        notes = (*notes, f"{problem.path}: hunk {there} left out, in this tree already")
    alternatives = _alternatives(file, problem, answers)
    outcome = Apply.MERGED
    reason = ""
    if taken is not None and not partly:
        outcome = Apply.CLEAN if all(not told_hunk.offset for told_hunk in told) else Apply.OFFSET
        odd = [k for k, a in enumerate(answers) if Signal.DISAGREE in a.signals or Signal.FUNCTION in a.signals]
        if odd:
            outcome = Apply.SUSPECT
            reason = f"{problem.path}: git apply takes it, but other strategies put hunk {odd[0] + 1} elsewhere"
    return FileAnswer(outcome, (made,), sure, told, notes, reason, alternatives=alternatives)


def _proposals(problem: Problem, k: int, wanted: Sequence[str]) -> dict[str, Placed | None]:
    return {name: STRATEGIES[name](problem, k) for name in wanted if name in STRATEGIES}


def _solve(problem: Problem, k: int, wanted: Sequence[str]) -> Answer:
    proposals = _proposals(problem, k, wanted)
    alone = apply_as_is(problem.hunks[k:k + 1], problem.t) if "as-is" in wanted else None
    if alone is not None:
        proposals["as-is"] = Placed(alone.edits[0], (Signal.AMBIGUOUS,) if alone.ambiguous[0] else ())
    return choose(problem, proposals, reverse_fits(problem, k))


def _confirm(problem: Problem, k: int, taken: AsIs, wanted: Sequence[str]) -> Answer:
    """git takes it as it is: that is the answer, and the other strategies say whether they see the same place."""
    edits = taken.edits[k]
    agree = ["as-is"]
    others: list[tuple[str, tuple[Edit, ...]]] = []
    signals: list[Signal] = []
    for name, placed in _proposals(problem, k, [n for n in wanted if n != "words"]).items():
        if placed is None:
            continue
        if same_result(problem.t, placed.edits, edits):
            agree.append(name)
        else:
            others.append((name, placed.edits))
    if others:
        signals.append(Signal.DISAGREE)
    back = reverse_fits(problem, k)
    if back is not None:
        return Answer(State.BOTH, edits, tuple(agree), tuple(signals), others=tuple(others))
    sure = Sure.REVIEW if signals else Sure.CERTAIN
    return Answer(State.FORWARD, edits, tuple(agree), tuple(signals), sure, tuple(others))


def _render(file: FileDiff, problem: Problem, edits: Sequence[Edit]) -> FileDiff | None:
    hunks = render_hunks(problem.t, edits)
    if not hunks:
        return None
    after = b"".join(apply_edits(problem.t, edits))
    return retarget(file.with_hunks(hunks), problem.path, problem.target, after)


def _alternatives(file: FileDiff, problem: Problem, answers: Sequence[Answer]) -> tuple[tuple[FileDiff, ...], ...]:
    out = []
    for n, answer in enumerate(answers):
        for _name, other in answer.others[:2]:
            edits = sorted((e for i, a in enumerate(answers) for e in (other if i == n else a.edits)),
                           key=lambda e: (e.lo, e.hi))
            if all(two.lo >= one.hi for one, two in itertools.pairwise(edits)):
                made = _render(file, problem, edits)
                if made is not None:
                    out.append((made,))
    return tuple(out[:2])


def _refusal(problem: Problem, answers: Sequence[Answer]) -> str:
    failed = [str(k + 1) for k, a in enumerate(answers) if a.state is State.NONE]
    why = list(dict.fromkeys(str(s) for a in answers if a.state is State.NONE for s in a.signals))
    text = f"{problem.path}: no sure place for hunk {', '.join(failed)}"
    return text + (f" ({'; '.join(why)})" if why else "")


def _evidence(problem: Problem, k: int, answer: Answer) -> str:
    """The rejected hunk beside what the tree has at the most likely place."""
    hunk = problem.hunks[k]
    places = anchor.candidates(problem, hunk)
    text = hunk.render().decode("utf-8", "replace")
    if not places:
        return f"{problem.path}: hunk {k + 1}\n{text}nothing in this file resembles it\n"
    start = max(0, places[0][1] - 2)
    lines = problem.t[start:start + len(hunk.old) + 4]
    there = b"".join(b"%6d  %s" % (start + i + 1, line if line.endswith(b"\n") else line + b"\n")
                     for i, line in enumerate(lines)).decode("utf-8", "replace")
    return f"{problem.path}: hunk {k + 1}\n{text}this tree has at line {start + 1}:\n{there}"


def _notes(problem: Problem, told: Sequence[HunkStory]) -> tuple[str, ...]:
    out: list[str] = []
    for one in told:
        where = one.function or problem.path
        for up, ours in one.changed:
            if up and ours:
                out.append(f"{where}: `{ours.strip()}` instead of `{up.strip()}`")
            elif up:
                out.append(f"{where}: `{up.strip()}` left out")
            else:
                out.append(f"{where}: `{ours.strip()}` kept as this tree has it")
        out += [f"{where}: {note}" for note in one.notes]
    return tuple(dict.fromkeys(out))
