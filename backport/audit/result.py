"""An audit as a whole: what was looked at, what is to be looked at, in order."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from backport.audit.model import Suspect
from backport.audit.pairing import ENOUGH, Counts


@dataclass(frozen=True)
class Group:
    """Findings with one cause, the most certain first."""

    findings: tuple[Suspect, ...]

    @property
    def first(self) -> Suspect:
        return self.findings[0]

    @property
    def others(self) -> tuple[Suspect, ...]:
        """The further places of the same mistake."""
        return self.findings[1:]


@dataclass(frozen=True)
class Audit:
    """`title` says what was audited against what."""

    title: str
    counts: Counts
    groups: tuple[Group, ...]
    accepted: tuple[tuple[Suspect, str], ...] = ()
    mended: tuple[Suspect, ...] = ()         # found, and put right before the end of what was audited
    notes: Mapping[str, tuple[str, ...]] = field(default_factory=dict)     # key of a finding -> what was tried
    whole: tuple[Group, ...] = ()            # the same groups with what was accepted

    @property
    def findings(self) -> list[Suspect]:
        """Those to look at, as they are numbered: one a group."""
        return [group.first for group in self.groups]


def audited(title: str, counts: Counts, found: Iterable[Suspect], accepted: Mapping[str, str]) -> Audit:
    """Rank, group by cause, and put aside what somebody accepted and what was mended."""
    known: list[tuple[Suspect, str]] = []
    mended: list[Suspect] = []
    left: list[Suspect] = []
    for one in sorted(found, key=lambda finding: finding.order):
        if one.key in accepted:
            known.append((one, accepted[one.key]))
        elif still(one):
            left.append(one)
        else:
            mended.append(one)
    whole = sorted([*left, *(one for one, _why in known)], key=lambda finding: finding.order)
    return Audit(title, counts, tuple(_grouped(left)), tuple(known), tuple(mended), whole=tuple(_grouped(whole)))


def _grouped(found: Sequence[Suspect]) -> list[Group]:
    """The findings by cause, in the order of the most certain one of each."""
    groups: list[list[Suspect]] = []
    for one in found:
        mine = [some for some in groups if any(_one_cause(one, other) for other in some)]
        for some in mine[1:]:
            mine[0] += some
            groups.remove(some)
        if mine:
            mine[0].append(one)
        else:
            groups.append([one])
    return [Group(tuple(sorted(some, key=lambda finding: finding.order))) for some in groups]


def _one_cause(one: Suspect, two: Suspect) -> bool:
    """Whether one mistake made both: of one commit what is of one class; of releases, which hold many commits, what is
    in the same functions or entries of a file, as a block and the variable that it needs, or the same lines, where
    these are enough to say so in several files."""
    here, there = one.change, two.change
    if here.origin.name != there.origin.name:
        return False
    if here.one_commit:
        return one.kind is two.kind
    if here.path == there.path and _places(one) & _places(two):
        return True
    lines = [sorted(key for _, key in (*change.upstream.telling, *change.upstream.gone)) for change in (here, there)]
    return one.kind is two.kind and lines[0] == lines[1] and (
        sum(map(len, lines[0])) >= (1 if here.path == there.path else ENOUGH))


def _places(one: Suspect) -> set[str]:
    return {side.place for side in (one.change.tree, one.change.upstream) if side.place}


def still(finding: Suspect) -> bool:
    """Whether the lines stand today as the change left them."""
    from backport.adapt.simulated_apply import apply_as_is

    change = finding.change
    if change.now is None or change.now == change.tree.after or not change.tree.made:
        return True
    return apply_as_is([hunk.reversed() for hunk in change.tree.patch], change.now) is not None
