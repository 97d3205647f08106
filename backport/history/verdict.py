"""What history says of one patch on one tree, and what that makes of its cell.

Only a proved absence changes an outcome: the tree lacks the bug, so the patch has nothing to fix there. The rest
are notes and facts for a person: the bug's first release, a fix that was in and was reverted, fixes of the fix.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from backport.history.branch import Branch, no_history
from backport.history.bug import Bug, FollowUp, TaggedCommit, follow_ups, holds_bug, named_in
from backport.history.log import Log
from backport.history.presence import Presence, PresenceState, UpstreamChange, patch_id, presence
from backport.history.record import FixState, HeldBug, History, LaterFix, NamedCommit
from backport.patch.mail import read_mail
from backport.patch.model import Patch
from backport.verdict import Apply

_OVERRULED = frozenset({Apply.CLEAN, Apply.OFFSET, Apply.REWRITTEN, Apply.MERGED, Apply.CONFLICT, Apply.SUSPECT})


@dataclass(frozen=True, slots=True)
class Later:
    """A fix of the fix upstream, and where it stands on the tree."""

    what: FollowUp
    here: Presence


@dataclass(frozen=True, slots=True)
class Said:
    """Everything that history says of a patch on a branch. `unknown` is why upstream's follow-ups are not known."""

    bug: Bug
    fix: Presence
    later: tuple[Later, ...] = ()
    unknown: str = ""

    def record(self) -> History:
        """What a cell keeps of it."""
        return History(
            HeldBug(self.bug.held, self.bug.since, self.bug.reason, tuple(
                NamedCommit(one.named.sha, one.named.subject, one.held, one.why) for one in self.bug.commits)),
            FixState(str(self.fix.state), self.fix.line, self.fix.source),
            tuple(LaterFix(one.what.commit.sha, one.what.commit.subject, one.what.kind, one.what.of, one.what.release,
                           str(one.here.state)) for one in self.later),
            self.unknown)


def ask(log: Log, branch: Branch, patch: Patch, upstream: Branch | None, before: Sequence[Patch] = ()) -> Said:
    """What the history of `branch` (and of `upstream`, where it has one) says of `patch`; never guesses.

    `before` are the patches that go onto the branch first.
    """
    mail = read_mail(patch)
    tip = upstream.commit if upstream is not None and not no_history(log.git, upstream) else ""
    same = "" if no_history(log.git, branch) else patch_id(log.git, patch.diff)
    change = UpstreamChange(mail.upstream, mail.title, same, patch.paths)
    first = [TaggedCommit(one.upstream, one.title) for one in map(read_mail, before)]
    bug = holds_bug(log, branch, named_in(mail.text), upstream=tip, brought=first)
    fix = presence(log, branch, change, upstream=tip)
    if not tip:
        return Said(bug, fix, (), no_history(log.git, upstream) if upstream else "no upstream tree in the store")
    if not mail.upstream or log.one(mail.upstream) is None:
        return Said(bug, fix, (), f"{mail.upstream[:12] or 'the upstream commit'} is not a commit in the store")
    later = []
    for one in follow_ups(log, mail.upstream, tip):
        own = UpstreamChange(one.commit.sha, one.commit.subject)
        later.append(Later(one, presence(log, branch, own, upstream=tip)))
    return Said(bug, fix, tuple(later))


@dataclass(frozen=True, slots=True)
class Settled:
    """What history makes of an outcome: `absent` where the tree provably lacks the bug, notes otherwise."""

    absent: bool
    review: bool
    reason: str = ""                 # of `absent`
    notes: tuple[str, ...] = ()
    evidence: tuple[str, ...] = ()


def settled(apply: Apply, said: Said) -> Settled:
    """What `said` makes of `apply`, the outcome of the patch by itself."""
    if said.bug.held is False and apply in _OVERRULED:
        applies = f"; the patch by itself would be `{apply}`, so check that Fixes: names the right commit" \
            if apply.good else ""
        reason = f"this tree does not have the bug that Fixes: names: {said.bug.reason}{applies}"
        return Settled(True, apply.good, reason,
                       evidence=tuple(f"{one.found.source}: {one.named.sha[:12]} {one.why}"
                                      for one in said.bug.commits))
    doubtful = apply.good and said.fix.state in (PresenceState.PRESENT, PresenceState.REVERTED, PresenceState.LIKELY)
    return Settled(False, doubtful, notes=(*_taken_back(apply, said.fix), *_still_to_come(apply, said)))


def _taken_back(apply: Apply, fix: Presence) -> list[str]:
    if not apply.good:
        return []
    if fix.state is PresenceState.REVERTED:
        last = fix.events[-1]
        return [f"this tree had the fix and reverted it in {last.sha[:12]} (\"{last.subject}\"): check why"]
    if fix.state is PresenceState.PRESENT:
        return [f"history has the fix in this tree ({fix.line}), yet the patch applies: check before applying it twice"]
    if fix.state is PresenceState.LIKELY:
        return [f"a commit with the same subject is in this tree: {fix.line}"]
    return []


def _still_to_come(apply: Apply, said: Said) -> list[str]:
    """Fixes of the fix that the tree will need once it has the fix; nothing for a tree that does not take it."""
    if not apply.good and apply is not Apply.ALREADY:
        return []
    words = {"fixes": "is fixed", "reverts": "is reverted"}
    return [f"upstream, {one.what.of[:12]} {words[one.what.kind]} by {one.what.commit.sha[:12]} "
            f"(\"{one.what.commit.subject}\"{f', {one.what.release}' if one.what.release else ''}), which this tree "
            f"lacks" for one in said.later if one.here.state in (PresenceState.MISSING, PresenceState.REVERTED)]
