"""The text of a web archive's page: headers in another order, no indentation, no empty lines.

What can be told is put back into the form of a mail; the white space of the diff comes from trees (restore.py).
Where the paragraphs of the message began cannot be told, so its lines stay as they stand.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from backport.errors import InvalidPatch
from backport.patch.diffstat import diffstat
from backport.patch.fileheader import FileHeader
from backport.patch.headers import is_mail, read_headers
from backport.patch.model import FileDiff, Patch
from backport.patch.parse import parse, split_lines
from backport.patch.prefix import TreeNames, refuse_unstripped
from backport.patch.restore import LooseFile, LooseHunk, LooseLine, restore, words
from backport.patch.tags import is_tag, is_tool_line
from backport.treeview import TreeView

_HUNK = re.compile(rb"^@@ -(\d{1,9})(?:,(\d{1,9}))? \+(\d{1,9})(?:,(\d{1,9}))? @@ ?(.*)$")
_SUBJECT = re.compile(rb"^(?:Subject: *)?(\[[^\]]*PATCH[^\]]*\].*)$")
_FIELD = re.compile(rb"^(From|Date|Subject|To|Cc|Message-ID|In-Reply-To|Reply-To):[ \t]*(.*)$", re.I)
_STAT = re.compile(rb"^\S.* \| +(?:\d+ *[+-]*|Bin\b.*)$|^\d+ files? changed\b|^(?:create|delete) mode \d{6} ")
_DATE = re.compile(rb"^(?:[A-Z][a-z]{2},? )?([A-Z][a-z]{2}) (\d{1,2}),? (\d{4})(?: -|,)? (\d\d:\d\d(?::\d\d)?) "
                   rb"([A-Z]{2,4}|[+-]\d{4})$")
_RFC = re.compile(rb"^[A-Z][a-z]{2}, \d{1,2} [A-Z][a-z]{2} \d{4} \d\d:\d\d(?::\d\d)? [+-]\d{4}")
_DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
# the zone names that RFC 5322, section 4.3, gives a meaning
_ZONES = {b"UT": "+0000", b"GMT": "+0000", b"UTC": "+0000", b"EST": "-0500", b"EDT": "-0400", b"CST": "-0600",
          b"CDT": "-0500", b"MST": "-0700", b"MDT": "-0600", b"PST": "-0800", b"PDT": "-0700"}
_UPSTREAM = re.compile(rb"^\[ *Upstream commit ([0-9a-f]{40}) *\]$|^commit ([0-9a-f]{40}) upstream\.?$", re.I)
_MENU = 40                       # lines of a page's own text that may stand above its subject
_INDENTED = re.compile(rb"^(?:[ \t]|[+-](?:\t|  ))")
_BREAKS = re.compile(rb"^(?:diff -|Index: |---|@@ -|GIT binary|From )")


def is_page(data: bytes) -> bool:
    """True where the head has the form of a page: the subject without its name, or no empty line below the headers."""
    headers, body = read_headers(data)
    if is_mail(headers) and any(h.name.lower() == "subject" for h in headers):
        return bool(data[headers[-1].end:body].strip()) or body == headers[-1].end
    return any(_SUBJECT.match(line[:1000]) for line in data[:8000].split(b"\n")[:_MENU])


def is_flat(data: bytes) -> bool:
    """True where the hunks have lost all their indentation: no line of them begins with a blank or a tab."""
    lines = data.split(b"\n")
    first = next((i for i, line in enumerate(lines) if _HUNK.match(line)), None)
    if first is None:
        return False
    found = False
    for line in lines[first:]:
        if line.rstrip() == b"--":
            break
        if line.startswith((b"diff --git ", b"@@ ", b"index ", b"--- ", b"+++ ")) or not line.strip():
            continue
        if _INDENTED.match(line):
            return False
        found = True
    return found


def restored(data: bytes, source: str, views: Sequence[TreeView],
             blobs: Callable[[str], bytes | None] | None = None) -> Patch:
    """The page's text as a mail in the form of git format-patch; raises InvalidPatch with the reason."""
    lines = [line.rstrip(b"\r\n") for line in split_lines(data)]
    begin = next((i for i, line in enumerate(lines) if line.startswith(b"diff --git ")), None)
    if begin is None:
        raise InvalidPatch("a web archive's text without a `diff --git` line", source=source, line=1)
    page = _page(lines[:begin], source)
    loose, headers, tail = _diff(lines, begin, source)
    found = restore(loose, views, source, blobs)
    files = tuple(
        FileDiff(header, file.old_path, file.new_path, hunks, file.old_blob, file.new_blob)
        for header, file, hunks in zip(headers, loose, found.hunks, strict=True))
    notes = [*found.notes, *page.inferred]
    # read back for what the header lines say (modes), as any patch is
    stat = diffstat(parse(b"".join(file.render() for file in files), source=source).files)
    told = [words(line) for line in page.stat]
    if told and told != [words(line) for line in stat.split(b"\n") if line.strip()]:
        raise InvalidPatch("the restored diff does not match the diffstat of the page", source=source, line=begin + 1)
    signature = b"-- \n" + tail + b"\n" if tail else b""
    mail = (page.head(notes) + stat + b"\n" + b"".join(file.render() for file in files) + signature)
    return replace(parse(mail, source=source), restored=tuple(notes), envelope=data)


