from __future__ import annotations

import io
from pathlib import Path

import pytest

from backport.report.live import Live, status
from backport.report.matrix import Tally
from backport.results.store import Results
from backport.verdict import Apply, Build
from tests.support.cells import TREES, cell, failing
from tests.support.streams import Full


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_the_line_has_the_agreed_shape() -> None:
    assert status(Tally(ok=12, warn=1, conflict=2), 40, "linux-5.10.y fix", 750) == (
        "12 ok 1 warn 0 fail 2 conflict / 40, -25, ETA 0:12:30, linux-5.10.y fix")
    assert status(Tally(ok=2), 2, "done with it", 0) == "2 ok 0 warn 0 fail 0 conflict / 2, -0, ETA 0:00:00"
    assert "\x1b" not in status(Tally(), 1, "\x1b[2J")


def test_counts_on_a_terminal_and_silence_elsewhere(tmp_path: Path) -> None:
    done = [cell("p", "a"), failing("p", "b"), cell("p", "c", Apply.SUSPECT), cell("p", "d", Apply.CLEAN, Build.WARN),
            cell("p", "e", Apply.NO_TREE)]
    terminal, pipe = Terminal(), io.StringIO()
    for stream in (terminal, pipe):
        with Live(6, stream=stream) as live:
            for one in done:
                live.start(f"{one.tree} {one.patch}")
                live.done(one)
    assert "1 ok 1 warn 1 fail 1 conflict 1 other / 6, -1, ETA 0:00:0" in terminal.getvalue()
    assert pipe.getvalue() == ""


def test_a_log_gets_a_line_a_minute_where_it_is_wanted(monkeypatch: pytest.MonkeyPatch) -> None:
    now = 0.0
    monkeypatch.setattr("backport.report.live.time.monotonic", lambda: now)
    log, silent = io.StringIO(), io.StringIO()
    for stream, told in ((log, {"lines": True}), (silent, {"lines": True, "quiet": True})):
        with Live(9, stream=stream, **told) as live:
            for number in range(6):
                live.start(f"linux-9.1.y p{number}: build")
                now += 25
                live.done(cell(f"p{number}", "linux-9.1.y"))
    assert [line.rpartition(", ")[2] for line in log.getvalue().splitlines()] == [
        "linux-9.1.y p0: build", "linux-9.1.y p2: build", "linux-9.1.y p5: build"]
    assert silent.getvalue() == ""


def test_a_log_that_takes_no_more_ends_no_run(monkeypatch: pytest.MonkeyPatch) -> None:
    for stderr in (Full(), None):
        monkeypatch.setattr("sys.stderr", stderr)
        with Live(1, lines=True) as live:
            live.start("linux-9.1.y p: build")
            live.done(cell("p", "linux-9.1.y"))
    assert live.counts.ok == 1


def test_other_terminals_see_what_is_worked_on(tmp_path: Path) -> None:
    with Results(tmp_path / "r.sqlite") as results, Results(tmp_path / "r.sqlite") as other:
        run = results.begin(trees=TREES)
        with Live(1, results=results, run=run, stream=io.StringIO()) as live:
            live.start("linux-9.1.y toy-fix: build")
            seen = other.run(run.id)
            assert seen is not None
            assert seen.current == "linux-9.1.y toy-fix: build"


def test_what_needs_no_build_is_no_measure_of_builds(monkeypatch: pytest.MonkeyPatch) -> None:
    """Six patches that apply nowhere took milliseconds, and the two builds that were left were told to take none."""
    now = 0.0
    monkeypatch.setattr("backport.report.live.time.monotonic", lambda: now)
    terminal = Terminal()
    with Live(9, stream=terminal, builds=True) as live:
        for number in range(6):
            now += 0.01
            live.done(cell(f"p{number}", "linux-9.1.y", Apply.CONFLICT, Build.SKIPPED))
        assert "/ 9, -3, ETA -:--:--" in terminal.getvalue()
        now += 140
        live.done(cell("p6", "linux-9.1.y", Apply.CLEAN, Build.PASS))
        assert "/ 9, -2, ETA 0:00:40" in terminal.getvalue()     # one of seven was built


def test_a_baseline_is_no_measure_of_what_is_left(monkeypatch: pytest.MonkeyPatch) -> None:
    """The first cell of a tree waits for the baseline; forty that take four seconds each were told to take hours."""
    now = 0.0
    monkeypatch.setattr("backport.report.live.time.monotonic", lambda: now)
    terminal = Terminal()
    with Live(44, stream=terminal) as live:
        for number in range(4):
            live.start("linux-9.1.y p")
            now += 300 if not number else 4
            live.done(cell(f"p{number}", "linux-9.1.y"))
    assert "/ 44, -40, ETA 0:02:40" in terminal.getvalue()
