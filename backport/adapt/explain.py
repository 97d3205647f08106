"""The story of each hunk: where it landed, by which strategy, what was changed against upstream."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from difflib import SequenceMatcher

from backport import sections
from backport.adapt.align import line_key, similarity
from backport.adapt.arbiter import Answer, State
from backport.adapt.confidence import explained
from backport.adapt.proposers import context
from backport.adapt.records import HunkStory
from backport.adapt.revisions import Problem
from backport.adapt.signals import Signal
from backport.adapt.within import edit_scope, upstream_scope
from backport.csource.functions import enclosing
from backport.patch.edits import Edit, render_hunks
from backport.verdict import Sure


def story(problem: Problem, k: int, answer: Answer, index: int) -> HunkStory:
    """One hunk's story from the answer that was chosen for it."""
    hunk = problem.hunks[k]
    adapted = render_hunks(problem.target_lines, answer.edits) if answer.edits else ()
    line = answer.edits[0].lo + 1 if answer.edits else 0
    pairs = changed_pairs(problem, k, answer.edits) if answer.state is State.FORWARD else ()
    touched = bool(pairs)
    first = next((i for i, text in enumerate(hunk.lines) if text.kind != b" "), 0)
    return HunkStory(
        path=problem.upstream_path, index=index,
        landed_path=problem.path if answer.edits else "", line=line,
        function=_function_of(problem, answer.edits) if line else "",
        upstream_function=upstream_function(problem, k),
        offset=line - (hunk.old_start + first) if line else 0,
        strategies=answer.strategies, sure=answer.sure if answer.state is not State.NONE else Sure.REVIEW,
        notes=_notes(problem, k, answer, bool(pairs)), done=answer.done, state=str(answer.state),
        changed=pairs, touches_added=touched, dropped=answer.state in (State.DROPPED, State.ABSENT),
        upstream=hunk.render().decode("utf-8", "replace"),
        adapted=b"".join(h.render() for h in adapted).decode("utf-8", "replace"),
        missing=answer.missing,
        signals=tuple(s.id for s in answer.signals), probability=answer.probability, measured=answer.measured,
        unopposed=answer.unopposed)


def _notes(problem: Problem, k: int, answer: Answer, changed: bool) -> tuple[str, ...]:
    """What is told of one hunk: no answer for review without a word."""
    notes = [*answer.notes, *(
        f"lands in {problem.path}; upstream changed {problem.upstream_path}" if s is Signal.OTHER_FILE else str(s)
        for s in answer.signals if _told(s, answer))]
    if Signal.SWALLOWED in answer.signals and answer.state is State.FORWARD:
        kept = {line_key(line) for line in (*problem.hunks[k].removed, *(x for e in answer.edits for x in e.new))}
        lost = [line.strip().decode("utf-8", "replace") for e in answer.edits
                for line in problem.target_lines[e.lo:e.hi] if line.strip() and line_key(line) not in kept]
        notes += [f"removes `{line}`, which upstream did not have" for line in lost]
    if not notes and not changed and answer.state is State.FORWARD and answer.sure is Sure.REVIEW:
        notes.append(f"only {' and '.join(answer.strategies)} found a place" if answer.voices < 2 else
                     explained(dict(answer.measured), answer.probability or 0))
    return tuple(dict.fromkeys(notes))


def _told(signal: Signal, answer: Answer) -> bool:
    """Whether the signal's own sentence is wanted: a repair, and a check that names its subject, say it better."""
    if signal in (Signal.SUBSTITUTED, Signal.DROPPED):
        return not {"substitution", "drop"} & set(answer.strategies)
    return not signal.named


def upstream_function(problem: Problem, k: int) -> str:
    """The function or section that hunk `k` changes upstream; from the header only where there is no pre-image."""
    if not sections.is_c(problem.upstream_path):
        return upstream_scope(problem, k)
    if problem.edits is not None and problem.base is not None:
        return function_at(problem.base, problem.edits[k][0].lo + 1)
    return problem.hunks[k].section.decode("utf-8", "replace")


