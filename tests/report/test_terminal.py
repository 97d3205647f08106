"""What a person sees on a real terminal (a pseudo-terminal, read by a terminal emulator) while a run works."""

from __future__ import annotations

import fcntl
import os
import pty
import select
import signal
import struct
import subprocess
import sys
import termios
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pyte
import pytest

from backport.results.run import PatchInfo, Run
from backport.results.store import Results
from backport.verdict import Apply, Build
from tests.support.cells import TREES, cell, fill, rewritten

ROOT = Path(__file__).parents[2]


class Terminal:
    """One program in a terminal of 24 rows."""

    def __init__(self, argv: list[str], columns: int = 100, *, known: bool = True) -> None:
        self.screen = pyte.Screen(columns, 24)
        self._stream = pyte.ByteStream(self.screen)
        self._master, slave = pty.openpty()
        if known:
            self.resize(columns)
        mode = termios.tcgetattr(slave)
        mode[3] &= ~termios.ECHO     # keys of the test are not to be seen on the screen
        termios.tcsetattr(slave, termios.TCSANOW, mode)
        environment = {**os.environ, "PYTHONPATH": str(ROOT), "TERM": "xterm"}
        environment.pop("COLUMNS", None)
        self.process = subprocess.Popen(argv, stdin=slave, stdout=slave, stderr=slave, env=environment,
                                        start_new_session=True, preexec_fn=_foreground)
        os.close(slave)

    def resize(self, columns: int) -> None:
        """The window as the program sees it; what stands on the screen stays where it is, as in xterm."""
        fcntl.ioctl(self._master, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
        self.screen.resize(24, columns)

    def key(self, data: bytes) -> None:
        os.write(self._master, data)

    @property
    def rows(self) -> list[str]:
        return [row.rstrip() for row in self.screen.display if row.strip()]

    def until(self, done: Callable[[list[str]], bool]) -> list[str]:
        """The rows of the screen as soon as `done` says so; fails after 300 s with what stands there."""
        limit = time.monotonic() + 300
        while not done(self.rows):
            if time.monotonic() > limit:
                pytest.fail("the screen stays at:\n" + "\n".join(self.rows))
            self._read()
        return self.rows

    def end(self) -> int:
        """Wait for the program; its exit code."""
        code = self.process.wait(300)
        while self._read():
            pass
        os.close(self._master)
        return code

    def _read(self) -> bool:
        if not select.select([self._master], [], [], 0.1)[0]:
            return False
        try:
            data = os.read(self._master, 65536)
        except OSError:              # the program is gone, and its side with it
            return False
        self._stream.feed(data)
        return bool(data)


def _foreground() -> None:
    """In the child: the terminal is its own, and Ctrl-C is heard, which a job started with `&` has switched off for all
    that it starts."""
    fcntl.ioctl(0, termios.TIOCSCTTY, 0)
    signal.signal(signal.SIGINT, signal.default_int_handler)


Work = tuple[Results, Run, Path]
Start = Callable[..., Terminal]


@pytest.fixture
def work(tmp_path: Path) -> Iterator[Work]:
    """A run that works: this very process is its."""
    with Results(tmp_path / "r.sqlite") as results:
        run = results.begin(trees=TREES, patches=[PatchInfo("toy-fix", "toy: Check for marbles")])
        yield results, run, tmp_path / "r.sqlite"


@pytest.fixture
def start() -> Iterator[Start]:
    """Start a program in a terminal; none is left running whatever the test says."""
    started: list[Terminal] = []

    def begin(*argv: str, columns: int = 100, known: bool = True) -> Terminal:
        started.append(Terminal([sys.executable, *argv], columns, known=known))
        return started[-1]

    yield begin
    for terminal in started:
        terminal.process.kill()
        terminal.process.wait()


def _watch(db: Path) -> list[str]:
    return ["-m", "backport", "show", "--watch", "--db", str(db)]


def test_a_run_is_followed_to_its_end_through_a_window_that_is_resized(work: Work, start: Start) -> None:
    results, run, db = work
    terminal = start(*_watch(db))
    assert terminal.until(bool) == ["0 ok 0 warn 0 fail 0 conflict / 4, -4, ETA -:--:--"]
    results.progress(run, "linux-8.9.y toy-fix, whose name is long enough to be cut at the end of the row")
    results.record(run, rewritten())
    [line] = terminal.until(lambda rows: rows[:1] != [] and "1 ok" in rows[0] and "8.9.y" in rows[0])
    assert line.startswith("1 ok 0 warn 0 fail 0 conflict / 4, -3, ETA 0:00:")
    assert len(line) == 99
    assert line.endswith("…")
    terminal.resize(60)
    results.record(run, cell("toy-fix", "linux-9.1.y", Apply.CONFLICT))
    [line] = terminal.until(lambda rows: len(rows) == 1 and "1 conflict" in rows[0])
    assert len(line) == 59
    terminal.resize(120)
    results.record(run, cell("toy-fix", "linux-9.2.y", Apply.ALREADY))
    results.finish(run, 1)
    assert terminal.end() == 1
    assert terminal.rows[0].startswith("Run 1, ")    # nothing of the line is left in front of it
    assert not any("ETA" in row for row in terminal.rows)


def test_ctrl_c_leaves_the_run_alone_and_the_screen_clean(work: Work, start: Start) -> None:
    results, run, db = work
    terminal = start(*_watch(db))
    terminal.until(lambda rows: any("ETA" in row for row in rows))
    terminal.key(b"\x03")
    assert terminal.end() == 130
    assert terminal.rows == [f"run {run.id} is still running; `backport show --watch` follows it again"]
    seen = results.run(run.id)
    assert seen is not None
    assert seen.state == "running"


def test_an_ended_run_is_shown_at_once(work: Work, start: Start) -> None:
    results, run, db = work
    results.finish(run, 0)
    terminal = start(*_watch(db))
    assert terminal.end() == 0
    assert terminal.rows[0].startswith("Run 1, ")


def test_no_terminal_no_line(work: Work) -> None:
    results, run, db = work
    with subprocess.Popen([sys.executable, *_watch(db)], text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                          cwd=ROOT) as watching:
        time.sleep(1)
        assert watching.poll() is None
        results.record(run, rewritten())
        results.finish(run, 0)
        out, err = watching.communicate(timeout=300)
    assert err == ""
    assert out.startswith("Run 1, ")


PROGRAM = """
import sys, time
from backport.report.live import Live
from backport.verdict import Apply
from tests.support.cells import cell
with Live(40) as live:
    for number in range(3):
        live.start(f"linux-9.{number}.y a-patch-with-a-name-that-is-far-too-long-for-a-terminal-of-eighty-columns")
        sys.stdin.readline()
        live.done(cell("p", str(number), Apply.CONFLICT if number else Apply.CLEAN))
print("the matrix")
"""


def test_a_terminal_that_does_not_know_its_size_shows_the_line(start: Start) -> None:
    """0 rows and 0 columns: `docker run -t`, `script`, a serial console."""
    terminal = start("-c", PROGRAM, columns=120, known=False)
    terminal.until(lambda rows: any("linux-9.0.y" in row for row in rows))
    terminal.key(b"\n\n\n")
    assert terminal.end() == 0
    assert terminal.rows[-1] == "the matrix"


def test_the_line_of_a_run_is_one_row_and_goes_when_it_ends(start: Start) -> None:
    terminal = start("-c", PROGRAM, columns=80)
    terminal.until(lambda rows: any("linux-9.0.y" in row for row in rows))
    terminal.key(b"\n")
    [row] = terminal.until(lambda rows: any("linux-9.1.y" in row for row in rows))
    assert row.startswith("1 ok 0 warn 0 fail 0 conflict / 40, -39, ETA 0:0")
    assert 70 < len(row) <= 80
    terminal.resize(50)
    terminal.key(b"\n")
    [row] = terminal.until(lambda rows: any("1 conflict / 40" in row for row in rows))
    assert 40 < len(row) <= 50
    terminal.key(b"\n")
    assert terminal.end() == 0
    assert terminal.rows == ["the matrix"]


@pytest.mark.parametrize(("no_color", "colour"), [("", "red"), ("1", "default")])
def test_a_conflict_is_red_unless_somebody_wants_no_colour(tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
                                                           no_color: str, colour: str) -> None:
    monkeypatch.setenv("NO_COLOR", no_color)
    with Results(tmp_path / "r.sqlite") as results:
        fill(results, [cell("p", "linux-9.1.y", Apply.CONFLICT, Build.SKIPPED, reason="no sure place")])
    shown = Terminal([sys.executable, "-m", "backport", "show", "--db", str(tmp_path / "r.sqlite")])
    shown.until(lambda rows: any("no sure place" in row for row in rows))
    assert shown.end() == 1
    number, row = next((n, row) for n, row in enumerate(shown.screen.display) if "9.1.y: conflict" in row)
    assert shown.screen.buffer[number][row.index("conflict")].fg == colour
    assert shown.screen.buffer[number][row.index("9.1.y")].fg == "default"
