"""The quick part of scripts/torture; all that reads what a stranger wrote, on what fuzzing begins with and worse."""

from __future__ import annotations

import random

import pytest

from tests.support.attacks.fuzz import TARGETS, damaged
from tests.support.torture import attack


@pytest.mark.parametrize(("part", "rounds"), [("intake", 300), ("messages", 3), ("manifest", 100), ("disk:import", 8)])
def test_some_rounds(part: str, rounds: int) -> None:
    assert attack(part, rounds, 1).endswith("nothing found")


@pytest.mark.parametrize("name", TARGETS)
def test_what_fuzzing_begins_with(name: str) -> None:
    target, rng = TARGETS[name], random.Random(1)
    for seed in target.seeds()[:6]:
        target.check(seed)
        for _ in range(10):
            target.check(damaged(rng, seed))
