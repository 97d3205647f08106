"""SIGTERM in the middle of a real build: what was computed stays, the work tree is put back, the next night goes on."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from backport.results.store import Results
from backport.trees.worktree import changed
from tests.support.desk import NEW, OLD, Desk
from tests.support.patience import until

ROOT = Path(__file__).parents[2]


def _night(desk: Desk, *args: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "backport", "nightly", "--tree", "fake-9.1.y", *args], cwd=desk.path,
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        env={**os.environ, "PYTHONPATH": str(ROOT), "BACKPORT_STATE": str(desk.path / "state"),
             "BACKPORT_CACHE": str(desk.path / "cache")})


def _sleepers(place: Path) -> list[str]:
    """Processes that work below `place`."""
    found = []
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            if (entry / "cwd").resolve().is_relative_to(place):
                found.append((entry / "cmdline").read_text())
        except OSError:
            continue
    return found


@pytest.mark.parametrize("jobs", ["1", "2"])
def test_a_night_is_stopped_in_a_build_and_gone_on_with(tmp_path: Path, jobs: str) -> None:
    desk = Desk(tmp_path)
    desk.patch("a-good", OLD, NEW)
    hangs = desk.patch("b-hangs", OLD, f"/* BACKPORT_FAULT(hang) */\n{OLD}")
    more = ["--tree", "fake-9.0.y"] if jobs == "2" else []
    child = _night(desk, "-j", jobs, *more)
    store = tmp_path / "state" / "results.sqlite"
    assert until(lambda: child.poll() is not None or (
        store.exists() and any("sleep\x00600" in line for line in _sleepers(tmp_path))))
    assert child.poll() is None, child.communicate()
    child.send_signal(signal.SIGTERM)
    out, err = child.communicate(timeout=300)        # the compiler would hang for 600
    assert child.returncode == 130, err
    assert out == ""
    assert "stopped by SIGTERM; the next night continues from here" in err
    assert _sleepers(tmp_path) == []
    assert changed(tmp_path / "cache" / "worktrees" / "fake-9.1.y") == []
    with Results(store) as results:
        run = results.latest()
        assert run is not None
        assert run.state == "interrupted"
        assert "kvm-made-up-a-good" in {cell.patch for cell in results.cells(run)}

    hangs.unlink()
    child = _night(desk, *more)
    out, err = child.communicate(timeout=600)
    assert child.returncode == 0, err
    assert "clean, pass, cached" in out      # what the stopped night had computed was read back
