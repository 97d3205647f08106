"""What every test starts from."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, settings

# how long an example takes says how busy the machine is, and nothing about the code
settings.register_profile("any machine", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("any machine")


@pytest.fixture(autouse=True)
def no_columns(monkeypatch: pytest.MonkeyPatch) -> None:
    """pytest-xdist sets $COLUMNS in its workers, which would cut every report to that width."""
    monkeypatch.delenv("COLUMNS", raising=False)
