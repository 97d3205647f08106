"""What a fetch tells the person who waits: a bar for bytes, and lines of text. Silent unless asked."""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from typing import Any

from backport.loud import watched


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
    """Bars with tqdm on stderr where that is a terminal; lines always, and one for each bar elsewhere.

    `shown` makes a line harmless: what a server answers is in some of them. A stderr that is closed, full or read by
    nobody any more is no reason to end a fetch.
    """

    def __init__(self, *, shown: Callable[[str], str], quiet: bool = False) -> None:
        self.quiet = quiet or sys.stderr is None
        self._shown = shown
        self._lock = threading.Lock()

    def start(self, what: str, total: int | None = None) -> Bar:
        from tqdm import tqdm  # of no use to what fetches nothing
        in_log = not self.quiet and not watched()
        said = f"{what}, {_size(total)}" if total else what
        if in_log and not total:
            self.say(said)
        with self._lock:
            return _TqdmBar(tqdm(desc=what, total=total, unit="B", unit_scale=True, unit_divisor=1024, leave=False,
                                 disable=True if self.quiet else None, file=sys.stderr, dynamic_ncols=True,
                                 mininterval=0.2),
                            partial(self.say, said) if in_log and total else None)

    def say(self, text: str) -> None:
        from tqdm import tqdm
        if not self.quiet:
            with self._lock, suppress(OSError):
                tqdm.write(self._shown(text), file=sys.stderr)


def _size(count: int) -> str:
    return f"{count >> 20} MiB" if count >> 20 else f"{max(1, count >> 10)} KiB"


class _TqdmBar(Bar):
    def __init__(self, bar: Any, begun: Callable[[], None] | None = None) -> None:
        self._bar = bar
        self._begun = begun          # a download that a host refuses is told only where it begins

    def _begins(self) -> None:
        if self._begun is not None:
            self._begun()
            self._begun = None

    def advance(self, count: int) -> None:
        self._begins()
        self._bar.update(count)

    def at(self, position: int, total: int | None = None) -> None:
        if position:
            self._begins()
        if total and self._bar.total != total:
            self._bar.total = total
        self._bar.update(position - self._bar.n)

    def done(self) -> None:
        self._bar.close()
