"""Which trees hold the bug that `Fixes:` names, since which release, and which commits upstream fix the fix.

"The tree lacks the bug" takes the patch off a maintainer's table, so it is said only where it is proved: the commit
that brought the bug is identified beyond its abbreviated name, looked for under every name, and its lines are not
in the tree either. Everything else is "unknown", with the reason.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from backport.git import Git
from backport.history.branch import Branch, no_history
from backport.history.log import Log
from backport.history.message import Commit, plain_subject, same
from backport.history.presence import Presence, PresenceState, UpstreamChange, patch_id, presence
from backport.patch.parse import parse

_FIXES = re.compile(r'^\s*Fixes:\s*(?:commit\s+)?([0-9a-fA-F]{6,40})\s*(?:\(\s*"?(.*?)"?\s*\))?\s*$', re.M)
_DEPTH = 6               # reverts of reverts that are followed
_TELLING = 8             # characters that a line must have to be told from others (`return 0;` is everywhere)
_LEFT = 0.5              # share of the bug's telling lines in the tree from which its absence is not believed


@dataclass(frozen=True, slots=True)
class TaggedCommit:
    """A commit as a tag names it: abbreviated id and subject ("" where the tag has none)."""

    sha: str
    subject: str = ""


@dataclass(frozen=True, slots=True)
class Culprit:
    """One commit of a `Fixes:` tag on one branch. `held` is None where it cannot be known; `why` is one line."""

    named: TaggedCommit
    held: bool | None
    why: str
    found: Presence


@dataclass(frozen=True, slots=True)
class Bug:
    """Whether a branch holds the bug: one Culprit for each commit that `Fixes:` names.

    `held` is None where it cannot be known. Evidence for `absent` needs `held is False`: every commit named was
    identified, looked for in whole history under its own name and as a backport, and is not there.
    """

    branch: str
    held: bool | None
    commits: tuple[Culprit, ...] = ()
    reason: str = ""

    @property
    def since(self) -> str:
        """The release that first has it, "" where no tag says."""
        return next((one.found.since for one in self.commits if one.found.commit and one.found.since), "")


@dataclass(frozen=True, slots=True)
class FollowUp:
    """An upstream commit that says `Fixes:` of the patch, of one of its follow-ups, or reverts it."""

    commit: Commit
    of: str                  # the commit it fixes or reverts
    kind: str                # "fixes" | "reverts"
    release: str = ""


def named_in(message: str) -> tuple[TaggedCommit, ...]:
    """The commits that the `Fixes:` lines of a message name, in order, each once."""
    seen: dict[str, TaggedCommit] = {}
    for match in _FIXES.finditer(message):
        seen.setdefault(match[1].lower(), TaggedCommit(match[1].lower(), (match[2] or "").strip()))
    return tuple(seen.values())


def holds_bug(log: Log, branch: Branch, fixes: Sequence[TaggedCommit], *, upstream: str = "",
              brought: Sequence[TaggedCommit] = ()) -> Bug:
    """Whether `branch` holds any commit that `fixes` names; no tags, no history: None with the reason.

    `brought` are commits that go onto the branch before the patch: an earlier one of its series can bring the bug.
    """
    if not fixes:
        return Bug(branch.name, None, reason="the patch has no Fixes: tag")
    reason = no_history(log.git, branch)
    if reason:
        return Bug(branch.name, None, reason=reason)
    found = tuple(_brought(named, branch, brought) or _culprit(log, branch, named, upstream) for named in fixes)
    answers = {one.held for one in found}
    held = True if True in answers else None if None in answers else False
    return Bug(branch.name, held, found, "; ".join(f"{o.named.sha[:12]} {o.why}" for o in found if o.held is held))


def follow_ups(log: Log, sha: str, upstream: str) -> tuple[FollowUp, ...]:
    """Upstream commits after `sha` that fix it, fix its fixes (to any depth) or revert it, oldest first.

    `sha` must be a commit of the repository and an ancestor of `upstream`, else there is nothing to read and the
    result is empty: ask `log.one(sha)` first and say so.
    """
    first = log.one(sha)
    if first is None:
        return ()
    log.index.cover(upstream)
    found: dict[str, FollowUp] = {}
    frontier = [first]
    while frontier:
        target = frontier.pop()
        for commit in log.fixing([target.sha]):
            if commit.sha in found or commit.sha == first.sha or not log.index.within([commit.sha], upstream):
                continue
            kind = "fixes" if any(same(name, target.sha) for name in commit.fixes) else "reverts"
            found[commit.sha] = FollowUp(commit, target.sha, kind, log.release_of(commit.sha)[0])
            frontier.append(commit)
    order = log.in_order(row.commit for row in found.values())
    return tuple(found[commit.sha] for commit in order)


def _brought(named: TaggedCommit, branch: Branch, brought: Sequence[TaggedCommit]) -> Culprit | None:
    wanted = plain_subject(named.subject)
    for other in brought:
        if same(named.sha, other.sha) or (wanted and wanted == plain_subject(other.subject)):
            why = f"comes with an earlier patch, \"{other.subject or other.sha[:12]}\""
            return Culprit(named, True, why, Presence(branch.name, PresenceState.UNKNOWN, reason=why))
    return None


def _culprit(log: Log, branch: Branch, named: TaggedCommit, upstream: str) -> Culprit:
    commit, doubt = identify(log, named, branch, upstream)
    if commit is None:
        answer = presence(log, branch, UpstreamChange(named.sha, named.subject), upstream=upstream)
        held = True if answer.state is PresenceState.PRESENT else None
        return Culprit(named, held, answer.line if held else doubt, answer)
    held, why, answer = _holds(log, branch, commit, upstream, _DEPTH)
    if held is False and doubt:
        return Culprit(named, None, doubt, answer)
    return Culprit(named, held, why, answer)


def identify(log: Log, named: TaggedCommit, branch: Branch, upstream: str) -> tuple[Commit | None, str]:
    """The commit that a tag means, and what makes it doubtful ("" for nothing): a wrong id proves nothing.

    Tags carry ids of a tree that was rebased, of a stable backport, with a digit lost. The subject beside the id
    tells; where id and subject disagree, nothing is concluded from what is not found.
    """
    commit = log.one(named.sha)
    wanted = plain_subject(named.subject)
    if commit is not None:
        if not wanted or _agree(wanted, plain_subject(commit.subject)):
            return commit, ""
        return commit, (f"unknown: the tag calls it \"{named.subject}\", but {commit.sha[:12]} is "
                        f"\"{commit.subject}\"")
    missing = f"matches no commit here, or several: the tag's id may be wrong, so {branch.name} " \
              "may have it under another"
    if not wanted:
        return None, missing
    for tip in filter(None, (upstream, branch.commit)):
        log.index.cover(tip)
    same_title = log.index.titled([wanted])
    above = log.index.within(same_title, upstream) if upstream else frozenset(same_title)
    if len(above) != 1:
        return None, missing
    # the id is wrong and the subject is unique upstream: this is the commit, by its subject
    return log.one(next(iter(above))), ""


def _agree(tag: str, subject: str) -> bool:
    a, b = ("".join(c for c in text.lower() if c.isalnum()) for text in (tag.removesuffix("..."), subject))
    return bool(a) and (b.startswith(a) if tag.endswith("...") else a == b)


def _holds(log: Log, branch: Branch, commit: Commit, upstream: str, depth: int) -> tuple[bool | None, str, Presence]:
    """Whether the effect of `commit` is in `branch`."""
    diff = b"" if commit.parents > 1 else log.git.run("diff-tree", "--root", "-r", "-p", "--no-commit-id",
                                                      commit.sha).out
    files = parse(diff).files if diff else ()
    change = UpstreamChange(commit.sha, commit.subject, patch_id(log.git, diff) if diff else "",
                    tuple(file.path for file in files), commit.upstream)
    answer = presence(log, branch, change, upstream=upstream)
    if answer.state is PresenceState.PRESENT:
        return True, answer.line, answer
    if answer.state not in (PresenceState.MISSING, PresenceState.REVERTED):
        return None, answer.line, answer
    if commit.parents > 1:
        return None, "unknown: it is a merge, whose commits may be present one by one", answer
    if commit.reverts:
        return (*_as_if_reverted(log, branch, commit, upstream, depth), answer)
    added, removed = (_lines_left(log.git, branch.commit, commit, diff, kind) for kind in (b"+", b"-"))
    if added.there > _LEFT * added.telling:
        return None, (f"unknown: no commit of {branch.name} names it, but {added.there} of the {added.telling} "
                      "lines that it added are in the tree"), answer
    if not added.telling and removed.telling and removed.there < removed.telling:
        return None, (f"unknown: it only removes lines, and {removed.telling - removed.there} of these "
                      f"{removed.telling} are not in the tree either"), answer
    lines = f"; {added.there} of the {added.telling} telling lines that it added are in the tree" if added.telling \
        else ""
    return False, answer.line + lines, answer


def _as_if_reverted(log: Log, branch: Branch, commit: Commit, upstream: str, depth: int) -> tuple[bool | None, str]:
    """A tree that never had a change is like one that reverted it: the bug of a revert is where the change is not."""
    target = next((found for name in reversed(commit.reverts) if (found := log.one(name)) is not None), None)
    if target is None or depth <= 0:
        return None, f"unknown: it reverts {commit.reverts[0][:12]}, which is no commit of this repository"
    held, why, _answer = _holds(log, branch, target, upstream, depth - 1)
    if held is None:
        return None, f"is a revert of {target.sha[:12]}, which {why}"
    state = "is there" if held else "is not there, as after the revert"
    return not held, f"is a revert of {target.sha[:12]}, which {state} ({why})"


@dataclass(frozen=True, slots=True)
class _Lines:
    there: int
    telling: int


def _lines_left(git: Git, tip: str, commit: Commit, diff: bytes, kind: bytes) -> _Lines:
    """How many of the lines that `commit` added (or removed) are in the tree of `tip`, by content.

    Only lines that the file has on one side of the commit: a squashed or hand-made backport without any name is found
    by what it added. A file that is not there is looked for under its base name.
    """
    there = telling = 0
    names: list[str] | None = None
    for file in parse(diff).files if diff else ():
        other = f"{commit.sha}^:{file.old_path}" if kind == b"+" else f"{commit.sha}:{file.new_path}"
        beside = {line.strip() for line in (git.blob(other) or b"").split(b"\n")}
        lines = {text for hunk in file.hunks for line in hunk.lines if line.kind == kind
                 and len(text := line.text.strip()) > _TELLING} - beside
        if not lines:
            continue
        paths = [file.path]
        if git.blob(f"{tip}:{file.path}") is None:
            names = names if names is not None else git.run("ls-tree", "-r", "--name-only", tip).text.splitlines()
            base = file.path.rpartition("/")[2]
            paths = [name for name in names if name.rpartition("/")[2] == base][:16]
        here = {line.strip() for path in paths for line in (git.blob(f"{tip}:{path}") or b"").split(b"\n")}
        telling += len(lines)
        there += len(lines & here)
    return _Lines(there, telling)
