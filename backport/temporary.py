"""What a killed process leaves half-made is swept by the next one: scratch directories, and files beside their place.

The name of one says who made it: the process, and the machine and PID namespace that the number is of. A kill -9 is the
one end that no `finally` runs after; indexes and objects of a killed run would fill the temporary directory night by
night.
"""

from __future__ import annotations

import os
import re
import shutil
import socket
import stat
import tempfile
import zlib
from contextlib import suppress
from functools import lru_cache
from pathlib import Path

from backport.errors import InfraError

_NAME = re.compile(r"\.?backport-[a-z]+-(\d+)-(\d+)-[a-z0-9_]+")


def temporary_directory(what: str) -> tempfile.TemporaryDirectory[str]:
    """A directory of this process' own below $TMPDIR, gone at the end of the block; `what` is a word for its name.

    Raises InfraError where there is no place for one.
    """
    try:
        sweep_once(tempfile.gettempdir())
        return tempfile.TemporaryDirectory(prefix=mark(what))
    except OSError as error:
        raise InfraError(f"cannot create a temporary directory: {error}",
                         hint="set TMPDIR to a writable directory with free space") from error


def mark(what: str) -> str:
    """How the name of something half-made begins; `what` is a word for it, a dot may stand before."""
    return f"backport-{what}-{_namespace()}-{os.getpid()}-"


def sweep(top: Path) -> int:
    """Remove what killed processes of this user left in `top`; returns how many files and directories went."""
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
        if info.st_uid != os.getuid():
            continue
        if stat.S_ISDIR(info.st_mode):
            shutil.rmtree(entry.path, ignore_errors=True)
            gone += 1
        elif stat.S_ISREG(info.st_mode) and entry.name.startswith("."):
            with suppress(OSError):
                Path(entry.path).unlink()
                gone += 1
    return gone


@lru_cache(maxsize=64)
def sweep_once(top: str) -> int:
    """sweep(), the first time that this process writes there."""
    return sweep(Path(top))


@lru_cache(maxsize=1)
def _namespace() -> int:
    """A number for machine and PID namespace: a container that shares /tmp, and another machine that shares a
    directory, have other processes under the same numbers."""
    try:
        space = Path("/proc/self/ns/pid").stat().st_ino
    except OSError:
        space = 0
    return zlib.crc32(f"{space} {socket.gethostname()}".encode())


def _lives(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except OSError:
        pass
    return True
