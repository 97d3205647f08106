"""FAILED mails of the stable maintainers: the original commit below the notice is the patch."""

from __future__ import annotations

import re

from backport.patch.headers import is_from_line

_MARK = re.compile(rb"^-{3,} original commit in Linus's tree -{3,}[ \t]*\r?\n(?:[ \t]*\r?\n)*", re.M)


def split(data: bytes) -> tuple[bytes, bytes] | None:
    """(notice with its headers, original mail); None where `data` is no such mail.

    The original keeps its `From <sha>` line; one that an mbox writer quoted (`>From`) is unquoted, since it is
    the first line of a mail again.
    """
    match = _MARK.search(data)
    if match is None:
        return None
    original = data[match.end():]
    if original.startswith(b">From "):
        original = original[1:]
    if not is_from_line(original[:original.find(b"\n") + 1]):
        return None
    return data[:match.end()], original
