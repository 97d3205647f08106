"""Scratch directories that a killed process leaves behind are swept by the next one.

The name of one says who made it: the process, and the PID namespace that the number is of. A kill -9 is the one end
that no `finally` runs after; indexes and objects of a killed run would fill the temporary directory night by night.
"""

from __future__ import annotations

import os
import re
import shutil
import stat
import tempfile
from functools import lru_cache
from pathlib import Path

from backport.errors import InfraError

_NAME = re.compile(r"backport-[a-z]+-(\d+)-(\d+)-[a-z0-9_]+")


def temporary_directory(what: str) -> tempfile.TemporaryDirectory[str]:
    """A directory of this process' own below $TMPDIR, gone at the end of the block; `what` is a word for its name.

    Raises InfraError where there is no place for one.
    """
    try:
        _sweep_once(tempfile.gettempdir())
        return tempfile.TemporaryDirectory(prefix=f"backport-{what}-{_namespace()}-{os.getpid()}-")
    except OSError as error:
        raise InfraError(f"cannot create a temporary directory: {error}",
                         hint="set TMPDIR to a writable directory with free space") from error


def sweep(top: Path) -> int:
    """Remove what killed processes of this user left in `top`; returns how many directories went."""
    gone = 0
    try:
        entries = list(os.scandir(top))
    except OSError:
        return 0
    for entry in entries:
        match = _NAME.fullmatch(entry.name)
        if match is None or int(match[1]) != _namespace() or _lives(int(match[2])):
            continue
        try:
            info = entry.stat(follow_symlinks=False)
        except OSError:
            continue
        if stat.S_ISDIR(info.st_mode) and info.st_uid == os.getuid():
            shutil.rmtree(entry.path, ignore_errors=True)
            gone += 1
    return gone


@lru_cache(maxsize=4)
def _sweep_once(top: str) -> int:
    return sweep(Path(top))


@lru_cache(maxsize=1)
def _namespace() -> int:
    """A number for the PID namespace: a container that shares /tmp has other processes under the same numbers."""
    try:
        return Path("/proc/self/ns/pid").stat().st_ino
    except OSError:
        return 0


def _lives(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except OSError:
        pass
    return True
