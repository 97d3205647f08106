"""What `git show` and `git log -p` print, read as the mail that git format-patch would write.

The diff is the same; author, date, title and message stand above it in another form, the message indented by four
columns. Read as a bare diff it would lose them, and its commit.
"""

from __future__ import annotations

import email.utils
import re
from datetime import datetime, timedelta, timezone
from itertools import pairwise

_COMMIT = re.compile(rb"^commit ([0-9a-f]{7,64})(?: [0-9a-f]{7,64})*(?: \([^\n]*\))?[ \t]*$")
_NEXT = re.compile(rb"^(?:Author|AuthorDate|Merge|Reflog):[ \t]|^(?:tree|parent|author) |^gpg: ")
_FIELD = re.compile(rb"^(Author|AuthorDate|Date|author)(?::[ \t]*| )(.*?)[ \t]*$")
_RAW_AUTHOR = re.compile(rb"^(.*>) (\d{1,12} [+-]\d{4})$")
_SPECIAL = re.compile(rb'[()<>\[\]:;@\\,."]')
_INDEX = re.compile(rb"^diff --git ([^\n]+)\n(?:(?:old|new|deleted|similarity|rename|copy) [^\n]*\n)*"
                    rb"index ([0-9a-f]{7,64})\.\.([0-9a-f]{7,64})", re.M)
# what git am takes for the end of the message or the start of a diff
_BREAKS = re.compile(rb"^(?:diff -|Index: |---|@@ -|GIT binary|From )")
_GIT_DATE = "%a %b %d %H:%M:%S %Y %z"


def is_entry(data: bytes) -> bool:
    """True where `data` begins as one commit of git show or git log (blank lines above it do not count)."""
    lines = data.lstrip(b"\n").split(b"\n", 2)
    return len(lines) > 2 and _COMMIT.match(lines[0]) is not None and _NEXT.match(lines[1]) is not None


def entries(data: bytes) -> list[bytes]:
    """The commits of such a text, oldest first; [data] where it is none. git log lists the newest first."""
    if not is_entry(data):
        return [data]
    starts = [0]
    for match in re.finditer(rb"^commit [0-9a-f]{7}", data, re.M):
        if match.start() > len(data) - len(data.lstrip(b"\n")) and data[:match.start()].endswith(b"\n\n") \
                and is_entry(data[match.start():match.start() + 2000]):
            starts.append(match.start())
    found = [data[a:b] for a, b in zip(starts, [*starts[1:], len(data)], strict=True)]
    return found if _oldest_first(found) else found[::-1]


def _oldest_first(found: list[bytes]) -> bool:
    """As the blobs of the index lines have it, else as the dates of the first and the last commit."""
    blobs = [{name: (old, new) for name, old, new in _INDEX.findall(entry)} for entry in found]
    votes = 0
    for earlier, later in pairwise(blobs):
        for name in earlier.keys() & later.keys():
            votes += (earlier[name][1] == later[name][0]) - (earlier[name][0] == later[name][1])
    if votes:
        return votes > 0
    first, last = (_when(_fields(entry).get(b"Date", b"")) for entry in (found[0], found[-1]))
    return first is not None and last is not None and first < last


def as_mail(head: bytes) -> tuple[bytes, tuple[str, ...]]:
    """What stands above the diff as the head of a mail, and what is to be said about it.

    `head` begins as is_entry() has it. The commit becomes the `From <commit>` line where it is given in full.
    """
    lines = head.lstrip(b"\n").split(b"\n")
    match = _COMMIT.match(lines[0])
    sha = match[1] if match else b""
    said = ["read from the output of git show or git log"]
    if len(sha) != 40:
        said.append(f"only the abbreviated commit {sha.decode()} is given")
    fields = _fields(head)
    blank = next((i for i, line in enumerate(lines) if not line.strip()), len(lines))
    end = blank
    while end < len(lines) and (not lines[end].strip() or lines[end].startswith(b"    ")):
        end += 1
    message = b"\n".join(line[4:].rstrip() for line in lines[blank:end]).strip(b"\n").split(b"\n")
    cut = next((i for i, line in enumerate(message) if not line), len(message))
    title, body = b" ".join(line.strip() for line in message[:cut]), message[cut + 1:]
    below = [line for line in lines[end:] if line.rstrip() != b"---"]
    out = [b"From %s Mon Sep 17 00:00:00 2001" % (sha if len(sha) == 40 else b"0" * 40),
           b"From: " + _address(fields.get(b"Author", b""))]
    shown = fields.get(b"Date", b"")
    when = _when(shown)
    if when is not None:
        out.append(b"Date: " + email.utils.format_datetime(when).encode())
    else:
        said.append(f"its date {shown.decode('utf-8', 'replace')!r} cannot be read, left out" if shown
                    else "it gives no date")
    out.append(b"Subject: [PATCH] " + title)
    if any(byte > 127 for byte in head):
        out += [b"MIME-Version: 1.0", b"Content-Type: text/plain; charset=UTF-8", b"Content-Transfer-Encoding: 8bit"]
    out += [b"", *map(_moved_in, body), b"---", *map(_moved_in, below)]
    text = b"\n".join(out)
    return text if text.endswith(b"\n") else text + b"\n", tuple(said)


def _fields(entry: bytes) -> dict[bytes, bytes]:
    """Author and Date, whichever of git's formats (medium, fuller, raw) gives them."""
    found: dict[bytes, bytes] = {}
    for line in entry.lstrip(b"\n").split(b"\n")[1:]:
        if not line.strip():
            break
        match = _FIELD.match(line)
        if match is None:
            continue
        if match[1] == b"author":
            raw = _RAW_AUTHOR.match(match[2])
            found[b"Author"], found[b"Date"] = (raw[1], raw[2]) if raw else (match[2], b"")
        else:
            found.setdefault(b"Date" if match[1] == b"AuthorDate" else match[1], match[2])
    return found


def _address(person: bytes) -> bytes:
    """`Name <address>` as a header: a name with signs that mean something there is quoted, as git format-patch does."""
    name, bracket, address = person.rpartition(b" <")
    if bracket and _SPECIAL.search(name) and not name.startswith(b'"'):
        name = b'"' + name.replace(b"\\", b"\\\\").replace(b'"', b'\\"') + b'"'
    return name + bracket + address


def _moved_in(line: bytes) -> bytes:
    return b" " + line if _BREAKS.match(line) else line


def _when(shown: bytes) -> datetime | None:
    """The date in git's own form, --date=iso, =iso-strict, =rfc, =raw or =unix; None for any other (=relative)."""
    text = shown.decode("ascii", "replace")
    try:
        if match := re.fullmatch(r"(\d{9,12})(?: ([+-])(\d\d)(\d\d))?", text):
            zone = timedelta(hours=int(match[3] or 0), minutes=int(match[4] or 0))
            return datetime.fromtimestamp(int(match[1]), timezone(-zone if match[2] == "-" else zone))
        if re.match(r"\d{4}-\d\d-\d\d", text):
            when = datetime.fromisoformat(re.sub(r" ([+-]\d\d)(\d\d)$", r"\1:\2", text))
        elif re.match(r"[A-Z][a-z]{2}, ", text):
            when = email.utils.parsedate_to_datetime(text)
        else:
            when = datetime.strptime(text, _GIT_DATE)
    except (ValueError, OverflowError, OSError, TypeError):
        return None
    return when if when.tzinfo is not None else None
