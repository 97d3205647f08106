"""What a proposer is: a name, what its word rests on, and its proposal for one hunk.

The arbiter knows no proposer by name. How much an agreement is worth follows from the evidence: two proposers that
read the same thing may be wrong together, two that read different things hardly are.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from enum import StrEnum
from itertools import combinations
from typing import Protocol

from backport.adapt.revisions import Problem
from backport.adapt.transfer import Placed


class Evidence(StrEnum):
    """What the place and the text of a proposal were taken from."""

    HUNK = "the hunk's own lines"
    BEFORE = "upstream's file before the change"
    TOKENS = "the tokens around the change, read without lines"
    PROGRAM = "a program of the user's"


class Proposer(Protocol):
    """One way to an answer. Implementations beside the ones in this package: whatever `adapt(proposers=...)` gets."""

    @property
    def name(self) -> str:
        """What the hunk's story calls it."""

    @property
    def evidence(self) -> frozenset[Evidence]:
        """What its proposals rest on."""

    @property
    def finds_place(self) -> bool:
        """Whether it finds the place by itself: one that does not is no answer alone."""

    @property
    def verbatim(self) -> bool:
        """Whether it makes upstream's hunk as it is, so that nothing may be laid out anew."""

    def propose(self, problem: Problem, k: int, /) -> Placed | None:
        """Edits on the target for hunk `k`; None where it has none. Never raises for a patch that could be parsed."""


@dataclass(frozen=True, slots=True)
class FunctionProposer:
    """A proposer made of one pure function."""

    name: str
    evidence: frozenset[Evidence]
    propose: Callable[[Problem, int], Placed | None]
    finds_place: bool = True
    verbatim: bool = False


@dataclass(frozen=True, slots=True)
class Voice:
    """What one proposer proposed for one hunk; `strays` where that is outside of what upstream changed."""

    proposer: Proposer
    placed: Placed
    strays: bool = False

    @property
    def name(self) -> str:
        return self.proposer.name


def independent(proposers: Iterable[Proposer]) -> int:
    """How many of `proposers` rest on evidence that no other of them uses: two that share it count as one, and a
    program of the user's for none."""
    asked = list({proposer.evidence for proposer in proposers if Evidence.PROGRAM not in proposer.evidence})
    for size in range(len(asked), 1, -1):
        if any(all(not one & two for one, two in combinations(some, 2)) for some in combinations(asked, size)):
            return size
    return min(1, len(asked))