@dataclass(frozen=True, slots=True)
class _Page:
    """The page above the diff, sorted into what it is."""

    subject: bytes
    author: bytes
    sender: bytes
    date: bytes
    date_shown: bytes
    upstream: bytes
    message: tuple[bytes, ...]
    tags: tuple[bytes, ...]
    tools: tuple[bytes, ...]         # base-commit: and the like
    below: tuple[bytes, ...]
    stat: tuple[bytes, ...]
    inferred: tuple[str, ...]

    def head(self, notes: Sequence[str]) -> bytes:
        """Everything up to the diffstat, in the form of git format-patch."""
        match = _UPSTREAM.match(self.upstream)
        sha = next(group for group in match.groups() if group) if match else b"0" * 40
        out = [b"From %s Mon Sep 17 00:00:00 2001" % sha, b"From: " + self.author]
        if self.date:
            out.append(b"Date: " + self.date)
        out.append(b"Subject: " + self.subject)
        out += [b"X-Backport-Restored: " + note.encode() for note in notes]
        if any(byte > 127 for line in (*self.message, *self.below, *self.tags, self.author) for byte in line):
            out += [b"MIME-Version: 1.0", b"Content-Type: text/plain; charset=UTF-8",
                    b"Content-Transfer-Encoding: 8bit"]
        out.append(b"")
        if self.upstream:
            out += [self.upstream, b""]
        out += self.message
        if self.tags:
            out += [b"", *self.tags] if self.message else self.tags
        out += [b"---", b"Read from the text of a web archive's page by `backport import`;",
                b"what was inferred stands in the X-Backport-Restored headers above."]
        out += [b"The page's own headers: From: " + self.sender + b"; Date: " + self.date_shown] if self.sender else []
        out += self.tools
        # a line that git would take for the start of a diff is moved off column 0
        out += [b" " + line if _BREAKS.match(line) else line for line in self.below]
        return b"\n".join([*out, b"", b""]) if not self.stat else b"\n".join([*out, b""])


