"""Three of git's own files, read and written without a process: a tree, an index and a loose object.

A cell asks for a handful of paths; `git ls-tree`, `git update-index`, `git ls-files` and `git write-tree` are 2.5 ms of
processor time each, the bytes themselves some microseconds. The formats are those of gitformat-index(5) and of
`git cat-file tree`.
"""

from __future__ import annotations

import hashlib
import re
import stat
import struct
import zlib
from collections.abc import Iterable, Mapping
from contextlib import suppress
from pathlib import Path

from backport.wholefile import write_whole

Row = tuple[str, str]                # (mode as git ls-tree prints it, object name)

_ENTRY = {width: re.compile(rb"([0-7]{5,6}) ([^\0]+)\0(.{%d})" % width, re.DOTALL) for width in (20, 32)}
_MODES = {b"100644": "100644", b"100755": "100755", b"40000": "040000", b"120000": "120000", b"160000": "160000"}
_STATS = 40                          # bytes of an index entry before its object name: times, device, inode ... size
_FLAGS = 2
_LONG_NAME = 0xfff
_STAGE, _EXTENDED = 0x3000, 0x4000


def tree_rows(data: bytes, width: int) -> dict[bytes, Row]:
    """name -> (mode, object name) of a tree object whose names are `width` bytes long. Raises ValueError.

    Modes are those that git shows: old tools wrote 100664 and 040000 into trees, and an index has neither.
    """
    found = _ENTRY[width].findall(data)
    rows = {name: (_MODES.get(mode) or f"{_canonical(int(mode, 8)):06o}", sha.hex()) for mode, name, sha in found}
    if sum(len(name) + len(mode) for mode, name, _sha in found) + (2 + width) * len(rows) != len(data):
        raise ValueError("this is no tree object")
    return rows


def tree_of(rows: Mapping[bytes, Row]) -> bytes:
    """The tree object with these rows; git sorts a directory as if its name ended with a slash."""
    order = sorted(rows.items(), key=lambda row: row[0] + b"/" if row[1][0] == "040000" else row[0])
    return b"".join(mode.lstrip("0").encode() + b" " + name + b"\0" + bytes.fromhex(sha) for name, (mode, sha) in order)


def write_object(objects: Path, kind: str, data: bytes, width: int) -> str:
    """Write a loose object below `objects`, as `git hash-object -w` does; returns its name. Raises OSError."""
    whole = b"%s %d\0" % (kind.encode(), len(data)) + data
    name = _digest(whole, width).hex()
    place = objects / name[:2] / name[2:]
    if not place.exists():
        place.parent.mkdir(exist_ok=True)
        write_whole(place, zlib.compress(whole, 1), mode=0o444)
    return name


def index_of(rows: Iterable[tuple[str, str, str]], width: int) -> bytes:
    """An index file (version 2) with (mode, object name, path) and nothing about a work tree, as `git update-index
    --index-info` leaves one. Object names are `width` bytes long."""
    entries = sorted((path.encode("utf-8", "surrogateescape"), _canonical(int(mode, 8)), bytes.fromhex(sha))
                     for mode, sha, path in rows)
    parts = [struct.pack(">4sII", b"DIRC", 2, len(entries))]
    for path, mode, sha in entries:
        entry = b"".join((struct.pack(">10I", 0, 0, 0, 0, 0, 0, mode, 0, 0, 0), sha,
                          struct.pack(">H", min(len(path), _LONG_NAME)), path))
        parts.append(entry + b"\0" * (8 - len(entry) % 8))
    body = b"".join(parts)
    return body + _digest(body, width)


def index_rows(data: bytes, width: int) -> dict[str, Row] | None:
    """path -> (mode, object name) of an index file of version 2; None for one of another version, with a conflict, with
    entries or parts that this does not know, or damaged."""
    if len(data) < 12 + width or data[:4] != b"DIRC":
        return None
    if data[-width:] not in (_digest(data[:-width], width), bytes(width)):        # git may leave it out: index.skipHash
        return None
    with suppress(ValueError, struct.error):
        return _index_rows(data[:-width], width)
    return None


def _index_rows(data: bytes, width: int) -> dict[str, Row] | None:
    version, count = struct.unpack_from(">II", data, 4)
    if version != 2:
        return None
    rows: dict[str, Row] = {}
    at = 12
    for _ in range(count):
        flags, = struct.unpack_from(">H", data, at + _STATS + width)
        if flags & (_STAGE | _EXTENDED):
            return None
        mode, = struct.unpack_from(">I", data, at + 24)
        first = at + _STATS + width + _FLAGS
        end = data.index(b"\0", first)
        rows[data[first:end].decode("utf-8", "surrogateescape")] = (
            f"{mode:06o}", data[at + _STATS:at + _STATS + width].hex())
        at += (end - at) // 8 * 8 + 8
    while at < len(data):
        # in capitals are those that may be passed over; `link` says that entries stand in another file
        if len(data) < at + 8 or not data[at:at + 1].isupper():
            return None
        at += 8 + int.from_bytes(data[at + 4:at + 8], "big")
    return rows if at == len(data) else None


def _digest(data: bytes, width: int) -> bytes:
    return (hashlib.sha256(data) if width == 32 else hashlib.sha1(data, usedforsecurity=False)).digest()


def _canonical(mode: int) -> int:
    """Of a file, an index knows only whether its owner may run it."""
    return mode if not stat.S_ISREG(mode) else 0o100755 if mode & 0o100 else 0o100644
