"""The mail around a diff, read for what it says: author, subject, message, tags, upstream commit, nomination.

Everything is derived from Patch.head (and the envelope of a FAILED notice); nothing is stored twice. Offsets
count bytes of the head, so that compose can replace one piece and leave the others as they came.
"""

from __future__ import annotations

import email.utils
import re
from dataclasses import dataclass, replace
from functools import lru_cache

from backport.patch.headers import Header, decode, is_mail, read_headers, text_of
from backport.patch.model import Patch
from backport.patch.parse import split_lines
from backport.patch.stable import (
    Autosel,
    Failed,
    StableRequest,
    asked_for,
    read_autosel,
    read_failed,
    read_requests,
)
from backport.patch.tags import Fixes, Tag, read_fixes, read_tags
from backport.patch.upstream import read_upstream

_PREFIX = re.compile(r"^\s*((?:(?:Re|Fwd?|AW|SV)\s*:\s*)*)((?:\[[^\]]*\]\s*)*)(.*)$", re.I | re.S)
_GROUP = re.compile(r"\[([^\]]*)\]")
_NUMBER = re.compile(r"(?:^|[\s/,])(\d+)\s*/\s*(\d+)\s*(?=$|,)")
_MARK = re.compile(r"PATCH|RFC|RESEND|AUTOSEL|^patch\b")
# what patchwork makes of `[PATCH net-next v2 3/7]`: `[net-next,v2,3/7]`, without the word
_PATCHWORK = re.compile(r"^(?:[\w.:+/-]+,)*(?:v\d+|\d+/\d+)(?:,[\w.:+/-]+)*$", re.I)
_IN_BODY = re.compile(rb"^(From|Subject|Date):[ \t]*(?=\S)", re.I)
_REVERTS = re.compile(rb"^This reverts (?:upstream )?commit ([0-9a-f]{7,40})\b", re.I | re.M)
_FORMAT_PATCH = re.compile(rb"^From ([0-9a-f]{40}) Mon Sep 17 00:00:00 2001\r?\n")
_COUNT = re.compile(rb"^ +(?:\d+(?: [+-]*)?|Bin\b[^|]*|Unmerged)\r?\n?$")
_MASKED = re.compile(r"@x{3,}|x{4,}@|\[email protected\]|@\.\.\.|\.\.\.@", re.I)


@dataclass(frozen=True, slots=True)
class Person:
    """A name and an address as written; `masked` where an archive hid the address."""

    name: str
    address: str

    @property
    def masked(self) -> bool:
        return bool(_MASKED.search(self.address))

    def __str__(self) -> str:
        return f"{self.name} <{self.address}>" if self.address else self.name


@dataclass(frozen=True, slots=True)
class Mail:
    """What the head of a patch says. Empty strings and tuples stand for what it does not say.

    `title` is the subject without its `[PATCH ...]` prefix, `prefix` the text inside those brackets. `author` is
    the in-body From: where there is one (the mail's From: is then the sender). `message` is the changelog as
    bytes, head[message_start:message_end], without in-body headers and without what follows `---`; `notes` is
    what follows it up to the diffstat (analysis, change log of the patch versions).
    `upstream` is the commit in Linus's tree, 40 hex or shorter as written, and `upstream_from` where that was
    read: "message", "cherry-pick line", "FAILED notice" or "From line".
    """

    headers: tuple[Header, ...]
    is_mail: bool
    subject: str
    prefix: str
    title: str
    number: int
    total: int
    author: Person
    sender: Person
    date: str
    message_id: str
    in_reply_to: str
    references: tuple[str, ...]
    in_body: tuple[Header, ...]
    message_start: int
    message_end: int
    message: bytes
    notes: bytes
    tags: tuple[Tag, ...]
    upstream: str
    upstream_from: str
    upstream_line: tuple[int, int] | None     # byte range of the upstream line in the head
    upstream_doubt: str                       # why none is taken although the mail names some, "" for no question
    reverts: str
    stable: tuple[StableRequest, ...]
    autosel: Autosel | None
    failed: Failed | None
    from_line: bytes

    @property
    def nomination(self) -> str:
        """"noautosel", "failed", "stable" (Cc: stable), "autosel" (a candidate only), or "" (unknown)."""
        if any(request.noautosel for request in self.stable):
            return "noautosel"
        if self.failed is not None:
            return "failed"
        if self.stable:
            return "stable"
        return "autosel" if self.autosel is not None else ""

    @property
    def upstream_sha(self) -> str | None:
        """The upstream commit where it is known in full (40 hex), else None."""
        return self.upstream if len(self.upstream) == 40 else None

    @property
    def text(self) -> str:
        """The message for people to read."""
        return text_of(self.message)

    @property
    def fixes(self) -> tuple[Fixes, ...]:
        return read_fixes(self.tags)

    @property
    def prerequisites(self) -> tuple[StableRequest, ...]:
        """The `Cc: stable` tags that name a commit to pick first, in order; the commit that Fixes: names is none."""
        blamed = [fix.sha for fix in self.fixes]
        return tuple(request for request in self.stable if request.prerequisite and not any(
            sha.startswith(request.prerequisite) or request.prerequisite.startswith(sha) for sha in blamed))

    @property
    def people(self) -> tuple[tuple[str, Person], ...]:
        """(tag name, person) of every tag that names one, in order."""
        return tuple((tag.name, person(tag.value)) for tag in self.tags
                     if "@" in tag.value and (tag.name.lower() == "cc" or tag.name.lower().endswith("-by")))

    def asked_for(self, series: str) -> bool | None:
        """Was the patch asked for in this series ("6.6")? None where the mail does not say."""
        return asked_for(self.stable, series)

    def header(self, name: str) -> Header | None:
        """The first header of that name, in any case."""
        return next((h for h in self.headers if h.name.lower() == name.lower()), None)

    def tagged(self, name: str) -> tuple[Tag, ...]:
        """The tags of that name, in any case, in order."""
        return tuple(tag for tag in self.tags if tag.name.lower() == name.lower())


