"""Small git repositories for tests; made-up trees, never named like a real one."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from backport.git import Git


class TestRepo:
    """A repository with a work tree, a commit at a time."""

    __test__ = False

    def __init__(self, path: Path) -> None:
        path.mkdir(parents=True, exist_ok=True)
        self.path = path
        self.git = Git(path)
        self.git.run("init", "--quiet", "--initial-branch=main")

    def commit(self, files: Mapping[str, bytes | None], message: str = "change") -> str:
        """Write (or, for None, delete) files and commit; returns the commit."""
        for name, data in files.items():
            target = self.path / name
            if data is None:
                target.unlink()
            else:
                target.parent.mkdir(parents=True, exist_ok=True)
                target.write_bytes(data)
        self.git.run("add", "--all", "--force")
        self.git.run("commit", "--quiet", "--allow-empty", "-m", message)
        return self.git.run("rev-parse", "HEAD").text

    def diff(self, old: str, new: str, *extra: str) -> bytes:
        """`git diff` between two commits, as format-patch would show it."""
        return self.git.run("diff", *extra, old, new).out
