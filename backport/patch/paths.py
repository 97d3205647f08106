"""Paths in a diff: unquoted, stripped of a/ and b/, and refused where they could leave the tree.

A patch comes from a mailing list. `../../.bashrc`, `/etc/passwd` and `.git/hooks/post-checkout` are how one
writes outside the tree; they are refused here, before anything touches a disk.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from backport.errors import InvalidPatch

NO_PREFIX = "the paths have no a/ and b/ in front of them"
PREFIX_HINT = ("make it with `git diff --src-prefix=a/ --dst-prefix=b/`, or put it into a directory whose `series` "
               "file has -p0 (or -pN) behind its name")
# bytes: what a Linux file system holds in one name, and in a path less some room for the work tree's own directory
_LONGEST_NAME = 255
_LONGEST_PATH = 4096 - 256
_SHOWN = 80

_ESCAPE = re.compile(rb'\\([abfnrtv"\\]|[0-7]{3})')
# code points that HFS+ ignores in a name
_IGNORED = frozenset(map(chr, (*range(0x200C, 0x2010), *range(0x202A, 0x202F), *range(0x206A, 0x2070), 0xFEFF)))
_NAMED = {b"a": b"\a", b"b": b"\b", b"f": b"\f", b"n": b"\n", b"r": b"\r", b"t": b"\t", b"v": b"\v",
          b'"': b'"', b"\\": b"\\"}
# GNU diff of old puts a blank before its date, not a tab; git apply cuts it off there too
_DATE = re.compile(rb"[ \t]+\d{2,4}-\d\d-\d\d[ T]\d\d:\d\d:\d\d(?:\.\d+)?(?: [-+]\d\d:?\d\d)?$")


def side_name(text: bytes, line: int, source: str, *, dated: bool = False) -> bytes | None:
    """The name behind `--- ` or `+++ ` as it is written (git's C quoting undone, time stamp cut), None for /dev/null.

    `dated`: the line is of a diff without `diff --git`, where a time stamp may stand behind a blank.
    """
    if text.startswith(b'"'):
        raw = _unquote(text, line, source)[0]
    else:
        raw = text.split(b"\t", 1)[0].rstrip()
        if dated and len(raw) < _LONGEST_PATH:
            raw = _DATE.sub(b"", raw)
    return None if raw == b"/dev/null" else raw


def header_names(text: bytes, line: int, source: str) -> Iterator[tuple[bytes, bytes]]:
    """Every way to cut the text behind `diff --git ` into two names, the middle first.

    The line is ambiguous where a name holds a blank; which cut is meant, the caller tells: both names are the same
    file, or what the rename lines say.
    """
    if len(text) > 2 * _LONGEST_PATH + 64:
        raise InvalidPatch(f"a `diff --git` line of {len(text)} bytes: no work tree can hold such a path", line=line,
                           source=source)
    if text.startswith(b'"'):
        old, rest = _unquote(text, line, source)
        yield _null(old, _unquote(rest, line, source)[0] if rest.startswith(b'"') else rest)
        return
    if text.endswith(b'"') and b' "' in text:
        old, _, rest = text.partition(b' "')
        yield _null(old, _unquote(b'"' + rest, line, source)[0])
        return
    middle = len(text) // 2
    if text[middle:middle + 1] == b" ":
        yield _null(text[:middle], text[middle + 1:])
    at = text.find(b" ")
    while at != -1:
        if at != middle:
            yield _null(text[:at], text[at + 1:])
        at = text.find(b" ", at + 1)


def _null(old: bytes, new: bytes) -> tuple[bytes, bytes]:
    """Both names; a tool that writes /dev/null here means the other one, as git apply reads it."""
    return (new if old == b"/dev/null" else old), (old if new == b"/dev/null" else new)


def below(raw: bytes, strip: int) -> bytes:
    """`raw` without its first `strip` directories, b"" where it has not so many."""
    return b"/".join(raw.split(b"/")[strip:])


def safe_path(raw: bytes, line: int, source: str, *, strip: int = 1) -> str:
    """`raw` without its first `strip` components; raises InvalidPatch where it is not inside the tree."""
    shown = (raw if len(raw) <= _SHOWN else raw[:_SHOWN] + b"...").decode("utf-8", "backslashreplace")
    parts = raw.split(b"/")
    inner = parts[strip:]
    if not inner and not raw.startswith(b"/"):
        if strip > 1:
            raise InvalidPatch(f"path {shown!r} has fewer than the {strip} directories to strip (-p{strip})", line=line,
                               source=source)
        raise InvalidPatch(NO_PREFIX, line=line, source=source, hint=PREFIX_HINT)
    if (raw.startswith(b"/") and strip < 2) or not all(inner):
        raise InvalidPatch(f"path {shown!r} is not a path below the tree", line=line, source=source,
                           hint="paths carry one leading component (a/ and b/), as git diff writes them")
    if b".." in parts:
        raise InvalidPatch(f"path {shown!r} leaves the tree", line=line, source=source)
    if b"." in inner:
        raise InvalidPatch(f"path {shown!r} holds a `.` directory, which git apply does not take", line=line,
                           source=source, hint="write the path as git does: a/DIR/FILE")
    if any(_git_directory(part) for part in inner):
        raise InvalidPatch(f"path {shown!r} is inside .git", line=line, source=source)
    if any(byte < 32 and byte != 9 for byte in raw):
        # no tree of this world has them, and line-based output of every kind would be cut in two
        raise InvalidPatch(f"path {shown!r} holds a control character", line=line, source=source)
    path = b"/".join(inner)
    if len(path) > _LONGEST_PATH or max(map(len, inner)) > _LONGEST_NAME:
        raise InvalidPatch(f"path {shown!r} has {len(path)} bytes: no work tree can hold it (at most {_LONGEST_NAME} "
                           f"in one name, about {_LONGEST_PATH} in all)", line=line, source=source)
    return path.decode("utf-8", "surrogateescape")


def possible(path: str) -> bool:
    """Whether a diff for the file `path` of a tree can be written and read: git lets a tree have names that no patch
    may have."""
    try:
        safe_path(path.encode("utf-8", "surrogateescape"), 0, "", strip=0)
    except InvalidPatch:
        return False
    return True


def quoted(path: str) -> bytes:
    """A path as git writes it with core.quotePath."""
    raw = path.encode("utf-8", "surrogateescape")
    if all(32 <= byte < 127 and byte not in b'"\\' for byte in raw):
        return raw
    named = {7: b"\\a", 8: b"\\b", 9: b"\\t", 10: b"\\n", 11: b"\\v", 12: b"\\f", 13: b"\\r", 34: b'\\"', 92: b"\\\\"}
    return b'"' + b"".join(named.get(c) or (bytes([c]) if 32 <= c < 127 else b"\\%03o" % c) for c in raw) + b'"'


def _git_directory(part: bytes) -> bool:
    """True for .git in any spelling that a case-folding, short-name or Unicode-folding file system takes for it."""
    text = part.decode("utf-8", "surrogateescape")
    text = "".join(c for c in text if c not in _IGNORED).lower()
    # NTFS: a stream name or a backslash ends the component
    first = re.split(r"[:\\]", text, maxsplit=1)[0].rstrip(". ")
    return first == ".git" or re.fullmatch(r"git~\d+", first) is not None


def _unquote(text: bytes, line: int, source: str) -> tuple[bytes, bytes]:
    """(unquoted, rest behind the closing quote and blanks)."""
    end = 1
    while end < len(text) and text[end:end + 1] != b'"':
        end += 2 if text[end:end + 1] == b"\\" else 1
    if end >= len(text):
        raise InvalidPatch("quoted path without its closing quote", line=line, source=source)

    def one(match: re.Match[bytes]) -> bytes:
        code = match[1]
        return _NAMED[code] if code in _NAMED else bytes([int(code, 8) & 0xFF])

    return _ESCAPE.sub(one, text[1:end]), text[end + 1:].lstrip(b" ")
