from __future__ import annotations

import errno
import fcntl
import os
import subprocess
import sys
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
    with pytest.raises(InfraError, match=r"store\.lock cannot be locked: no locks here") as met, FileLock(path):
        pass
    assert "has no locks" in met.value.hint
    assert "space" not in met.value.hint


def test_a_disk_that_takes_no_lock_file_is_no_lack_of_locks(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(InfraError) as met, FileLock(tmp_path / "file/store.lock"):
        pass
    assert "has no locks" not in met.value.hint
    assert "or make it writable" in met.value.hint


@pytest.mark.parametrize("number", [errno.ENOSYS, errno.ENOLCK, errno.EOPNOTSUPP])
def test_a_results_store_without_locks_is_no_full_disk(tmp_path: Path, number: int) -> None:
    """SQLite says "disk I/O error" or "database is locked" for it, and the cure was to free some space."""
    library = tmp_path / "nolocks.so"
    subprocess.run(["gcc", "-shared", "-fPIC", "-o", str(library),
                    str(Path(__file__).with_name("support") / "attacks/nolocks.c"), "-ldl"], check=True)
    code = ("import sqlite3, sys; real = sqlite3.connect; "
            "sqlite3.connect = lambda *given, **more: real(*given, **{**more, 'timeout': 0.1}); "
            "from backport.results.store import Results; Results(sys.argv[1])")
    done = subprocess.run([sys.executable, "-c", code, str(tmp_path / "r.sqlite")], capture_output=True, text=True,
                          check=False, env={**os.environ, "LD_PRELOAD": str(library), "NO_LOCKS": str(number)})
    assert "InfraError" in done.stderr
    assert "r.sqlite cannot be locked" in done.stderr
    assert "this file system has no locks" in done.stderr
    assert "free some space" not in done.stderr


def test_a_lock_that_is_held_is_held(tmp_path: Path) -> None:
    with FileLock(tmp_path / "lock"), pytest.raises(Timeout):
        FileLock(tmp_path / "lock", timeout=0).acquire()
    with FileLock(tmp_path / "lock", timeout=0):
        pass
