"""A patch in a work tree for the time of a build, and the work tree put back with its time stamps."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from backport.errors import BuildError
from backport.git import Git
from backport.kbuild.delta import Delta, FileDelta, file_delta
from backport.patch.model import FileDiff, Hunk


@dataclass(frozen=True, slots=True)
class _Saved:
    """One path before the patch: None = not there. Times in ns."""

    data: bytes | None
    mode: int = 0o644
    link: bool = False
    times: tuple[int, int] = (0, 0)


@contextmanager
def applied(source: Path, diff: bytes, files: Sequence[FileDiff], *, reverse: bool = False, what: str = "the patch",
            hint: str = "the check before it says otherwise: please report it") -> Iterator[Delta]:
    """`diff` applied to the work tree at `source` inside the block; every touched path is restored on the way out,
    with its mtime, so that make does not build again what nobody changed.

    Raises BuildError where git does not take the diff whole; the work tree is untouched then. `what` and `hint` are
    for its message.
    """
    names = tuple(dict.fromkeys(path for file in files for path in (file.old_path, file.new_path) if path))
    saved = {name: _save(source / name) for name in names}
    pairs = [(file.old_path, file.new_path) for file in files if file.renamed]
    origins = {(old if reverse else new): (new if reverse else old) for old, new in pairs if old and new and old != new}
    try:
        _apply(source, diff, reverse, what, hint)
        hunks = {file.path: file.hunks for file in files}
        if reverse:
            hunks = {file.path: tuple(hunk.reversed() for hunk in file.hunks) for file in files}
        yield Delta({name: _delta(source, name, origins.get(name, name), saved, hunks) for name in names},
                    {old: new for new, old in origins.items() if not (source / old).exists()})
    finally:
        _restore(source, saved)


def _apply(source: Path, diff: bytes, reverse: bool, what: str, hint: str) -> None:
    with Git(source) as git:
        done = git.run("apply", "--whitespace=nowarn", *(["-R"] if reverse else []), "-", stdin=diff, ok=())
    if done.code or "Skipped patch" in done.err:
        said = "; ".join(done.err.strip().splitlines()) or str(done.code)
        raise BuildError(f"{what} does not apply to the work tree: {said}", hint=hint)


def _delta(source: Path, name: str, origin: str, saved: Mapping[str, _Saved],
           hunks: Mapping[str, Sequence[Hunk]]) -> FileDelta:
    return file_delta(name, saved[origin].data, _save(source / name).data, hunks.get(name, ()))


def _save(path: Path) -> _Saved:
    try:
        info = path.lstat()
    except (FileNotFoundError, NotADirectoryError):
        return _Saved(None)
    times = (info.st_atime_ns, info.st_mtime_ns)
    if stat.S_ISLNK(info.st_mode):
        return _Saved(os.fsencode(path.readlink()), info.st_mode, True, times)
    if not stat.S_ISREG(info.st_mode):
        raise BuildError(f"{path} is no file")
    return _Saved(path.read_bytes(), stat.S_IMODE(info.st_mode), False, times)


def _restore(source: Path, saved: Mapping[str, _Saved]) -> None:
    for name, old in saved.items():
        path = source / name
        now = _save(path) if not path.is_dir() or path.is_symlink() else _Saved(None)
        if old.data is None:
            if now.data is not None:
                path.unlink()
            _prune(path.parent, source)
            continue
        path.parent.mkdir(parents=True, exist_ok=True)
        if (now.data, now.mode, now.link) != (old.data, old.mode, old.link):
            path.unlink(missing_ok=True)
            if old.link:
                path.symlink_to(os.fsdecode(old.data))
            else:
                path.write_bytes(old.data)
                path.chmod(old.mode)
        os.utime(path, ns=old.times, follow_symlinks=False)


def _prune(folder: Path, top: Path) -> None:
    """Directories that the patch made; git keeps no empty ones."""
    while folder != top and folder.is_dir() and not any(folder.iterdir()):
        folder.rmdir()
        folder = folder.parent
