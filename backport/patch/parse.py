"""From the bytes of one mail to a Patch, losing nothing.

The walk is ours and counts lines as git apply does, because unidiff takes a signature for a removed line and
splits lines at form feeds; unidiff then reads the very same lines and must agree hunk by hunk, so that two
readers have to be wrong in the same way before a hunk is.
"""

from __future__ import annotations

import re
from contextlib import suppress
from io import BytesIO

from unidiff.errors import UnidiffParseError
from unidiff.patch import PatchSet

from backport.errors import InvalidPatch
from backport.patch.fileheader import refuse_crlf
from backport.patch.headers import is_field
from backport.patch.model import FileDiff, Patch
from backport.patch.walk import Walker

# What git writes below the counts of a diffstat, and the counts themselves
_SUMMARY = re.compile(rb"^ (\d+) files? changed(?:, (\d+) insertions?\(\+\))?(?:, (\d+) deletions?\(-\))?\r?\n?$")
_FROM = re.compile(rb"[0-9a-f]{30,} Mon Sep 17 00:00:00 2001\s*$")
_SENT = re.compile(rb"^(?:Message-ID|Received):", re.I)
_MODES = re.compile(rb"^ (?:create|delete|mode change|rename|copy|rewrite) ")

def parse(data: bytes, *, source: str = "", slug: str = "", strip: int | None = None) -> Patch:
    """Read one mail or bare diff; raises InvalidPatch with line and reason.

    `data` holds exactly one patch (intake splits an mbox before). The result renders to `data`. `strip` is the number
    of leading directories of its paths where somebody said it (-pN); None for one, as git writes them.
    """
    lines = split_lines(data)
    _refuse_crlf(lines, source)
    first = find_diff(lines)
    if first is None:
        raise InvalidPatch(_why_no_diff(lines), source=source, line=len(lines),
                           hint="a mail as git format-patch writes it has `diff --git` or `--- a/FILE` lines")
    walker = Walker(lines, first, source, strip)
    files = walker.files()
    _nothing_behind(lines, walker.position, source)
    _agree_with_unidiff(files, first, source)
    head = b"".join(lines[:first])
    tail = b"".join(lines[walker.position:])
    patch = Patch(head, tuple(files), tail, source=source, slug=slug,
                  doubts=(*walker.doubts, *_diffstat_doubts(lines, first, files, tail, source)),
                  said=tuple(walker.said))
    if patch.render() != data:   # a promise, checked on every input: it is what every later edit stands on
        raise InvalidPatch("this mail cannot be read without changing it", source=source, line=1,
                           hint="please report it with the mail attached")
    return patch


def split_lines(data: bytes) -> list[bytes]:
    """Lines with their newline, split at b"\\n" only (a form feed in C source is no line end)."""
    return BytesIO(data).readlines()


def find_diff(lines: list[bytes]) -> int | None:
    """The index of the first line of the diff, None where there is none.

    In a mail the diff stands behind the `---` line: a diff that the message quotes at column 0 is text (git apply
    takes the quoted one for a patch). Where the text behind `---` quotes one too, the diff is the one that stands
    directly behind the diffstat.
    """
    starts = [i for i in range(len(lines)) if _starts_diff(lines, i)]
    if not starts:
        return None
    separator = next((i for i, line in enumerate(lines)
                      if i < starts[-1] and line.rstrip(b" \t\r\n") == b"---"), None)
    behind = starts if separator is None else [i for i in starts if i > separator]
    first = next((i for i in behind if _behind_diffstat(lines, i)), behind[0])
    # a hunk may hold such lines too (a removed `--`, a diffstat in a document): no file above it is dropped for that
    first = next((i for i in starts if i < first and _reaches(lines, i, first)), first)
    while first > 0 and lines[first].startswith((b"--- ", b"=====", b"Index: ")) and lines[first - 1].startswith(
            (b"=====", b"Index: ", b"diff -")):
        first -= 1                       # what quilt, svn and GNU diff write above a file belongs to it
    return first


def _starts_diff(lines: list[bytes], i: int) -> bool:
    line = lines[i]
    if line.startswith((b"diff --git ", b"diff --cc ", b"diff --combined ")):
        return True
    return (line.startswith(b"--- ") and i + 2 < len(lines) and lines[i + 1].startswith(b"+++ ")
            and lines[i + 2].startswith(b"@@ -"))


def _reaches(lines: list[bytes], start: int, at: int) -> bool:
    """Whether the diff that begins at `start` goes on, file by file, to the one at `at`."""
    walker = Walker(lines, start, "")
    with suppress(InvalidPatch):
        walker.files()
    return walker.position > at


def _behind_diffstat(lines: list[bytes], i: int) -> bool:
    i -= 1
    while i >= 0 and (not lines[i].strip() or _MODES.match(lines[i])):
        i -= 1
    return i >= 0 and _SUMMARY.match(lines[i]) is not None


