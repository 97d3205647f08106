from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from click import UsageError
from click.testing import CliRunner, Result

from backport.commands.show import command
from backport.errors import UserError
from backport.results.store import Results
from tests.support.cells import cell, failing, fill, rewritten, standard


def _show(path: Path, *args: str) -> Result:
    result = CliRunner().invoke(command, [*args, "--db", str(path)], standalone_mode=False)
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result


@pytest.fixture
def store(tmp_path: Path) -> Path:
    with Results(tmp_path / "r.sqlite") as results:
        fill(results, standard())
        fill(results, [*standard()[:1], failing("toy-fix", "linux-9.1.y", log=str(tmp_path / "log")), *standard()[2:]])
    (tmp_path / "log").write_bytes(b"make: \xff all of it\n")
    return tmp_path / "r.sqlite"


def test_the_last_run_and_an_older_one(store: Path) -> None:
    last = _show(store)
    assert last.output.startswith("Run 2, ")
    assert "clean, fail" in last.output
    assert last.return_value == 1
    assert _show(store, "1").output.startswith("Run 1, ")
    assert _show(store, "1").return_value == 0
    assert [row[:5] for row in _show(store, "--runs").output.splitlines()] == ["Run 2", "Run 1"]


def test_the_last_run_is_of_the_manifest_here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("me", "you", "none"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "trees.yaml").write_text("")
    with Results(tmp_path / "r.sqlite") as results:
        fill(results, standard(), manifest=str(tmp_path / "me/trees.yaml"))
        fill(results, standard(), manifest=str(tmp_path / "you/trees.yaml"))
    monkeypatch.chdir(tmp_path / "me")
    assert _show(tmp_path / "r.sqlite").stdout.startswith("Run 1, ")
    monkeypatch.chdir(tmp_path / "none")
    other = _show(tmp_path / "r.sqlite")
    assert other.stdout.startswith("Run 2, ")
    assert f"run 2 is of {tmp_path}/you/trees.yaml" in other.stderr
    assert f"; {tmp_path}/me/trees.yaml" in _show(tmp_path / "r.sqlite", "--runs").stdout


def test_changes(store: Path) -> None:
    told = _show(store, "--changes").output
    assert told.startswith("Newly broken:\n+ 9.1.y (9.9.9): ")
    assert "already" not in told
    assert _show(store, "--changes", "--since", "1").output == told
    assert _show(store, "--changes", "--since", "0m").output == told
    assert _show(store, "1", "--changes").output.startswith("New:")
    for text, message in (("9", "no run 9"), ("2019-01-01", "no run before"), ("tomorrow", "neither")):
        with pytest.raises(UserError, match=message):
            _show(store, "--changes", "--since", text)


def test_one_cell_its_log_and_its_mail(store: Path) -> None:
    for tree in ("linux-8.9.y", "8.9", "8.9.y"):
        told = _show(store, "--cell", "toy-fix", tree).output
        assert told.startswith("toy: Check for injected marbles before queuing\n"
                               "on linux-8.9.y 8.9.262: rewritten, pass, review\n")
        assert "+\tif (toy->busy || toy->injected)" in told
        assert "reproduce:     backport run patches/toy.patch --tree linux-8.9.y" in told
    assert _show(store, "--cell", "toy", "9.1", "--log").stdout_bytes == b"make: \xff all of it\n"
    assert _show(store, "--cell", "toy", "8.9", "--mail").stdout_bytes == rewritten().adapted
    with pytest.raises(UserError, match="no cell"):
        _show(store, "--cell", "toy", "7.0")
    with pytest.raises(UserError, match="no log"):
        _show(store, "--cell", "toy", "8.9", "--log")
    (store.parent / "log").unlink()
    with pytest.raises(UserError, match="cannot read the log"):
        _show(store, "--cell", "toy", "9.1", "--log")


def test_more_than_one_cell_is_not_guessed(tmp_path: Path) -> None:
    with Results(tmp_path / "r.sqlite") as results:
        fill(results, [cell("fix-one", "linux-9.1.y"), cell("fix-one-more", "linux-9.1.y")])
    with pytest.raises(UserError, match="more than one"):
        _show(tmp_path / "r.sqlite", "--cell", "fix", "9.1")
    assert _show(tmp_path / "r.sqlite", "--cell", "fix-one", "9.1").output.startswith("subject of fix-one\n")


def test_output_to_a_file(store: Path, tmp_path: Path) -> None:
    assert _show(store, "--format", "json", "--output", str(tmp_path / "out.json")).output == ""
    assert json.loads((tmp_path / "out.json").read_text())["run"]["id"] == 2
    with pytest.raises(UserError, match="cannot write"):
        _show(store, "--output", str(tmp_path / "no" / "where"))


def test_nothing_there(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="no results yet"):
        _show(tmp_path / "none.sqlite")
    assert not (tmp_path / "none.sqlite").exists()
    Results(tmp_path / "empty.sqlite").close()
    with pytest.raises(UserError, match="no run"):
        _show(tmp_path / "empty.sqlite")


def test_watch_ends_with_the_run(store: Path) -> None:
    assert _show(store, "--watch").output.startswith("Run 2, ")


def test_watch_sees_a_run_whose_process_died(tmp_path: Path) -> None:
    path = tmp_path / "r.sqlite"
    script = ("import sys; from backport.results.store import Results; from tests.support.cells import *\n"
              "fill(Results(sys.argv[1]), standard()[:1], finish=False)")
    subprocess.run([sys.executable, "-c", script, str(path)], check=True)
    told = _show(path, "--watch").output
    assert "interrupted" in told.splitlines()[0]
    assert "1 of 4 cells" in told


def test_a_site_shows_changes_where_there_was_a_run_before(store: Path, tmp_path: Path) -> None:
    assert _show(store, "1", "--format", "html", "-o", str(tmp_path / "one")).output == f"{tmp_path}/one/index.html\n"
    assert "Changed since" not in (tmp_path / "one" / "index.html").read_text()
    _show(store, "--format", "html", "-o", str(tmp_path / "two"))
    assert "Changed since" in (tmp_path / "two" / "index.html").read_text()
    with pytest.raises(UsageError, match="--output DIR"):
        _show(store, "--format", "html")
