"""What happens when a patch meets a commit: clean, offset, already, suspect, conflict, invalid.

The answer is git's (`git apply --check` on a private index), with the questions that git does not ask: is it
the function that upstream changed, is the change in there already, does it fit both ways, did git skip it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from backport.adapt.context import at_the_top, refusal
from backport.adapt.records import HunkStory
from backport.check.index import PrivateIndex, private_index
from backport.check.landing import Landing, landings
from backport.git import Git, GitResult
from backport.gitfault import ApplyAnswer, apply_answer
from backport.patch.exact import apply_exactly, reversed_file
from backport.patch.model import FileDiff, Patch
from backport.verdict import Apply, Sure

_APPLIES = 0


@dataclass(frozen=True, slots=True)
class CheckResult:
    """The applier's answer. `report` is git's own words, for the log."""

    outcome: Apply
    sure: Sure = Sure.CERTAIN
    reason: str = ""
    hunks: tuple[HunkStory, ...] = ()
    notes: tuple[str, ...] = ()
    report: str = ""


def check(git: Git, commit: str, patch: Patch, upstream: Mapping[str, bytes] | None = None) -> CheckResult:
    """Try `patch` on `commit` of the repository, forward and in reverse, without a work tree.

    `upstream` maps old paths to the file just before upstream's change, where it is known; with it enclosing
    functions are compared by one reader on both sides, without it the hunk header has to do. Raises GitError
    where git or the store breaks, which says nothing about the patch.
    """
    refused = next((why for file in patch.files if (why := refusal(file)) and not at_the_top(file)), "")
    if refused:
        return CheckResult(Apply.INVALID, reason=refused)
    with private_index(git, commit, patch) as index:
        entries = index.entries()
        backward = None if _never(patch, entries, index, reverse=True) else index.apply(patch.diff, reverse=True)
        reverts = backward is not None and _fits(backward, patch)
        # where the tree has it already, and nothing of it can be put in again, git need not be asked for that
        forward = None if reverts and _never(patch, entries, index) else index.apply(patch.diff)
        report = forward.err if forward is not None else ""
        results = [result for result in (forward, backward) if result is not None]
        if any("Skipped patch" in result.err for result in results):
            return CheckResult(Apply.ERROR, reason="git apply skipped the patch (it looked outside the tree)",
                               report=report)
        answers = [apply_answer(result.code, result.err, path=git.path) for result in results]
        if ApplyAnswer.MALFORMED in answers:
            return CheckResult(Apply.INVALID, reason=_first_error(report), report=report)
        fits = forward is not None and _fits(forward, patch)
        lacking = _lacking(patch, entries) if fits else ""
        fits = fits and not lacking
        if not fits and not reverts:
            return CheckResult(Apply.CONFLICT, reason=lacking or _first_error(report), report=report)
        files = _contents(index, entries, patch, reverse=not fits)
        if not fits:
            return _already(patch, backward.err if backward is not None else "", files, upstream or {})
        places = landings(patch, report, files, dict(upstream or {}))
        if reverts:
            return CheckResult(Apply.SUSPECT, Sure.REVIEW, "the patch fits forward and in reverse: this tree may "
                               "have it already, in a second place", stories(patch, places), report=report)
        return _verdict(patch, places, report)


def _never(patch: Patch, entries: Mapping[str, tuple[str, str]], index: PrivateIndex, *, reverse: bool = False) -> bool:
    """Whether it, or its reverse, certainly does not apply: git wants that side of a hunk byte for byte in the file,
    and there it is not. False is no answer, git is asked then."""
    names = [path for file in patch.files for path in {file.old_path, file.new_path}]
    if len(set(names)) != len(names):
        return False                 # one file after the other: what git looks at is made on the way
    for file in patch.files:
        if file.binary or file.old_path != file.new_path or file.path not in entries:
            continue
        data = index.content(entries[file.path][1])
        for hunk in file.hunks:
            wanted, put = (hunk.new, hunk.old) if reverse else (hunk.old, hunk.new)
            if b"".join(wanted) not in data:
                return True
            if not put:              # with nothing put back, lines meet that were apart
                break
    return False


def _fits(result: GitResult, patch: Patch) -> bool:
    """git's yes, except for a change of modes alone: there git only warns that the file has another mode."""
    modes = [file.path for file in patch.files if file.old_mode != file.new_mode and not file.hunks
             and not file.binary and file.old_path == file.new_path]
    return result.code == _APPLIES and not any(
        f"warning: {path} has type " in result.err for path in modes)


