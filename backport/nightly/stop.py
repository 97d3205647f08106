"""Stopping a long job: SIGTERM and the time limit go the way of Ctrl-C, which everything cleans up after."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType


class Stopped(KeyboardInterrupt):
    """SIGTERM or the time limit. Not an Exception, so that no handler for a cell's failure swallows it."""

    def __init__(self, reason: str, *, timed_out: bool = False) -> None:
        super().__init__(reason)
        self.reason = reason
        self.timed_out = timed_out


@contextmanager
def stoppable(timeout: float | None = None) -> Iterator[None]:
    """Raise Stopped in the main thread on SIGTERM, SIGHUP, or after `timeout` seconds; main thread only.

    A second signal during the clean-up is ignored: half a clean-up is worse than a late end (systemd follows with
    SIGKILL, which the next run repairs). A hang-up that is ignored already (nohup) stays ignored.
    """
    stopped = False

    def handle(number: int, _frame: FrameType | None) -> None:
        nonlocal stopped
        if stopped:
            return
        stopped = True
        if number == signal.SIGALRM:
            raise Stopped(f"the time limit of {timeout:g} s is over", timed_out=True)
        raise Stopped(f"stopped by {signal.Signals(number).name}")

    numbers = [signal.SIGTERM, signal.SIGALRM]
    if signal.getsignal(signal.SIGHUP) is not signal.SIG_IGN:
        numbers.append(signal.SIGHUP)
    before = {number: signal.signal(number, handle) for number in numbers}
    if timeout:
        signal.setitimer(signal.ITIMER_REAL, timeout)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        for number, handler in before.items():
            signal.signal(number, handler)
