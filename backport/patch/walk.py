"""From the lines of a diff to FileDiffs, counting as git apply counts."""

from __future__ import annotations

import base64
import re
import zlib
from dataclasses import replace
from typing import NoReturn

from backport.errors import InvalidPatch
from backport.patch.fileheader import FileHeader
from backport.patch.model import FileDiff, Hunk, Line
from backport.patch.prefix import TreeNames, refuse_unstripped

_HUNK = re.compile(rb"^@@ -(\d{1,9})(?:,(\d{1,9}))? \+(\d{1,9})(?:,(\d{1,9}))? @@(?: (.*?))?\n?$")
_BINARY = re.compile(rb"^(literal|delta) (\d{1,8})\n?$")
_DAMAGE = (
    (b"\xc2\xa0", "a no-break space where the diff has a blank: copied from a web page or a word processor"),
    (b"\xef\xbb\xbf", "a byte order mark inside the diff: saved by an editor that adds one"),
    (b">", "a quoted line (`>`): this is a reply, not the patch itself"),
    (b"&", "HTML escapes: this is the source of a web page"),
    (b"\r", "an empty line with a CR and without the blank of a context line"),
)
# between two files: what quilt, svn, cvs and GNU diff write above `---`
_BETWEEN = (b"Index: ", b"=====", b"diff -", b"Only in ")


