"""From the answers for files to the answer for the patch."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from backport.patch.model import FileDiff, Patch
from backport.rewrite.story import Adaptation, HunkStory
from backport.verdict import Apply, Sure


@dataclass(frozen=True, slots=True)
class FileAnswer:
    """What became of one file of the patch; `files` is empty where nothing is left to change."""

    outcome: Apply
    files: tuple[FileDiff, ...] = ()
    sure: Sure = Sure.REVIEW
    hunks: tuple[HunkStory, ...] = ()
    notes: tuple[str, ...] = ()
    reason: str = ""
    evidence: tuple[str, ...] = ()
    alternatives: tuple[tuple[FileDiff, ...], ...] = ()


def decline(reason: str, *evidence: str) -> FileAnswer:
    """A file that needs a person."""
    return FileAnswer(Apply.CONFLICT, reason=reason, evidence=tuple(evidence))


_WORST_FIRST = (Apply.CONFLICT, Apply.SUSPECT)
_MADE = (Apply.REWRITTEN, Apply.MERGED, Apply.OFFSET, Apply.CLEAN)


def combine(patch: Patch, answers: Sequence[FileAnswer]) -> Adaptation:
    """The answer for the whole patch: the worst of a conflict decides, what is there already is left out."""
    hunks = tuple(h for answer in answers for h in answer.hunks)
    notes = tuple(dict.fromkeys(note for answer in answers for note in answer.notes))
    evidence = tuple(e for answer in answers for e in answer.evidence)
    outcomes = [answer.outcome for answer in answers]
    for worst in _WORST_FIRST:
        if worst in outcomes:
            reason = "; ".join(a.reason for a in answers if a.outcome is worst and a.reason)
            made = patch.with_files(tuple(f for a in answers for f in a.files)) if worst is Apply.SUSPECT else None
            if made is not None and not made.files:
                made = None
            return Adaptation(worst, Sure.REVIEW, made, hunks, notes, reason, evidence, _alternatives(patch, answers))
    files = tuple(f for answer in answers for f in answer.files)
    sure = Sure.CERTAIN if all(a.sure is Sure.CERTAIN for a in answers) else Sure.REVIEW
    reason = "; ".join(dict.fromkeys(a.reason for a in answers if a.reason))
    if not files:
        outcome = Apply.ALREADY if Apply.ALREADY in outcomes else Apply.ABSENT
        if len(set(outcomes)) > 1:
            sure = Sure.REVIEW
        return Adaptation(outcome, sure, None, hunks, notes, reason, evidence)
    outcome = next(o for o in _MADE if o in outcomes)
    if Apply.ALREADY in outcomes or Apply.ABSENT in outcomes:
        sure = Sure.REVIEW
        outcome = Apply.MERGED if outcome in (Apply.CLEAN, Apply.OFFSET) else outcome
        notes += tuple(_left_out(file, answer) for file, answer in zip(patch.files, answers, strict=True)
                       if answer.outcome in (Apply.ALREADY, Apply.ABSENT))
    return Adaptation(outcome, sure, patch.with_files(files), hunks, notes, reason, evidence,
                      _alternatives(patch, answers))


def _left_out(file: FileDiff, answer: FileAnswer) -> str:
    """What the mail says of a file that upstream's patch changes and this one does not."""
    why = "this tree has it already" if answer.outcome is Apply.ALREADY else answer.reason
    return f"the change to {file.path} is left out: {why}"


def _alternatives(patch: Patch, answers: Sequence[FileAnswer]) -> tuple[Patch, ...]:
    """Whole patches that differ in one file's answer."""
    out = []
    for n, answer in enumerate(answers):
        for other in answer.alternatives:
            files = tuple(f for i, a in enumerate(answers) for f in (other if i == n else a.files))
            out.append(patch.with_files(files))
    return tuple(out[:3])
