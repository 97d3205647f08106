"""One nightly job at a time; the second one says who holds the lock, and leaves."""

from __future__ import annotations

import json
import os
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from backport.errors import InfraError
from backport.locks import FileLock, Timeout
from backport.wholefile import private_directory


class Held(InfraError):
    """Another instance works; nothing was done."""


@contextmanager
def only_one(path: Path, what: str) -> Iterator[None]:
    """Hold `path` for the time of the block; raises Held, with pid and time, where another process has it.

    The kernel gives the lock back when its holder dies, so there is never a stale one to remove by hand. Who
    holds it stands in a file beside it: opening the lock file truncates it.
    """
    private_directory(path.parent)
    holder = path.with_suffix(".holder")
    try:
        with FileLock(path, timeout=0):
            holder.write_text(json.dumps({"pid": os.getpid(), "host": socket.gethostname(), "since": time.time()}))
            try:
                yield
            finally:
                with suppress(OSError):
                    holder.unlink()
    except Timeout:
        raise Held(f"{what} is already running{_who(holder)}", hint=f"it is left alone; the lock is {path}") from None


def _who(holder: Path) -> str:
    try:
        told = json.loads(holder.read_text())
        since = time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(told["since"]))
        return f": pid {told['pid']} on {told['host']} since {since}"
    except (OSError, ValueError, KeyError, TypeError):  # just starting, or just ending
        return ""
