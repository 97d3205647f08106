"""What others make of a case: git apply, git apply -C1, patch -F3, git merge-file, wiggle.

Each one gets the same diff and the same file and answers with the whole file or with nothing. They run in a
scratch directory; a tool that is not installed answers `None` from `available`, and the table says so.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

from backport.git import Git

NAMES = ("git apply", "git apply -C1", "git merge-file", "patch -F3", "wiggle --merge")
_PROGRAM = {"patch -F3": "patch", "wiggle --merge": "wiggle"}


def available(name: str) -> bool:
    """True where the program that `name` needs is installed."""
    return shutil.which(_PROGRAM.get(name, "git")) is not None


class Scratch:
    """A directory with a repository in it, reused for many cases by one process."""

    def __init__(self, top: Path) -> None:
        self.top = top
        self.git = Git(top)
        if not (top / ".git").exists():
            self.git.run("init", "-q", ".")
        self.file = top / "file.c"

    def close(self) -> None:
        self.git.close()

    def run(self, name: str, diff: bytes, target: bytes, upstream: bytes, upstream_after: bytes) -> bytes | None:
        """The file as `name` leaves it, None where it declines (conflict markers count as declining)."""
        ways: dict[str, Callable[[], bytes | None]] = {
            "git apply": lambda: self._git_apply(diff, target),
            "git apply -C1": lambda: self._git_apply(diff, target, "-C1"),
            "git merge-file": lambda: self._merge_file(target, upstream, upstream_after),
            "patch -F3": lambda: self._patch(diff, target),
            "wiggle --merge": lambda: self._wiggle(diff, target),
        }
        return ways[name]()

    def _git_apply(self, diff: bytes, target: bytes, *options: str) -> bytes | None:
        self.file.write_bytes(target)
        result = self.git.run("apply", "--whitespace=nowarn", *options, "-", stdin=diff, ok=())
        if result.code or "Skipped patch" in result.err:
            return None
        return self.file.read_bytes()

    def _merge_file(self, target: bytes, upstream: bytes, upstream_after: bytes) -> bytes | None:
        self.file.write_bytes(target)
        (self.top / "base.c").write_bytes(upstream)
        (self.top / "other.c").write_bytes(upstream_after)
        result = self.git.run("merge-file", "-p", "-q", "file.c", "base.c", "other.c", ok=())
        return result.out if result.code == 0 else None

    def _patch(self, diff: bytes, target: bytes) -> bytes | None:
        self.file.write_bytes(target)
        code = _call(["patch", "-F3", "-p1", "-s", "-f", "-N", "--no-backup-if-mismatch", "-r", os.devnull, "file.c"],
                     self.top, diff)
        return self.file.read_bytes() if code == 0 else None

    def _wiggle(self, diff: bytes, target: bytes) -> bytes | None:
        self.file.write_bytes(target)
        (self.top / "change.patch").write_bytes(diff)
        try:
            done = subprocess.run(["wiggle", "--merge", "file.c", "change.patch"], cwd=self.top,
                                  capture_output=True, timeout=60, check=False)
        except subprocess.TimeoutExpired:
            return None
        return done.stdout if done.returncode == 0 else None


def _call(command: list[str], cwd: Path, stdin: bytes) -> int:
    try:
        return subprocess.run(command, cwd=cwd, input=stdin, capture_output=True, timeout=60, check=False).returncode
    except subprocess.TimeoutExpired:
        return -1
