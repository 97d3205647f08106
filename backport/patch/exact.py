"""Applying hunks to bytes where they stand exactly: no fuzz, no offset that is not forced."""

from __future__ import annotations

from backport.patch.locate import find_preimage
from backport.patch.model import FileDiff
from backport.patch.parse import split_lines


def apply_exactly(source: bytes, file: FileDiff) -> bytes | None:
    """`source` with the hunks of `file` applied, each at its own line or at the only place where it fits.

    None where a hunk fits nowhere, at several places none of which is its own, or out of order.
    """
    starts = [find_preimage(source, hunk) for hunk in file.hunks]
    if 0 in starts or starts != sorted(starts):
        return None
    lines = split_lines(source)
    for start, hunk in reversed(list(zip(starts, file.hunks, strict=True))):
        lines[start - 1:start - 1 + len(hunk.old)] = list(hunk.new)
    return b"".join(lines)


def reversed_file(file: FileDiff) -> FileDiff:
    """The file diff that takes this one back; for matching only, its header still reads forward."""
    return FileDiff(file.header, file.new_path, file.old_path, tuple(hunk.reversed() for hunk in file.hunks),
                    file.new_blob, file.old_blob, binary=file.binary)
