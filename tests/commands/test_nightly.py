from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import click
import pytest
from click.testing import CliRunner, Result

from backport import workflow
from backport.cell import Cell
from backport.commands import nightly
from backport.errors import UserError
from backport.nightly.lock import Held, only_one
from backport.results.run import Run
from backport.results.store import Results
from backport.workflow import Request
from tests.support.cells import cell, failing, fill

GOOD, FAIL = cell("p", "linux-9.1.y"), failing("p", "linux-9.1.y")
ROOT = Path(__file__).parents[2]

MANIFEST = """
trees:
  - {name: linux-9.1.y, series: "9.1", sources: [{directory: /nonexistent}]}
"""


class Night:
    """The command with a made-up pipeline."""

    def __init__(self, place: Path, patched: pytest.MonkeyPatch) -> None:
        self.place = place
        self.cells: list[Cell] = []
        self.requests: list[Request] = []
        self.seconds = 0.0
        (place / "patches").mkdir()
        (place / "patches" / "p.patch").write_bytes(next((ROOT / "patches").glob("*.patch")).read_bytes())
        (place / "trees.yaml").write_text(MANIFEST)
        patched.chdir(place)
        patched.setenv("BACKPORT_STATE", str(place / "state"))
        patched.setenv("BACKPORT_CACHE", str(place / "cache"))
        patched.setenv("XDG_CONFIG_HOME", str(place / "config"))
        patched.setattr(workflow, "run", self.run)

    def run(self, request: Request, results: Results, progress: object = None) -> Run:
        self.requests.append(request)
        if self.seconds:
            fill(results, self.cells, kind=request.kind, finish=False)
            time.sleep(self.seconds)
        return fill(results, self.cells, kind=request.kind)

    def __call__(self, *args: str, cells: list[Cell]) -> Result:
        self.cells = cells
        result = CliRunner().invoke(nightly.command, list(args), standalone_mode=False)
        if result.exception is not None and not isinstance(result.exception, SystemExit):
            raise result.exception
        return result


@pytest.fixture
def command(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Night:
    return Night(tmp_path, monkeypatch)


def test_quiet_unless_something_changed(command: Night) -> None:
    first = command(cells=[GOOD])
    assert "clean, pass" in first.stdout
    quiet = command(cells=[GOOD])
    assert (quiet.stdout, quiet.stderr, quiet.return_value) == ("", "", 0)
    broken = command(cells=[FAIL])
    assert "Newly broken" in broken.stdout
    assert broken.return_value == 1
    again = command(cells=[FAIL])
    assert (again.stdout, again.return_value) == ("", 1)
    request = command.requests[0]
    assert (request.kind, request.update, request.offline) == ("nightly", True, False)
    command("--offline", cells=[FAIL])
    assert (command.requests[-1].update, command.requests[-1].offline) == (False, True)


def test_output_is_written_on_change_only(command: Night) -> None:
    command("--output", "report.txt", cells=[GOOD])
    assert "clean, pass" in (command.place / "report.txt").read_text()
    (command.place / "report.txt").unlink()
    assert command("--output", "report.txt", cells=[GOOD]).stdout == ""
    assert not (command.place / "report.txt").exists()


def test_the_site_is_that_of_the_last_night(command: Night) -> None:
    command("--html", "site", cells=[GOOD])
    command("--html", "site", cells=[FAIL])
    assert "Newly broken" in (command.place / "site" / "index.html").read_text()
    command("--html", "site", cells=[FAIL])
    assert "Newly broken" not in (command.place / "site" / "index.html").read_text()


def test_keep_bounds_the_store(command: Night) -> None:
    for _night in range(4):
        assert command("--keep", "2", cells=[FAIL]).stderr == ""
    with Results(command.place / "state" / "results.sqlite") as results:
        assert len(results.runs()) == 2


def test_one_at_a_time(command: Night) -> None:
    lock = command.place / "state" / "nightly.lock"
    with only_one(lock, "a night"), pytest.raises(Held, match="a night is already running"):
        command(cells=[GOOD])
    assert command.requests == []


def test_the_time_limit_stops_it_and_the_next_night_tells(command: Night) -> None:
    command(cells=[GOOD])
    command.seconds = 300
    stopped = command("--timeout", "3", cells=[FAIL])
    assert (stopped.stdout, stopped.return_value) == ("", 3)
    assert stopped.stderr == ("stopped at 0 ok 0 warn 1 fail 0 conflict / 4, -3, ETA -:--:--\n"
                              "backport: the time limit of 3 s is over; the next night continues from here\n")
    command.seconds = 0
    assert "Newly broken" in command(cells=[FAIL]).stdout


@pytest.mark.parametrize("text", ["0", "-1", "soon", "6x", "1h30"])
def test_a_time_that_is_none(command: Night, text: str) -> None:
    with pytest.raises(Exception, match="is not a duration"):
        command("--timeout", text, cells=[GOOD])


def test_a_bad_address_stops_it_before_any_work(command: Night) -> None:
    with pytest.raises(UserError, match="not a mail address"):
        command("--mail-to", "nobody", cells=[GOOD])
    assert command.requests == []


def test_sigterm_ends_it_with_130_and_leaves_what_was_known(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    Night(tmp_path, monkeypatch)
    script = ("import sys; from tests.commands.test_nightly import *; from backport.cli import main\n"
              "def slow(request, results, progress=None):\n"
              "    run = fill(results, [FAIL], kind=request.kind, finish=False)\n"
              "    print('working', flush=True); time.sleep(60)\n"
              "workflow.run = slow; sys.argv = ['backport', 'nightly']; main()")
    child = subprocess.Popen([sys.executable, "-c", script], cwd=tmp_path, stdout=subprocess.PIPE,
                             stderr=subprocess.PIPE, env={**os.environ, "PYTHONPATH": str(ROOT)})
    assert child.stdout is not None
    assert child.stdout.readline() == b"working\n"
    child.send_signal(signal.SIGTERM)
    _out, err = child.communicate(timeout=300)
    assert child.returncode == 130
    assert b"stopped by SIGTERM; the next night continues from here" in err
    with Results(tmp_path / "state" / "results.sqlite") as results:
        run = results.latest()
        assert run is not None
        assert run.state == "interrupted"
        assert len(results.cells(run)) == 1


def test_a_night_builds_in_the_configurations_that_it_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    night = Night(tmp_path, monkeypatch)
    night("--offline", "--config", "kvm-builtin,kvm-modules", "-c", "kvm-min", cells=[GOOD])
    assert list(night.requests[0].configs) == ["kvm-builtin", "kvm-modules", "kvm-min"]
    with pytest.raises(click.UsageError, match="--no-build"):
        night("--config", "all", "--no-build", cells=[GOOD])
