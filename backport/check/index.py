"""A private index of only the paths that a patch touches, so that a check needs no work tree.

Reading a whole kernel tree into an index takes a second; a handful of paths takes a millisecond. Parents that
are files or symbolic links in the tree are entered too: git apply must see them to refuse a path that runs
through one.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

from backport.errors import GitError
from backport.git import Git, GitResult, borrowed
from backport.gitfault import damaged
from backport.gitformat import Row, index_of, index_rows
from backport.patch.model import Patch
from backport.temporary import temporary_directory

# the only configuration that it has (see Git); without the second line git reads one in the user's home
_CORE = b"[core]\n\tattributesFile = /dev/null\n\tbare = true\n\trepositoryformatversion = "
_CONFIG = {20: _CORE + b"0\n", 32: _CORE + b"1\n[extensions]\n\tobjectFormat = sha256\n"}


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
    """An index with what `commit` has at the paths of `patch`, gone afterwards.

    It is that of a repository with nothing but those files: in the store, git would open every pack first, which takes
    it longer than all the rest.
    """
    rows = git.touched(commit, patch.paths)
    width = 32 if len(rows[0][1] if rows else commit) == 64 else 20
    with temporary_directory("index") as name:
        place = Path(name)
        for folder in ("objects", "refs"):
            (place / folder).mkdir()
        (place / "HEAD").write_bytes(b"ref: refs/heads/none\n")
        (place / "config").write_bytes(_CONFIG[width])
        (place / "index").write_bytes(index_of(rows, width))
        env = {"GIT_DIR": str(place)}
        if any(file.binary for file in patch.files):     # of such a patch git looks for the result among the objects
            env |= borrowed(git.objects)
        else:
            _copy(git, {sha for _mode, sha, _path in rows}, place / "objects")
        yield PrivateIndex(git, place, env, width, {path: (mode, sha) for mode, sha, path in rows})


def _copy(git: Git, names: Iterable[str], objects: Path) -> None:
    """The blobs as loose objects. Raises GitError for one that cannot be read."""
    for sha in names:
        data = git.blob(sha)
        if data is None:
            raise GitError(["git", "cat-file", "blob", sha], 1, f"the object {sha} is missing",
                           hint=damaged(git.path))
        place = objects / sha[:2] / sha[2:]
        place.parent.mkdir(exist_ok=True)
        place.write_bytes(zlib.compress(b"blob %d\0" % len(data) + data, 0))