def read_mail(patch: Patch) -> Mail:
    """The Mail view of a Patch. A bare diff gives a Mail with is_mail False and empty fields."""
    return mail_of(patch.head, patch.envelope)


@lru_cache(maxsize=64)
def mail_of(head: bytes, envelope: bytes = b"") -> Mail:
    """As read_mail, from the bytes of a head and of the envelope around it."""
    headers, body = read_headers(head)
    proper = is_mail(headers)
    if not proper:
        headers, body = (), 0
    names = {h.name.lower(): h for h in reversed(headers)}
    from_line = head[:head.find(b"\n") + 1] if head.startswith(b"From ") else b""
    if from_line and not proper:
        body = len(from_line)
    in_body, start = _in_body(head, body) if proper else ((), body)
    overrides = {h.name.lower(): h for h in in_body}
    end, notes = _message_end(head, start)
    message = head[start:end]

    subject_header = overrides.get("subject") or names.get("subject")
    subject = subject_header.value if subject_header else ""
    prefix, title, number, total = split_subject(subject)
    sender = person(names["from"].value) if "from" in names else Person("", "")
    author = person(overrides["from"].value) if "from" in overrides else sender
    date_header = overrides.get("date") or names.get("date")
    message_id = _id(names.get("message-id"))
    tags = read_tags(head, start, end) if proper else ()
    failed = _failed(envelope)
    origin = _FORMAT_PATCH.match(from_line)
    if failed is not None and not failed.sha and origin is not None:
        failed = replace(failed, sha=origin[1].decode())    # Sasha's notices name the commit there only
    named = read_upstream(head, start, end, headers, notice=failed.sha if failed is not None else "",
                          from_line=from_line, prefix=prefix, title=title)
    reverts = _REVERTS.search(message)
    return Mail(
        headers=headers, is_mail=proper, subject=subject, prefix=prefix, title=title, number=number, total=total,
        author=author, sender=sender, date=date_header.value if date_header else "", message_id=message_id,
        in_reply_to=_id(names.get("in-reply-to")), references=_ids(names.get("references")), in_body=in_body,
        message_start=start, message_end=end, message=message, notes=notes, tags=tags,
        upstream=named.sha, upstream_from=named.where, upstream_line=named.line, upstream_doubt=named.doubt,
        reverts=reverts[1].decode() if reverts else "",
        stable=read_requests(tags), autosel=read_autosel(prefix), failed=failed, from_line=from_line)


