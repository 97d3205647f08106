"""What happened to each file between two trees."""

from __future__ import annotations

from collections.abc import Sequence

from backport.git import GLOBS, Git
from backport.replay.cases import Delta, parse_delta

C = ("*.c", "*.h")


def tree_delta(git: Git, old: str, new: str, globs: Sequence[str] = ()) -> dict[str, Delta]:
    """path -> edits of every file that `globs` (all by default) match and that both trees have."""
    return parse_delta(git.run(GLOBS, "diff-tree", "-r", "-p", "-U0", "--no-renames", "--no-color", "--no-ext-diff",
                               "--full-index", old, new, *(["--", *globs] if globs else [])).out)
