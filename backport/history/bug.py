"""Which trees hold the bug that `Fixes:` names, since which release, and which commits upstream fix the fix."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from backport.history.branch import Branch, no_history, release_of
from backport.history.log import Commit, Log, same
from backport.history.presence import Change, Presence, State, presence

_FIXES = re.compile(r'^\s*Fixes:\s*(?:commit\s+)?([0-9a-fA-F]{6,40})\s*(?:\(\s*"?(.*?)"?\s*\))?\s*$', re.M)


@dataclass(frozen=True, slots=True)
class Named:
    """A commit as a tag names it: abbreviated id and subject ("" where the tag has none)."""

    sha: str
    subject: str = ""


@dataclass(frozen=True, slots=True)
class Bug:
    """Whether a branch holds the bug: one Presence for each commit that `Fixes:` names.

    `held` is None where it cannot be known. Evidence for `absent` needs `held is False`: every commit named was
    looked for in whole history, under its own name and as a backport, and is not there.
    """

    branch: str
    held: bool | None
    commits: tuple[tuple[Named, Presence], ...] = ()
    reason: str = ""

    @property
    def since(self) -> str:
        """The release that first has it, "" where no tag says."""
        return next((found.since for _named, found in self.commits if found.commit and found.since), "")


@dataclass(frozen=True, slots=True)
class FollowUp:
    """An upstream commit that says `Fixes:` of the patch, of one of its follow-ups, or reverts it."""

    commit: Commit
    of: str                  # the commit it fixes or reverts
    kind: str                # "fixes" | "reverts"
    release: str = ""


def named_in(message: str) -> tuple[Named, ...]:
    """The commits that the `Fixes:` lines of a message name, in order, each once."""
    seen: dict[str, Named] = {}
    for match in _FIXES.finditer(message):
        seen.setdefault(match[1].lower(), Named(match[1].lower(), (match[2] or "").strip()))
    return tuple(seen.values())


def holds_bug(log: Log, branch: Branch, fixes: Sequence[Named], *, upstream: str = "") -> Bug:
    """Whether `branch` holds any commit that `fixes` names; no tags, no history: None with the reason."""
    if not fixes:
        return Bug(branch.name, None, reason="the patch has no Fixes: tag")
    reason = no_history(log.git, branch)
    if reason:
        return Bug(branch.name, None, reason=reason)
    found = []
    for named in fixes:
        known = log.one(named.sha)
        change = Change(known.sha if known else named.sha, known.subject if known else named.subject)
        found.append((named, presence(log, branch, change, upstream=upstream)))
    states = {answer.state for _named, answer in found}
    if State.PRESENT in states:
        held: bool | None = True
        reason = "; ".join(f"{n.sha[:12]} {a.line}" for n, a in found if a.state is State.PRESENT)
    elif states <= {State.MISSING, State.REVERTED}:
        held = False
        reason = "; ".join(f"{n.sha[:12]} {a.line}" for n, a in found)
    else:
        held = None
        reason = "; ".join(f"{n.sha[:12]} {a.line}" for n, a in found
                           if a.state not in (State.MISSING, State.REVERTED))
    return Bug(branch.name, held, tuple(found), reason)


def follow_ups(log: Log, sha: str, upstream: str) -> tuple[FollowUp, ...]:
    """Upstream commits after `sha` that fix it, fix its fixes (to any depth) or revert it, oldest first.

    `sha` must be a commit of the repository and an ancestor of `upstream`, else there is nothing to read and the
    result is empty: ask `log.one(sha)` first and say so.
    """
    first = log.one(sha)
    if first is None:
        return ()
    targets: list[str] = [first.sha]
    found: list[FollowUp] = []
    for commit in log.between(first.sha, upstream):
        for kind, names in (("fixes", commit.fixes), ("reverts", commit.reverts)):
            of = next((target for target in targets for name in names if same(name, target)), "")
            if of:
                found.append(FollowUp(commit, of, kind, release_of(log.git, commit.sha)[0]))
                targets.append(commit.sha)
                break
    return tuple(found)