def split_subject(subject: str) -> tuple[str, str, int, int]:
    """(prefix, title, number, total) of a subject: `[PATCH v2 3/7] x: y` -> ("PATCH v2 3/7", "x: y", 3, 7).

    Only bracket groups that hold PATCH or RFC (and those before them, `[stable] [PATCH]`) are prefix: in
    `[PATCH] [media] foo: bar` the title is `[media] foo: bar`, as git am -b keeps it. Patchwork leaves the word out:
    `[v2,3/7] x: y` is one, `[media] x: y` is not.
    """
    match = _PREFIX.match(" ".join(subject.split()))
    if match is None:
        return "", subject, 0, 0
    groups = [(m, m[1]) for m in _GROUP.finditer(match[2])]
    last = max((i for i, (_m, text) in enumerate(groups) if _MARK.search(text)), default=-1)
    if last < 0 and groups and _PATCHWORK.match(groups[0][1].strip()):
        last = 0
    if last < 0:
        return "", (match[2] + match[3]).strip(), 0, 0
    prefix = "] [".join(text for _m, text in groups[:last + 1])
    title = match[2][groups[last][0].end():].lstrip() + match[3]
    found = next((n for _m, text in groups[:last + 1] if (n := _NUMBER.search(text))), None)
    return prefix, title.strip(), int(found[1]) if found else 0, int(found[2]) if found else 0


def person(value: str) -> Person:
    """Name and address of `Name <address>`, `address (Name)` or a bare address; a tag's comment is cut."""
    value = value.strip()
    match = re.match(r"^(.*?)<([^<>]*)>", value)
    if match is not None:
        return Person(match[1].strip().strip('"').replace('\\"', '"').strip(), match[2].strip())
    value = value.split("#", 1)[0].strip()
    if "@" in value:
        name, address = email.utils.parseaddr(value)
        if address:
            return Person(name, address)
    return Person(value, "")


def _in_body(head: bytes, body: int) -> tuple[tuple[Header, ...], int]:
    """In-body From/Subject/Date lines as git mailinfo takes them, and where the message begins."""
    position = body
    while head[position:position + 1] in (b"\n", b"\r") or head[position:_eol(head, position)].isspace():
        position = _eol(head, position)
        if position >= len(head):
            return (), min(position, len(head))
    start = position
    found: list[Header] = []
    while (match := _IN_BODY.match(head[position:_eol(head, position)])) is not None:
        end = _eol(head, position)
        while head[end:end + 1] in (b" ", b"\t") and head[end:_eol(head, end)].strip():
            end = _eol(head, end)
        raw = head[position:end]
        found.append(Header(match[1].decode(), decode(raw.split(b":", 1)[1]), position, end, raw))
        position = end
    # "Subject: to review" as the first line of prose is no header: git wants From, or the empty line behind
    if found and not (found[0].name.lower() == "from" or not head[position:_eol(head, position)].strip()):
        return (), start
    while found and position < len(head) and not head[position:_eol(head, position)].strip():
        position = _eol(head, position)
    return tuple(found), position


def _message_end(head: bytes, start: int) -> tuple[int, bytes]:
    """(end of the message, notes): the message ends at the first `---` line, as for git am."""
    match = re.compile(rb"^---[ \t]*\r?\n", re.M).search(head, start)
    if match is None:
        return len(head), b""
    rest = head[match.end():]
    lines = split_lines(rest)
    last = next((i for i in range(len(lines) - 1, -1, -1) if _is_stat(lines[i])), None)
    if last is not None:
        while last > 0 and _is_stat(lines[last - 1]):
            last -= 1
        rest = b"".join(lines[:last])
    return match.start(), rest


def _is_stat(line: bytes) -> bool:
    """True for ` path | 3 ++-`."""
    name, bar, count = line.rpartition(b" |")
    return bool(bar) and line.startswith(b" ") and bool(name.strip()) and _COUNT.match(count) is not None


def _failed(envelope: bytes) -> Failed | None:
    if not envelope:
        return None
    headers, body = read_headers(envelope)
    names = {h.name.lower(): h for h in reversed(headers)}
    if "subject" not in names:
        return None
    return read_failed(names["subject"].value, text_of(envelope[body:]), _id(names.get("message-id")))


def _id(header: Header | None) -> str:
    ids = _ids(header)
    return ids[0] if ids else header.value.strip("<> ") if header else ""


def _ids(header: Header | None) -> tuple[str, ...]:
    return tuple(re.findall(r"<([^<>\s]+)>", header.value)) if header else ()


def _eol(data: bytes, position: int) -> int:
    end = data.find(b"\n", position)
    return len(data) if end < 0 else end + 1