def _function_of(problem: Problem, edits: Sequence[Edit]) -> str:
    """The function or section of the target in which the first edit stands."""
    if sections.is_c(problem.path):
        return function_at(problem.target, edits[0].lo + 1)
    return edit_scope(problem.target, edits[0], problem.path)


def function_at(source: bytes, line: int) -> str:
    """Name of the function that holds 1-based `line`, "" at file level."""
    found = enclosing(source, line)
    return found.name if found else ""


def changed_pairs(problem: Problem, k: int, edits: tuple[Edit, ...]) -> tuple[tuple[str, str], ...]:
    """(upstream's added line, ours) where they differ; "" on one side where there is no partner."""
    upstream = [line for line in problem.hunks[k].added if line.strip()]
    ours = _added_here(problem, edits)
    keys_up, keys_our = list(map(line_key, upstream)), list(map(line_key, ours))
    if keys_up == keys_our:
        return ()
    matcher = SequenceMatcher(None, keys_up, keys_our, autojunk=False)
    return tuple(pair for tag, i1, i2, j1, j2 in matcher.get_opcodes() if tag != "equal"
                 for pair in _in_pairs(upstream[i1:i2], ours[j1:j2]))


def _added_here(problem: Problem, edits: tuple[Edit, ...]) -> list[bytes]:
    """The lines that `edits` add, empty ones and the target's last line, which only got its line end, left out."""
    lines = problem.target_lines
    ended = {lines[-1] + b"\n"} if lines and not lines[-1].endswith(b"\n") else set()
    return [line for edit in edits for n, line in enumerate(edit.new)
            if line.strip() and not (n == 0 and edit.hi == len(lines) > edit.lo and line in ended)]


def _in_pairs(left: list[bytes], right: list[bytes]) -> Iterator[tuple[str, str]]:
    while left or right:
        one = left.pop(0) if left else b""
        two = right.pop(0) if right and (not left or similarity(one, right[0]) > 0.3) else b""
        yield _text(one), _text(two)


def notes_of(told: Sequence[HunkStory]) -> tuple[str, ...]:
    """What a reviewer is told: every line that differs from upstream's, and every liberty taken."""
    return tuple(dict.fromkeys(note for one in told for note in _notes_of(one)))


def _notes_of(one: HunkStory) -> list[str]:
    where = one.function or one.landed_path or one.path
    if any(name.startswith("rule:") for name in one.strategies):
        return [] if one.dropped else list(one.notes)
    out = [f"{where}: {_difference(up, ours)}" for up, ours in one.changed
           if not any(f"`{text.strip()}`" in note for text in (up, ours) if text for note in one.notes)]
    return out if one.dropped else [*out, *(f"{where}: {note}" for note in one.notes)]


def _difference(up: str, ours: str) -> str:
    if up and ours:
        return f"`{ours.strip()}` instead of `{up.strip()}`"
    return f"`{up.strip()}` left out" if up else f"`{ours.strip()}` kept as this tree has it"


def evidence(problem: Problem, k: int, index: int) -> str:
    """The rejected hunk beside what the tree has at the most likely place."""
    hunk = problem.hunks[k]
    text = hunk.render().decode("utf-8", "replace")
    if not problem.path:
        return f"{problem.upstream_path}: hunk {index + 1}\n{text}this tree has no such file\n"
    places = context.candidates(problem, hunk)
    if not places:
        return f"{problem.path}: hunk {index + 1}\n{text}nothing in this file resembles it\n"
    start = max(0, places[0][1] - 2)
    lines = problem.target_lines[start:start + len(hunk.old) + 4]
    there = b"".join(b"%6d  %s" % (start + i + 1, line if line.endswith(b"\n") else line + b"\n")
                     for i, line in enumerate(lines)).decode("utf-8", "replace")
    return f"{problem.path}: hunk {index + 1}\n{text}this tree has at line {start + 1}:\n{there}"


def _text(line: bytes) -> str:
    return line.decode("utf-8", "replace").rstrip("\n")
