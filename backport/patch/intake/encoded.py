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

_BASE64 = re.compile(rb"^[A-Za-z0-9+/]+={0,2}\s*$")
_BAD_QUOTE = re.compile(rb"=(?![0-9A-Fa-f]{2}|[ \t]*\r?\n|[ \t]*\Z)")
_RULE = re.compile(rb"^[_*]{20,}\s*$")     # mailman's line above its footer
_ENCODED = 40                              # characters; an encoded line is longer unless it is the last
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
    text, footer = _without_footer(data[body:], encoding)
    decoded = _decode(text, encoding, source, data[:body].count(b"\n"))
    said = [f"decoded from {encoding}"]
    if footer:
        said.append(f"{footer} lines that a mailing list put behind the {encoding} text were left out")
    return Plain(_rebuilt(data, headers, b"", decoded), tuple(said))


def _without_footer(body: bytes, encoding: str) -> tuple[bytes, int]:
    """(the encoded text, the number of lines behind it that are none): some lists put their footer there as it is.

    git am decodes the footer too and gets a few odd bytes behind the diff. What is cut here is text of another form;
    a line of the encoded text in it means that the text itself is damaged.
    """
    lines = split_lines(body)
    if encoding == "base64":
        odd = next((i for i, line in enumerate(lines) if line.strip() and not _BASE64.match(line)), len(lines))
        end = next((i + 1 for i, line in enumerate(lines[:odd]) if line.rstrip().endswith(b"=")), odd)
        if end == odd < len(lines):
            # a footer's own line may look like base64 (`list`), but an empty line stands above the footer
            end = next((i for i in range(1, end) if not lines[i].strip() and lines[i - 1].strip()), end)
        inside = any(len(line.strip()) > _ENCODED and _BASE64.match(line) for line in lines[end:])
    else:
        bad = _BAD_QUOTE.search(body)
        end = next((i for i, line in enumerate(lines) if _RULE.match(line)), len(lines))
        if bad is None or bad.start() < len(b"".join(lines[:end])):
            return body, 0               # all of it is quoted-printable, or what is wrong stands in the text
        inside = any(line.startswith((b"diff --git ", b"--- ", b"@@ -")) for line in lines[end:])
    footer = [line for line in lines[end:] if line.strip()]
    return (body, 0) if inside or not footer else (b"".join(lines[:end]), len(footer))


def _decode(body: bytes, encoding: str, source: str, before: int) -> bytes:
    if encoding == "base64":
        text = b"".join(body.split())
        try:
            decoded = base64.b64decode(text, validate=True)
        except (binascii.Error, ValueError) as error:
            raise InvalidPatch(f"damaged base64 body: {error}", line=before + 1, source=source) from error
    else:
        bad = _BAD_QUOTE.search(body)
        if bad:
            raise InvalidPatch("damaged quoted-printable body", source=source,
                               line=before + body[:bad.start()].count(b"\n") + 1)
        decoded = quopri.decodestring(body)
    # the transport form of a text has CRLF; the file's own line ends were LF if every line has it
    if decoded.count(b"\r\n") == decoded.count(b"\n") and b"\r\n" in decoded:
        decoded = decoded.replace(b"\r\n", b"\n")
    return decoded


def attached(data: bytes) -> list[bytes]:
    """The patches of a mail that has several attached, each a mail of its own as git format-patch writes it; [] for
    any other mail, of which `plain` says what it is."""
    headers, _body = read_headers(data)
    if not is_mail(headers) or not _value(headers, "content-type").lower().startswith("multipart/"):
        return []
    try:
        texts, _html = _texts(data, headers, "")
    except InvalidPatch:
        return []
    found = [text for text in texts if find_diff(split_lines(text)) is not None]
    if len(found) < 2 or not all(is_mail(read_headers(text)[0]) for text in found):
        return []
    return [text if text.endswith(b"\n") else text + b"\n" for text in found]


def _texts(data: bytes, headers: tuple[Header, ...], source: str) -> tuple[list[bytes], bool]:
    """(the parts of a multipart mail that are text, decoded; whether one is HTML)."""
    message = email.message_from_bytes(data[data.find(b"\n") + 1:] if data.startswith(b"From ") else data)
    texts: list[bytes] = []
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
                texts.append(content)
    return texts, html


def _multipart(data: bytes, headers: tuple[Header, ...], body: int, source: str) -> Plain:
    texts, html = _texts(data, headers, source)
    diffs = [i for i, text in enumerate(texts) if find_diff(split_lines(text)) is not None]
    if not diffs:
        reason = "an HTML mail: no diff survives that" if html and not texts else "no diff in any part of this mail"
        raise InvalidPatch(reason, source=source, line=data[:body].count(b"\n"))
    if len(diffs) > 1:
        raise InvalidPatch(f"{len(diffs)} parts of this mail hold a diff", source=source, line=1,
                           hint="save the attachments and give them as files")
    chosen = texts[diffs[0]]
    inner, _start = read_headers(chosen)
    said = ("taken from a part of a multipart mail",)
    if is_mail(inner):
        return Plain(chosen if chosen.endswith(b"\n") else chosen + b"\n", said)
    before = b"".join(text if text.endswith(b"\n") else text + b"\n" for text in texts[:diffs[0]])
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
