"""What a fetch tells the person who waits: a bar for bytes, and lines of text. Silent unless asked."""

from __future__ import annotations

import sys
import threading
from typing import Any


class Progress:
    """The silent one, and the interface. Called from two threads (download and import)."""

    quiet = True                     # no bar is wanted

    def start(self, what: str, total: int | None = None) -> Bar:
        """A piece of work of `total` bytes (None: not known) begins."""
        return Bar()

    def say(self, text: str) -> None:
        """One line that matters (waiting for a lock, a fallback)."""


class Bar:
    """One bar; `advance` takes the bytes since the last call, `at` the bytes so far."""

    def advance(self, count: int) -> None: ...

    def at(self, position: int, total: int | None = None) -> None: ...

    def done(self) -> None: ...

    def __enter__(self) -> Bar:
        return self

    def __exit__(self, *_: object) -> None:
        self.done()


class TerminalProgress(Progress):
    """Bars with tqdm on stderr where that is a terminal; lines always."""

    def __init__(self, *, quiet: bool = False) -> None:
        self.quiet = quiet
        self._lock = threading.Lock()

    def start(self, what: str, total: int | None = None) -> Bar:
        from tqdm import tqdm  # of no use to what fetches nothing
        with self._lock:
            return _TqdmBar(tqdm(desc=what, total=total, unit="B", unit_scale=True, unit_divisor=1024, leave=False,
                                 disable=True if self.quiet else None, file=sys.stderr, dynamic_ncols=True,
                                 mininterval=0.2))

    def say(self, text: str) -> None:
        from tqdm import tqdm
        if not self.quiet:
            with self._lock:
                tqdm.write(text, file=sys.stderr)


class _TqdmBar(Bar):
    def __init__(self, bar: Any) -> None:
        self._bar = bar

    def advance(self, count: int) -> None:
        self._bar.update(count)

    def at(self, position: int, total: int | None = None) -> None:
        if total and self._bar.total != total:
            self._bar.total = total
        self._bar.update(position - self._bar.n)

    def done(self) -> None:
        self._bar.close()
