"""The adapted patch as a mail that `git am` takes: upstream's author, message and tags, and what was changed.

Only the pieces that have to change are replaced: the subject's prefix, the diffstat, the diff; added are the
upstream line, the bracketed notes, and the submitter's sign-off where it is asked for. Headers that belong to the
old mail's journey (Message-ID, To, Received, ...) are left out, because git send-email would send them again;
so is the text between `---` and the diffstat, which was about the old mail.
"""

from __future__ import annotations

import re
import textwrap
from collections.abc import Sequence

from backport.patch import clean
from backport.patch.diffstat import diffstat
from backport.patch.headers import Header, unfold
from backport.patch.mail import Mail, read_mail, split_subject
from backport.patch.model import FileDiff, Patch
from backport.patch.stable import series_number

_KEPT = ("from", "date", "subject", "mime-version", "content-type", "content-transfer-encoding")
_COLUMNS = 75
_SHA = re.compile(r"^[0-9a-f]{40}$")
# Where git mailinfo ends the message and begins the patch (its patchbreak()), or where am -c cuts; and what mailsplit
# takes for the first line of another mail
_BREAK = re.compile(rb"^(?=diff -|Index: |--- \S|---[ \t]*\r?$|From [^\n]*\d:\d\d[^\n]*$)", re.M)
_FORMAT_PATCH_DATE = b"Mon Sep 17 00:00:00 2001"


def adapted_mail(patch: Patch, files: tuple[FileDiff, ...], *, series: str, notes: Sequence[str] = (),
                 tags: Sequence[str] = (), upstream_sha: str | None = None, signoff: str | None = None) -> bytes:
    """The mail for `series` ("5.10", "5.10.y" or "linux-5.10.y") with `files` as its diff.

    `tags` ("Stable-dep-of: ...") stand behind the existing ones; `notes` become one bracketed block behind them, as a
    maintainer writes it; `signoff` ("Name <address>") is added last. The upstream line is written for an `upstream_sha`
    of 40 hex digits, where the message has none yet. A bare diff (no author to write) stays one, with the notes above
    it.
    """
    mail = read_mail(patch)
    if not mail.is_mail:
        return _bare(patch, files, notes)
    out = _from_line(mail, upstream_sha) + _headers(patch, mail, series)
    body = _body(mail, upstream_sha)
    said = _block(notes)
    ending = [clean.one_line(tag).encode("utf-8", "surrogateescape") + b"\n" for tag in tags] + ([said] if said else [])
    if signoff:
        line = b"Signed-off-by: " + clean.one_line(signoff).encode("utf-8", "surrogateescape") + b"\n"
        if ending or not body.endswith(b"\n" + line):
            ending.append(line)
    if ending:
        # a tag or a note belongs to the block of tags; a message without tags gets an empty line first
        glue = b"" if mail.tags and body.rstrip(b"\n") == body[:-1] else b"\n"
        body = body.rstrip(b"\n") + b"\n" + glue + b"".join(ending) if body.strip() else b"".join(ending)
    out += body
    return out + b"---\n" + diffstat(files) + b"\n" + _diff(files) + _signature(patch)


def adapted_for(series: str, clauses: Sequence[str]) -> str:
    """The changelog's note on what was adapted, without its brackets; `clauses` are plain, one for each difference."""
    return f"adapted for {branch(series)}: {'; '.join(clauses)}"


def branch(series: str) -> str:
    """The branch of a series as stable names it: "5.10.y"."""
    number = series_number(series)
    return f"{number[0]}.{number[1]}.y" if number else clean.one_line(series)


def _from_line(mail: Mail, upstream_sha: str | None) -> bytes:
    """The mbox line with the upstream commit, as the stable queue writes it; where that is not known, as it came, and
    zeros where the mail's own words are against it."""
    sha = upstream_sha if upstream_sha and _SHA.match(upstream_sha) else ""
    if not sha and not mail.upstream_doubt and re.match(rb"^From [0-9a-f]{40} " + _FORMAT_PATCH_DATE, mail.from_line):
        return mail.from_line
    sha = sha or "0" * 40
    return b"From %s %s\n" % (sha.encode(), _FORMAT_PATCH_DATE)


