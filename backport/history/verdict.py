"""What history says of one patch on one tree, and what that makes of its cell.

Only a proved absence changes an outcome: the tree lacks the bug, so the patch has nothing to mend there. The rest
are notes and facts for a person: the bug's first release, a fix that was in and was taken back, fixes of the fix.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from backport.cell import Cell
from backport.history.branch import Branch, no_history
from backport.history.bug import Bug, FollowUp, Named, follow_ups, holds_bug, named_in
from backport.history.log import Log
from backport.history.presence import Change, Presence, State, patch_id, presence
from backport.patch.mail import read_mail
from backport.patch.model import Patch
from backport.verdict import Apply, Sure

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

    def as_dict(self) -> dict[str, Any]:
        """JSON-ready, for Cell.detail."""
        return {
            "bug": {"held": self.bug.held, "since": self.bug.since, "reason": self.bug.reason,
                    "commits": [{"sha": one.named.sha, "subject": one.named.subject, "held": one.held, "why": one.why}
                                for one in self.bug.commits]},
            "fix": {"state": str(self.fix.state), "line": self.fix.line, "source": self.fix.source},
            "follow_ups": [{"sha": one.what.commit.sha, "subject": one.what.commit.subject, "kind": one.what.kind,
                            "of": one.what.of, "release": one.what.release, "here": str(one.here.state)}
                           for one in self.later],
            "follow_ups_unknown": self.unknown,
        }


def ask(log: Log, branch: Branch, patch: Patch, upstream: Branch | None, before: Sequence[Patch] = ()) -> Said:
    """What the history of `branch` (and of `upstream`, where it has one) says of `patch`; never guesses.

    `before` are the patches that go onto the branch first.
    """
    mail = read_mail(patch)
    tip = upstream.commit if upstream is not None and not no_history(log.git, upstream) else ""
    change = Change(mail.upstream, mail.title, patch_id(log.git, patch.diff), patch.paths)
    first = [Named(one.upstream, one.title) for one in map(read_mail, before)]
    bug = holds_bug(log, branch, named_in(mail.text), upstream=tip, brought=first)
    fix = presence(log, branch, change, upstream=tip)
    if not tip:
        return Said(bug, fix, (), no_history(log.git, upstream) if upstream else "no upstream tree in the store")
    if not mail.upstream or log.one(mail.upstream) is None:
        return Said(bug, fix, (), f"{mail.upstream[:12] or 'the upstream commit'} is no commit of the store")
    later = []
    for one in follow_ups(log, mail.upstream, tip):
        own = Change(one.commit.sha, one.commit.subject)
        later.append(Later(one, presence(log, branch, own, upstream=tip)))
    return Said(bug, fix, tuple(later))


def settled(cell: Cell, said: Said) -> Cell:
    """`cell` with what history says: `absent` where the tree provably lacks the bug, notes otherwise."""
    cell = replace(cell, detail={**cell.detail, "history": said.as_dict()})
    if said.bug.held is False and cell.apply in _OVERRULED:
        return _absent(cell, said.bug)
    notes = [*_taken_back(cell, said.fix), *_still_to_come(cell, said)]
    doubtful = cell.apply.good and said.fix.state in (State.PRESENT, State.REVERTED, State.LIKELY)
    return replace(cell, notes=(*cell.notes, *notes), sure=Sure.REVIEW if doubtful else cell.sure)


def _absent(cell: Cell, bug: Bug) -> Cell:
    applies = f"; the patch by itself would be `{cell.apply}`, so look whether Fixes: names the right commit" \
        if cell.apply.good else ""
    evidence = [*cell.detail.get("evidence", ()), *(f"{one.found.source}: {one.named.sha[:12]} {one.why}"
                                                    for one in bug.commits)]
    return replace(cell, apply=Apply.ABSENT, adapted=b"", notes=(),
                   sure=Sure.REVIEW if cell.apply.good else Sure.CERTAIN,
                   reason=f"this tree does not hold the bug that Fixes: names: {bug.reason}{applies}",
                   detail={**cell.detail, "evidence": evidence})


def _taken_back(cell: Cell, fix: Presence) -> list[str]:
    if not cell.apply.good:
        return []
    if fix.state is State.REVERTED:
        last = fix.events[-1]
        return [f"this tree had the fix and took it back in {last.sha[:12]} (\"{last.subject}\"): look why"]
    if fix.state is State.PRESENT:
        return [f"history has the fix in this tree ({fix.line}), yet it applies: look before it goes in twice"]
    if fix.state is State.LIKELY:
        return [f"a commit with the same subject is in this tree: {fix.line}"]
    return []


def _still_to_come(cell: Cell, said: Said) -> list[str]:
    """Fixes of the fix that the tree will need once it has the fix; nothing for a tree that does not take it."""
    if not cell.apply.good and cell.apply is not Apply.ALREADY:
        return []
    words = {"fixes": "is fixed", "reverts": "is reverted"}
    return [f"upstream, {one.what.of[:12]} {words[one.what.kind]} by {one.what.commit.sha[:12]} "
            f"(\"{one.what.commit.subject}\"{f', {one.what.release}' if one.what.release else ''}), which this tree "
            f"lacks" for one in said.later if one.here.state in (State.MISSING, State.REVERTED)]
