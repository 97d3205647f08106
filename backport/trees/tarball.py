"""The files of a tarball, as they stream by; a damaged or shortened one is an error, never a smaller tree."""

from __future__ import annotations

import bz2
import gzip
import lzma
import os
import shutil
import subprocess
import tarfile
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any, cast

from backport.errors import SourceUnavailable
from backport.trees.fastimport import Progress, TreeEntry

_XZ = b"\xfd7zXZ\x00"
_BLOCK = 512
FILE = 256 << 20             # bytes of one file; the largest of a kernel are some 20 MB
TREE = 16 << 30              # bytes of the unpacked archive; a kernel has 1.5 GB
_HEADER = 1 << 20            # bytes of a long name, or of the fields of a pax header
_LONG = {tarfile.GNUTYPE_LONGNAME: "path", tarfile.GNUTYPE_LONGLINK: "linkpath"}
_FIELDS = (tarfile.XHDTYPE, tarfile.XGLTYPE, tarfile.SOLARIS_XHDTYPE, *_LONG)


def tar_entries(path: Path, progress: Progress | None = None) -> Iterator[TreeEntry]:
    """Every regular file and link of a tarball (xz, gzip, bzip2 or plain), with its path as the tarball has it.

    Directories and `.git` are left out. Raises SourceUnavailable where the file is no tarball, is cut short, or
    names a path outside itself.
    """
    try:
        with path.open("rb", buffering=0) as raw:    # unbuffered: xz takes over the descriptor where it stands
            magic = raw.read(len(_XZ))
            raw.seek(0)
            program = shutil.which("xz") if magic == _XZ else None
            if program is not None:
                yield from _through(program, raw, progress)
            else:
                yield from _read(_Stream(_unpacked(cast(IO[bytes], raw), magic), raw.fileno(), progress))
    except (tarfile.TarError, EOFError, OSError, ValueError, zlib.error, lzma.LZMAError) as error:
        raise SourceUnavailable(f"{path.name}: incomplete tarball: {error}",
                                hint="delete it and fetch again") from error


def _unpacked(raw: IO[bytes], magic: bytes) -> IO[bytes]:
    """Not tarfile's own decompression, which takes a shortened gzip file for a whole one."""
    if magic == _XZ:
        return cast(IO[bytes], lzma.LZMAFile(raw))
    if magic[:2] == b"\x1f\x8b":
        return cast(IO[bytes], gzip.GzipFile(fileobj=raw))
    return cast(IO[bytes], bz2.BZ2File(raw)) if magic[:3] == b"BZh" else raw


def _through(program: str, raw: Any, progress: Progress | None) -> Iterator[TreeEntry]:
    """Unpack in a process of its own, beside the reading here and git's packing: about a third of the time."""
    process = subprocess.Popen([program, "--decompress", "--stdout", "--threads=2"], stdin=raw,
                               stdout=subprocess.PIPE, stderr=subprocess.PIPE, env={**os.environ, "LC_ALL": "C"})
    assert process.stdout is not None
    assert process.stderr is not None
    try:
        yield from _read(_Stream(process.stdout, raw.fileno(), progress))
        if process.wait():
            raise EOFError(process.stderr.read().decode("utf-8", "replace").strip() or f"xz: {process.returncode}")
    finally:
        if process.poll() is None:
            process.kill()
        process.wait()
        process.stdout.close()
        process.stderr.close()


def _read(stream: _Stream) -> Iterator[TreeEntry]:
    """Header by header, since tarfile takes into memory whatever a header says that it holds: a few kilobytes of xz can
    say gigabytes. What makes a kernel's tarball (git archive) writes no sparse file. The format is that of tar(5).
    """
    fields: dict[str, str] = {}
    while any(block := stream.exactly(_BLOCK)):
        member = tarfile.TarInfo.frombuf(block, "utf-8", "surrogateescape")
        if member.size < 0:
            raise ValueError(f"{member.name!r} has {member.size} bytes")
        if member.type in _FIELDS:
            read = _fields(member, _header(stream, member.size))
            fields |= read if member.type != tarfile.XGLTYPE else {}     # for all: times, owners, a comment
            continue
        member.name = fields.get("path", member.name)
        member.linkname = fields.get("linkpath", member.linkname)
        member.size = int(fields.get("size", member.size))
        if member.type == tarfile.GNUTYPE_SPARSE or any(name.startswith("GNU.sparse.") for name in fields):
            raise SourceUnavailable(f"tarball holds a sparse file, which no kernel has: {member.name!r}")
        fields = {}
        entry = _entry(stream, member)
        if entry is not None:
            yield entry
    stream.to_end()


