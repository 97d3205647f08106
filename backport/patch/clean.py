"""Text of a stranger on its way out: nothing in it may begin a header or a line of its own.

A bare CR in a subject is a line end for many readers of mail: what stands behind it becomes a header, a Bcc for
example. The same goes for NEL, VT and the line separators of Unicode. So no control character leaves in a header, and
none but tab and newline in a message. Diffs are content, and stay.
"""

from __future__ import annotations

import email.header
import re

from backport.patch.headers import decode

_CONTROL = re.compile("[\x00-\x08\x0a-\x1f\x7f-\x9f\u2028\u2029]")
_BYTES = re.compile(rb"[\x00-\x08\x0a-\x1f\x7f]")
_WIDE = re.compile(rb"\xc2[\x80-\x9f]|\xe2\x80[\xa8\xa9]")      # C1 and the line separators, in UTF-8
_FOLD = re.compile(rb"\r?\n(?=[ \t])")


def one_line(text: str) -> str:
    """`text` with every run of white space as one blank, and a `?` for each control character."""
    return _CONTROL.sub("?", " ".join(text.split()))


def header_value(raw: bytes) -> bytes:
    """A header's value as it came, folded lines included, where it holds no control character; else without them.

    Those inside encoded words count as well: git decodes them, and so does whoever sends the mail on.
    """
    lines = _FOLD.split(raw.strip(b" \t\r\n"))
    whole = b" ".join(lines)
    if not any(_BYTES.search(line) for line in lines) and not (is_utf8(whole) and _CONTROL.search(decode(whole))):
        return b"\n".join(lines)
    if not is_utf8(whole):
        return _BYTES.sub(b"?", whole)
    return encoded(one_line(decode(whole)).encode("utf-8", "surrogateescape"))


def message(raw: bytes) -> bytes:
    """A message with newlines as its only line ends and without control characters."""
    lines = [_BYTES.sub(b"?", line.rstrip(b"\r")) for line in raw.split(b"\n")]
    text = b"\n".join(lines)
    return _WIDE.sub(b"?", text) if is_utf8(text) else text


def encoded(raw: bytes) -> bytes:
    """A header value: as it is where it is ASCII, RFC 2047 words where it is UTF-8, raw bytes otherwise."""
    if raw.isascii() or not is_utf8(raw):
        return raw
    match = re.match(rb"^(.*?)[ \t]*(<[^<>]*>)[ \t]*$", raw, re.S)
    text, address = (match[1].decode(), b" " + match[2]) if match else (raw.decode(), b"")
    word = email.header.Header(text.strip('"'), "utf-8", maxlinelen=76, continuation_ws=" ").encode()
    return word.encode("ascii") + address


def is_utf8(raw: bytes) -> bool:
    """True where `raw` is UTF-8 (ASCII is)."""
    try:
        raw.decode("utf-8")
    except UnicodeDecodeError:
        return False
    return True
