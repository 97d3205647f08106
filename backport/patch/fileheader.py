"""The lines between `diff --git` and the first hunk; they must agree with each other about the file.

git apply refuses a header whose lines contradict each other; a tool that took the last one would show a reviewer
one path and change another.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import NoReturn

from backport.errors import InvalidPatch
from backport.patch.model import Hunk
from backport.patch.paths import NO_PREFIX, PREFIX_HINT, below, header_names, safe_path, side_name

# git apply reads no more of this line than the mode: trees that are kept as patches (Armbian's) put fixed words there,
# so that a refreshed patch does not differ by them
_INDEX = re.compile(rb"^index ([^\s.]+)\.\.([^\s.]+)(?: (\d{6}))?\s*$")
_BLOB = re.compile(rb"^[0-9a-f]{4,64}$")
_MODE = re.compile(rb"^(?:old mode|new mode|deleted file mode|new file mode) (\d{6})$")
_EPOCH = re.compile(rb"\t(1969-12-31|1970-01-01) ([0-2]\d):([0-5]\d):00(?:\.0+)? ([-+])([0-2]\d):?([0-5]\d)$")
_MODES = ("100644", "100755", "120000")
_EMPTY = ("e69de29bb2d1d6434b8b29ae775ad8c2e48c5391",
          "473a0f4c3be8a93681a267e3b1e9a7dcda1185436fe141f7749120a303721813")     # git's blob of no bytes


def refuse_crlf(line: int, source: str) -> NoReturn:
    """Raise InvalidPatch for a mail whose own lines end in CRLF."""
    raise InvalidPatch("the mail's own lines end in CRLF", line=line, source=source,
                       hint="save the mail with its original line ends (LF), or run dos2unix on it")


class FileHeader:
    """Collects the lines of one file's header; `finish` checks that they make sense together.

    `strip` directories come off the paths (-pN). After `finish`, `names` are both paths as they are written, None
    for /dev/null; `doubts` and `said` are what a person should see and may want to know about the header.
    """

    def __init__(self, source: str, strip: int = 1) -> None:
        self.source = source
        self.strip = strip
        self.old_path: str | None = None
        self.new_path: str | None = None
        self.old_blob: str | None = None
        self.new_blob: str | None = None
        self.old_mode: str | None = None
        self.new_mode: str | None = None
        self.renamed = False
        self.copied = False
        self.payload = False         # a binary payload follows
        self.names: tuple[bytes | None, bytes | None] = (None, None)
        self.doubts: list[str] = []
        self.said: list[str] = []
        self._git: bytes | None = None       # what stands behind `diff --git `
        self._index = b""
        self._created = False
        self._deleted = False
        self._differs = False        # "Binary files differ"
        self._sides: dict[str, bytes | None] = {}
        self._moved: dict[str, bytes] = {}
        self._changes = False

    def take(self, line: bytes, number: int, *, first: bool) -> bool:
        """Read one line; False where it does not belong to a file header. Raises InvalidPatch."""
        text = line.rstrip(b"\r\n")
        if line.endswith(b"\r\n") and text.startswith((b"diff --git ", b"--- ", b"+++ ", b"index ")) \
                and "new" not in self._sides:
            refuse_crlf(number, self.source)
        if text.startswith(b"diff --git "):
            if not first:
                return False
            self._git = text[len(b"diff --git "):]
        elif text.startswith(b"--- "):
            if "old" in self._sides:
                return False
            self._sides["old"] = self._side(text, number)
        elif text.startswith(b"+++ ") and "old" in self._sides:
            self._sides["new"] = self._side(text, number)
        elif "old" in self._sides:
            return False                                   # nothing stands between the sides and the hunks
        elif text.startswith(b"index "):
            self._take_index(text, number)
        elif (match := _MODE.match(text)) is not None:
            self._changes = True
            mode = self._checked(match[1], number)
            if text.startswith((b"old", b"deleted")):
                self.old_mode = mode
            else:
                self.new_mode = mode
            self._created |= text.startswith(b"new file")
            self._deleted |= text.startswith(b"deleted")
        elif text.startswith((b"rename from ", b"copy from ", b"rename to ", b"copy to ")):
            word, side, path = text.split(b" ", 2)
            self._changes = self.renamed = True
            self.copied |= word == b"copy"
            moved = side_name(path, number, self.source) or b""
            safe_path(moved, number, self.source, strip=max(self.strip - 1, 0))
            self._moved[side.decode()] = moved
        elif text.startswith((b"similarity index ", b"dissimilarity index ")):
            pass
        elif text.startswith(b"Binary files ") and text.endswith(b" differ"):
            self._differs = True
        else:
            return False
        return True

    def _side(self, text: bytes, number: int) -> bytes | None:
        if self._git is None and _is_epoch(text):
            return None
        raw = side_name(text[4:], number, self.source, dated=self._git is None)
        if raw is not None:
            safe_path(raw, number, self.source, strip=self.strip)
        return raw

    def _take_index(self, text: bytes, number: int) -> None:
        match = _INDEX.match(text)
        if match is None and _has_mode(text):
            self._fail("malformed index line: git apply refuses its file mode", number)
        self._index = text
        if match is None:
            return
        self.old_blob, self.new_blob = (
            name.decode() if _BLOB.match(name) else None for name in (match[1], match[2]))
        if match[3]:
            self.old_mode = self.new_mode = self._checked(match[3], number)

    def finish(self, number: int, end: int, hunks: Sequence[object]) -> None:
        """Settle the paths; raises InvalidPatch where the lines contradict each other or say nothing."""
        if self._differs and not self.payload:
            self._fail("a binary file without its content", end - 1, "make the patch with `git diff --binary`")
        if self._sides and not hunks:
            self._fail("`---`/`+++` lines without a hunk", end)
        if "old" in self._sides and "new" not in self._sides:
            self._fail("a `---` line without its `+++` line", end)
        if self._git is None:
            self._settle_plain(number, hunks)
        else:
            self._settle_git(self._git, number)
            if not (self._changes or hunks or self.payload):
                self._fail("a file header without a change", number)
        self._check_content(number, hunks)
        self._check_index()

    def _settle_plain(self, number: int, hunks: Sequence[object]) -> None:
        """A file without `diff --git`: its names are those of `---` and `+++`."""
        self.names = self._sides.get("old"), self._sides.get("new")
        self.old_path, self.new_path = (self._path(raw, number) for raw in self.names)
        if self.old_path is None and self.new_path is None:
            self._fail("the diff names no file", number)
        if self.old_path is not None and self.new_path is not None and self.old_path != self.new_path:
            # `f.c~`, `f.c.orig` against `f.c`: an editor's copy; git takes the shorter name as well
            short, long = sorted((self.old_path, self.new_path), key=len)
            if not (long.startswith(short) and long[len(short)] in ".~-_"):
                self._fail(f"the two sides name different files: {self.old_path!r} and {self.new_path!r}", number)
            self.old_path = self.new_path = short
        only = hunks[0] if len(hunks) == 1 else None
        if self.old_path is not None and self.new_path is not None and isinstance(only, Hunk):
            if not only.old and not only.old_start:
                self.old_path = None     # `@@ -0,0`: diff -N and svn name the file on both sides, git apply creates it
            elif not only.new:
                self.doubts.append(f"{self.new_path}: the hunk removes every line, and nothing deletes the file "
                                   "(`+++ /dev/null`): git apply leaves an empty file")

    def _settle_git(self, text: bytes, number: int) -> None:
        old, new = self._header_paths(text, number)
        if self._created and self._deleted:
            self._fail("a file both new and deleted", number)
        self.old_path = None if self._created else old
        self.new_path = None if self._deleted else new
        for side, path, mode in (("old", self.old_path, "new"), ("new", self.new_path, "deleted")):
            if side not in self._sides:
                continue
            said = self._path(self._sides[side], number)
            sign = "---" if side == "old" else "+++"
            if said is None and path is not None:
                self._fail(f"the `{sign}` line says /dev/null, and there is no `{mode} file mode` line: git apply "
                           "takes dev/null for a file's name then", number)
            if said != path:
                self._fail(f"the `{sign}` line says {said or '/dev/null'!r}, the header says {path or '/dev/null'!r}",
                           number)

    def _header_paths(self, text: bytes, number: int) -> tuple[str, str]:
        """Both paths of the `diff --git` line: one file, or what the rename lines say."""
        cuts = list(header_names(text, number, self.source))
        shown = text[:200].decode("utf-8", "replace")
        if not self._moved:
            for old, new in cuts:
                # git's own rule: both names are equal unless rename lines say otherwise
                if below(old, self.strip) == below(new, self.strip):
                    self.names = old, new
                    path = safe_path(old, number, self.source, strip=self.strip)
                    return path, path
            self._fail(f"the header names two files without a rename: {shown}", number)
        if set(self._moved) != {"from", "to"}:
            self._fail("a rename or copy with one side only", number)
        source, target = self._moved["from"], self._moved["to"]
        told = f"{source.decode('utf-8', 'replace')!r} to {target.decode('utf-8', 'replace')!r}"
        level = max(self.strip - 1, 0)                # git apply strips one less from these lines
        for old, new in cuts:
            if (below(old, self.strip), below(new, self.strip)) == (below(source, level), below(target, level)):
                self.names = old, new
                return (safe_path(old, number, self.source, strip=self.strip),
                        safe_path(new, number, self.source, strip=self.strip))
        bare = (source, target) in cuts
        raise InvalidPatch(NO_PREFIX if bare else f"rename or copy of {told} under a header that says: {shown}",
                           line=number, source=self.source, hint=PREFIX_HINT if bare else "")

    def _check_content(self, number: int, hunks: Sequence[object]) -> None:
        """What git apply refuses as it reads: a new file with old lines, a deleted one with lines left."""
        for hunk in hunks:
            if isinstance(hunk, Hunk) and self.old_path is None and hunk.old:
                self._fail("a new file, and its hunk keeps or removes lines of an old one", number)
            if isinstance(hunk, Hunk) and self.new_path is None and hunk.new:
                self._fail("a deleted file, and its hunk leaves lines in it", number)
        if self._deleted and not hunks and not self.payload and self.old_blob is not None \
                and not _made_up(self.old_blob) and not any(name.startswith(self.old_blob) for name in _EMPTY):
            self._fail("a deletion without the deleted lines: git apply takes it only for an empty file", number,
                       "made with --irreversible-delete (-D); make it without")

    def _check_index(self) -> None:
        """The index line's blobs are only a help; one that cannot be right is left out and said."""
        if not self._index:
            return
        where = f"{self.new_path or self.old_path}: its index line"
        shown = self._index[:200].decode("utf-8", "replace")
        sides = ((self.old_path, self.old_blob), (self.new_path, self.new_blob))
        usable = [name is not None and (path is None) == (set(name) == {"0"}) for path, name in sides]
        if any(path is None and name is not None and not _made_up(name) for path, name in sides):
            self.doubts.append(f"{where} gives content to a side that is /dev/null ({shown})")
        elif not all(usable):
            self.said.append(f"{where} names no blobs ({shown}); git apply does not read them")
        self.old_blob, self.new_blob = (
            name if good else None for (_path, name), good in zip(sides, usable, strict=True))

    def _path(self, raw: bytes | None, number: int) -> str | None:
        return None if raw is None else safe_path(raw, number, self.source, strip=self.strip)

    def _checked(self, raw: bytes, number: int) -> str:
        mode = raw.decode()
        if mode == "160000":
            self._fail("a submodule change, which no kernel tree has", number)
        if mode not in _MODES and mode not in ("100664",):
            self._fail(f"unknown file mode {mode}", number)
        return mode

    def _fail(self, reason: str, number: int, hint: str = "") -> NoReturn:
        raise InvalidPatch(reason, line=number, source=self.source, hint=hint)


def _is_epoch(text: bytes) -> bool:
    """True for a time stamp of 1970-01-01 00:00 UTC in any zone: GNU diff's date of a file that is not there.

    One second later is a date like any other: build systems give it to all their files.
    """
    match = _EPOCH.search(text)
    if match is None:
        return False
    zone = (int(match[5]) * 60 + int(match[6])) * (1 if match[4] == b"+" else -1)
    return int(match[2]) * 60 + int(match[3]) - zone == (0 if match[1].startswith(b"1970") else 24 * 60)


def _made_up(name: str) -> bool:
    """True for an object name of one digit over and over, which stands for none."""
    return len(set(name)) == 1


def _has_mode(text: bytes) -> bool:
    """Whether two names with dots between them and a number end the line; as a pattern this takes minutes of a line of
    dots."""
    words = text.split()
    return len(words) > 1 and words[-1].isdigit() and b".." in words[-2][:-1]