def _header(stream: _Stream, size: int) -> bytes:
    if size > _HEADER:
        raise SourceUnavailable(f"tarball holds a header of {size} bytes, which no kernel has")
    return stream.exactly(size)


def _fields(member: tarfile.TarInfo, data: bytes) -> dict[str, str]:
    """What a header says of the next member. Raises ValueError."""
    if member.type in _LONG:
        return {_LONG[member.type]: data.partition(b"\0")[0].decode("utf-8", "surrogateescape")}
    found: dict[str, str] = {}
    at = 0
    while at < len(data) and data[at]:               # behind the last record there may be NULs
        length = int(data[at:data.index(b" ", at)])
        record = data[at:at + length]
        at += length
        name, equals, value = record.partition(b" ")[2].partition(b"=")
        if not equals or record[-1:] != b"\n" or len(record) != length:
            raise ValueError(f"a header has no field: {record[:80]!r}")
        found[name.decode("utf-8", "replace")] = value[:-1].decode("utf-8", "surrogateescape")
    return found


def _entry(stream: _Stream, member: tarfile.TarInfo) -> TreeEntry | None:
    name = _inside(member.name)
    path = name.encode("utf-8", "surrogateescape")
    left_out = not name or ".git" in name.split("/")
    if member.isdir():
        return None
    if member.issym():
        return None if left_out else TreeEntry("120000", path, member.linkname.encode("utf-8", "surrogateescape"))
    mode = "100755" if member.mode & 0o100 else "100644"
    if member.islnk():
        same_as = _inside(member.linkname).encode("utf-8", "surrogateescape")
        return None if left_out else TreeEntry(mode, path, b"", same_as=same_as)
    if not member.isreg():
        raise ValueError(f"{member.name!r} is neither a file nor a link nor a directory")
    if member.size > FILE:
        raise SourceUnavailable(f"tarball holds a file of {member.size >> 20} MiB, which no kernel has: {name!r}")
    data = stream.exactly(member.size)
    return None if left_out else TreeEntry(mode, path, data)


def _inside(name: str) -> str:
    parts = [part for part in name.split("/") if part not in ("", ".")]
    if name.startswith("/") or ".." in parts:
        raise SourceUnavailable(f"tarball names a path outside itself: {name!r}")
    return "/".join(parts)


class _Stream:
    """The unpacked archive: tells how far the file on disk was read, and remembers how the stream ended."""

    def __init__(self, source: IO[bytes], descriptor: int, progress: Progress | None) -> None:
        self._source = source
        self._descriptor = descriptor
        self._progress = progress
        self._seen = 0
        self._size = 0
        self._last = b""

    def read(self, size: int = -1) -> bytes:
        data = self._source.read(size)
        self._size += len(data)
        if self._size > TREE:
            raise SourceUnavailable(f"tarball holds more than {TREE >> 30} GiB, which no kernel has")
        self._last = (self._last + data)[-2 * _BLOCK:]
        if self._progress is not None:
            # xz shares the descriptor, so its position is where xz has read to
            position = os.lseek(self._descriptor, 0, os.SEEK_CUR)
            self._progress(position - self._seen)
            self._seen = position
        return data

    def exactly(self, size: int) -> bytes:
        """`size` bytes, and the rest of their last block passed over. Raises EOFError where they are not there."""
        wanted = -(-size // _BLOCK) * _BLOCK
        pieces = []
        while wanted > 0 and (piece := self.read(min(wanted, 1 << 20))):
            pieces.append(piece)
            wanted -= len(piece)
        if wanted:
            raise EOFError("the archive is cut short" if pieces else "the end of the archive is missing")
        return b"".join(pieces)[:size]

    def to_end(self) -> None:
        """Read what is left. A tar archive ends with two empty blocks: without them it was cut between two files."""
        while self.read(1 << 20):
            pass
        if self._last != bytes(2 * _BLOCK):
            raise EOFError("the end of the archive is missing")
