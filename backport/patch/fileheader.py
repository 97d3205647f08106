"""The lines between `diff --git` and the first hunk; they must agree with each other about the file.

git apply refuses a header whose lines contradict each other; a tool that took the last one would show a reviewer
one path and change another.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import NoReturn

from backport.errors import InvalidPatch
from backport.patch.paths import header_path, quoted_path

_INDEX = re.compile(rb"^index ([0-9a-f]{4,64})\.\.([0-9a-f]{4,64})(?: (\d{6}))?\s*$")
_MODE = re.compile(rb"^(?:old mode|new mode|deleted file mode|new file mode) (\d{6})$")
_EPOCH = re.compile(rb"\t(?:1970-01-01|1969-12-31) \d\d:\d\d")
_MODES = ("100644", "100755", "120000")


def refuse_crlf(line: int, source: str) -> NoReturn:
    """Raise InvalidPatch for a mail whose own lines end in CRLF."""
    raise InvalidPatch("the mail's own lines end in CRLF", line=line, source=source,
                       hint="save the mail with its original line ends (LF), or run dos2unix on it")


class FileHeader:
    """Collects the lines of one file's header; `finish` checks that they make sense together."""

    def __init__(self, source: str) -> None:
        self.source = source
        self.old_path: str | None = None
        self.new_path: str | None = None
        self.old_blob: str | None = None
        self.new_blob: str | None = None
        self.old_mode: str | None = None
        self.new_mode: str | None = None
        self.renamed = False
        self.copied = False
        self.payload = False         # a binary payload follows
        self._git: tuple[str, str] | None = None
        self._created = False
        self._deleted = False
        self._differs = False        # "Binary files differ"
        self._sides: dict[str, str | None] = {}
        self._moved: dict[str, str] = {}
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
            self._git = header_path(text[len(b"diff --git "):], number, self.source)
        elif text.startswith(b"--- "):
            if "old" in self._sides:
                return False
            self._sides["old"] = None if self._git is None and _EPOCH.search(text) else \
                quoted_path(text[4:], number, self.source)
        elif text.startswith(b"+++ ") and "old" in self._sides:
            self._sides["new"] = None if self._git is None and _EPOCH.search(text) else \
                quoted_path(text[4:], number, self.source)
        elif "old" in self._sides:
            return False                                   # nothing stands between the sides and the hunks
        elif text.startswith(b"index "):
            match = _INDEX.match(text)
            if match is None:
                self._fail("malformed index line", number)
            self.old_blob, self.new_blob = match[1].decode(), match[2].decode()
            if match[3]:
                self.old_mode = self.new_mode = self._checked(match[3], number)
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
            moved = quoted_path(path, number, self.source, strip=0)
            self._moved[side.decode()] = moved or ""
        elif text.startswith((b"similarity index ", b"dissimilarity index ")):
            pass
        elif text.startswith(b"Binary files ") and text.endswith(b" differ"):
            self._differs = True
        else:
            return False
        return True

    def finish(self, number: int, end: int, hunks: Sequence[object]) -> None:
        """Settle the paths; raises InvalidPatch where the lines contradict each other or say nothing."""
        if self._differs and not self.payload:
            self._fail("a binary file without its content", end - 1, "make the patch with `git diff --binary`")
        if self._sides and not hunks:
            self._fail("`---`/`+++` lines without a hunk", end)
        if "old" in self._sides and "new" not in self._sides:
            self._fail("a `---` line without its `+++` line", end)
        if self._git is None:
            self.old_path, self.new_path = self._sides.get("old"), self._sides.get("new")
            if self.old_path is None and self.new_path is None:
                self._fail("the diff names no file", number)
            if self.old_path is not None and self.new_path is not None and self.old_path != self.new_path:
                # `f.c~`, `f.c.orig` against `f.c`: an editor's copy; git takes the shorter name as well
                short, long = sorted((self.old_path, self.new_path), key=len)
                if long.startswith(short) and long[len(short)] in ".~-_":
                    self.old_path = self.new_path = short
                    return
                self._fail(f"the two sides name different files: {self.old_path!r} and {self.new_path!r}", number)
            return
        old, new = self._git
        if self._moved:
            if set(self._moved) != {"from", "to"}:
                self._fail("a rename or copy with one side only", number)
            if (self._moved["from"], self._moved["to"]) != (old, new):
                self._fail(f"rename or copy of {self._moved['from']!r} to {self._moved['to']!r} under a header that "
                           f"says {old!r} and {new!r}", number)
        elif old != new:
            self._fail(f"the header names {old!r} and {new!r} without a rename", number)
        if self._created and self._deleted:
            self._fail("a file both new and deleted", number)
        self.old_path = None if self._created else old
        self.new_path = None if self._deleted else new
        for side, path, blob in (("old", self.old_path, self.old_blob), ("new", self.new_path, self.new_blob)):
            if side in self._sides and self._sides[side] != path:
                sign = "---" if side == "old" else "+++"
                self._fail(f"the `{sign}` line says {self._sides[side] or '/dev/null'!r}, the header says "
                           f"{path or '/dev/null'!r}", number)
            if path is None and blob is not None and set(blob) != {"0"}:
                self._fail("the index line gives content to a side that is /dev/null", number)
        if not (self._changes or hunks or self.payload):
            self._fail("a file header without a change", number)

    def _checked(self, raw: bytes, number: int) -> str:
        mode = raw.decode()
        if mode == "160000":
            self._fail("a submodule change, which no kernel tree has", number)
        if mode not in _MODES and mode not in ("100664",):
            self._fail(f"unknown file mode {mode}", number)
        return mode

    def _fail(self, reason: str, number: int, hint: str = "") -> NoReturn:
        raise InvalidPatch(reason, line=number, source=self.source, hint=hint)
