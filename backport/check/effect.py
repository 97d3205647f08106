"""What a patch leaves behind: the files of a tree after it, and whether two answers leave the same."""

from __future__ import annotations

from collections.abc import Mapping

from backport.check.index import private_index
from backport.csource.operands_order import in_one_order
from backport.csource.pieces import squeeze
from backport.git import Git
from backport.patch.model import Patch
from backport.patch.parse import split_lines

# path -> the file afterwards, None where it is gone
Effect = Mapping[str, bytes | None]


def applied(git: Git, commit: str, patch: Patch) -> dict[str, bytes | None] | None:
    """What `patch` makes of every path that it touches; None where git apply refuses it."""
    with private_index(git, commit, patch) as index:
        done = index.apply(patch.diff, check=False)
        if done.code or "Skipped patch" in done.err:
            return None
        entries = index.entries()
        return {path: index.content(entries[path][1]) if path in entries else None for path in patch.paths}


def same_file(one: bytes | None, two: bytes | None, exact: bool = True) -> bool:
    """Whether both are the same file, white space apart in each line; without `exact`, empty lines do not count, and
    neither does the order of operands that may stand in any."""
    return one == two or (one is not None and two is not None and _text(one, exact) == _text(two, exact))


def same_effect(git: Git, commit: str, one: Effect, two: Effect, exact: bool = True) -> bool:
    """Whether the tree of `commit` is the same after both; a path that one of them leaves alone is as it was; `exact`
    as for same_file."""
    for path in {*one, *two}:
        before = git.blob(f"{commit}:{path}") if path not in one or path not in two else None
        if not same_file(one.get(path, before), two.get(path, before), exact):
            return False
    return True


def _text(data: bytes, exact: bool) -> bytes:
    lines = [squeeze(line) for line in split_lines(data)]
    return b"\n".join(lines) if exact else in_one_order(b"\n".join(line for line in lines if line))
