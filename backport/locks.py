"""Locks on files that the kernel gives back when their holder dies; there is never a stale one to remove by hand."""

from __future__ import annotations

import errno
from pathlib import Path
from typing import Any

import filelock

from backport.errors import InfraError
from backport.wholefile import disk

Timeout = filelock.Timeout
NO_LOCKS = ("this file system has no locks: put the cache (--cache, BACKPORT_CACHE) and the state (BACKPORT_STATE) on "
            "one that has (NFS needs its lock service, FUSE an option)")
_NONE = frozenset({errno.ENOSYS, errno.ENOLCK, errno.EOPNOTSUPP, errno.EINVAL})


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
                             hint=NO_LOCKS if error.errno in _NONE else disk(Path(self.lock_file))) from error
