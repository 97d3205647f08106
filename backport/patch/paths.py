"""Paths in a diff: unquoted, stripped of a/ and b/, and refused where they could leave the tree.

A patch comes from a mailing list. `../../.bashrc`, `/etc/passwd` and `.git/hooks/post-checkout` are how one
writes outside the tree; they are refused here, before anything touches a disk.
"""

from __future__ import annotations

import re

from backport.errors import InvalidPatch

_ESCAPE = re.compile(rb'\\([abfnrtv"\\]|[0-7]{3})')
# code points that HFS+ ignores in a name
_IGNORED = frozenset(map(chr, (*range(0x200C, 0x2010), *range(0x202A, 0x202F), *range(0x206A, 0x2070), 0xFEFF)))
_PREFIXES = (b"a", b"b", b"c", b"i", b"o", b"w", b"1", b"2")     # git's own, diff.mnemonicPrefix among them
_NAMED = {b"a": b"\a", b"b": b"\b", b"f": b"\f", b"n": b"\n", b"r": b"\r", b"t": b"\t", b"v": b"\v",
          b'"': b'"', b"\\": b"\\"}


def quoted_path(text: bytes, line: int, source: str, *, strip: int = 1) -> str | None:
    """The path behind `--- ` or `+++ ` (git's C quoting undone, time stamp cut), None for /dev/null."""
    quoted = text.startswith(b'"')
    raw = _unquote(text, line, source)[0] if quoted else text.split(b"\t", 1)[0].rstrip()
    if raw == b"/dev/null":
        return None
    return safe_path(raw, line, source, strip=strip)


def header_path(text: bytes, line: int, source: str) -> tuple[str, str]:
    """Both paths of a `diff --git a/X b/X` line.

    The line is ambiguous where a path holds " b/"; git's own rule is that both names are equal unless rename
    lines say otherwise, so the middle is the place to cut.
    """
    if text.startswith(b'"'):
        old, rest = _unquote(text, line, source)
        new = _unquote(rest, line, source)[0] if rest.startswith(b'"') else rest
    else:
        middle = len(text) // 2
        if text[middle:middle + 1] == b" " and text[:middle].split(b"/", 1)[-1] == text[middle + 1:].split(b"/", 1)[-1]:
            old, new = text[:middle], text[middle + 1:]
        else:
            old, _, new = text.partition(b' "' if text.endswith(b'"') else b" b/")
            new = _unquote(b'"' + new, line, source)[0] if text.endswith(b'"') else b"b/" + new
    first, second = old.split(b"/", 1)[0], new.split(b"/", 1)[0]
    if first == second and first not in _PREFIXES:
        # stripped of its first component, arch/x86/f.c would be x86/f.c: another file, or none
        raise InvalidPatch("the paths have no a/ and b/ in front of them", line=line, source=source,
                           hint="made with diff.noprefix; make it with `git diff --src-prefix=a/ --dst-prefix=b/`")
    return safe_path(old, line, source), safe_path(new, line, source)


def safe_path(raw: bytes, line: int, source: str, *, strip: int = 1) -> str:
    """`raw` without its first `strip` components; raises InvalidPatch where it is not inside the tree."""
    parts = raw.split(b"/")
    absolute = raw.startswith(b"/")
    inner = parts[strip:]
    if absolute or not inner or not all(inner):
        raise InvalidPatch(f"path {raw!r} is not a path below the tree", line=line, source=source,
                           hint="paths carry one leading component (a/ and b/), as git diff writes them")
    if any(part in (b".", b"..") for part in parts):
        raise InvalidPatch(f"path {raw!r} leaves the tree", line=line, source=source)
    if any(_git_directory(part) for part in inner):
        raise InvalidPatch(f"path {raw!r} is inside .git", line=line, source=source)
    if any(byte < 32 and byte != 9 for byte in raw):
        # no tree of this world has them, and line-based output of every kind would be cut in two
        raise InvalidPatch(f"path {raw!r} holds a control character", line=line, source=source)
    return b"/".join(inner).decode("utf-8", "surrogateescape")


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
