"""The oldest tree that has a name."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from posixpath import dirname

from backport.architecture import source_directories
from backport.git import GLOBS, Git
from backport.trees.store import Head


def near(paths: Iterable[str]) -> tuple[str, ...]:
    """Where a name that these files use is looked for: all of include/, their own directories and the headers of
    their architecture. A whole kernel takes seconds a tree, and a name that they can use is in one of these."""
    folders = {"include/"}
    for path in paths:
        folder = dirname(path)
        folders.add(f":(glob){folder}/*" if folder else ":(glob)*")
        folders.update(f"{home}/include/" for home in source_directories([path]))
    return tuple(sorted(folders))


def oldest(git: Git, heads: Sequence[Head], name: str, places: Sequence[str]) -> Head | None:
    """The last of `heads` (newest first) whose files in `places` (git's pathspecs) have `name`, None without one."""
    for head in reversed(heads):
        if git.run(GLOBS, "grep", "--quiet", "--word-regexp", "--fixed-strings", "-e", name, head.commit, "--", *places,
                   ok=(0, 1)).code == 0:
            return head
    return None
