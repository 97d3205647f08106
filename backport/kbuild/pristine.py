"""A pristine copy of a build directory, and putting the directory back to it.

The build directory keeps its path (kbuild writes it into commands), so the baseline's files are copied aside
once and whatever a patched build changed is copied back. "Changed" is decided by size, inode, mtime and ctime:
a build can set an mtime, it cannot set a ctime. After a kill nothing has to be known: putting back compares
with what the baseline recorded, not with what the killed run meant to do.
"""

from __future__ import annotations

import json
import os
import posixpath
import shutil
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from backport.bounded import Bounded
from backport.kbuild import leftover
from backport.kbuild.leftover import Stamp
from backport.wholefile import write_whole

_KEPT = 8                            # records in memory: a cell asks two or three, three times each, and writes them
_RECORDS: Bounded[tuple[Path, Stamp], Mapping[str, Sequence[int]]] = Bounded(_KEPT)


@dataclass(frozen=True, slots=True)
class Seen:
    """What lay below a directory when it was looked at: the stamp of every file and symbolic link by its path, and the
    directories."""

    stamps: Mapping[str, Stamp]
    directories: Sequence[str]


def look(top: Path) -> Seen:
    """Everything below `top`; raises LeftBehind where there is no end of it."""
    found: dict[str, Stamp] = {}
    directories: list[str] = []
    for path, entry in leftover.walk(top, directories=True):
        if entry.is_dir(follow_symlinks=False):
            directories.append(path)
        else:
            found[path] = leftover.stamp(entry.stat(follow_symlinks=False))
    return Seen(found, directories)


def save(build: Path, pristine: Path) -> None:
    """Copy `build` to `pristine` (replacing it) with modes and times."""
    if pristine.exists():
        shutil.rmtree(pristine)
    shutil.copytree(build, pristine, symlinks=True)


def record(build: Path, file: Path) -> None:
    """Remember the stamps of a build directory that equals its pristine copy; written atomically."""
    _write(file, look(build).stamps)


def add(build: Path, pristine: Path, file: Path) -> None:
    """Bring into the pristine copy what changed in `build` since the two were equal, and record it.

    One more object is a handful of the thirteen thousand files of an allmodconfig, and copying all of them took longer
    than making it. A kill leaves a copy that is neither: the caller takes the baseline's marker away first."""
    known = recorded(file)
    seen = look(build)
    try:
        if not known:
            raise FileNotFoundError(file)
        for path in known.keys() - seen.stamps.keys():
            (pristine / path).unlink(missing_ok=True)
        for path in sorted(seen.directories):    # empty ones too: what the copy does not have is taken away
            (pristine / path).mkdir(exist_ok=True)
        for path, stamp in seen.stamps.items():
            if known.get(path) != stamp:
                _copy(build / path, pristine / path)
    except OSError:                              # no record, or a file where a directory was
        save(build, pristine)
    _write(file, seen.stamps)


def put_back(build: Path, pristine: Path, file: Path, seen: Seen | None = None) -> int:
    """Make `build` equal to `pristine` again; returns how many files had to be touched.

    `seen` is what lies in `build`, where the caller looked and nothing can have written there since.

    Without a readable record every file is compared by content. What cannot be walked or changed in place (a million
    files, a directory without permissions or deeper than a path may be long) is taken away whole and copied again, or
    one hostile patch would end every later build. Raises OSError where the disk does not let us.
    """
    known = recorded(file)
    # what was recorded is what the copy holds: no build can see it
    wanted = known.keys() or look(pristine).stamps.keys()
    try:
        seen = seen or (look(build) if build.is_dir() else Seen({}, ()))
        touched = _in_place(build, pristine, wanted, seen, known)
    except (OSError, leftover.LeftBehind):
        leftover.remove(build)
        shutil.copytree(pristine, build, symlinks=True)
        record(build, file)
        return len(wanted)
    if touched or not known:
        _write(file, {path: leftover.stamp((build / path).lstat()) if path in touched else seen.stamps[path]
                      for path in wanted})
    return len(touched)


def recorded(file: Path) -> Mapping[str, Sequence[int]]:
    """The stamps of the build directory when it last equalled its pristine copy, empty where there are none."""
    try:
        key = file, leftover.stamp(file.stat())
        known = _RECORDS.get(key)
        if known is None:
            rows = json.loads(file.read_text("utf-8"))
            known = _RECORDS.put(key, {path: tuple(row) for path, row in rows.items()}, 1)
        return known
    except (OSError, ValueError):
        return {}


def _write(file: Path, found: Mapping[str, Sequence[int]]) -> None:
    write_whole(file, json.dumps(found).encode())
    _RECORDS.put((file, leftover.stamp(file.stat())), found, 1)


def _in_place(build: Path, pristine: Path, wanted: Collection[str], seen: Seen,
              known: Mapping[str, Sequence[int]]) -> set[str]:
    """The paths that had to be touched."""
    have = seen.stamps
    strangers = have.keys() - set(wanted)
    # strangers first: one of them may be a symbolic link where a directory was, and nothing is written through it
    for path in strangers:
        (build / path).unlink()
    # directories next: one of them may have the name under which a file is copied
    _drop_strangers(build, pristine, seen.directories)
    changed = {path for path in wanted if path not in have or known.get(path) != have[path]}
    for path in changed:
        _copy(pristine / path, build / path)
    return strangers | changed


def _copy(source: Path, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    temporary = target.with_name(f".{target.name}.put-back")
    shutil.copy2(source, temporary, follow_symlinks=False)
    temporary.replace(target)


def _drop_strangers(build: Path, pristine: Path, directories: Collection[str]) -> None:
    """Take away those of the `directories` that the pristine copy does not have; none of them is entered."""
    gone: set[str] = set()
    for path in sorted(directories):             # parents come first
        if posixpath.dirname(path) in gone:
            gone.add(path)
        elif not os.path.isdir(f"{pristine}/{path}"):    # noqa: PTH112 - a thousand of them in each cell
            leftover.remove(build / path)
            gone.add(path)
