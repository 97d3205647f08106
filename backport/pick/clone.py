"""The clone that a person stands in: where its parts are, what is going on in it, and its objects on loan."""

from __future__ import annotations

import hashlib
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from backport.errors import GitError, InfraError, UserError
from backport.git import Git, UserGit
from backport.locks import FileLock
from backport.temporary import mark, sweep_once
from backport.wholefile import private_directory, write_whole

# what git leaves in its directory while a command of it waits for the person
_BUSY = (("rebase-merge", "rebase"), ("rebase-apply", "rebase or am"), ("MERGE_HEAD", "merge"),
         ("CHERRY_PICK_HEAD", "cherry-pick"), ("REVERT_HEAD", "revert"), ("sequencer", "cherry-pick or revert"))


@dataclass(frozen=True, slots=True)
class Clone:
    """One work tree of a clone (`top` is None in a bare one). `git_dir` is this work tree's own, `common` all share."""

    top: Path | None
    git_dir: Path
    common: Path
    objects: Path

    @property
    def state(self) -> Path:
        """Where a pick that stopped is kept, as git keeps its own in sequencer/."""
        return self.git_dir / "backport-pick"

    def git(self) -> UserGit:
        """git here with the user's configuration; the caller closes it."""
        return UserGit(self.top or self.git_dir)

    def busy(self) -> str:
        """The git command that waits for its continuation here, "" for none."""
        return next((name for file, name in _BUSY if (self.git_dir / file).exists()), "")


def find(here: Path) -> Clone:
    """The clone around `here`; raises UserError where there is none that this can work in."""
    git = UserGit(here)
    asked = git.run("rev-parse", "--path-format=absolute", "--git-dir", "--git-common-dir", "--git-path", "objects",
                    "--is-inside-work-tree", "--show-object-format", ok=())
    if asked.code:
        raise UserError(f"{here} is not in a git repository: {asked.err.strip()}",
                        hint="run this inside a kernel clone, or name trees in a trees.yaml and use `backport adapt`")
    git_dir, common, objects, inside, form = asked.text.split("\n")
    if form != "sha1":
        raise UserError(f"{common} names its objects with {form}, and the kernel's are sha1")
    top = None
    if inside == "true":
        top = Path(git.run("rev-parse", "--path-format=absolute", "--show-toplevel").text)
    return Clone(top, Path(git_dir), Path(common), Path(objects))


@contextmanager
def all_there(clone: Clone) -> Iterator[None]:
    """Of a clone that lacks objects on purpose, a missing one is said in these words, and not called damage.

    They are not fetched one by one: a look at the names of a tree alone would ask for 60,000 files.
    """
    try:
        yield
    except GitError as error:
        with clone.git() as git:
            asked = git.run("config", "--get-regexp", r"^(extensions\.partialclone|remote\..*\.promisor)$", ok=())
        if not asked.out or "missing" not in error.message:
            raise
        raise UserError(f"{clone.common} is a partial clone, and lacks what this needs: {error.message}",
                        hint="`git fetch --refetch --no-filter` in it brings all of it") from error


def on_loan(clone: Clone, cache: Path) -> Path:
    """A bare repository in `cache` that has the clone's objects and nothing of its own.

    What is computed on the way to an answer is written there and never in the clone, which may be read-only; the
    indexes of names lie beside it, where those of `backport run` are.
    """
    path = cache / f"clone-{hashlib.sha256(str(clone.objects).encode()).hexdigest()[:16]}.git"
    if "\n" in str(clone.objects):
        raise UserError(f"git cannot borrow from {clone.objects}: its name has a line end")
    try:
        private_directory(cache)
        with FileLock(path.with_suffix(".lock")):
            if not (path / "HEAD").is_file():
                _make(path)
            _write(path / "objects" / "info" / "alternates", f"{clone.objects}\n")
            shallow = clone.common / "shallow"
            _write(path / "shallow", shallow.read_text() if shallow.is_file() else "")
    except OSError as error:
        raise InfraError(f"{path}: the working repository cannot be made: {error.strerror or error}",
                         hint="choose another place with --cache DIR or BACKPORT_CACHE") from error
    return path


def _make(path: Path) -> None:
    """A bare repository, whole or not there: git does not finish one that a kill left half made."""
    sweep_once(str(path.parent))
    made = Path(tempfile.mkdtemp(prefix=f".{mark('clone')}", dir=path.parent))
    try:
        with Git(made) as git:
            git.run("init", "--bare", "--quiet", "--initial-branch=none", ".")
            git.run("config", "gc.auto", "0")
        if path.exists():
            shutil.rmtree(path)
        made.replace(path)
    finally:
        shutil.rmtree(made, ignore_errors=True)


def _write(path: Path, text: str) -> None:
    """`text` in the file, or no file for none; left alone where it says so already."""
    known = path.read_text() if path.is_file() else ""
    if known == text:
        return
    if not text:
        path.unlink()
        return
    write_whole(path, text.encode("utf-8", "surrogateescape"))
