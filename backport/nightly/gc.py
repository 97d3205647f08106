"""Keeping disk use bounded: what nobody will ask for again goes, and it is said how much that was.

Nothing goes that a kept run refers to, that the manifest names, or that another process holds; what goes is made
again when it is needed, except the history of old runs and their logs.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from backport.git import Git
from backport.kbuild import leftover
from backport.locks import FileLock, Timeout
from backport.manifest import Manifest
from backport.results.store import Results
from backport.trees import catalog, worktree
from backport.trees.fetch import source_key
from backport.trees.store import Head, Store
from backport.wholefile import write_whole

_HOUR = 3600.0
_STAY = ("logs", "lock")             # logs while a run refers to them, the lock because it is held
_YOUNG = 24 * _HOUR                  # a log this young may belong to a cell that is not recorded yet


@dataclass(frozen=True, slots=True)
class Freed:
    """One kind of thing that went: how many of them, and how many bytes on disk."""

    what: str
    count: int
    size: int

    def __str__(self) -> str:
        return f"{self.what}: {self.count}, {human(self.size)}"


def collect(store: Store, results: Results, manifest: Manifest | None, *, keep: int, days: float = 30,
            dry_run: bool = False, now: float | None = None) -> list[Freed]:
    """Free what is not needed; returns what went (or would go, with `dry_run`), nothing where nothing did.

    `keep` is the number of newest runs of each kind and manifest that stay. Build directories go when their tree is
    neither in the manifest, nor in a kept run of another one (several may share the cache), nor a pinned release, or
    nobody built there for `days`; the work tree of a release goes with them. Without a manifest no tree is taken for a
    gone one.
    """
    when = time.time() if now is None else now
    since = when - days * 24 * _HOUR
    runs = _runs(results, keep, dry_run)
    branches = None if manifest is None else {tree.name for tree in manifest.trees} | {
        tree.name for run in results.runs() if run.manifest not in ("", str(manifest.path.resolve()))
        for tree in run.trees}
    names = None if branches is None else branches | {head.tree for head in store.releases()}
    freed = [                        # builds before logs: the newest log says when a directory was used
        runs, _builds(store, names, since, dry_run),
        _logs(store, results, keep, when, since, dry_run), _worktrees(store, branches, dry_run),
        _clones(store, since, dry_run), _sources(store, manifest, since, dry_run), _indexes(store, dry_run),
        _objects(store, dry_run),
    ]
    return [one for one in freed if one.count]


def _runs(results: Results, keep: int, dry_run: bool) -> Freed:
    before = _size(results.path)
    if dry_run:
        return Freed("runs", len(results.old_runs(keep)), 0)
    count = results.forget_runs(keep)
    return Freed("runs", count, max(before - _size(results.path), 0))


def _logs(store: Store, results: Results, keep: int, now: float, since: float, dry_run: bool) -> Freed:
    wanted = {os.path.realpath(log) for log in results.logs(keep)}
    there = [*store.cache.glob("build/*/*/logs/*.log"), *store.cache.glob("boot-logs/*/*")]
    old = [path for path in there
           if os.path.realpath(path) not in wanted and now - path.stat().st_mtime > _YOUNG]
    # what `backport boot` left belongs to no run
    old += [path for path in store.cache.glob("boot/logs/*/*") if path.stat().st_mtime < since]
    size = sum(_size(path) for path in old)
    for path in () if dry_run else old:
        _remove(path)
    return Freed("logs", len(old), size)


def _builds(store: Store, names: set[str] | None, since: float, dry_run: bool) -> Freed:
    """Build directories (verdict builds and boot kernels) that are not going to be used again."""
    count = size = 0
    for tree, home in _homes(store):
        gone = names is not None and tree not in {name.replace("/", "_") for name in names} | (names or set())
        held = _held(home)
        if not held or not (gone or _used(home) < since):
            continue
        with _free(home / "lock") as free:
            if not free:
                continue
            count, size = count + 1, size + sum(map(_size, held))
            for path in () if dry_run else held:
                _remove(path)
    return Freed("build directories", count, size)


def _homes(store: Store) -> list[tuple[str, Path]]:
    """(tree, directory) of everything that is built. The compiler cache beside them keeps to its own size."""
    return [(home.parent.name, home) for home in store.cache.glob("build/*/*") if home.parent.name != "ccache"] + [
        (home.name, home) for home in store.cache.glob("boot/*") if home.name != "logs"]


def _held(home: Path) -> list[Path]:
    return [path for path in home.iterdir() if path.name not in _STAY] if home.is_dir() else []


def _remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        with suppress(OSError):
            leftover.remove(path)            # a build was in there, and may have made it deeper than Python nests
    else:
        path.unlink(missing_ok=True)


def _used(home: Path) -> float:
    """When there was last a build. The lock does not tell: whoever looks whether it is free touches it."""
    times = [path.stat().st_mtime for path in (*home.glob("logs/*"), *home.iterdir()) if path.name not in _STAY]
    return max(times, default=time.time())


def _clones(store: Store, since: float, dry_run: bool) -> Freed:
    """What `backport pick` computed for a clone that is gone, or in which nobody picked for the time."""
    count = size = 0
    for path in sorted(store.cache.glob("clone-*.git")):
        borrowed = path / "objects/info/alternates"
        if not borrowed.is_file():
            continue
        there = Path(borrowed.read_text("utf-8", "surrogateescape").rstrip("\n")).is_dir()
        newest = max((one.stat().st_mtime for one in (path, *path.glob("objects/*"))), default=0.0)
        if there and newest >= since:
            continue
        with _free(path.with_suffix(".lock")) as free:
            if not free:
                continue
            count, size = count + 1, size + _size(path)
            if not dry_run:
                _remove(path)
    return Freed("stores of clones", count, size)


def _worktrees(store: Store, names: set[str] | None, dry_run: bool) -> Freed:
    count = size = 0
    built = {tree for tree, home in _homes(store) if _held(home)}
    used = (names or set()) | {head.tree for head in store.releases() if head.tree in built}
    for path in sorted((store.cache / "worktrees").glob("*")) if names is not None else ():
        if not path.is_dir() or path.name in used or path.name.startswith("."):
            continue
        with _free(path.with_name(f"{path.name}.lock")) as free:
            if not free:
                continue
            count, size = count + 1, size + _size(path)
        if not dry_run:
            worktree.remove(store, path.name)
    return Freed("work trees", count, size)


def _sources(store: Store, manifest: Manifest | None, since: float, dry_run: bool) -> Freed:
    """What a source brought that is not in this manifest and was not asked since; the newest of each name stays."""
    ours = {source_key(source) for tree in manifest.trees for source in tree.sources} if manifest is not None else None

    def old() -> list[Head]:
        return [] if ours is None else [head for head in store.by_source() if head.source_key not in ours
                                        and head.asked < since and store.head(head.tree) != head]

    gone = old()
    if gone and not dry_run:
        with store.writing():
            gone = old()
            for head in gone:
                store.forget(head)
    return Freed("trees of sources that nobody asked", len(gone), 0)


def _indexes(store: Store, dry_run: bool) -> Freed:
    """The names of commits that no tree and no release is at any more, and what older versions kept of names."""
    if not (store.path / "backport.json").is_file():
        return Freed("name indexes", 0, 0)
    with store.git() as git:
        heads = set(git.run("for-each-ref", "--format=%(objectname)").text.split())
    count, size = catalog.collect(store.cache / catalog.FOLDER, heads, dry_run=dry_run)
    for path in sorted((store.cache / "index").glob("*")):
        if path.suffix != ".lock":
            count, size = count + 1, size + _size(path)
        if not dry_run:
            path.unlink(missing_ok=True)
    return Freed("name indexes", count, size)


def _objects(store: Store, dry_run: bool) -> Freed:
    """Objects of heads that moved on. Packs are copied, not compressed again: that would take hours."""
    mark = store.path / "backport.collected"
    if not (store.path / "backport.json").is_file():
        return Freed("objects", 0, 0)
    with store.git() as git:
        refs = git.run("for-each-ref", "--format=%(objectname) %(refname)").text
        known = _read(mark)
        if known is None or set(known.splitlines()) <= set(refs.splitlines()):
            # nothing moved away since the last time, so nothing can have become garbage
            if known != refs and not dry_run:
                write_whole(mark, json.dumps(refs).encode())
            return Freed("objects", 0, 0)
        if dry_run:
            return Freed("objects of heads that moved", len(set(known.splitlines()) - set(refs.splitlines())), 0)
        with store.writing():
            before = _counts(git)
            git.run("-c", "pack.window=0", "-c", "gc.pruneExpire=now", "repack", "-a", "-d", "-l", "-q")
            git.run("prune", "--expire=1.day.ago")
            after = _counts(git)
            write_whole(mark, json.dumps(refs).encode())
    return Freed("objects", max(before[0] - after[0], 0), max(before[1] - after[1], 0))


def _read(mark: Path) -> str | None:
    try:
        told = json.loads(mark.read_text())
    except (OSError, ValueError):
        return None
    return told if isinstance(told, str) else None


def _counts(git: Git) -> tuple[int, int]:
    """(objects, bytes) in the store itself."""
    told = dict(row.split(": ", 1) for row in git.run("count-objects", "-v").text.splitlines())
    return int(told["count"]) + int(told["in-pack"]), 1024 * (int(told["size"]) + int(told["size-pack"]))


@contextmanager
def _free(lock: Path) -> Iterator[bool]:
    """Hold `lock` if nobody does; yields whether it is held."""
    try:
        with FileLock(lock, timeout=0):
            yield True
    except Timeout:
        yield False


def _size(path: Path) -> int:
    """Bytes on disk of a file, or of everything below a directory."""
    total = 0
    pending = [path]
    while pending:
        here = pending.pop()
        with suppress(OSError):
            told = here.lstat()
            total += told.st_blocks * 512
            if here.is_dir() and not here.is_symlink():
                pending += here.iterdir()
    return total


def human(size: int) -> str:
    """1.5 GB: decimal units, as disks have them."""
    value = float(size)
    for unit in ("bytes", "kB", "MB", "GB"):
        if value < 1000 or unit == "GB":
            return f"{value:.0f} {unit}" if unit == "bytes" else f"{value:.1f} {unit}"
        value /= 1000
    raise AssertionError
