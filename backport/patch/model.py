"""A patch mail as immutable values whose bytes add up to the input, exactly.

`unidiff` validates and counts; the bytes shown here are always slices of the input, because unidiff's own
str() drops mail headers, the message, the diffstat, binary payloads and the signature. A hunk that nobody
rewrote renders to the very bytes that came in.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace


@dataclass(frozen=True, slots=True)
class Line:
    """One line of a hunk.

    `kind` is b" ", b"-" or b"+"; `text` is the line without that column, its newline included (no newline
    where the file ends without one, which the diff writes as "\\ No newline at end of file").
    """

    kind: bytes
    text: bytes


@dataclass(frozen=True, slots=True)
class Hunk:
    """One `@@` block: positions are 1-based lines, as in the header; `section` is the text behind the second @@.

    `raw` is the hunk as it came (header included); a hunk made or changed here has raw = b"" and is rendered.
    """

    old_start: int
    new_start: int
    lines: tuple[Line, ...]
    section: bytes = b""
    raw: bytes = b""
    mail_line: int = 0               # 1-based line of the @@ in the input, 0 where it was made here

    @property
    def old(self) -> tuple[bytes, ...]:
        """Context and removed lines: what must be in the file before."""
        return tuple(line.text for line in self.lines if line.kind != b"+")

    @property
    def new(self) -> tuple[bytes, ...]:
        """Context and added lines: what is in the file after."""
        return tuple(line.text for line in self.lines if line.kind != b"-")

    @property
    def added(self) -> tuple[bytes, ...]:
        return tuple(line.text for line in self.lines if line.kind == b"+")

    @property
    def removed(self) -> tuple[bytes, ...]:
        return tuple(line.text for line in self.lines if line.kind == b"-")

    def with_lines(self, lines: tuple[Line, ...], *, old_start: int | None = None,
                   new_start: int | None = None, section: bytes | None = None) -> Hunk:
        """The same hunk with other lines (and, where given, another place); rendered afresh."""
        return replace(
            self, lines=lines, raw=b"",
            old_start=self.old_start if old_start is None else old_start,
            new_start=self.new_start if new_start is None else new_start,
            section=self.section if section is None else section,
        )

    def reversed(self) -> Hunk:
        """The hunk that takes this one back."""
        flip = {b"+": b"-", b"-": b"+", b" ": b" "}
        # git writes removed lines before added ones inside a block of changes
        lines: list[Line] = []
        minus: list[Line] = []
        plus: list[Line] = []
        for line in self.lines:
            kind = flip[line.kind]
            if kind == b" ":
                lines += [*minus, *plus, line]
                minus, plus = [], []
            else:
                (minus if kind == b"-" else plus).append(Line(kind, line.text))
        lines += [*minus, *plus]
        return Hunk(self.new_start, self.old_start, tuple(lines), self.section)

    def render(self) -> bytes:
        if self.raw:
            return self.raw
        old, new = len(self.old), len(self.new)
        head = b"@@ -%s +%s @@%s\n" % (
            _range(self.old_start, old), _range(self.new_start, new),
            b" " + self.section if self.section else b"")
        return head + b"".join(_render_line(line) for line in self.lines)


@dataclass(frozen=True, slots=True)
class FileDiff:
    """The part of a diff that touches one file.

    `header` is everything from `diff --git` up to the first `@@` (or the binary payload), as it came. A path
    is None where that side is /dev/null. Paths are text with undecodable bytes as surrogates, as os.fsdecode
    gives them. `tail` is what follows the last hunk and belongs to this file (a binary payload, an empty line).
    """

    header: bytes
    old_path: str | None
    new_path: str | None
    hunks: tuple[Hunk, ...] = ()
    old_blob: str | None = None      # from the index line, abbreviated as it came
    new_blob: str | None = None
    old_mode: str | None = None
    new_mode: str | None = None
    renamed: bool = False            # rename or copy
    binary: bool = False
    tail: bytes = b""
    copied: bool = False             # copy: the old path stays (`renamed` is true as well)

    @property
    def path(self) -> str:
        """The path to talk about: the new one, or the old one of a deletion."""
        return self.new_path or self.old_path or ""

    @property
    def created(self) -> bool:
        return self.old_path is None

    @property
    def deleted(self) -> bool:
        return self.new_path is None

    @classmethod
    def modified(cls, path: str, hunks: tuple[Hunk, ...]) -> FileDiff:
        """The diff of a file that keeps its name, whose blobs nobody knows."""
        raw = path.encode("utf-8", "surrogateescape")
        return cls(b"diff --git a/%s b/%s\n--- a/%s\n+++ b/%s\n" % (raw, raw, raw, raw), path, path, hunks)

    def with_hunks(self, hunks: tuple[Hunk, ...]) -> FileDiff:
        return replace(self, hunks=hunks)

    def render(self) -> bytes:
        return self.header + b"".join(hunk.render() for hunk in self.hunks) + self.tail


IN_ORDER = "#in order "              # in the name of a thread whose patches only stand in their order


@dataclass(frozen=True, slots=True)
class Patch:
    """A mail (or a bare diff) that holds one diff: head + diff + tail are its bytes.

    `head` runs from the first byte to the first byte of the diff: headers, message, `---`, notes, diffstat.
    `tail` is what follows the diff: the signature ("-- " and the version). `source` says where it came from.
    `restored` lists what intake inferred (white space of a web archive): not empty means `review`. `doubts` are
    observations that a person should see before signing (a diffstat that disagrees): `review` as well. `said` is
    mere information (a transfer encoding that was undone). `envelope` is the text around this mail in the input
    (a FAILED notice); it is no part of render(). `part` of `parts` in the series `thread`, "" for a patch that
    stands alone: patches of one `thread` belong together and are in order.
    """

    head: bytes
    files: tuple[FileDiff, ...]
    tail: bytes = b""
    source: str = ""
    restored: tuple[str, ...] = ()
    slug: str = ""
    doubts: tuple[str, ...] = ()
    said: tuple[str, ...] = ()
    envelope: bytes = b""
    part: int = 0
    parts: int = 0
    thread: str = ""

    @property
    def numbered(self) -> bool:
        """Its author numbered it n/m; patches of a quilt queue, and mails of one file, are only in order."""
        return self.parts > 1 and IN_ORDER not in self.thread

    @property
    def review(self) -> bool:
        """True where a person has to look at the patch itself before its result is certain."""
        return bool(self.restored or self.doubts)

    @property
    def diff(self) -> bytes:
        """Only the diff, as git apply takes it (a diff quoted in the message is never in it)."""
        return b"".join(file.render() for file in self.files)

    def render(self) -> bytes:
        return self.head + self.diff + self.tail

    @property
    def sha256(self) -> str:
        """SHA-256 of the whole mail, 64 hex digits."""
        return hashlib.sha256(self.render()).hexdigest()

    @property
    def paths(self) -> tuple[str, ...]:
        """Every path that the diff names on either side, in order, each once."""
        seen: dict[str, None] = {}
        for file in self.files:
            for path in (file.old_path, file.new_path):
                if path is not None:
                    seen[path] = None
        return tuple(seen)

    def with_files(self, files: tuple[FileDiff, ...]) -> Patch:
        return replace(self, files=files)


@dataclass(frozen=True, slots=True)
class Refused:
    """Input that gave no Patch: the outcome `invalid`, or a note where `skipped` (a cover letter, a README).

    `line` is the 1-based line of `source` (of the one mail, where the source holds several), 0 where no single
    line is to blame. `sha256` is that of the refused bytes, so that a refusal can be looked up as a result can. `group`
    names the quilt queue that it is an entry of.
    """

    source: str
    reason: str
    line: int = 0
    hint: str = ""
    subject: str = ""
    skipped: bool = False
    slug: str = ""
    sha256: str = ""
    group: str = ""

    def __str__(self) -> str:
        where = f"{self.source}:{self.line}" if self.line else self.source
        return f"{where}: {self.reason}"


def _range(start: int, count: int) -> bytes:
    return b"%d" % start if count == 1 else b"%d,%d" % (start, count)


def _render_line(line: Line) -> bytes:
    if line.text.endswith(b"\n"):
        return line.kind + line.text
    return line.kind + line.text + b"\n\\ No newline at end of file\n"
