"""Locks on files that the kernel gives back when their holder dies; there is never a stale one to remove by hand."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import filelock

from backport.errors import InfraError

Timeout = filelock.Timeout


class FileLock(filelock.FileLock):
    """filelock's, which is never a mere marker file: one of those outlives its holder, and everybody waits for ever.

    Entering it raises InfraError where the file system has no locks.
    """

    def __init__(self, path: Path | str, timeout: float = -1) -> None:
        super().__init__(path, timeout=timeout, fallback_to_soft=False)

    def acquire(self, *args: Any, **more: Any) -> Any:
        try:
            return super().acquire(*args, **more)
        except Timeout:
            raise
        except OSError as error:
            raise InfraError(f"{self.lock_file} cannot be locked: {error.strerror or error}",
                             hint="cache (--cache, BACKPORT_CACHE) and state (BACKPORT_STATE) need a file system that "
                                  "has locks, with space on it") from error
