"""Which trees hold a commit: by ancestry, by what their commits say, by subject and by patch-id; reverts followed.

A commit that was backported and then reverted is not in the tree; one that came back after that is. The answer
lists the events in order, each with the commit it was read from.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from backport.git import Git, limited
from backport.history.branch import Branch, cut_off, merge_base, no_history
from backport.history.log import Log
from backport.history.message import Commit, any_same, plain_subject, same

_ENDLESS = 100_000       # a stable branch has some ten thousand commits of its own, the kernel a million
_REVERT = re.compile(r'^\s*(?:Revert)\s+"(.*)"\s*$', re.I)
_REAPPLY = re.compile(r'^\s*(?:Reapply|Revert\s+"Revert)\s+"(.*?)"?"\s*$', re.I)


class PresenceState(StrEnum):
    """Where a commit stands on a branch."""

    PRESENT = "present"
    LIKELY = "likely"        # same subject, other diff, no id: a person looks
    REVERTED = "reverted"
    MISSING = "missing"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class UpstreamChange:
    """An upstream commit as far as it is known: any field may be empty, `sha` may be abbreviated.

    `also` are other names of the same change: where `sha` is itself a backport, the commit that it names.
    """

    sha: str = ""
    subject: str = ""
    patch_id: str = ""
    paths: tuple[str, ...] = ()
    also: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Event:
    """One step of a commit's life on a branch: "applied", "reverted" or "re-applied", by which commit and why."""

    what: str
    sha: str
    how: str                 # "ancestor", "upstream line", "patch-id", "subject", "revert line", "revert subject"
    subject: str = ""


@dataclass(frozen=True, slots=True)
class Presence:
    """The answer for one commit on one branch; `source` is the command that a reader can run to see it."""

    branch: str
    state: PresenceState
    events: tuple[Event, ...] = ()
    since: str = ""          # first release tag with it, "" where no tag says
    reason: str = ""
    source: str = ""

    @property
    def commit(self) -> str:
        """The commit on the branch that carries the change now, "" where none does."""
        if self.state not in (PresenceState.PRESENT, PresenceState.LIKELY):
            return ""
        return next((e.sha for e in reversed(self.events) if e.what != "reverted"), "")

    @property
    def exact(self) -> bool:
        """True where the branch holds the very same commit, not a copy of it."""
        return self.state is PresenceState.PRESENT and bool(self.events) and self.events[-1].how == "ancestor"

    @property
    def line(self) -> str:
        """One line for people."""
        if self.state in (PresenceState.MISSING, PresenceState.UNKNOWN):
            return f"{self.state}: {self.reason}"
        steps = "; ".join(f"{e.what} by {e.sha[:12]} ({e.how})" for e in self.events)
        return f"{self.state}: {steps}{f', since {self.since}' if self.since else ''}"


def presence(log: Log, branch: Branch, change: UpstreamChange, *, upstream: str = "") -> Presence:
    """Where `change` stands on `branch`.

    `upstream` is the commit of the upstream tree's head where the repository has it. Never guesses: no history, no
    answer. The messages are looked up in the index; diffs are compared only where no message tells.
    """
    git = log.git
    reason = no_history(git, branch)
    if reason:
        return Presence(branch.name, PresenceState.UNKNOWN, reason=reason)
    full = (git.rev(f"{change.sha}^{{commit}}") if change.sha else None) or ""
    tips = [upstream, branch.commit] if upstream and git.rev(f"{upstream}^{{commit}}") else [branch.commit]
    known = log.related((full or change.sha, *change.also), (plain_subject(change.subject),), tips)
    here = bool(full) and full in log.index.within([full], branch.commit)
    commits = _candidates(log, branch, known, full or ("" if here else upstream))
    source = f"git log {branch.commit[:12]}, for what names {full[:12] or change.sha[:12] or 'the subject'}"
    start = [Event("applied", full, "ancestor", change.subject)] if here else []
    events = _follow(_Matcher(change, full, frozenset()), commits, start)
    if not here and (not events or events[-1].what == "reverted" or events[-1].how == "subject"):
        base = merge_base(git, full or upstream, branch.commit) if full or upstream else ""
        if not base and not events and _endless(git, branch.commit):
            return Presence(branch.name, PresenceState.UNKNOWN, source=source, reason=(
                "no message names it, and without upstream's history there is no point from which to compare diffs"))
        copies = _same_patch(git, base, branch.commit, change)
        if copies:
            among = log.in_order({c.sha: c for c in (*commits, *log.read(copies))}.values())
            events = _follow(_Matcher(change, full, copies), among, start)
    return _conclude(log, branch, events, change, source)


def _endless(git: Git, tip: str) -> bool:
    """Whether there are more commits than anybody compares diff by diff."""
    return int(git.run("rev-list", "--count", f"--max-count={_ENDLESS + 1}", tip).text) > _ENDLESS


def _candidates(log: Log, branch: Branch, known: Sequence[Commit], upstream: str) -> list[Commit]:
    """Those of `known` on `branch` that are not older than the change: what upstream had before it is not it."""
    names = [commit.sha for commit in known if commit.sha != upstream]
    on_branch = log.index.within(names, branch.commit)
    older = log.index.within(on_branch, upstream) if upstream and on_branch else frozenset()
    return log.in_order(commit for commit in known if commit.sha in on_branch - older)


