"""The header of a file's diff, made to fit the file that is really changed."""

from __future__ import annotations

import hashlib
import re
from dataclasses import replace

from backport.patch.model import FileDiff
from backport.patch.paths import quoted

_INDEX = re.compile(rb"^index ([0-9a-f]+)\.\.([0-9a-f]+)( \d{6})?(\r?\n)$")


def blob_name(data: bytes) -> str:
    """git's object name for `data`, 40 hex digits."""
    return hashlib.sha1(b"blob %d\0" % len(data) + data, usedforsecurity=False).hexdigest()


def retarget(file: FileDiff, path: str, before: bytes | None, after: bytes | None) -> FileDiff:
    """`file` with its header for `path` as it is in the tree: names, and blobs in an `index` line it had.

    `before` and `after` are the file's bytes, None where it is not there on that side. Stale blob names would send
    `git apply --3way` and every reader to a file that this diff was not made for.
    """
    width = max(12, len(file.old_blob or ""))
    old, new = (blob_name(data)[:width] if data is not None else "0" * width for data in (before, after))
    lines = []
    index = b""
    for line in file.header.splitlines(keepends=True):
        match = _INDEX.match(line)
        if match:
            index = line = b"index %s..%s%s%s" % (old.encode(), new.encode(), match[3] or b"", match[4])
        lines.append(line)
    if index:
        file = replace(file, old_blob=old, new_blob=new)
    if path == (file.old_path or file.new_path):
        return replace(file, header=b"".join(lines))
    return _renamed(file, path, index)


def renamed(file: FileDiff, path: str) -> FileDiff:
    """`file` for another path whose bytes are not known: the index line goes, it names blobs of another file."""
    return replace(_renamed(file, path, b""), old_blob=None, new_blob=None, old_mode=None, new_mode=None)


def _renamed(file: FileDiff, path: str, index: bytes) -> FileDiff:
    old, new = quoted(f"a/{path}"), quoted(f"b/{path}")      # a tab or a quote in a name would end it too early
    header = b"diff --git %s %s\n%s--- %s\n+++ %s\n" % (old, new, index, old, new)
    return replace(file, header=header, old_path=path, new_path=path, renamed=False)
