"""A private index of only the paths that a patch touches, so that a check needs no work tree.

Reading a whole kernel tree into an index takes a second; a handful of paths takes a millisecond. Parents that
are files or symbolic links in the tree are entered too: git apply must see them to refuse a path that runs
through one.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from backport.git import Git, GitResult
from backport.patch.model import Patch
from backport.temporary import temporary_directory

_NO_BLOB = ("040000", "160000")      # modes of a directory and of a submodule


@dataclass(frozen=True, slots=True)
class PrivateIndex:
    """An index file of its own, and an object directory of its own for what is written while checking.

    Nothing lands in the store: new objects go to `objects`, which lives as long as the context does.
    """

    git: Git
    env: Mapping[str, str]

    def apply(self, diff: bytes, *, reverse: bool = False, check: bool = True) -> GitResult:
        """`git apply --cached [-R] [--check] -v` of `diff` (a bare diff, no envelope); any exit code is returned."""
        args = ["apply", "--cached", "--verbose", "--whitespace=nowarn"]
        if check:
            args.append("--check")
        if reverse:
            args.append("--reverse")
        return self.git.run(*args, "-", stdin=diff, ok=(), env=self.env)

    def tree(self) -> str:
        """The object name of the index as a tree (of just these paths)."""
        return self.git.run("write-tree", env=self.env).text

    def entries(self) -> dict[str, tuple[str, str]]:
        """path -> (mode, object name) as the index has it now."""
        rows = {}
        for record in self.git.run("ls-files", "--stage", "-z", env=self.env).out.split(b"\0"):
            if record:
                meta, path = record.split(b"\t", 1)
                mode, sha, _stage = meta.decode().split(" ")
                rows[path.decode("utf-8", "surrogateescape")] = (mode, sha)
        return rows

    def content(self, sha: str) -> bytes:
        """A blob that may have been written while checking."""
        return self.git.run("cat-file", "blob", sha, env=self.env).out


@contextmanager
def private_index(git: Git, commit: str, patch: Patch) -> Iterator[PrivateIndex]:
    """An index with what `commit` has at the paths of `patch`, gone afterwards."""
    with temporary_directory("index") as place:
        objects = Path(place, "objects")
        objects.mkdir()
        env = {
            "GIT_INDEX_FILE": str(Path(place, "index")),
            "GIT_OBJECT_DIRECTORY": str(objects),
            "GIT_ALTERNATE_OBJECT_DIRECTORIES": str(objects_of(git)),
        }
        feed = b"".join(b"%s %s\t%s\0" % (mode.encode(), sha.encode(), path.encode("utf-8", "surrogateescape"))
                        for mode, sha, path in touched_entries(git, commit, patch))
        git.run("update-index", "-z", "--index-info", stdin=feed, env=env)
        yield PrivateIndex(git, env)


def objects_of(git: Git) -> Path:
    """The object directory of a repository, bare or not."""
    return Path(git.path, git.run("rev-parse", "--git-path", "objects").text)


def touched_entries(git: Git, commit: str, patch: Patch) -> list[tuple[str, str, str]]:
    """(mode, object name, path) of what `commit` has at the patch's paths and at their parents, trees left out."""
    wanted: dict[str, None] = {}
    for path in patch.paths:
        parts = path.split("/")
        for depth in range(1, len(parts) + 1):
            wanted["/".join(parts[:depth])] = None
    if not wanted:
        return []
    return [row for row in git.ls_tree(commit, wanted, recurse=False) if row[0] not in _NO_BLOB]