def _follow(matcher: _Matcher, commits: Sequence[Commit], start: Sequence[Event]) -> list[Event]:
    events = list(start)
    for commit in commits:
        event = matcher.step(commit, events)
        if event is not None:
            events.append(event)
    return events


def patch_id(git: Git, diff: bytes) -> str:
    """The stable patch-id of a diff (40 hex), "" where it holds no patch."""
    out = git.run("patch-id", "--stable", stdin=diff).text
    return out.split()[0] if out else ""


class _Matcher:
    """Follows one change through a list of commits, oldest first."""

    def __init__(self, change: UpstreamChange, full: str, same_patch: frozenset[str]) -> None:
        self.wanted = full or change.sha.lower()
        self.subject = plain_subject(change.subject)
        self.same_patch = same_patch
        self.names = [name for name in (self.wanted, *change.also) if name]
        self.carriers: list[str] = list(self.names)                          # reverting one of these takes it away
        self.undoers: list[str] = []                                         # reverting one of these brings it back

    def step(self, commit: Commit, events: Sequence[Event]) -> Event | None:
        here = bool(events) and events[-1].what != "reverted"
        if commit.sha == self.wanted:
            return None
        if any_same(commit.reverts, self.carriers) or self._reverts_by_subject(commit, bool(events)):
            self.undoers += commit.ids
            how = "revert line" if commit.reverts else "revert subject"
            return Event("reverted", commit.sha, how, commit.subject) if here else None
        if any_same(commit.reverts, self.undoers) or self._reapplies_by_subject(commit, bool(events)):
            self.carriers += commit.ids
            how = "revert line" if commit.reverts else "revert subject"
            return None if here else Event("re-applied", commit.sha, how, commit.subject)
        how = self._carries(commit)
        if not how:
            return None
        self.carriers += commit.ids
        if here:
            return None
        return Event("re-applied" if events else "applied", commit.sha, how, commit.subject)

    def _carries(self, commit: Commit) -> str:
        if any_same(commit.upstream, self.names) or any(same(commit.sha, name) for name in self.names[1:]):
            return "upstream line"
        if commit.reverts:
            return ""
        if commit.sha in self.same_patch:
            return "patch-id"
        # a backport of another commit that happens to have the same subject is not this one
        if self.subject and plain_subject(commit.subject) == self.subject and not (commit.upstream and self.names):
            return "subject"
        return ""

    def _reverts_by_subject(self, commit: Commit, seen: bool) -> bool:
        match = _REVERT.match(plain_subject(commit.subject))
        return bool(seen and not commit.reverts and match and self.subject and match[1] == self.subject)

    def _reapplies_by_subject(self, commit: Commit, seen: bool) -> bool:
        match = _REAPPLY.match(plain_subject(commit.subject))
        return bool(seen and not commit.reverts and match and self.subject and match[1] == self.subject)


def _same_patch(git: Git, base: str, tip: str, change: UpstreamChange) -> frozenset[str]:
    """Commits whose whole diff is the very same patch. Only commits that change these files and no others are read:
    in a branch whose messages name nothing, the diffs of all that touch a busy file took minutes a patch."""
    if not change.patch_id or not change.paths:
        return frozenset()
    spec = [tip, f"^{base}"] if base else [tip]
    touching = git.run("log", "-z", "--name-only", "--full-diff", "--no-merges", "--no-renames", "--format=%x01%H",
                       "--stdin", stdin=limited(spec, change.paths)).out
    wanted = {path.encode("utf-8", "surrogateescape") for path in change.paths}
    alike = [row[:40] for row in touching.split(b"\x01") if row and {
        name for name in re.split(rb"[\0\n]", row[40:]) if name} <= wanted]
    if not alike:
        return frozenset()
    diffs = git.run("log", "-p", "--no-walk=unsorted", "--no-color", "--no-ext-diff", "--format=commit %H", "--stdin",
                    stdin=b"".join(sha + b"\n" for sha in alike)).out
    rows = (line.split() for line in git.run("patch-id", "--stable", stdin=diffs).text.splitlines())
    return frozenset(row[1] for row in rows if len(row) == 2 and row[0] == change.patch_id)


def _conclude(log: Log, branch: Branch, events: Sequence[Event], change: UpstreamChange, source: str) -> Presence:
    name = change.sha[:12] or change.subject or "the patch"
    if not events:
        reason = cut_off(log.git, branch)
        if reason:
            return Presence(branch.name, PresenceState.UNKNOWN, reason=reason, source=source)
        return Presence(branch.name, PresenceState.MISSING, source=source, reason=(
            f"{name} is no ancestor of {branch.commit[:12]}, and no commit there names it, "
            "has its subject or its patch-id"))
    if events[-1].what == "reverted":
        return Presence(branch.name, PresenceState.REVERTED, tuple(events), source=source)
    carrier = events[-1]
    state = PresenceState.LIKELY if carrier.how == "subject" else PresenceState.PRESENT
    return Presence(branch.name, state, tuple(events), since=log.release_of(carrier.sha)[0], source=source)
