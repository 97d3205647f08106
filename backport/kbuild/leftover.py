"""What a build left behind, read without trusting it.

A patch can put shell into a Makefile, so whatever lies in a build directory may have been put there by the patch: a
FIFO where kbuild writes a `.cmd` file makes open() wait for ever, a link to /dev/zero has no end, a sparse file of 2 GB
costs as much memory. The sandbox does not help here: these are read on this side of it, after the build.
"""

from __future__ import annotations

import contextlib
import os
import secrets
import stat
from collections.abc import Iterator
from pathlib import Path

from backport.errors import BuildError

COMMAND_FILE = 16 << 20      # bytes; the largest of a kernel's (auto.conf.cmd, vmlinux) are below 1 MB
OBJECT = 512 << 20           # bytes; kvm.o with debug information is some 30 MB
FILES = 500_000              # files in one build directory; a whole allmodconfig leaves some 150,000
Stamp = tuple[int, int, int, int]    # of a file: size, mtime in ns, ctime in ns, inode
_KINDS = ((stat.S_ISFIFO, "a FIFO"), (stat.S_ISSOCK, "a socket"), (stat.S_ISCHR, "a device"),
          (stat.S_ISBLK, "a device"), (stat.S_ISDIR, "a directory"), (stat.S_ISLNK, "a symbolic link"))
_HINT = "no kernel build creates this: check what the patch makes the build run"


class LeftBehind(BuildError):
    """The build directory holds something that no build leaves there, or more of it than is read."""

    def __init__(self, message: str) -> None:
        super().__init__(message, hint=_HINT)


def read_left(path: Path, root: Path, limit: int) -> bytes:
    """The content of a regular file below the build directory `root`, at most `limit` bytes.

    Nothing is followed and nothing waited for: raises LeftBehind where the path, or a directory on the way to it, is a
    link, a FIFO, a socket, a device or too large, FileNotFoundError where it is not there.
    """
    with _parent(path, root) as (folder, name, shown):
        try:
            handle = os.open(name, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC, dir_fd=folder)
        except FileNotFoundError:
            raise
        except OSError as error:
            raise _refused(folder, name, shown, error) from error
        try:
            info = os.fstat(handle)
            if not stat.S_ISREG(info.st_mode):
                raise LeftBehind(f"the build left {_kind(info.st_mode)} where a file is expected: {shown}")
            if info.st_size > limit:
                raise LeftBehind(f"the build left a file of {info.st_size >> 20} MiB, more than the {limit >> 20} MiB "
                                 f"that are read: {shown}")
            with os.fdopen(handle, "rb", closefd=False) as stream:
                return stream.read(limit)
        finally:
            os.close(handle)


def is_left(path: Path, root: Path) -> bool:
    """Is there a regular file at `path` below `root`, no link on the way; False for what is no path at all."""
    try:
        with _parent(path, root) as (folder, name, _shown):
            return stat.S_ISREG(os.stat(name, dir_fd=folder, follow_symlinks=False).st_mode)
    except (OSError, ValueError, LeftBehind):
        return False


def write_left(path: Path, root: Path, data: bytes) -> None:
    """Put a file of ours where a build may have been before: through no link, over no link.

    Raises LeftBehind, OSError."""
    with _parent(path, root) as (folder, name, shown):
        try:
            os.unlink(name, dir_fd=folder)
        except FileNotFoundError:
            pass
        except OSError as error:
            raise _refused(folder, name, shown, error) from error
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
        with os.fdopen(os.open(name, flags, 0o644, dir_fd=folder), "wb") as stream:
            stream.write(data)


def walk(top: Path, most: int = FILES, *, directories: bool = False) -> Iterator[tuple[str, os.DirEntry[str]]]:
    """(path below `top`, entry) of everything below it, without `directories` of all that is none; follows no link.

    Raises LeftBehind where there is more than `most`, or a directory that cannot be entered.
    """
    pending = [""]
    count = 0
    while pending:
        below = pending.pop()
        try:
            with os.scandir(top / below if below else top) as entries:
                for entry in entries:
                    count += 1
                    if count > most:
                        raise LeftBehind(f"the build left more than {most} files")
                    path = f"{below}/{entry.name}" if below else entry.name
                    inside = entry.is_dir(follow_symlinks=False)
                    if inside:
                        pending.append(path)
                    if directories or not inside:
                        yield path, entry
        except OSError as error:
            if not below:
                raise
            raise LeftBehind(f"the build left a directory that cannot be read: {_short(below)}: "
                             f"{error.strerror}") from error


def stamp(info: os.stat_result) -> Stamp:
    """What tells one state of a file from another: a build can set an mtime, it cannot set a ctime."""
    return (info.st_size, info.st_mtime_ns, info.st_ctime_ns, info.st_ino)


def remove(top: Path) -> None:
    """Take a directory away with all that a build may have put there: deeper than a path may be long, without the
    permission to enter. Raises OSError where that fails; nothing is done where `top` is not there."""
    if top.is_symlink() or (top.exists() and not top.is_dir()):
        top.unlink()
        return
    if not top.exists():
        return
    # every directory is first moved to the top, so that no path becomes long and no call nests
    pending = [top]
    aside = f".backport-gone-{secrets.token_hex(8)}"
    made = 0
    while pending:
        here = pending.pop()
        here.chmod(0o700)
        with os.scandir(here) as entries:
            found = list(entries)
        for entry in found:
            if entry.is_dir(follow_symlinks=False):
                if here == top:
                    pending.append(Path(entry.path))
                    continue
                # the right to write in a directory is needed to move it: its `..` changes
                Path(entry.path).chmod(0o700)
                made += 1
                moved = top / f"{aside}-{made}"
                Path(entry.path).rename(moved)
                pending.append(moved)
            else:
                Path(entry.path).unlink()
        if here != top:
            here.rmdir()
    top.rmdir()


@contextlib.contextmanager
def _parent(path: Path, root: Path) -> Iterator[tuple[int, str, str]]:
    """(handle of the directory that holds `path`, name in it, path to show), opened from `root` step by step."""
    try:
        parts = path.relative_to(root).parts
    except ValueError:
        raise LeftBehind(f"outside the build directory: {_short(str(path))}") from None
    shown = _short("/".join(parts))
    if not parts or ".." in parts:
        raise LeftBehind(f"outside the build directory: {shown}")
    here = os.open(root, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        for part in parts[:-1]:
            try:
                below = os.open(part, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=here)
            except FileNotFoundError:
                raise
            except OSError as error:
                raise _refused(here, part, shown, error, last=False) from error
            os.close(here)
            here = below
        yield here, parts[-1], shown
    finally:
        os.close(here)


def _refused(folder: int, name: str, shown: str, error: OSError, *, last: bool = True) -> LeftBehind:
    """What `name` is where it could not be opened."""
    kind = ""
    with contextlib.suppress(OSError):
        kind = _kind(os.stat(name, dir_fd=folder, follow_symlinks=False).st_mode)
    if kind:
        return LeftBehind(f"the build left {kind} {'where a file is expected:' if last else 'on the way to'} {shown}")
    return LeftBehind(f"the build left a file that cannot be read: {shown}: {error.strerror}")


def _kind(mode: int) -> str:
    return next((name for test, name in _KINDS if test(mode)), "")


def _short(path: str) -> str:
    return path if len(path) <= 200 else f"{path[:150]} ... ({len(path)} characters)"