class Walker:
    """Reads file diffs from `lines[position:]` until a line that belongs to none.

    `strip` is the number of leading directories that somebody said (-pN), None where nobody did: one, if the paths
    agree. `doubts` and `said` collect what is to be seen about the headers.
    """

    def __init__(self, lines: list[bytes], position: int, source: str, strip: int | None = None) -> None:
        self.lines = lines
        self.position = position
        self.source = source
        self.doubts: list[str] = []
        self.said: list[str] = []
        self._strip = strip
        self._names: list[TreeNames] = []

    def files(self) -> list[FileDiff]:
        """Every file of the diff; `position` is then behind its last line. Raises InvalidPatch."""
        files = self._files()
        if self._strip in (None, 1):
            stripped = refuse_unstripped(self._names, self.source, stated=self._strip is not None)
            if stripped:
                self.said.append(f"the paths were stripped of {', '.join(name + '/' for name in stripped)}")
        return files

    def _files(self) -> list[FileDiff]:
        files: list[FileDiff] = []
        while self.position < len(self.lines):
            line = self.lines[self.position]
            if line.startswith((b"diff --cc ", b"diff --combined ", b"@@@ ")):
                self.fail(self.position, "a combined diff of a merge, which has no single patch",
                          hint="give the commits that the merge brought in, or `git show -m --first-parent`")
            if line.startswith(b"diff --git ") or self._plain_sides():
                files.append(self._file(self.position))
            elif skip := self._between():
                if files and (self.lines[skip].startswith(b"diff --git ") or not line.strip()):
                    # blank lines and the like between two files stay with the file above them
                    files[-1] = replace(files[-1], tail=files[-1].tail + b"".join(self.lines[self.position:skip]))
                    self.position = skip
                else:
                    start, self.position = self.position, skip
                    files.append(self._file(start))
            else:
                break
        return files

    def _plain_sides(self, at: int | None = None) -> bool:
        i = self.position if at is None else at
        return (i + 1 < len(self.lines) and self.lines[i].startswith(b"--- ")
                and self.lines[i + 1].startswith(b"+++ "))

    def _between(self) -> int:
        """Index of the next file's first line where only lines of no meaning stand before it, else 0."""
        i = self.position
        while i < len(self.lines) and (not self.lines[i].strip() or self.lines[i].startswith(_BETWEEN)) \
                and not self.lines[i].startswith((b"diff --git ", b"diff --c")):
            i += 1
        if i < len(self.lines) and (self.lines[i].startswith((b"diff --git ", b"diff --c")) or self._plain_sides(i)):
            return i
        return 0

    def _file(self, start: int) -> FileDiff:
        fields = FileHeader(self.source, 1 if self._strip is None else self._strip)
        first = self.position
        while self.position < len(self.lines):
            line = self.lines[self.position]
            if line.startswith((b"@@ -", b"GIT binary patch")):
                break
            if not fields.take(line, self.position + 1, first=self.position == first):
                break
            self.position += 1
        header = b"".join(self.lines[start:self.position])
        hunks: list[Hunk] = []
        tail = b""
        if self.position < len(self.lines) and self.lines[self.position].startswith(b"GIT binary patch"):
            tail, fields.payload = self._binary(), True
        else:
            while self.position < len(self.lines) and self.lines[self.position].startswith(b"@@"):
                if self.lines[self.position].startswith(b"@@@"):
                    self.fail(self.position, "a combined diff of a merge, which has no single patch")
                hunks.append(self._hunk())
        fields.finish(first + 1, self.position + 1, hunks)
        self._names.append(TreeNames(*fields.names, first + 1))
        self.doubts += fields.doubts
        self.said += fields.said
        return FileDiff(header, fields.old_path, fields.new_path, tuple(hunks), fields.old_blob, fields.new_blob,
                        fields.old_mode, fields.new_mode, fields.renamed, fields.payload, tail, fields.copied)

    def _binary(self) -> bytes:
        start = self.position
        self.position += 1
        blocks = 0
        while self.position < len(self.lines):
            match = _BINARY.match(self.lines[self.position])
            if match is None:
                break
            self._binary_block(int(match[2]))
            blocks += 1
        if not blocks or blocks > 2:
            self.fail(start, "malformed binary patch")
        return b"".join(self.lines[start:self.position])

    def _binary_block(self, size: int) -> None:
        """One `literal`/`delta`: base85 lines that begin with their length, then one empty line."""
        start = self.position
        payload = bytearray()
        self.position += 1
        while self.position < len(self.lines) and self.lines[self.position].strip():
            line = self.lines[self.position].rstrip(b"\n")
            code = line[0]
            count = code - 64 if 65 <= code <= 90 else code - 96 + 26 if 97 <= code <= 122 else -1
            try:
                chunk = base64.b85decode(line[1:])
            except ValueError:
                chunk = b""
            if count < 1 or len(chunk) < count or len(line) - 1 != (count + 3) // 4 * 5:
                self.fail(self.position, "malformed or truncated binary patch")
            payload += chunk[:count]
            self.position += 1
        try:
            engine = zlib.decompressobj()
            data = engine.decompress(bytes(payload), size + 1)
        except zlib.error:
            self.fail(start, "binary patch with a damaged payload")
        if len(data) != size:
            self.fail(start, "truncated binary patch")
        if self.position < len(self.lines):
            self.position += 1       # the empty line that ends the payload

    def _hunk(self) -> Hunk:
        start = self.position
        match = _HUNK.match(self.lines[start])
        if match is None:
            self.fail(start, "malformed hunk header")
        old_left = int(match[2]) if match[2] is not None else 1
        new_left = int(match[4]) if match[4] is not None else 1
        self.position += 1
        body: list[Line] = []
        while old_left > 0 or new_left > 0:
            if self.position >= len(self.lines):
                self.fail(self.position - 1, f"truncated hunk: {old_left} old and {new_left} new lines missing")
            line = self.lines[self.position]
            kind, text = line[:1], line[1:]
            if kind == b"\n":                  # an editor or mailer cut the blank of an empty context line
                kind, text = b" ", line
            if kind not in (b" ", b"+", b"-"):
                self._damaged(line, old_left, new_left)
            if line.rstrip(b"\r\n") in (b"-- ", b"--") and self._signature_here():
                self.fail(self.position, f"truncated hunk: {old_left} old and {new_left} new lines missing before "
                                         "the signature")
            old_left -= kind != b"+"
            new_left -= kind != b"-"
            if old_left < 0 or new_left < 0:
                self.fail(self.position, "hunk holds more lines than its header says")
            body.append(Line(kind, text))
            self.position += 1
            if self.position < len(self.lines) and self.lines[self.position].startswith(b"\\"):
                body[-1] = Line(kind, text[:-1] if text.endswith(b"\n") else text)
                self.position += 1
            elif not text.endswith(b"\n"):
                self.fail(self.position - 1, "truncated hunk: the input ends inside this line")
        if not any(line.kind != b" " for line in body):
            self.fail(start, "hunk changes nothing")
        raw = b"".join(self.lines[start:self.position])
        return Hunk(int(match[1]), int(match[3]), tuple(body), match[5] or b"", raw, start + 1)

    def _signature_here(self) -> bool:
        """`-- ` with nothing but a version or blank behind it, at the end of the input."""
        rest = self.lines[self.position + 1:self.position + 5]
        return self.position + 1 + len(rest) == len(self.lines) and not any(
            line.startswith((b"+", b"-", b" ", b"@", b"diff ")) for line in rest)

    def _damaged(self, line: bytes, old_left: int, new_left: int) -> NoReturn:
        left = f"{old_left} old and {new_left} new lines missing before this line"
        why = next((reason for mark, reason in _DAMAGE if line.startswith(mark)), "")
        if why:
            self.fail(self.position, f"damaged hunk: {why}")
        if line.startswith((b"diff ", b"@@ ", b"index ")):
            self.fail(self.position, f"truncated hunk: {left}")
        self.fail(self.position, f"truncated or damaged hunk: {left}",
                  hint="long lines wrapped or white space lost by a mail program or web page? ask for the mail as "
                       "git send-email wrote it")

    def fail(self, index: int, reason: str, *, hint: str = "") -> NoReturn:
        """Refuse the input at 0-based line `index`."""
        raise InvalidPatch(reason, line=index + 1, source=self.source, hint=hint)