def _verdict(patch: Patch, places: list[Landing], report: str) -> CheckResult:
    hunks = stories(patch, places)
    strayed = [place for place in places if not place.same_scope]
    if strayed:
        return CheckResult(Apply.SUSPECT, Sure.REVIEW, "; ".join(map(_stray, strayed)), hunks, report=report)
    moved = any(place.offset for place in places)
    notes = tuple(f"{place.path}: hunk {place.index + 1} fits at {place.places} places of {place.scope or 'the file'}; "
                  f"git took the {_nth(place.ordinal)}" for place in places if place.ambiguous)
    notes += tuple(f"{place.path}: where hunk {place.index + 1} lands could not be confirmed"
                   for place, file in _with_files(patch, places) if place.line == 0 and file.old_path)
    reason = ", ".join(dict.fromkeys(f"{place.path} {place.offset:+d}" for place in places if place.offset))
    return CheckResult(Apply.OFFSET if moved else Apply.CLEAN, Sure.REVIEW if notes else Sure.CERTAIN,
                       reason, hunks, notes, report)


def _already(patch: Patch, report: str, files: dict[str, bytes], upstream: Mapping[str, bytes]) -> CheckResult:
    """The reverse fits: in the tree already, if it fits where upstream made the change."""
    back = Patch(b"", tuple(reversed_file(file) for file in patch.files))
    after = _after(patch, upstream)
    places = landings(back, report, files, after)
    strayed = [place for place in places if not place.same_scope]
    if strayed:
        return CheckResult(Apply.CONFLICT, reason="it does not apply, and its reverse fits only elsewhere: "
                           + "; ".join(map(_stray, strayed)), report=report)
    return CheckResult(Apply.ALREADY, reason="the reverse of the patch applies", hunks=stories(patch, places),
                       report=report)


def stories(patch: Patch, places: list[Landing]) -> tuple[HunkStory, ...]:
    """The record of each hunk that was taken as it is."""
    told = []
    for place, file in _with_files(patch, places):
        text = file.hunks[place.index].render().decode("utf-8", "replace")
        told.append(HunkStory(
            path=place.path, index=place.index, landed_path=place.path, line=place.line,
            function=place.scope.removesuffix("()"),
            upstream_function=(place.upstream_scope or "").removesuffix("()"), offset=place.offset,
            strategies=("as-is",), sure=Sure.REVIEW if place.ambiguous else Sure.CERTAIN, upstream=text, adapted=text))
    return tuple(told)


def _with_files(patch: Patch, places: list[Landing]) -> list[tuple[Landing, FileDiff]]:
    files = [file for file in patch.files for _ in file.hunks]
    return list(zip(places, files, strict=True))


def _lacking(patch: Patch, entries: Mapping[str, tuple[str, str]]) -> str:
    """The files that the patch changes and the tree has not, as a reason; "" where it has them all.

    git apply creates such a file from a hunk without old lines (`diff -U0`), whatever line the hunk names.
    """
    made = {file.new_path for file in patch.files if file.new_path != file.old_path}
    names = [path for file in patch.files if (path := file.old_path) is not None and path not in entries
             and path not in made]
    return f"{', '.join(dict.fromkeys(names))}: not in this tree" if names else ""


def _contents(index: PrivateIndex, entries: Mapping[str, tuple[str, str]], patch: Patch, *,
              reverse: bool) -> dict[str, bytes]:
    """old path (of the direction that fits) -> bytes in the tree."""
    found = {}
    for file in patch.files:
        path = file.new_path if reverse else file.old_path
        if path is not None and path in entries:
            found[path] = index.content(entries[path][1])
    return found


def _after(patch: Patch, upstream: Mapping[str, bytes]) -> dict[str, bytes]:
    """Upstream's files as the patch leaves them, by new path, for those hunks that stand where they say."""
    found = {}
    for file in patch.files:
        before = upstream.get(file.old_path or "")
        if before is not None and file.new_path is not None:
            after = apply_exactly(before, file)
            if after is not None:
                found[file.new_path] = after
    return found


def _stray(place: Landing) -> str:
    if place.upstream_scope is None:
        return (f"{place.path}: hunk {place.index + 1} fits in {place.scope or 'no section'} at line {place.line}, and "
                "there is no evidence that this is where upstream changed it")
    there = place.upstream_scope or "file level"
    return (f"{place.path}: hunk {place.index + 1} lands in {place.scope or 'no function'} at line {place.line}, "
            f"upstream changed {there}{' (from the hunk header)' if place.from_header else ''}")


def _nth(ordinal: int) -> str:
    return {0: "first", 1: "second", 2: "third"}.get(ordinal, f"{ordinal + 1}th")


def _first_error(report: str) -> str:
    """git's first error line, without the dump of what it searched for."""
    errors = [line.removeprefix("error: ") for line in report.split("\n")
              if line.startswith("error: ") and not line.startswith("error: while searching")]
    fatal = [line for line in report.split("\n") if line.startswith("fatal: ")]
    return (errors or fatal or [report.strip().split("\n")[-1]])[0]
