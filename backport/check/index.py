"""A private index of only the paths that a patch touches, so that a check needs no work tree.

Reading a whole kernel tree into an index takes a second; a handful of paths takes a millisecond. Parents that
are files or symbolic links in the tree are entered too: git apply must see them to refuse a path that runs
through one.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

from backport.git import Git, GitResult
from backport.gitformat import Row, index_of, index_rows
from backport.patch.model import Patch
from backport.temporary import temporary_directory


@dataclass(slots=True)
class PrivateIndex:
    """An index file of its own, and an object directory of its own for what is written while checking.

    Nothing lands in the store: new objects go to `objects`, which lives as long as the context does.
    """

    git: Git
    place: Path
    env: Mapping[str, str]
    width: int                       # bytes of an object name
    _rows: dict[str, Row] | None = field(default=None)      # of the index as it is; None: to be read

    def apply(self, diff: bytes, *, reverse: bool = False, check: bool = True) -> GitResult:
        """`git apply --cached [-R] [--check] -v` of `diff` (a bare diff, no envelope); any exit code is returned."""
        args = ["apply", "--cached", "--verbose", "--whitespace=nowarn"]
        if check:
            args.append("--check")
        else:
            self._rows = None
        if reverse:
            args.append("--reverse")
        return self.git.run(*args, "-", stdin=diff, ok=(), env=self.env)

    def entries(self) -> dict[str, Row]:
        """path -> (mode, object name) as the index has it now."""
        if self._rows is None:
            self._rows = self._read()
        return self._rows

    def _read(self) -> dict[str, Row]:
        known = index_rows((self.place / "index").read_bytes(), self.width)
        if known is not None:
            return known
        rows = {}
        for record in self.git.run("ls-files", "--stage", "-z", env=self.env).out.split(b"\0"):
            if record:
                meta, path = record.split(b"\t", 1)
                mode, sha, _stage = meta.decode().split(" ")
                rows[path.decode("utf-8", "surrogateescape")] = (mode, sha)
        return rows

    def content(self, sha: str) -> bytes:
        """A blob that may have been written while checking."""
        with suppress(OSError, zlib.error):
            head, _, data = zlib.decompress((self.place / "objects" / sha[:2] / sha[2:]).read_bytes()).partition(b"\0")
            if head == b"blob %d" % len(data):
                return data
        known = self.git.blob(sha)
        return known if known is not None else self.git.run("cat-file", "blob", sha, env=self.env).out


@contextmanager
def private_index(git: Git, commit: str, patch: Patch) -> Iterator[PrivateIndex]:
    """An index with what `commit` has at the paths of `patch`, gone afterwards."""
    rows = git.touched(commit, patch.paths)
    width = 32 if len(rows[0][1] if rows else commit) == 64 else 20
    with temporary_directory("index") as name:
        place = Path(name)
        (place / "objects").mkdir()
        (place / "index").write_bytes(index_of(rows, width))
        yield PrivateIndex(git, place, {
            "GIT_INDEX_FILE": str(place / "index"),
            "GIT_OBJECT_DIRECTORY": str(place / "objects"),
            "GIT_ALTERNATE_OBJECT_DIRECTORIES": str(git.objects),
        }, width, {path: (mode, sha) for mode, sha, path in rows})
