"""What every test starts from."""

from __future__ import annotations

import pytest


@pytest.fixture(autouse=True)
def no_columns(monkeypatch: pytest.MonkeyPatch) -> None:
    """pytest-xdist sets $COLUMNS in its workers, which would cut every report to that width."""
    monkeypatch.delenv("COLUMNS", raising=False)
