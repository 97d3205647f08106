"""One line on a terminal while a run works, and the same line for `backport show --watch`.

    12 ok 1 warn 0 fail 2 conflict / 40, -25, ETA 0:12:30, linux-5.10.y kvm-x86-check-for-injected
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from contextlib import suppress
from datetime import timedelta
from statistics import median
from types import TracebackType
from typing import Any, TextIO

from tqdm import tqdm

from backport.cell import Cell
from backport.report.escape import line
from backport.report.matrix import Tally
from backport.results.run import Run
from backport.results.store import Results
from backport.verdict import Build

_UNBUILT = (Build.SKIPPED, Build.NOTHING_TO_BUILD, Build.ERROR)
_EVERY = 60.0                        # seconds between two lines in a log


def status(counts: Tally, total: int, current: str = "", eta: float | None = None) -> str:
    """The line. `eta` in seconds, None where nothing was computed yet."""
    left = max(total - counts.done, 0)
    when = "-:--:--" if eta is None else str(timedelta(seconds=round(eta)))
    tail = f", {line(current)}" if current and left else ""
    return f"{counts} / {total}, -{left}, ETA {when}{tail}"


class _Row(tqdm):  # type: ignore[type-arg]
    """tqdm wipes the row with as many blanks as the last text had: too many once the window has become narrower, and
    each drawing then takes two rows. A terminal can erase to the end of the row by itself."""

    @staticmethod
    def status_printer(file: Any) -> Callable[[str], None]:
        def show(text: str) -> None:
            file.write(f"\r\x1b[K{text}")
            file.flush()
        return show

    def display(self, msg: str | None = None, pos: int | None = None) -> None:
        self.nrows = 24              # a terminal that does not know its size says 0, and tqdm would show nothing there
        super().display(msg, pos)


class Live:
    """Progress of one run; a context manager. Where `stream` is no terminal it is silent; with `lines` it says how
    far the work is when a cell begins or ends, once a minute at most.

    Give it the store and the run, and other terminals see what is being worked on (`Results.progress`). Where `builds`,
    nothing is estimated before the first cell was built: what applies nowhere is answered in milliseconds.
    """

    def __init__(self, total: int, *, results: Results | None = None, run: Run | None = None,
                 stream: TextIO | None = None, quiet: bool = False, lines: bool = False, builds: bool = False) -> None:
        self.total = total
        self.counts = Tally()
        self._results, self._run = results, run
        self._current = ""
        self._last = time.monotonic()
        self._took: dict[bool, list[float]] = {False: [], True: []}      # seconds of the cells that were built, or not
        self._builds = builds
        out = stream if stream is not None else sys.stderr
        watched = out is not None and out.isatty()       # there is none where it was closed
        self._lines = out if lines and not quiet and not watched else None
        self._said = time.monotonic() - _EVERY
        self._bar = _Row(total=total, file=out, disable=quiet or not watched, leave=False,
                         bar_format="{desc}", dynamic_ncols=True, mininterval=0)

    def __enter__(self) -> Live:
        return self

    def __exit__(self, kind: type[BaseException] | None, value: BaseException | None,
                 trace: TracebackType | None) -> None:
        self._bar.close()

    def start(self, current: str) -> None:
        """Work on this begins ("linux-5.10.y SLUG: build")."""
        self._current = current
        if self._results is not None and self._run is not None:
            self._results.progress(self._run, current)
        self._show()

    def done(self, cell: Cell) -> None:
        """This cell is known now."""
        self.counts = self.counts.plus(cell)
        now = time.monotonic()
        if not cell.cached:
            self._took[cell.build not in _UNBUILT].append(now - self._last)
        self._last = now
        self._show()

    def _eta(self) -> float | None:
        """Seconds that the cells which are left take, as many of them built as of those that are known."""
        left, known = self.total - self.counts.done, sum(map(len, self._took.values()))
        if left and (not known or (self._builds and not self._took[True])):
            return None
        # cells that were read back cost nothing and would make the estimate far too good
        # the median: the first cell of a tree builds its baseline, for many minutes, and the others do not
        return left * sum(len(took) * median(took) for took in self._took.values() if took) / max(known, 1)

    def _show(self) -> None:
        text = status(self.counts, self.total, self._current, self._eta())
        if self._lines is None:
            self._bar.set_description_str(text, refresh=True)
        elif time.monotonic() - self._said >= _EVERY:
            self._said = time.monotonic()
            with suppress(OSError):          # a log that takes no more ends no run
                print(text, file=self._lines, flush=True)
