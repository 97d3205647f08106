"""An audit as a whole: what was looked at, what is to be looked at, in order."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from backport.audit.model import Suspect
from backport.audit.pairing import Counts


@dataclass(frozen=True)
class Group:
    """Findings with one cause, the most certain first."""

    findings: tuple[Suspect, ...]

    @property
    def first(self) -> Suspect:
        return self.findings[0]


@dataclass(frozen=True)
class Audit:
    """`title` says what was audited against what."""

    title: str
    counts: Counts
    groups: tuple[Group, ...]
    accepted: tuple[tuple[Suspect, str], ...] = ()
    mended: tuple[Suspect, ...] = ()         # found, and put right before the end of what was audited
    notes: Mapping[str, tuple[str, ...]] = field(default_factory=dict)     # key of a finding -> what was tried

    @property
    def findings(self) -> list[Suspect]:
        """Those to look at, as they are numbered: one a group."""
        return [group.first for group in self.groups]


def audited(title: str, counts: Counts, found: Iterable[Suspect], accepted: Mapping[str, str]) -> Audit:
    """Rank, group by cause, and put aside what somebody accepted and what was mended."""
    known: list[tuple[Suspect, str]] = []
    mended: list[Suspect] = []
    groups: dict[tuple[str, str, str], list[Suspect]] = {}
    for one in sorted(found, key=lambda finding: finding.order):
        if one.key in accepted:
            known.append((one, accepted[one.key]))
        elif not _still(one):
            mended.append(one)
        else:
            cause = (one.kind.id, one.change.origin.name, "" if one.change.one_commit else one.change.path)
            groups.setdefault(cause, []).append(one)
    return Audit(title, counts, tuple(Group(tuple(some)) for some in groups.values()), tuple(known), tuple(mended))


def _still(finding: Suspect) -> bool:
    """Whether the lines stand today as the change left them."""
    from backport.adapt.proposers.git_apply import apply_as_is

    change = finding.change
    if change.now is None or change.now == change.tree.after or not change.tree.made:
        return True
    return apply_as_is([hunk.reversed() for hunk in change.tree.patch], change.now) is not None
