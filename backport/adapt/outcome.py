"""From the answers for files to the answer for the patch."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

from backport.adapt.records import Adaptation, HunkStory
from backport.adapt.side_parts import is_side
from backport.csource.tokens import identifiers
from backport.patch.model import FileDiff, Patch
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
    told = partial(Adaptation, hunks=tuple(h for answer in answers for h in answer.hunks),
                   notes=tuple(dict.fromkeys(note for answer in answers for note in answer.notes)),
                   evidence=tuple(e for answer in answers for e in answer.evidence))
    outcomes = {answer.outcome for answer in answers}
    files = tuple(f for answer in answers for f in answer.files)
    worst = next((one for one in _WORST_FIRST if one in outcomes), None)
    if worst is not None:
        made = patch.with_files(files) if worst is Apply.SUSPECT and files else None
        return told(worst, Sure.REVIEW, made, alternatives=_alternatives(patch, answers),
                    reason="; ".join(a.reason for a in answers if a.outcome is worst and a.reason))
    twice = _twice(answers) if files else ""
    if twice:
        return told(Apply.CONFLICT, Sure.REVIEW, None, reason=twice)
    half = _half(answers) if files else ""
    if half:
        return told(Apply.CONFLICT, Sure.REVIEW, None, reason=half)
    sure = Sure.CERTAIN if all(a.sure is Sure.CERTAIN for a in answers) else Sure.REVIEW
    reason = "; ".join(dict.fromkeys(a.reason for a in answers if a.reason))
    if not files:
        outcome = Apply.ALREADY if Apply.ALREADY in outcomes else Apply.ABSENT
        return told(outcome, sure if len(outcomes) == 1 else Sure.REVIEW, None, reason=reason)
    outcome = next(o for o in _MADE if o in outcomes)
    if {Apply.ALREADY, Apply.ABSENT} & outcomes:
        sure = Sure.REVIEW
        outcome = Apply.MERGED if outcome in (Apply.CLEAN, Apply.OFFSET) else outcome
    return told(outcome, sure, patch.with_files(files), reason=reason, alternatives=_alternatives(patch, answers))


def _twice(answers: Sequence[FileAnswer]) -> str:
    """Why the change may be in the tree in other words, and would be made a second time; "" where nothing says so.

    A part of the commit is in the tree, and of what is left an added line stands near its place, or its function has
    another name and few of upstream's lines. Likewise where the lines that go were never here.
    """
    hunks = [hunk for answer in answers for hunk in answer.hunks]
    part = any(answer.outcome is Apply.ALREADY for answer in answers) or any("reverse" in h.strategies for h in hunks)
    for hunk in hunks:
        signals = set(hunk.signals)
        if ("duplicate" in signals and (part or "never" in signals)) or (part and "stranger" in signals):
            return (f"{hunk.path}: this tree may have the change in other words: hunk {hunk.index + 1} "
                    + ("adds lines that are already nearby" if "duplicate" in signals else
                       "has no function of upstream's name")
                    + (", and other parts of the change are there" if part else
                       ", and the lines it removes are not here"))
    return ""


def _half(answers: Sequence[FileAnswer]) -> str:
    """Why the rest is no backport, where a part's subject is not in the tree; "" where it is one."""
    gone = [hunk for answer in answers if answer.outcome is Apply.ABSENT for hunk in answer.hunks]
    made = [hunk for answer in answers if answer.files for hunk in answer.hunks]
    if all(is_side(file.path) for answer in answers for file in answer.files) \
            and any(not is_side(hunk.path) for hunk in gone):
        return "the code that the patch changes is not in this tree: only tests and documents would be left"
    if gone and made and all(_comment(line) for hunk in made for line in _changed(hunk, "+-")):
        return "the code that the patch changes is not in this tree: only comments would be left"
    moved = {line for hunk in gone for line in _changed(hunk, "-")} & {
        line for hunk in made for line in _changed(hunk, "+")}
    telling = next((line for line in sorted(moved) if line.endswith(";") and len(identifiers(line.encode())) > 1), "")
    if telling:
        return f"upstream moves `{telling}`, and the place that it takes it from is not in this tree"
    return ""


def _changed(hunk: HunkStory, kinds: str) -> list[str]:
    """The lines of upstream's hunk that are added or removed, without indentation."""
    return [line[1:].strip() for line in hunk.upstream.splitlines() if line[:1] in kinds and line[1:].strip()]


def _comment(line: str) -> bool:
    return line == "*" or line.startswith(("/*", "* ", "*/", "//"))


def _alternatives(patch: Patch, answers: Sequence[FileAnswer]) -> tuple[Patch, ...]:
    """Whole patches that differ in one file's answer."""
    out = []
    for n, answer in enumerate(answers):
        for other in answer.alternatives:
            files = tuple(f for i, a in enumerate(answers) for f in (other if i == n else a.files))
            out.append(patch.with_files(files))
    return tuple(out[:3])
