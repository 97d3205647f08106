"""One persistent work tree per tree, outside the store, pristine whenever somebody enters.

kbuild goes by modification times, so a file that did not change keeps its time over the years, and a file that
was changed and put back gets a new one (an old time on other bytes would let make keep a stale object).
`git reset --hard` does exactly that: it writes only files that differ from the index.

A tree that only builds use is a sparse one (sparse.py); who needs all of it gets it whole, and it stays so.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from backport.errors import GitError, InfraError
from backport.git import Git
from backport.locks import FileLock, Timeout
from backport.trees import sparse
from backport.trees.store import Head, Store, safe_name
from backport.wholefile import private_directory

# two cores check files out about twice as fast as one; the default is one
_CHECKOUT = ("-c", "checkout.workers=0", "-c", "checkout.thresholdForParallelism=1000", "-c", "core.autocrlf=false",
             "-c", "core.fileMode=true", "-c", "core.symlinks=true", "-c", "core.hooksPath=/dev/null",
             "-c", "index.threads=true", "-c", "core.preloadIndex=true")


@contextmanager
def worktree(store: Store, head: Head, *, say: Callable[[str], None] = lambda text: None,
             partial: bool = False, sealed: bool = False) -> Iterator[Path]:
    """The work tree of `head.tree` at `head.commit`: pristine on entry, put back on exit whatever happens.

    With `partial` it may lack files, and `sparse.hold` gets what is needed; one that is whole stays so. `sealed` says
    that what runs inside can write nothing here and that the caller undoes what it wrote itself: then it is looked over
    after an exception only, and by the next one who enters.

    One process at a time is inside (others wait, and say so); a work tree that a killed run left dirty, half
    written or half registered is repaired first. Raises InfraError where the disk does not allow it.
    """
    if not safe_name(head.tree):
        raise InfraError(f"{head.tree!r} cannot name a work tree")
    path = store.cache / "worktrees" / head.tree
    private_directory(path.parent)
    with _alone(path.with_name(f"{head.tree}.lock"), f"the work tree of {head.tree}", say):
        try:
            _enter(store, path, head, partial)
            if not partial:
                sparse.whole(path)
        except OSError as error:
            raise InfraError(f"{path}: {error.strerror or error}", hint="is the disk full?") from error
        untouched = False
        try:
            yield path
            untouched = sealed
        finally:
            if not untouched:
                restore(path, head.commit)


def restore(path: Path, commit: str) -> list[str]:
    """Make the work tree at `path` equal to `commit` again; returns the paths that had been changed, sorted.

    Files that did not change are not touched; restored ones get the present time; what the tree does not hold is
    removed, ignored files included.
    """
    _unlock(path)
    with Git(path) as git:
        changed = _changed(git)
        # the usual case at both ends of a build; each of the other two walks the whole tree once more (0.3 s)
        if changed or git.rev("HEAD") != commit:
            git.run(*sparse.OPTIONS, *_CHECKOUT, "reset", "--hard", "--quiet", commit)
            git.run("clean", "-ffdxq")
    return changed


def changed(path: Path) -> list[str]:
    """The paths in the work tree that differ from its commit, new and ignored files included, sorted."""
    with Git(path) as git:
        return _changed(git)


def remove(store: Store, name: str) -> None:
    """Delete a tree's work tree; waits until nobody is inside."""
    path = store.cache / "worktrees" / name
    with _alone(path.with_name(f"{name}.lock"), f"the work tree of {name}", lambda text: None), _administer(store):
        _forget(store, path)


def _changed(git: Git) -> list[str]:
    # with the lock that status leaves out by default here: in a cache that was copied or restored no time stamp is the
    # index's, and without a refreshed index every status reads the whole tree again (6 s instead of 0.5)
    out = git.run(*sparse.OPTIONS, "status", "--porcelain=v1", "-z", "--no-renames", "--ignored",
                  "--untracked-files=all", env={"GIT_OPTIONAL_LOCKS": "1"}).out
    return sorted({row[3:].decode("utf-8", "surrogateescape") for row in out.split(b"\0") if row})


def _enter(store: Store, path: Path, head: Head, partial: bool) -> None:
    base = head.base or head.commit      # a queue's states on one commit share what their builds asked for
    admin = _admin(store, path)
    if _is_ours(store, path):
        try:
            made = (admin / "index").exists()        # not where a process was killed before the first checkout
            if (partial and not made) or sparse.of_commit(admin) not in ("", base):
                sparse.start(admin, base)
            restore(path, head.commit)
            if sparse.unfinished(admin):
                with Git(path) as git:
                    sparse.apply(git, admin)
            return
        except GitError:
            pass                         # beyond repair (damaged index, objects of another store): make it anew
    with _administer(store):
        _forget(store, path)
        with store.git() as git:
            git.run("worktree", "add", "--detach", "--no-checkout", "--quiet", "--end-of-options", str(path),
                    head.commit)
    if partial:
        sparse.start(admin, base)
    restore(path, head.commit)


def _is_ours(store: Store, path: Path) -> bool:
    """Whether `path` is a work tree that this store knows: the file there and the record here name each other."""
    admin = _admin(store, path)
    try:
        there = (path / ".git").read_text().removeprefix("gitdir:").strip()
        here = (admin / "gitdir").read_text().strip()
        return Path(there).resolve() == admin.resolve() and Path(here).resolve() == (path / ".git").resolve() \
            and (admin / "HEAD").stat().st_size > 0
    except OSError:
        return False


def _admin(store: Store, path: Path) -> Path:
    return store.path / "worktrees" / path.name


def _forget(store: Store, path: Path) -> None:
    if path.is_symlink() or path.is_file():
        path.unlink()
    elif path.exists():
        # renamed first: a kill in the middle of the deletion leaves no half work tree under the real name
        doomed = path.with_name(f".{path.name}.{os.getpid()}.doomed")
        path.rename(doomed)
        shutil.rmtree(doomed, ignore_errors=True)
    for old in path.parent.glob(f".{path.name}.*.doomed"):
        shutil.rmtree(old, ignore_errors=True)
    shutil.rmtree(_admin(store, path), ignore_errors=True)
    with store.git() as git:
        git.run("worktree", "prune", "--expire=now")


def _unlock(path: Path) -> None:
    """Remove locks of a git that was killed inside this work tree; we hold the tree's own lock, so nobody lives."""
    try:
        admin = Path((path / ".git").read_text().removeprefix("gitdir:").strip())
    except OSError:
        return
    for lock in (admin / "index.lock", admin / "HEAD.lock", admin / "ORIG_HEAD.lock"):
        lock.unlink(missing_ok=True)


@contextmanager
def _alone(file: Path, what: str, say: Callable[[str], None]) -> Iterator[None]:
    lock = FileLock(file)
    try:
        lock.acquire(timeout=0)
    except Timeout:
        say(f"waiting for another backport process that uses {what}")
        lock.acquire()
    try:
        yield
    finally:
        with suppress(OSError):
            lock.release()


@contextmanager
def _administer(store: Store) -> Iterator[None]:
    """`git worktree add`, `remove` and `prune` at the same time fail in most runs: one at a time."""
    store.create()
    with FileLock(store.cache / "worktrees" / ".admin.lock"):
        yield
