"""The header block of a mail as byte ranges, and what its encoded words mean.

Offsets are exact so that a header can be replaced in place; decoding is for display and comparison only.
"""

from __future__ import annotations

import email.errors
import email.header
import re
from dataclasses import dataclass

# RFC 5322 field name. A blank before the colon does not occur in mail, but does in prose ("Note : ...").
_FIELD = re.compile(rb"^([!-9;-~]+):[ \t]*")
_ASCTIME = re.compile(rb"^From \S+.*\b\d{1,2}:\d\d(?::\d\d)?\b.*\b\d{4}\b")


@dataclass(frozen=True, slots=True)
class Header:
    """One header: `raw` is data[start:end] with its folded lines and newline; `value` is unfolded and decoded."""

    name: str
    value: str
    start: int
    end: int
    raw: bytes

    @property
    def content(self) -> bytes:
        """The value as it came, unfolded, not decoded."""
        return unfold(self.raw.split(b":", 1)[1])


def unfold(raw: bytes) -> bytes:
    """One line out of a folded value, without the newline."""
    return re.sub(rb"\r?\n[ \t]+", b" ", raw).strip()


def decode(raw: bytes) -> str:
    """A header's value for people: RFC 2047 words decoded, raw bytes as UTF-8 or else Latin-1."""
    text = text_of(unfold(raw))
    if "=?" not in text:
        return text
    try:
        parts = email.header.decode_header(text)
    except (email.errors.HeaderParseError, ValueError):
        return text
    out = []
    for part, charset in parts:
        if isinstance(part, str):
            out.append(part)
            continue
        out.append(_decoded(part, charset or "ascii"))
    return re.sub(r"[ \t]+", " ", "".join(out)).strip()


def _decoded(raw: bytes, charset: str) -> str:
    """`raw` in a charset that somebody named; as text_of() has it where that is no charset, or the text is none in it.

    Python has codecs by the name of `undefined` and `idna`, whose errors are of other kinds, does not take a NUL in a
    name, and lets `utf-7` make halves of characters that nothing can write out again.
    """
    try:
        text = raw.decode(charset, "strict")
        text.encode("utf-8")
    except (LookupError, ValueError):
        return text_of(raw)
    return text


def text_of(raw: bytes) -> str:
    """Bytes as text for display: UTF-8 where they are that, else Latin-1, so that nothing is lost to a `?`."""
    try:
        return raw.decode("utf-8")
    except UnicodeDecodeError:
        return raw.decode("latin-1")


def is_from_line(line: bytes) -> bool:
    """True for an mbox separator ("From ", an address or object name, and a date), as git mailsplit has it."""
    return _ASCTIME.match(line) is not None


def is_field(line: bytes) -> bool:
    """True where `line` looks like the first line of a header."""
    return _FIELD.match(line) is not None


def read_headers(data: bytes, begin: int = 0) -> tuple[tuple[Header, ...], int]:
    """(headers, offset of the body) of the block that begins at `begin`; no headers where it is none.

    A `From ` line before the block is skipped. The body begins behind the empty line; where a line that is no
    header comes first, the block ends before it.
    """
    position = begin
    if data.startswith(b"From ", position):
        position = _next(data, position)
    headers: list[Header] = []
    while position < len(data):
        end = _next(data, position)
        line = data[position:end]
        if not line.strip():
            return tuple(headers), (end if headers else begin)
        match = _FIELD.match(line)
        if match is None:
            break
        while end < len(data) and data[end:end + 1] in (b" ", b"\t") and data[end:_next(data, end)].strip():
            end = _next(data, end)
        raw = data[position:end]
        headers.append(Header(match[1].decode("ascii", "replace"), decode(raw.split(b":", 1)[1]), position, end, raw))
        position = end
    return tuple(headers), (position if headers else begin)


def is_mail(headers: tuple[Header, ...]) -> bool:
    """True where a header block belongs to a mail: prose such as "Note: see below" does not."""
    names = {header.name.lower() for header in headers}
    return bool(names & {"from", "subject"})


def _next(data: bytes, position: int) -> int:
    end = data.find(b"\n", position)
    return len(data) if end < 0 else end + 1
