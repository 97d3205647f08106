"""Stopping a command: SIGTERM, SIGHUP and the time limit go the way of Ctrl-C, which everything cleans up after."""

from __future__ import annotations

import contextlib
import os
import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType

_WAIT = b"backport: still putting back what was changed; this takes a moment\n"


class Stopped(KeyboardInterrupt):
    """SIGTERM or the time limit. Not an Exception, so that no handler for a cell's failure swallows it."""

    def __init__(self, reason: str, *, timed_out: bool = False) -> None:
        super().__init__(reason)
        self.reason = reason
        self.timed_out = timed_out


@contextmanager
def stoppable(timeout: float | None = None) -> Iterator[None]:
    """Raise Stopped in the main thread on SIGTERM, SIGHUP, or after `timeout` seconds, and KeyboardInterrupt on Ctrl-C;
    main thread only.

    A second signal during the clean-up is ignored, and says so: half a clean-up is worse than a late end (systemd
    follows with SIGKILL, which the next run repairs). A hang-up that is ignored already (nohup) stays ignored, as does
    Ctrl-C in a shell's background job.
    """
    stopped = False

    def handle(number: int, _frame: FrameType | None) -> None:
        nonlocal stopped
        if stopped:
            with contextlib.suppress(OSError):
                os.write(2, _WAIT)
            return
        stopped = True
        if number == signal.SIGINT:
            raise KeyboardInterrupt
        if number == signal.SIGALRM:
            raise Stopped(f"the time limit of {timeout:g} s is over", timed_out=True)
        raise Stopped(f"stopped by {signal.Signals(number).name}")

    numbers = [signal.SIGTERM, signal.SIGALRM]
    numbers += [number for number in (signal.SIGHUP, signal.SIGINT) if signal.getsignal(number) is not signal.SIG_IGN]
    before = {number: signal.signal(number, handle) for number in numbers}
    if timeout:
        signal.setitimer(signal.ITIMER_REAL, timeout)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        for number, handler in before.items():
            signal.signal(number, handler)


def exit_code(main: Callable[[], int]) -> int:
    """What `main` of a script returns, 130 where it was stopped, which is told on stderr; main thread only."""
    try:
        with stoppable():
            return main()
    except KeyboardInterrupt as stopped:
        print(str(stopped) or "stopped", file=sys.stderr)
        return 130
