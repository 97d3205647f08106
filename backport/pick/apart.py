"""A work tree of its own for a conflict on a branch that is not checked out: only the touched directories in it."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from pathlib import Path

from backport.git import Git, UserGit
from backport.pick.state import HOME


def make(git: Git, path: Path, commit: str, paths: Sequence[str], home: Path) -> Path:
    """A linked work tree at `commit`, detached, in which files outside the directories of `paths` are left out (as git
    sparse-checkout leaves them out; `git sparse-checkout disable` there brings them). `home` is where the state is."""
    if path.exists():
        shutil.rmtree(path)
    git.run("worktree", "prune", "--expire=now")
    git.run("worktree", "add", "--detach", "--no-checkout", "--quiet", "--end-of-options", str(path), commit)
    with UserGit(path) as there:
        there.run("read-tree", commit)
        folders = {name.rpartition("/")[0] for name in paths}
        rows = [row for row in there.run("ls-files", "-z").out.split(b"\0") if row]
        near = [row for row in rows if row.decode("utf-8", "surrogateescape").rpartition("/")[0] in folders]
        far = b"".join(row + b"\0" for row in rows if row.decode("utf-8", "surrogateescape").rpartition("/")[0]
                       not in folders)
        there.run("update-index", "--skip-worktree", "-z", "--stdin", stdin=far)
        there.run("checkout-index", "--force", "-u", "-z", "--stdin", stdin=b"".join(row + b"\0" for row in near))
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