def _page(lines: Sequence[bytes], source: str) -> _Page:
    lines = [line for line in lines if line.strip()]
    fields: dict[str, list[bytes]] = {}
    subject = b""
    top = next((n for n, line in enumerate(lines[:_MENU]) if _SUBJECT.match(line[:1000])), 0)
    i = next((n for n, line in enumerate(lines[:top]) if _FIELD.match(line)), top)
    while i < len(lines):
        plain = _SUBJECT.match(lines[i][:1000]) if not subject else None
        field = _FIELD.match(lines[i])
        if plain is not None:
            subject = plain[1]
        elif field is None and i < top:
            pass                         # the page's own text between its headers
        elif field is not None:
            fields.setdefault(field[1].decode().lower(), []).append(field[2].strip())
        else:
            break
        i += 1
    senders = fields.get("from", [])
    if not subject or not senders:
        raise InvalidPatch("a web archive's text without its subject or From line", source=source, line=1,
                           hint="copy the page from its `[PATCH ...]` line on")
    author = senders[-1]                 # the in-body From comes last
    inferred = ["message: where its paragraphs began is not known, its lines stay as the page has them"]
    if b"<" not in author:
        signed = next((line for line in lines if line.startswith(b"Signed-off-by: " + author + b" <")), b"")
        if signed:
            author = signed.removeprefix(b"Signed-off-by: ").strip()
            inferred.append("author: the address is that of the Signed-off-by of the same name")
    if b"@" not in author or b"<" not in author:
        raise InvalidPatch("the page gives no address (not even a masked one) for the author", source=source, line=1)
    shown = fields.get("date", [b""])[0]
    date = _date(shown)
    if shown and date != shown:
        inferred.append(f"date: {shown.decode('utf-8', 'replace')!r} of the page read as {date.decode()!r}, the zone "
                        "as RFC 5322 defines it" if date else
                        f"date: {shown.decode('utf-8', 'replace')!r} of the page cannot be read, left out")
    rest = lines[i:]
    cut = next((n for n, line in enumerate(rest) if line.rstrip() == b"---"), len(rest))
    body, below = rest[:cut], rest[cut + 1:]
    upstream = b""
    if body and _UPSTREAM.match(body[0]):
        upstream, body = body[0], body[1:]
    first_tag = len(body)
    while first_tag and (is_tag(body[first_tag - 1]) or is_tool_line(body[first_tag - 1])):
        first_tag -= 1
    stat_at = len(below)
    while stat_at and _STAT.match(words(below[stat_at - 1])[:1000]):
        stat_at -= 1
    tail = body[first_tag:]
    return _Page(subject, author, senders[0] if len(senders) > 1 else b"", date, shown, upstream,
                 tuple(body[:first_tag]), tuple(line for line in tail if not is_tool_line(line)),
                 tuple(line for line in tail if is_tool_line(line)), tuple(below[:stat_at]),
                 tuple(below[stat_at:]), tuple(inferred))


def _date(shown: bytes) -> bytes:
    if _RFC.match(shown):
        return shown
    match = _DATE.match(shown)
    if match is None:
        return b""
    zone = _ZONES.get(match[5], match[5].decode() if match[5][:1] in (b"+", b"-") else "")
    if not zone:
        return b""
    day = next((d for d in _DAYS if shown.startswith(d.encode())), "")
    text = f"{int(match[2])} {match[1].decode()} {match[3].decode()} {match[4].decode()} {zone}"
    return (f"{day}, {text}" if day else text).encode()


def _diff(lines: Sequence[bytes], begin: int, source: str) -> tuple[list[LooseFile], list[bytes], bytes]:
    """(files, their header bytes, signature)."""
    files: list[LooseFile] = []
    headers: list[bytes] = []
    i = begin
    tail = b""
    while i < len(lines):
        if not lines[i].strip():
            i += 1
            continue
        if lines[i].rstrip() == b"--":
            tail = b"\n".join(line for line in lines[i + 1:] if line.strip())
            break
        fields = FileHeader(source)
        start = i
        while i < len(lines) and not lines[i].startswith(b"@@ ") and fields.take(lines[i], i + 1, first=i == start):
            i += 1
        if i == start:
            raise InvalidPatch("a line of the page that belongs to no file", line=i + 1, source=source)
        header = b"".join(line + b"\n" for line in lines[start:i])
        hunks: list[LooseHunk] = []
        while i < len(lines) and (match := _HUNK.match(lines[i])) is not None:
            at = i
            i += 1
            body: list[LooseLine] = []
            while i < len(lines) and not lines[i].startswith((b"@@ ", b"diff --git ")) and lines[i].rstrip() != b"--":
                if lines[i].startswith(b"\\"):
                    raise InvalidPatch("a file without a newline at its end cannot be restored from a page's text",
                                       line=i + 1, source=source)
                if lines[i].strip():
                    kind = lines[i][:1] if lines[i][:1] in (b"+", b"-") else b" "
                    body.append(LooseLine(kind, words(lines[i] if kind == b" " else lines[i][1:])))
                i += 1
            hunks.append(LooseHunk(int(match[1]), int(match[2] or 1), int(match[3]), int(match[4] or 1),
                                   match[5].rstrip(), tuple(body), at + 1))
        if not hunks:
            raise InvalidPatch("a file without hunks in a web archive's text", line=start + 1, source=source)
        fields.finish(start + 1, i + 1, hunks)
        refuse_unstripped([TreeNames(*fields.names, start + 1)], source, stated=False)
        files.append(LooseFile(fields.old_path, fields.new_path, fields.old_blob, fields.new_blob, tuple(hunks)))
        headers.append(header)
    return files, headers, tail
