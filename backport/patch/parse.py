"""From the bytes of one mail to a Patch, losing nothing.

The walk is ours and counts lines as git apply does, because unidiff takes a signature for a removed line and
splits lines at form feeds; unidiff then reads the very same lines and must agree hunk by hunk, so that two
readers have to be wrong in the same way before a hunk is.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace

from unidiff.errors import UnidiffParseError
from unidiff.patch import PatchSet

from backport.errors import InvalidPatch
from backport.patch.model import FileDiff, Hunk, Line, Patch
from backport.patch.paths import header_path, quoted_path

_HUNK = re.compile(rb"^@@ -(\d+)(?:,(\d+))? \+(\d+)(?:,(\d+))? @@(?: (.*?))?\r?\n?$")
_INDEX = re.compile(rb"^index ([0-9a-f]{4,64})\.\.([0-9a-f]{4,64})(?: (\d{6}))?\s*$")
_ZERO = re.compile(r"^0+$")


def parse(data: bytes, *, source: str = "", slug: str = "") -> Patch:
    """Read one mail or bare diff; raises InvalidPatch with line and reason.

    `data` holds exactly one patch (intake splits an mbox before). The result renders to `data`.
    """
    lines = split_lines(data)
    first = find_diff(lines)
    if first is None:
        raise InvalidPatch(_why_no_diff(lines), source=source, line=len(lines),
                           hint="a mail as git format-patch writes it has `diff --git` or `--- a/FILE` lines")
    walker = _Walker(lines, first, source)
    files = walker.files()
    _agree_with_unidiff(lines, first, walker.position, files, source)
    head = b"".join(lines[:first])
    tail = b"".join(lines[walker.position:])
    patch = Patch(head, tuple(files), tail, source=source, slug=slug)
    if patch.render() != data:   # a promise, checked on every input: it is what every later edit stands on
        raise InvalidPatch("this mail cannot be read without changing it", source=source, line=1,
                           hint="please report it with the mail attached")
    return patch


def split_lines(data: bytes) -> list[bytes]:
    """Lines with their newline, split at b"\\n" only (a form feed in C source is no line end)."""
    lines = data.split(b"\n")
    out = [line + b"\n" for line in lines[:-1]]
    if lines[-1]:
        out.append(lines[-1])
    return out


def find_diff(lines: list[bytes]) -> int | None:
    """The index of the first line of the diff, None where there is none.

    In a mail the diff stands behind the `---` line: a diff that the message quotes at column 0 is text. git
    apply takes the quoted one for a patch; git am stops the message at the first `---` or diff as well.
    """
    separator = _separator(lines)
    return _diff_start(lines, 0 if separator is None else separator + 1)


def _separator(lines: list[bytes]) -> int | None:
    """The `---` line of a mail: the last one before the last block of diff, so that quoted diffs stay text."""
    candidates = [i for i, line in enumerate(lines) if line.rstrip(b"\r\n") == b"---"]
    return next((i for i in candidates if _diff_start(lines, i + 1) is not None), None)


def _diff_start(lines: list[bytes], begin: int) -> int | None:
    for i in range(begin, len(lines)):
        line = lines[i]
        if line.startswith(b"diff --git "):
            return i
        if (line.startswith(b"--- ") and i + 2 < len(lines) and lines[i + 1].startswith(b"+++ ")
                and lines[i + 2].startswith(b"@@ -")):
            # `Index:`/`====` or an `index` line of plain diffs belong to the file
            return i
    return None


def _why_no_diff(lines: list[bytes]) -> str:
    if not b"".join(lines).strip():
        return "empty input"
    if any(line.startswith(b"GIT binary patch") for line in lines):
        return "a binary patch without its `diff --git` line"
    return "no diff in this mail"


@dataclass
class _Walker:
    """Reads file diffs from `lines[position:]` until a line that belongs to none."""

    lines: list[bytes]
    position: int
    source: str

    def files(self) -> list[FileDiff]:
        files: list[FileDiff] = []
        while self.position < len(self.lines):
            line = self.lines[self.position]
            if line.startswith((b"diff --git ", b"--- ")) and line.rstrip() not in (b"--", b"---"):
                files.append(self._file())
            elif not line.strip() and self._more_follows():
                files[-1] = replace(files[-1], tail=files[-1].tail + line)   # blank line between two files
                self.position += 1
            else:
                break
        return files

    def _more_follows(self) -> bool:
        rest = self.lines[self.position:]
        text = next((line for line in rest if line.strip()), b"")
        return text.startswith(b"diff --git ")

    def _file(self) -> FileDiff:
        start = self.position
        fields = _Header(self.source)
        while self.position < len(self.lines):
            line = self.lines[self.position]
            if line.startswith(b"@@ -") or line.startswith(b"GIT binary patch"):
                break
            if self.position > start and line.startswith(b"diff --git "):
                break
            if not fields.take(line, self.position + 1, first=self.position == start):
                break
            self.position += 1
        header = b"".join(self.lines[start:self.position])
        hunks: list[Hunk] = []
        tail = b""
        binary = fields.binary
        if self.position < len(self.lines) and self.lines[self.position].startswith(b"GIT binary patch"):
            tail, binary = self._binary(), True
        else:
            while self.position < len(self.lines) and self.lines[self.position].startswith(b"@@ -"):
                hunks.append(self._hunk())
        if fields.sides_seen and not hunks and not binary:
            self._fail(self.position, "`---`/`+++` lines without a hunk")
        return FileDiff(header, fields.old_path, fields.new_path, tuple(hunks), fields.old_blob, fields.new_blob,
                        fields.old_mode, fields.new_mode, fields.renamed, binary, tail)

    def _binary(self) -> bytes:
        start = self.position
        while self.position < len(self.lines):
            line = self.lines[self.position]
            if line.startswith(b"diff --git ") or line.rstrip(b"\r\n") == b"-- ":
                break
            self.position += 1
        while self.position > start and not self.lines[self.position - 1].strip():
            self.position -= 1
        if self.position < len(self.lines) and not self.lines[self.position].strip():
            self.position += 1       # the payload ends with one empty line
        return b"".join(self.lines[start:self.position])

    def _hunk(self) -> Hunk:
        start = self.position
        match = _HUNK.match(self.lines[start])
        if match is None:
            self._fail(start, "malformed hunk header")
        assert match is not None
        old_left = int(match[2]) if match[2] is not None else 1
        new_left = int(match[4]) if match[4] is not None else 1
        self.position += 1
        body: list[Line] = []
        while old_left > 0 or new_left > 0:
            if self.position >= len(self.lines):
                self._fail(self.position - 1, f"truncated hunk: {old_left} old and {new_left} new lines missing")
            line = self.lines[self.position]
            kind, text = line[:1], line[1:]
            if kind in (b"\n", b"\r"):                  # an editor or mailer cut the blank of an empty context line
                kind, text = b" ", line
            if kind not in (b" ", b"+", b"-"):
                self._fail(self.position, f"truncated or damaged hunk: {old_left} old and {new_left} new lines "
                                          "missing before this line")
            old_left -= kind != b"+"
            new_left -= kind != b"-"
            if old_left < 0 or new_left < 0:
                self._fail(self.position, "hunk holds more lines than its header says")
            body.append(Line(kind, text))
            self.position += 1
            if self.position < len(self.lines) and self.lines[self.position].startswith(b"\\"):
                body[-1] = Line(kind, text[:-1] if text.endswith(b"\n") else text)
                self.position += 1
        if not any(line.kind != b" " for line in body):
            self._fail(start, "hunk changes nothing")
        raw = b"".join(self.lines[start:self.position])
        return Hunk(int(match[1]), int(match[3]), tuple(body), (match[5] or b"").rstrip(b"\r"), raw, start + 1)

    def _fail(self, index: int, reason: str) -> None:
        raise InvalidPatch(reason, line=index + 1, source=self.source)


class _Header:
    """The lines between `diff --git` and the first hunk."""

    def __init__(self, source: str) -> None:
        self.source = source
        self.old_path: str | None = None
        self.new_path: str | None = None
        self.old_blob: str | None = None
        self.new_blob: str | None = None
        self.old_mode: str | None = None
        self.new_mode: str | None = None
        self.renamed = False
        self.binary = False
        self.sides_seen = False

    def take(self, line: bytes, number: int, *, first: bool) -> bool:
        """Read one line; False where it does not belong to a file header."""
        text = line.rstrip(b"\r\n")
        if text.startswith(b"diff --git "):
            if not first:
                return False
            self.old_path, self.new_path = header_path(text[len(b"diff --git "):], number, self.source)
        elif text.startswith(b"--- "):
            self.old_path = quoted_path(text[4:], number, self.source)
        elif text.startswith(b"+++ "):
            self.new_path = quoted_path(text[4:], number, self.source)
            self.sides_seen = True
        elif text.startswith(b"index "):
            match = _INDEX.match(text)
            if match is None:
                raise InvalidPatch("malformed index line", line=number, source=self.source)
            self.old_blob, self.new_blob = match[1].decode(), match[2].decode()
            if match[3]:
                self.old_mode = self.new_mode = match[3].decode()
        elif text.startswith((b"old mode ", b"deleted file mode ")):
            self.old_mode = text.split()[-1].decode("ascii", "replace")
            if text.startswith(b"deleted"):
                self.new_path = None
        elif text.startswith((b"new mode ", b"new file mode ")):
            self.new_mode = text.split()[-1].decode("ascii", "replace")
            if text.startswith(b"new file"):
                self.old_path = None
        elif text.startswith((b"rename from ", b"copy from ")):
            self.renamed = True
            self.old_path = quoted_path(text.split(b" ", 2)[2], number, self.source, strip=0)
        elif text.startswith((b"rename to ", b"copy to ")):
            self.renamed = True
            self.new_path = quoted_path(text.split(b" ", 2)[2], number, self.source, strip=0)
        elif text.startswith((b"similarity index ", b"dissimilarity index ")):
            pass
        elif text.startswith(b"Binary files ") and text.endswith(b" differ"):
            self.binary = True
        else:
            return False
        return True


def _agree_with_unidiff(lines: list[bytes], first: int, end: int, files: list[FileDiff], source: str) -> None:
    """unidiff must see the same hunks; raises InvalidPatch where the two readers differ."""
    # Lines are handed over one by one: unidiff's own splitting breaks at form feeds. Blanks that a mailer cut
    # from empty context lines are put back for it, and only for it.
    text = [line.decode("utf-8", "surrogateescape") for line in lines[first:end]]
    text = [line if line.strip("\r\n") else " " + line for line in text]
    try:
        seen = [hunk for file in PatchSet(text) for hunk in file]
    except UnidiffParseError as error:
        raise InvalidPatch(f"unidiff refuses the diff: {error}", line=first + 1, source=source) from error
    ours = [hunk for file in files for hunk in file.hunks]
    if len(seen) != len(ours) or any(
            a.source_start != b.old_start or a.target_start != b.new_start
            or a.added != len(b.added) or a.removed != len(b.removed)
            for a, b in zip(seen, ours, strict=True)):
        raise InvalidPatch("two readers of this diff disagree about its hunks", line=first + 1, source=source)


def is_null_blob(name: str | None) -> bool:
    """True for the all-zero object name of a created or deleted file."""
    return name is not None and _ZERO.match(name) is not None