def _why_no_diff(lines: list[bytes]) -> str:
    if not b"".join(lines).strip():
        return "empty input"
    if lines[0].startswith((b"\xff\xfe", b"\xfe\xff")) or lines[0].count(b"\0") * 3 > len(lines[0]):
        return "no diff in this mail: it was saved as UTF-16, as some shells write what they redirect"
    if any(line.startswith(b"\x1b[") and b"diff --git " in line for line in lines):
        return "no diff in this mail: it has terminal colours in it (made with --color)"
    if any(line.startswith(b"GIT binary patch") for line in lines):
        return "a binary patch without its `diff --git` line"
    if any(line.startswith((b"> diff --git ", b">diff --git ", b"> --- a/")) for line in lines):
        return "no diff in this mail, only a quoted one: a reply, not the patch itself"
    if any(line.startswith(b"- --- ") for line in lines):
        return "no diff in this mail: its lines are dash-escaped by a PGP signature"
    return "no diff in this mail"


def _refuse_crlf(lines: list[bytes], source: str) -> None:
    """A mail whose own lines end in CRLF would put a CR into every line of the tree; CR inside a hunk is content.

    The mail's headers are looked at here, the diff's own lines where they are read (FileHeader).
    """
    head = next((n for n, line in enumerate(lines) if line.strip()), 0)      # no mail begins with its empty lines
    for number, line in enumerate(lines[head:], head + 1):
        if not (is_field(line) or line.startswith((b"From ", b" ", b"\t"))):
            return
        if line.endswith(b"\r\n"):
            refuse_crlf(number, source)


def _nothing_behind(lines: list[bytes], position: int, source: str) -> None:
    """What follows the diff must not be diff: git apply drops it without a word."""
    if position < len(lines):
        line = lines[position]
        if line[:1] in (b"+", b"-", b" ") and line.strip() and line.rstrip().strip(b"-_"):
            raise InvalidPatch("the hunk continues after the number of lines in its header", line=position + 1,
                               source=source, hint="the hunk was edited by hand; correct its @@ line")
    for i in range(position, len(lines)):
        if _FROM.search(lines[i][-100:]) and i + 1 < len(lines) and is_field(lines[i + 1]):
            shown = lines[i][:80].decode("utf-8", "backslashreplace").strip()
            raise InvalidPatch(f"another mail follows this one, and its first line is damaged: {shown!r}",
                               line=i + 1, source=source, hint="correct that line to `From <commit> Mon Sep 17 ...`")
        if _starts_diff(lines, i) or lines[i].startswith(b"@@ -"):
            raise InvalidPatch("more diff after text that belongs to no diff", line=i + 1, source=source,
                               hint="one mail holds one patch; put the others into files of their own")


def _diffstat_doubts(lines: list[bytes], first: int, files: list[FileDiff], tail: bytes,
                     source: str) -> tuple[str, ...]:
    """Compare the counts of the diffstat: a mail cut at a file's end looks whole otherwise."""
    for i in range(first - 1, -1, -1):
        match = _SUMMARY.match(lines[i])
        if match is None:
            if lines[i].strip() and not _MODES.match(lines[i]):
                return ()
            continue
        said = tuple(int(group or 0) for group in match.groups())
        found = (len(files), sum(len(h.added) for f in files for h in f.hunks),
                 sum(len(h.removed) for f in files for h in f.hunks))
        if said == found:
            return ()
        text = (f"the diffstat says {said[0]} files, +{said[1]} -{said[2]}; "
                f"the diff has {found[0]} files, +{found[1]} -{found[2]}")
        less = not tail.strip() and any(a > b for a, b in zip(said, found, strict=True))
        # git send-email always signs; quilt drops the signature and leaves the diffstat of an edited patch stale
        if less and any(_SENT.match(line) for line in lines[:first]):
            raise InvalidPatch(f"truncated mail: {text}, and there is no signature behind it", line=len(lines),
                               source=source)
        return (text + ": edited by hand, or cut off" if less else text,)
    return ()


def _agree_with_unidiff(files: list[FileDiff], first: int, source: str) -> None:
    """unidiff must see the same hunks; raises InvalidPatch where the two readers differ."""
    # It gets the hunks under side lines of our own making, since it takes a header whose path holds a blank for
    # two; line by line, since its own splitting breaks at form feeds; and the blanks that a mailer cut from empty
    # context lines are put back for it.
    text: list[str] = []
    for number, file in enumerate(files):
        if file.hunks:
            text += [f"--- a/{number}\n", f"+++ b/{number}\n"]
        for hunk in file.hunks:
            text += [line.decode("utf-8", "surrogateescape") if line != b"\n" else " \n"
                     for line in split_lines(hunk.raw)]
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
