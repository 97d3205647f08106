"""A work tree of its own for a conflict on a branch that is not checked out: only the touched directories in it."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from pathlib import Path

from backport.git import Git, UserGit
from backport.pick.state import HOME
from backport.resolve.desk import check_out_around


def make(git: Git, path: Path, commit: str, paths: Sequence[str], home: Path) -> Path:
    """A linked work tree at `commit`, detached, with the directories of `paths`. `home` is where the state is."""
    if path.exists():
        shutil.rmtree(path)
    git.run("worktree", "prune", "--expire=now")
    git.run("worktree", "add", "--detach", "--no-checkout", "--quiet", "--end-of-options", str(path), commit)
    with UserGit(path) as there:
        check_out_around(there, commit, paths)
        admin = Path(there.run("rev-parse", "--path-format=absolute", "--git-dir").text)
    (admin / HOME).write_text(f"{home}\n{git.path}\n")
    return path


def remove(git: Git, path: Path) -> None:
    """Take the work tree away, and git's record of it."""
    if path.is_dir():
        git.run("worktree", "remove", "--force", "--force", "--end-of-options", str(path), ok=())
    shutil.rmtree(path, ignore_errors=True)
    git.run("worktree", "prune", "--expire=now")


def leave(git: Git, path: Path, to: Path) -> None:
    """Give the work tree to the person, where no later pick removes it."""
    git.run("worktree", "move", "--end-of-options", str(path), str(to))
    with UserGit(to) as there:
        admin = Path(there.run("rev-parse", "--path-format=absolute", "--git-dir").text)
    (admin / HOME).unlink(missing_ok=True)