def _headers(patch: Patch, mail: Mail, series: str) -> bytes:
    moved = {h.name.lower(): h for h in mail.in_body}
    out = b""
    written: set[str] = set()
    for header in mail.headers:
        name = header.name.lower()
        if name not in _KEPT or name in written:
            continue
        written.add(name)
        if name == "subject":
            out += _subject(moved.get("subject") or header, mail, series)
        elif name in moved:                     # the in-body line is the truth about the author
            out += header.name.encode() + b": " + clean.encoded(clean.header_value(moved[name].content)) + b"\n"
        else:
            out += header.name.encode() + b": " + clean.header_value(header.raw.split(b":", 1)[1]) + b"\n"
    if "subject" not in written and "subject" in moved:
        out += _subject(moved["subject"], mail, series)
    raw = _raw_bytes(mail)
    if "content-type" not in written and any(byte > 127 for byte in raw):
        charset = b"UTF-8" if clean.is_utf8(raw) else b"ISO-8859-1"
        out += (b"MIME-Version: 1.0\n" if "mime-version" not in written else b"") \
            + b"Content-Type: text/plain; charset=" + charset + b"\nContent-Transfer-Encoding: 8bit\n"
    return out + b"\n"


def _raw_bytes(mail: Mail) -> bytes:
    return mail.message


def _subject(header: Header, mail: Mail, series: str) -> bytes:
    """The subject with the stable prefix: raw bytes kept (folding, encoded words) where the prefix is plain."""
    # the numbers of an AUTOSEL batch are no place in a series
    place = f" {mail.number}/{mail.total}" if mail.total > 1 and mail.autosel is None else ""
    new = f"[PATCH {branch(series)}{place}]"
    raw = clean.header_value(header.raw.split(b":", 1)[1])
    plain = split_subject(unfold(raw).decode("latin-1"))
    if plain[0] == mail.prefix.encode("utf-8", "replace").decode("latin-1") and not re.match(rb"^\s*=\?", raw):
        groups = plain[0].count("] [") + 1 if plain[0] else 0
        rest = re.sub(rb"^(?:(?:Re|Fwd?|AW|SV)[ \t]*:\s*)*", b"", raw, flags=re.I)
        for _ in range(groups):
            rest = re.sub(rb"^\s*\[[^\]]*\]\s*", b"", rest)
        return b"Subject: " + new.encode() + b" " + rest.lstrip() + b"\n"
    title = clean.one_line(mail.title).encode("utf-8", "surrogateescape")
    return b"Subject: " + new.encode() + b" " + clean.encoded(title) + b"\n"


def _body(mail: Mail, upstream_sha: str | None) -> bytes:
    """The message with the upstream line first, ending in one newline."""
    message = clean.message(mail.message).strip(b"\n")
    message = message + b"\n" if message else b""
    message = _BREAK.sub(b" ", message)
    if upstream_sha and _SHA.match(upstream_sha) and mail.upstream_line is None:
        message = b"[ Upstream commit %s ]\n\n" % upstream_sha.encode() + message
    return message


def _block(notes: Sequence[str]) -> bytes:
    """All notes in one pair of brackets, b"" where there is nothing to say."""
    told = dict.fromkeys(text for note in notes if (text := note.strip().strip("[]").strip()))
    return _note("; ".join(told)) if told else b""


def _note(note: str) -> bytes:
    """`[ text ]`, wrapped at 75 columns; no line of it can be taken for the end of the message."""
    paragraphs = [clean.one_line(part) for part in note.strip().strip("[]").split("\n")]
    text = "\n".join(line for part in paragraphs if part for line in textwrap.wrap(
        part, _COLUMNS - 2, break_long_words=False, break_on_hyphens=False))
    lines = text.split("\n")
    # every line but the first is indented, and the first begins with the bracket: nothing stands at column 0
    joined = "[ " + "\n  ".join(lines) + " ]"
    return joined.encode("utf-8", "surrogateescape") + b"\n"


def _diff(files: tuple[FileDiff, ...]) -> bytes:
    return b"".join(file.render() for file in files)


def _signature(patch: Patch) -> bytes:
    """git's signature, without the footer that a mailing list put below it."""
    match = re.match(rb"(-- ?\n)((?:[^\n]+\n?)*)(\n*)", patch.tail)
    if match is None:
        return b""
    lines = match[2].splitlines(keepends=True)
    if match.end() == len(patch.tail) and len(lines) <= 1:
        return patch.tail
    if lines and re.match(rb"\d+\.\d", lines[0]):
        return match[1] + lines[0] + b"\n"
    return b""


def _bare(patch: Patch, files: tuple[FileDiff, ...], notes: Sequence[str]) -> bytes:
    head = patch.head
    said = _block(notes)
    if head and not head.endswith(b"\n"):
        head += b"\n"
    return head + said + (b"\n" if said else b"") + _diff(files) + _signature(patch)
