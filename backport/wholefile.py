"""Files that people keep are written whole or not at all: beside the old one, to the disk, and then into its place.

A full disk, a kill or a power cut in between leaves the old file as it was. What is no regular file (/dev/stdout, a
FIFO) is written through: a rename would put a file in place of the device.
"""

from __future__ import annotations

import errno
import os
import shutil
import stat
import tempfile
from pathlib import Path

from backport.errors import InfraError, UserError
from backport.temporary import mark, sweep_once

# errors of the disk; every other one (no such directory, not yours) is about the name that was given
DISK = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO, errno.EROFS, errno.ENFILE, errno.EMFILE,
                   errno.ENOMEM, errno.ESTALE})


def write_whole(path: Path, data: bytes, *, mode: int | None = None) -> None:
    """Put `data` at `path`; a symbolic link there is replaced, not followed, but one to a device is written to.

    `mode` is that of a new file (default: what the umask leaves of 0666); an old one keeps its own. Raises OSError with
    the name of the file; nothing is left behind then.
    """
    old = _mode(path)
    if old is not None and not stat.S_ISREG(old) and not stat.S_ISDIR(old):
        try:
            with path.open("wb", buffering=0) as through:
                _all(through.fileno(), data)
        except OSError as error:
            raise OSError(error.errno, error.strerror, str(path)) from error
        return
    if old is not None and stat.S_ISDIR(old):
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), str(path))
    try:
        sweep_once(str(path.parent.absolute()))
        handle, name = tempfile.mkstemp(prefix=f".{mark('file')}", dir=path.parent)
    except OSError as error:
        raise OSError(error.errno, error.strerror, str(path)) from error
    try:
        try:
            _all(handle, data)
            os.fchmod(handle, stat.S_IMODE(old) if old is not None else mode if mode is not None else 0o666 & ~_umask())
            os.fsync(handle)
        finally:
            os.close(handle)
        Path(name).replace(path)
    except OSError as error:
        Path(name).unlink(missing_ok=True)
        raise OSError(error.errno, error.strerror, str(path)) from error
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise


def write_output(path: Path, data: bytes) -> None:
    """write_whole() of a file that the user named. Raises InfraError, which names the disk, or UserError."""
    try:
        write_whole(path, data)
    except OSError as error:
        raise refused(path, error) from error


def private_directory(path: Path) -> None:
    """Make `path` and the directories above it that are missing, each for its owner alone; one that is there is left as
    it is. What a build leaves below (a setuid file, say) is out of everybody else's reach. Raises OSError."""
    missing = []
    while not path.is_dir():
        missing.append(path)
        path = path.parent
    for one in reversed(missing):
        one.mkdir(mode=0o700, exist_ok=True)


def refused(path: Path, error: OSError) -> InfraError | UserError:
    """What to raise where `path` could not be written: the disk's fault, or that of the name."""
    said = f"cannot write {path}: {error.strerror or error}"
    return InfraError(said, hint=disk(path)) if error.errno in DISK else UserError(said)


def disk(path: Path) -> str:
    """The cure where the disk of `path` does not take a file, with its mount point and the room that it has."""
    top = path.absolute()
    while not top.exists() or not (top.is_mount() or top == top.parent):
        top = top.parent
    try:
        left = f" ({shutil.disk_usage(top).free >> 20} MiB free)"
    except OSError:
        left = ""
    return f"free some space on {top}{left}, or make it writable, then run again"


def _mode(path: Path) -> int | None:
    """st_mode of what is there, for a device or FIFO behind links too; None where nothing is, or a link to a file."""
    try:
        mode = path.stat().st_mode
        return None if path.is_symlink() and stat.S_ISREG(mode) else mode
    except OSError:
        return None


def _all(handle: int, data: bytes) -> None:
    view = memoryview(data)
    while view:
        view = view[os.write(handle, view):]


def _umask() -> int:
    """The umask; reading it without setting it needs /proc."""
    try:
        with Path("/proc/self/status").open("rb") as status:
            return next(int(line.split()[1], 8) for line in status if line.startswith(b"Umask:"))
    except (OSError, StopIteration, ValueError):
        return 0o077
