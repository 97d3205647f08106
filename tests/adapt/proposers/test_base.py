"""How much an agreement is worth follows from what the proposers read."""

from __future__ import annotations

import pytest

from backport.adapt.proposers.base import Evidence, Strategy, independent
from backport.adapt.proposers.registry import PROPOSERS


def one(name: str, *evidence: Evidence) -> Strategy:
    return Strategy(name, frozenset(evidence), lambda problem, k: None)


@pytest.mark.parametrize(("proposers", "count"), [
    ([], 0),
    ([one("a", Evidence.HUNK)], 1),
    ([one("a", Evidence.HUNK), one("b", Evidence.HUNK)], 1),
    ([one("a", Evidence.HUNK), one("b", Evidence.BEFORE)], 2),
    ([one("a", Evidence.BEFORE), one("b", Evidence.BEFORE, Evidence.TOKENS)], 1),
    ([one("a", Evidence.HUNK, Evidence.BEFORE), one("b", Evidence.HUNK), one("c", Evidence.BEFORE)], 2),
    ([one("a", Evidence.HUNK), one("b", Evidence.BEFORE), one("c", Evidence.OTHER_TREE)], 3),
    ([one("a", Evidence.HUNK), one("b", Evidence.PROGRAM)], 1),
    ([one("b", Evidence.PROGRAM)], 0),
])
def test_two_that_read_the_same_are_one_voice(proposers: list[Strategy], count: int) -> None:
    assert independent(proposers) == count
    assert independent(reversed(proposers)) == count


def test_the_built_in_ones_are_two_voices() -> None:
    """The hunk's own lines, and upstream's file: two that agree on a place may share a mistake in one of them."""
    assert independent(PROPOSERS) == 2
    assert len({proposer.name for proposer in PROPOSERS}) == len(PROPOSERS)
