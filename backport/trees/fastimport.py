"""Put a tree that is no git repository (tarball, directory) into the object store as one commit.

`git fast-import` takes the files as they stream by, so that a 1.5 GB tree never lies unpacked on disk. The
commit is a container, made the same way every time: the same tarball gives the same commit on every machine,
which is what lets a cached result be compared with somebody else's.
"""

from __future__ import annotations

import stat
import tarfile
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO, cast

from backport.errors import GitError, SourceUnavailable
from backport.git import Git

Progress = Callable[[int], None]   # called with the number of bytes read since the last call


@dataclass(frozen=True, slots=True)
class Entry:
    """One file of a tree: git mode ("100644", "100755", "120000"), path below the top level, content."""

    mode: str
    path: bytes
    data: bytes


def import_tree(git: Git, ref: str, entries: Iterable[Entry],
                message: str | Callable[[bytes | None], str]) -> str:
    """Write `entries` as one parentless commit under `ref`; return its object name.

    `message` may be a function of the top-level Makefile's bytes (None where there is none), which is known only
    once the files have passed by. The ref moves only when everything arrived: fast-import writes refs at the very
    end. Raises SourceUnavailable where there is no file at all.
    """
    # --depth=0: a delta against whatever file came before costs time and finds nothing
    process = git.stream("fast-import", "--quiet", "--force", "--done", "--depth=0")
    assert process.stdin is not None
    feed = process.stdin
    listing: list[bytes] = []
    makefile: bytes | None = None
    try:
        feed.write(b"feature done\n")
        for number, entry in enumerate(entries, 1):
            feed.write(b"blob\nmark :%d\ndata %d\n" % (number, len(entry.data)))
            feed.write(entry.data)
            listing.append(b"M %s :%d %s\n" % (entry.mode.encode(), number, _quote(entry.path)))
            if entry.path == b"Makefile":
                makefile = entry.data
        if not listing:
            raise SourceUnavailable("holds no file")
        note = (message if isinstance(message, str) else message(makefile)).encode()
        feed.write(b"commit %s\ncommitter backport <backport@localhost> 0 +0000\ndata %d\n%s\ndeleteall\n"
                   % (ref.encode(), len(note), note))
        feed.writelines(listing)
        feed.write(b"done\n")
    except BrokenPipeError:
        pass                             # fast-import gave up; its own words follow
    except BaseException:
        process.kill()
        process.communicate()
        raise
    _out, err = process.communicate()
    if process.returncode:
        raise GitError(["git", "fast-import"], process.returncode, err.decode("utf-8", "replace"))
    commit = git.rev(ref)
    if commit is None:
        raise GitError(["git", "fast-import"], 0, f"{ref} was not written")
    return commit


def tar_entries(path: Path, progress: Progress | None = None) -> Iterator[Entry]:
    """The files of a tarball (any compression that the standard library reads), top-level directory cut.

    Raises SourceUnavailable where the file is no tarball, is cut short, or names a path outside itself.
    """
    try:
        with (path.open("rb") as raw,
              tarfile.open(fileobj=cast(IO[bytes], _Counted(raw, progress)), mode="r|*") as archive):
            for member in archive:
                entry = _tar_entry(archive, member)
                if entry is not None:
                    yield entry
    except (tarfile.TarError, EOFError, OSError) as error:
        raise SourceUnavailable(f"{path.name}: not a whole tarball: {error}",
                                hint="delete it and fetch again") from error


def directory_entries(top: Path, progress: Progress | None = None) -> Iterator[Entry]:
    """The files below `top`, sorted, `.git` left out."""
    for path in sorted(top.rglob("*")):
        relative = path.relative_to(top)
        if ".git" in relative.parts:
            continue
        name = str(relative).encode("utf-8", "surrogateescape")
        if path.is_symlink():
            yield Entry("120000", name, str(path.readlink()).encode("utf-8", "surrogateescape"))
        elif path.is_file():
            mode = "100755" if path.stat().st_mode & stat.S_IXUSR else "100644"
            data = path.read_bytes()
            if progress is not None:
                progress(len(data))
            yield Entry(mode, name, data)


def _tar_entry(archive: tarfile.TarFile, member: tarfile.TarInfo) -> Entry | None:
    parts = member.name.split("/")
    if parts[0] == ".":
        parts = parts[1:]
    if member.name.startswith("/") or ".." in parts:
        raise SourceUnavailable(f"tarball names a path outside itself: {member.name!r}")
    name = "/".join(parts[1:]).encode("utf-8", "surrogateescape")   # linux-6.1.187/Makefile -> Makefile
    if not name or member.isdir() or ".git" in parts:
        return None
    if member.issym():
        return Entry("120000", name, member.linkname.encode("utf-8", "surrogateescape"))
    stream = archive.extractfile(member) if member.isreg() else None
    if stream is None:
        return None
    return Entry("100755" if member.mode & 0o100 else "100644", name, stream.read())


def _quote(path: bytes) -> bytes:
    """A path as fast-import reads it: quoted when it holds a quote, a newline or a leading quote."""
    if path.startswith(b'"') or b"\n" in path or b"\\" in path:
        return b'"' + path.replace(b"\\", b"\\\\").replace(b'"', b'\\"').replace(b"\n", b"\\n") + b'"'
    return path


class _Counted:
    """A file that tells how far it was read; tarfile in stream mode needs nothing but read()."""

    def __init__(self, raw: IO[bytes], progress: Progress | None) -> None:
        self._raw = raw
        self._progress = progress

    def read(self, size: int = -1) -> bytes:
        data = self._raw.read(size)
        if self._progress is not None:
            self._progress(len(data))
        return data


