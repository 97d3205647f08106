"""Guests that attack the host, in the real emulator; `scripts/torture guests` has those that take long, too."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from backport.boot.machine import PROGRAM
from tests.support.attacks.guests import GUESTS, attack

pytestmark = pytest.mark.skipif(shutil.which(PROGRAM) is None, reason=f"{PROGRAM} is not installed")


@pytest.mark.parametrize("name", ["twice", "plan", "escapes", "words", "forged"])
def test_what_a_guest_prints_is_no_more_than_it_may_be(name: str, tmp_path: Path) -> None:
    attack(GUESTS[name], tmp_path, 30.0)
