"""The quick part of scripts/torture."""

from __future__ import annotations

import pytest

from tests.support.torture import attack


@pytest.mark.parametrize(("part", "rounds"), [("intake", 300), ("messages", 3), ("manifest", 100), ("disk:import", 8)])
def test_some_rounds(part: str, rounds: int) -> None:
    assert attack(part, rounds, 1).endswith("nothing found")
