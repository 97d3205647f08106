"""What a repair gets and gives."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from backport.adapt.checks.base import Doubt, Names, Result
from backport.adapt.edits import Edit
from backport.adapt.revisions import Problem
from backport.adapt.signals import Signal


@dataclass(frozen=True, slots=True)
class Broken:
    """The answer for hunk `k` of a file, and what speaks against it."""

    result: Result
    k: int
    edits: tuple[Edit, ...]
    doubts: tuple[Doubt, ...]
    names: Names

    @property
    def problem(self) -> Problem:
        return self.result.problem

    def subjects(self, *signals: Signal) -> list[str]:
        """The names that doubts of these kinds are about."""
        return list(dict.fromkeys(d.subject for d in self.doubts if d.signal in signals and d.subject))


@dataclass(frozen=True, slots=True)
class Repaired:
    """Other edits for the same hunk, and the sentence that tells a reviewer what was done."""

    edits: tuple[Edit, ...]
    note: str
    signal: Signal = Signal.SUBSTITUTED


Repair = Callable[[Broken], Repaired | None]


def replaced(edits: Sequence[Edit], at: Edit, new: Sequence[bytes]) -> tuple[Edit, ...]:
    """`edits` with the added lines of one of them put otherwise."""
    return tuple(Edit(e.lo, e.hi, tuple(new)) if e is at else e for e in edits)
