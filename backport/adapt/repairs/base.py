"""What a repair gets and gives."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from backport.adapt.checks.base import Context, Finding, Names, Result
from backport.adapt.revisions import Problem
from backport.adapt.signals import Signal
from backport.patch.edits import Edit


@dataclass(frozen=True, slots=True)
class Broken:
    """The answer for hunk `k` of a file, and what speaks against it."""

    result: Result
    k: int
    edits: tuple[Edit, ...]
    findings: tuple[Finding, ...]
    names: Names

    @property
    def problem(self) -> Problem:
        return self.result.problem

    @property
    def context(self) -> Context:
        """What the checks were asked about."""
        return Context(self.result, self.k, self.edits, self.names)

    def subjects(self, *kinds: Signal) -> list[str]:
        """The names that findings of these kinds are about."""
        return list(dict.fromkeys(one.subject for one in self.findings if one.kind in kinds and one.subject))


@dataclass(frozen=True, slots=True)
class Repaired:
    """Other edits for the same hunk, and the sentence that tells a reviewer what was done."""

    edits: tuple[Edit, ...]
    note: str
    signal: Signal = Signal.SUBSTITUTED


@dataclass(frozen=True, slots=True)
class Repair:
    """What mends an answer. A repair's file ends with its record.

    `answers` are the kinds of findings that it is for; it is made only where there is one. Empty: it asks the result
    itself.
    """

    make: Callable[[Broken], Repaired | None]
    answers: tuple[Signal, ...]

    def __call__(self, broken: Broken) -> Repaired | None:
        """Other edits, None where this repair has nothing to do or cannot be sure."""
        if self.answers and not any(one.kind in self.answers for one in broken.findings):
            return None
        return self.make(broken)


def replaced(edits: Sequence[Edit], at: Edit, new: Sequence[bytes]) -> tuple[Edit, ...]:
    """`edits` with the added lines of one of them put otherwise."""
    return tuple(Edit(e.lo, e.hi, tuple(new)) if e is at else e for e in edits)
