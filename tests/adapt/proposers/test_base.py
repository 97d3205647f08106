"""How much an agreement is worth follows from what the proposers read."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backport.adapt.proposers.base import Evidence, FunctionProposer, Proposer, independent
from backport.adapt.proposers.registry import PROPOSERS
from backport.adapt.revisions import Problem
from backport.patch.edits import Edit, render_hunks
from backport.patch.parse import split_lines


def one(name: str, *evidence: Evidence) -> FunctionProposer:
    return FunctionProposer(name, frozenset(evidence), lambda problem, k: None)


@pytest.mark.parametrize(("proposers", "count"), [
    ([], 0),
    ([one("a", Evidence.HUNK)], 1),
    ([one("a", Evidence.HUNK), one("b", Evidence.HUNK)], 1),
    ([one("a", Evidence.HUNK), one("b", Evidence.BEFORE)], 2),
    ([one("a", Evidence.BEFORE), one("b", Evidence.BEFORE, Evidence.TOKENS)], 1),
    ([one("a", Evidence.HUNK, Evidence.BEFORE), one("b", Evidence.HUNK), one("c", Evidence.BEFORE)], 2),
    ([one("a", Evidence.HUNK), one("b", Evidence.BEFORE), one("c", Evidence.TOKENS)], 3),
    ([one("a", Evidence.HUNK), one("b", Evidence.PROGRAM)], 1),
    ([one("b", Evidence.PROGRAM)], 0),
])
def test_two_that_read_the_same_are_one_voice(proposers: list[FunctionProposer], count: int) -> None:
    assert independent(proposers) == count
    assert independent(reversed(proposers)) == count


def test_the_built_in_ones_are_two_voices() -> None:
    """The hunk's own lines, and upstream's file: two that agree on a place may share a mistake in one of them."""
    assert independent(PROPOSERS) == 2
    assert len({proposer.name for proposer in PROPOSERS}) == len(PROPOSERS)


LINES = st.lists(st.sampled_from([b"a\n", b"\tif (a)\n", b"{\n", b"}\n", b"\n", b"#if A\n", b"x"]),
                 max_size=6).map(b"".join)


@pytest.mark.parametrize("proposer", PROPOSERS, ids=lambda one: one.name)
@given(LINES, LINES, LINES, st.booleans())
def test_a_proposer_never_raises(proposer: Proposer, before: bytes, after: bytes, target: bytes, known: bool) -> None:
    """Empty files, hunks without an old side, lines without an end."""
    a, b = split_lines(before), split_lines(after)
    hunks = tuple(render_hunks(a, [Edit(0, len(a), tuple(b))], context=0)) if a != b else ()
    problem = Problem(hunks, target, before if known else None, "f.c", "f.c")
    for k in range(len(hunks)):
        placed = proposer.propose(problem, k)
        assert placed is None or all(0 <= edit.lo <= edit.hi <= len(split_lines(target)) for edit in placed.edits)
