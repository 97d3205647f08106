from __future__ import annotations

import errno
import fcntl
from pathlib import Path

import pytest

from backport.errors import InfraError
from backport.locks import FileLock, Timeout


@pytest.mark.parametrize("number", [errno.ENOSYS, errno.ENOLCK, errno.EOPNOTSUPP])
def test_a_file_system_without_locks_is_said_and_nobody_waits(tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
                                                              number: int) -> None:
    """filelock took the lock file of an earlier run for a marker that somebody holds, and waited for ever."""
    path = tmp_path / "store.lock"
    with FileLock(path):
        pass

    def refused(*_args: object) -> None:
        raise OSError(number, "no locks here")

    monkeypatch.setattr(fcntl, "flock", refused)
    with pytest.raises(InfraError, match=r"store\.lock cannot be locked: no locks here"), FileLock(path):
        pass


def test_a_lock_that_is_held_is_held(tmp_path: Path) -> None:
    with FileLock(tmp_path / "lock"), pytest.raises(Timeout):
        FileLock(tmp_path / "lock", timeout=0).acquire()
    with FileLock(tmp_path / "lock", timeout=0):
        pass
