"""What rules made of a hunk and of a file, with the reasons."""

from __future__ import annotations

from dataclasses import dataclass

from backport.patch.model import FileDiff, Hunk
from backport.verdict import Sure


@dataclass(frozen=True, slots=True)
class RuleChange:
    """One rewrite of one expression. `kind` is where it stands: context, removed or added lines."""

    rule: str
    kind: str                        # "context" | "removed" | "added"
    before: str
    after: str
    note: str
    equivalent: bool


@dataclass(frozen=True, slots=True)
class HunkResult:
    """One hunk after the rules, with the reasons.

    `anchored`: the rewritten pre-image is in the target at exactly one place, `places` are the 1-based lines of
    all of them. `unresolved` are the rewrites that a rule could have made but refused, each a sentence.
    `vanished`: in the target's dialect the hunk changes nothing.
    """

    index: int
    path: str                        # file of the target tree it belongs to
    hunk: Hunk
    changes: tuple[RuleChange, ...] = ()
    notes: tuple[str, ...] = ()
    because: tuple[str, ...] = ()    # what the probes found, each a sentence
    unresolved: tuple[str, ...] = ()
    places: tuple[int, ...] = ()
    sure: Sure = Sure.CERTAIN
    vanished: bool = False

    @property
    def anchored(self) -> bool:
        return len(self.places) == 1

    @property
    def rewritten(self) -> bool:
        """A line differs from upstream's (a change may also only be a warning: same name, other meaning)."""
        return any(change.before != change.after for change in self.changes)

    @property
    def touches_added(self) -> bool:
        """An added line differs from upstream's."""
        return any(change.kind == "added" and change.before != change.after for change in self.changes)

    @property
    def equivalent(self) -> bool:
        return all(change.equivalent for change in self.changes)

    @property
    def rules(self) -> tuple[str, ...]:
        """Ids of the rules that changed it, each once, in order."""
        return tuple(dict.fromkeys(change.rule for change in self.changes))


@dataclass(frozen=True, slots=True)
class RuleResult:
    """What the rules made of one file of a patch: a file for each path that its hunks belong to in the target."""

    path: str                        # as upstream names it before the patch
    files: tuple[FileDiff, ...]
    hunks: tuple[HunkResult, ...]

    @property
    def file(self) -> FileDiff:
        """The file, where its hunks stay together (always the first one)."""
        return self.files[0]

    @property
    def changed(self) -> bool:
        return any(hunk.rewritten for hunk in self.hunks) or self.moved

    @property
    def moved(self) -> bool:
        """A hunk goes to another file than upstream's."""
        return any(hunk.path != self.path for hunk in self.hunks)

    @property
    def anchored(self) -> bool:
        """Every hunk's pre-image is in the target, at one place each."""
        return bool(self.hunks) and all(hunk.anchored for hunk in self.hunks)

    @property
    def touches_added(self) -> bool:
        return any(hunk.touches_added for hunk in self.hunks)

    @property
    def equivalent(self) -> bool:
        return all(hunk.equivalent for hunk in self.hunks)

    @property
    def sure(self) -> Sure:
        return Sure.REVIEW if any(hunk.sure is Sure.REVIEW for hunk in self.hunks) else Sure.CERTAIN

    @property
    def notes(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys(note for hunk in self.hunks for note in hunk.notes))

    @property
    def unresolved(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys(text for hunk in self.hunks for text in hunk.unresolved))

    @property
    def rules(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys(rule for hunk in self.hunks for rule in hunk.rules))
