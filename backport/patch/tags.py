"""Tags (trailers) of a kernel changelog, in order, as byte ranges.

Kernel messages mix tags with bracketed notes, split them into two paragraphs, and some carry lines that only
look like tags (`base-commit:`). A web archive glues the tags to the text before them. So a tag is told by its
name, never by the colon alone: prose such as "Note: this matters" is no tag.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from backport.patch.headers import text_of, unfold
from backport.patch.upstream import is_origin

_TAG = re.compile(rb"^([A-Za-z][A-Za-z0-9-]*)[ \t]*:[ \t]*(?=\S)")
_SUFFIX = ("-by", "-of", "-on", "-with", "-to", "-from")
_KNOWN = frozenset({
    "fixes", "cc", "link", "closes", "message-id", "buglink", "bug", "bugzilla", "cve", "addresses-coverity-id",
    "addresses-coverity", "references", "reference", "change-id", "lore", "patchwork", "tracked-on", "acked",
    "upstream-status", "upstream", "note-to-stable", "suggested", "xref", "issue", "debian-bug", "reported",
})
# Written by git format-patch, b4 and git send-email for tools; they are no statement by a person.
_TOOLS = re.compile(rb"^(?:base-commit|base-tree|prerequisite-[a-z-]+|change-id|X-[A-Za-z-]+|submodule-prefix)\s*:")
_LINES = 6               # that a `(cherry picked from ...)` note may be wrapped over
_FIXES = re.compile(r"^(?:commit\s+)?([0-9a-f]{7,40})\b", re.I)
_QUOTED = re.compile(r"\(\s*[\"'](.*)[\"']\s*\)")


@dataclass(frozen=True, slots=True)
class Tag:
    """One tag: `raw` is head[start:end] (folded lines and newline included), `value` unfolded, as text."""

    name: str
    value: str
    start: int
    end: int
    raw: bytes

    @property
    def content(self) -> bytes:
        """The value as it came, unfolded."""
        return unfold(self.raw.split(b":", 1)[1])


@dataclass(frozen=True, slots=True)
class Fixes:
    """`Fixes: <sha> ("subject")`; `subject` is "" where the tag gives none."""

    sha: str
    subject: str


def read_tags(data: bytes, begin: int, end: int) -> tuple[Tag, ...]:
    """The tags at the end of the message data[begin:end], in order."""
    lines: list[tuple[int, int]] = []
    position = begin
    while position < end:
        stop = data.find(b"\n", position, end)
        stop = end if stop < 0 else stop + 1
        lines.append((position, stop))
        position = stop
    found: list[Tag] = []
    i = len(lines)
    while i > 0:
        top = _block_start(data, lines, i - 1)
        if top is None:
            break
        line = data[lines[top][0]:lines[top][1]]
        match = _tag(line)
        if match is not None:
            raw = data[lines[top][0]:lines[i - 1][1]]
            name = match[1].decode("ascii")
            found.append(Tag(name, text_of(unfold(raw.split(b":", 1)[1])), lines[top][0], lines[i - 1][1], raw))
        i = top
    return tuple(reversed(found))


def is_tag(line: bytes) -> bool:
    """True where `line` is the first line of a tag."""
    return _tag(line) is not None


def is_tool_line(line: bytes) -> bool:
    """True for lines that git, b4 or send-email leave in a message for tools (`base-commit:`)."""
    return _TOOLS.match(line) is not None


def read_fixes(tags: tuple[Tag, ...]) -> tuple[Fixes, ...]:
    """What the `Fixes:` tags name, malformed ones left out."""
    out = []
    for tag in tags:
        if tag.name.lower() == "fixes":
            match, quoted = _FIXES.match(tag.value), _QUOTED.search(tag.value)
            if match is not None:
                out.append(Fixes(match[1].lower(), quoted[1] if quoted else ""))
    return tuple(out)


def _tag(line: bytes) -> re.Match[bytes] | None:
    match = _TAG.match(line)
    if match is None or _TOOLS.match(line):
        return None
    name = match[1].decode("ascii").lower()
    # "-to", "-on" and the like end words of prose as well; such words are no single dashed token before a colon
    return match if name in _KNOWN or (name.endswith(_SUFFIX) and "-" in name) else None


def _block_start(data: bytes, lines: list[tuple[int, int]], i: int) -> int | None:
    """The first line of the item (tag, note, tool line, blank) that ends at line `i`; None where prose begins."""
    def line(n: int) -> bytes:
        return data[lines[n][0]:lines[n][1]]

    text = line(i)
    if not text.strip() or _tag(text) or _TOOLS.match(text):
        return i
    if text.rstrip().endswith(b")"):                        # `(cherry picked from commit X)`, maybe on several lines
        for top in range(i, max(-1, i - _LINES), -1):
            if is_origin(b"".join(line(n) for n in range(top, i + 1))):
                return top
    if text[:1] in (b" ", b"\t"):                           # the folded rest of a tag, or of a note
        top = i
        while top > 0 and line(top)[:1] in (b" ", b"\t") and line(top).strip():
            top -= 1
        if _tag(line(top)) or _TOOLS.match(line(top)) or line(top).rstrip() in (b"Conflicts:", b"# Conflicts:"):
            return top
    if text.rstrip().endswith((b"]", b"].")):               # a bracketed note, maybe over several lines
        for top in range(i, max(-1, i - 60), -1):
            if line(top).lstrip().startswith(b"["):
                return None if _UPSTREAM.match(line(top)) else top
            if top < i and not line(top).strip():
                break
    if i > 0 and _UNFOLDED_FIXES.match(line(i - 1)) and text.rstrip().endswith(b'")'):
        return i - 1                                        # a subject that a mailer wrapped without indenting it
    return None


_UPSTREAM = re.compile(rb"^\s*\[ *upstream commit ", re.I)
_UNFOLDED_FIXES = re.compile(rb"^(?:Fixes|Stable-dep-of):[ \t]*[0-9a-f]{7,40} \(\"[^\n]*[^)\n]\n$", re.I)
