"""The three journeys of scripts/journeys, each on a clone of real releases that is made for it."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from backport.trees.store import default_cache
from tests.real.test_main_job import ROOT

pytestmark = pytest.mark.kernel


@pytest.mark.parametrize("journey", ["maintainer", "developer", "abandoned"])
def test_a_journey_ends_where_it_should(journey: str, tmp_path: Path) -> None:
    cache = os.environ.get("BACKPORT_CACHE") or str(default_cache())
    done = subprocess.run([sys.executable, str(ROOT / "scripts/journeys"), str(tmp_path), journey, "--cache", cache],
                          capture_output=True, text=True, check=False)
    if done.returncode == 3:
        pytest.skip(done.stderr.strip().splitlines()[-1])    # a release that the store lacks
    assert done.returncode == 0, done.stdout + done.stderr
