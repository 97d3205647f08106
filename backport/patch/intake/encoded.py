"""Transfer encodings and MIME parts undone: the mail that git mailinfo would see, as a plain 8-bit mail.

A quoted-printable or base64 body cannot hold a diff that is read line by line, so such a mail becomes a new one:
the same headers (Content-Transfer-Encoding: 8bit, the boundary gone) and the decoded body. That is said in
Patch.said; every other mail stays byte for byte as it came.
"""

from __future__ import annotations

import base64
import binascii
import email
import email.message
import quopri
import re
from dataclasses import dataclass

from backport.errors import InvalidPatch
from backport.patch.headers import Header, is_mail, read_headers
from backport.patch.parse import find_diff, split_lines

_STRUCTURE = ("content-transfer-encoding", "content-type", "content-disposition", "content-language")


@dataclass(frozen=True, slots=True)
class Plain:
    """A mail without encodings: `data`, and what was undone to get it ("" for nothing)."""

    data: bytes
    said: tuple[str, ...] = ()


def plain(data: bytes, source: str) -> Plain:
    """`data` with its transfer encoding undone; raises InvalidPatch for what no diff survives (HTML, flowed)."""
    headers, body = read_headers(data)
    if not is_mail(headers):
        return Plain(data)
    kind = _value(headers, "content-type").lower()
    encoding = _value(headers, "content-transfer-encoding").lower().strip('"')
    if kind.startswith("multipart/"):
        return _multipart(data, headers, body, source)
    _refuse_kind(kind, source, headers)
    if encoding not in ("quoted-printable", "base64"):
        return Plain(data)
    decoded = _decode(data[body:], encoding, source, data[:body].count(b"\n"))
    return Plain(_rebuilt(data, headers, b"", decoded), (f"decoded from {encoding}",))


def _decode(body: bytes, encoding: str, source: str, before: int) -> bytes:
    if encoding == "base64":
        text = b"".join(body.split())
        try:
            decoded = base64.b64decode(text, validate=True)
        except (binascii.Error, ValueError) as error:
            raise InvalidPatch(f"damaged base64 body: {error}", line=before + 1, source=source) from error
    else:
        bad = re.search(rb"=(?![0-9A-Fa-f]{2}|[ \t]*\r?\n|[ \t]*\Z)", body)
        if bad:
            raise InvalidPatch("damaged quoted-printable body", source=source,
                               line=before + body[:bad.start()].count(b"\n") + 1)
        decoded = quopri.decodestring(body)
    # the transport form of a text has CRLF; the file's own line ends were LF if every line has it
    if decoded.count(b"\r\n") == decoded.count(b"\n") and b"\r\n" in decoded:
        decoded = decoded.replace(b"\r\n", b"\n")
    return decoded


def _multipart(data: bytes, headers: tuple[Header, ...], body: int, source: str) -> Plain:
    message = email.message_from_bytes(data[data.find(b"\n") + 1:] if data.startswith(b"From ") else data)
    texts: list[tuple[str, bytes]] = []
    html = False
    for part in message.walk():
        if part.is_multipart():
            continue
        kind = part.get_content_type()
        name = (part.get_filename() or "").lower()
        if kind == "text/html":
            html = True
        elif kind.startswith("text/") or name.endswith((".patch", ".diff", ".txt")):
            _refuse_kind(str(part.get("Content-Type", "")).lower(), source, headers)
            content = part.get_payload(decode=True)
            if isinstance(content, bytes):
                if content.count(b"\r\n") == content.count(b"\n"):
                    content = content.replace(b"\r\n", b"\n")
                texts.append((kind, content))
    diffs = [i for i, (_kind, text) in enumerate(texts) if find_diff(split_lines(text)) is not None]
    if not diffs:
        reason = "an HTML mail: no diff survives that" if html and not texts else "no diff in any part of this mail"
        raise InvalidPatch(reason, source=source, line=data[:body].count(b"\n"))
    if len(diffs) > 1:
        raise InvalidPatch(f"{len(diffs)} parts of this mail hold a diff", source=source, line=1,
                           hint="save the attachments and give them as files")
    chosen = texts[diffs[0]][1]
    inner, _start = read_headers(chosen)
    said = ("taken from a part of a multipart mail",)
    if is_mail(inner):
        return Plain(chosen if chosen.endswith(b"\n") else chosen + b"\n", said)
    before = b"".join(text if text.endswith(b"\n") else text + b"\n" for _kind, text in texts[:diffs[0]])
    if before:
        before = before.rstrip(b"\n") + b"\n---\n" if b"\n---\n" not in before else before
    return Plain(_rebuilt(data, headers, before, chosen), said)


def _rebuilt(data: bytes, headers: tuple[Header, ...], before: bytes, body: bytes) -> bytes:
    from_line = data[:headers[0].start]
    charset = re.search(rb"charset=\"?([\w.:-]+)", _raw(headers, "content-type"), re.I)
    kept = b"".join(h.raw for h in headers if h.name.lower() not in _STRUCTURE)
    kind = b"Content-Type: text/plain; charset=%s\n" % (charset[1] if charset else b"UTF-8")
    return (from_line + kept + kind + b"Content-Transfer-Encoding: 8bit\n\n" + before + body)


def _refuse_kind(kind: str, source: str, headers: tuple[Header, ...]) -> None:
    line = len(headers) + 1
    if kind.startswith("text/html"):
        raise InvalidPatch("an HTML mail: no diff survives that", source=source, line=line,
                           hint="ask for plain text, as git send-email sends it")
    if re.search(r"format=\"?flowed", kind):
        raise InvalidPatch("a mail with format=flowed: mail programs re-wrap and re-space its lines", source=source,
                           line=line, hint="ask for it as git send-email sends it, or as an attachment")


def _value(headers: tuple[Header, ...], name: str) -> str:
    return next((h.value for h in headers if h.name.lower() == name), "").strip()


def _raw(headers: tuple[Header, ...], name: str) -> bytes:
    return next((h.raw for h in headers if h.name.lower() == name), b"")
