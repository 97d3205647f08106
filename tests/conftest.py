"""What every test starts from."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, settings

# how long an example takes says how busy the machine is, and nothing about the code
settings.register_profile("any machine", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("any machine")


@pytest.fixture(autouse=True)
def nothing_of_the_users(monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory) -> None:
    """A test that forgets to name a state would write its runs among the user's own, and `backport show` would print
    them; the user's configuration (a sign-off, a manifest) would change what commands do."""
    place = tmp_path_factory.getbasetemp() / "not-the-users"
    monkeypatch.setenv("BACKPORT_STATE", str(place / "state"))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(place / "config"))
    monkeypatch.delenv("BACKPORT_MANIFEST", raising=False)


@pytest.fixture(autouse=True)
def no_columns(monkeypatch: pytest.MonkeyPatch) -> None:
    """pytest-xdist sets $COLUMNS in its workers, which would cut every report to that width."""
    monkeypatch.delenv("COLUMNS", raising=False)
