"""Following a run of another process: one line that is drawn again until the run ends."""

from __future__ import annotations

import os
import time
from typing import TextIO

from backport.cell import Cell
from backport.report.escape import cut
from backport.report.live import status
from backport.report.matrix import tally
from backport.results.run import Run
from backport.results.store import Results

_EVERY = 0.5                         # seconds between two looks


def watch(results: Results, run: Run, screen: TextIO, *, every: float = _EVERY) -> Run | None:
    """Wait until `run` has ended and return it, None after Ctrl-C; draws on `screen` only where that is a terminal.

    Only cells that are new since the last look are read. The run itself is never touched.
    """
    terminal = screen.isatty()
    cells: dict[tuple[str, str], Cell] = {}
    moment = 0.0
    try:
        while run.state == "running":
            fresh, moment = results.cells_after(run, moment)
            cells.update({(cell.patch, cell.column): cell for cell in fresh})
            if terminal:
                told = list(cells.values())
                _draw(screen, status(tally(told), run.total, run.current, _eta(run, told)))
            time.sleep(every)
            run = results.run(run.id) or run
    except KeyboardInterrupt:
        return None
    finally:
        if terminal:
            screen.write("\r\x1b[K")
            screen.flush()
    return run


def _draw(screen: TextIO, text: str) -> None:
    """In one write, so that nothing comes between; a column is left free, or some terminals would begin a new row."""
    screen.write("\r\x1b[K" + cut(text, max(_columns(screen) - 1, 1)))
    screen.flush()


def _columns(screen: TextIO) -> int:
    """The width as it is now: windows are resized, and stdout may be a pipe to `tee`."""
    try:
        return os.get_terminal_size(screen.fileno()).columns or 80
    except OSError:
        return 80


def _eta(run: Run, cells: list[Cell]) -> float | None:
    """Seconds left; cells that were read back cost nothing and would make the estimate far too good."""
    computed = sum(not cell.cached for cell in cells)
    return (time.time() - run.started) / computed * (run.total - len(cells)) if computed else None
