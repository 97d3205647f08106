"""Names looked up one by one in a tree that has no index yet.

An index is a minute or two of both processors, and pays after a dozen names. A person with one patch asks for two or
three: `git grep` finds those in seconds. The answers are the index's own: the same reader looks at the files found.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from pathlib import Path

from backport.csource import definitions
from backport.csource.tokens import is_identifier, vocabulary
from backport.git import GLOBS, Git
from backport.trees.zones import Zone, zone

_SOURCES = ("*.c", "*.h", "*.S")
_C = ("*.c", "*.h")
_MOST_FILES = 150        # that hold one name; more of them are an index's business
# lines that may define a name: of a macro every one (csource.definitions), of a function those in the usual form
_MACRO = "^[[:blank:]]*#[[:blank:]]*define[[:blank:]]+%s([^A-Za-z0-9_]|$)"
_FUNCTION = "^([A-Za-z_].*[^A-Za-z0-9_])?%s[[:blank:]]*[(]"


class Lookup:
    """At most `most` searches of the whole tree `commit`; then every question is answered with None."""

    def __init__(self, store: Path, commit: str, most: int, say: Callable[[str], None]) -> None:
        self._store = store
        self._commit = commit
        self.allowed = most > 0
        self._left = most
        self._say = say
        self._found: dict[str, dict[str, bytes] | None] = {}
        self._headed: dict[tuple[str, str, Sequence[str]], dict[str, bytes] | None] = {}

    def zones(self, name: str, architectures: Sequence[str]) -> set[int] | None:
        """As Index._zones; of a name that the code of a header under include/ has, only that."""
        word = name.encode("utf-8", "surrogateescape")
        if not is_identifier(word):
            return None
        if name not in self._found and self._public(name, word):
            return {int(Zone.PUBLIC)}
        files = self._files(name)
        if files is None:
            return None
        found: set[int] = set()
        for path, data in files.items():
            code, rest = vocabulary(data)
            found |= {zone(path, architectures)} if word in code else {int(Zone.MENTIONED)} if word in rest else set()
        return found

    def defining(self, kind: int, name: str) -> list[str] | None:
        """The `.c`/`.h` files that define `name` as `kind` (csource.definitions), sorted."""
        word = name.encode("utf-8", "surrogateescape")
        if not is_identifier(word):
            return None
        files = self._files(name)
        if files is None and kind == definitions.MACRO and self.allowed:
            files = self._heads(name, _MACRO)
        if files is None:
            return None
        return sorted(path for path, data in files.items()
                      if path.endswith((".c", ".h")) and (kind, word) in definitions.names(data))

    def defines(self, name: str) -> bool:
        """Whether a file that defines the function or macro `name` is found soon: in include/, or in the whole tree
        where many files have the name. False says nothing."""
        word = name.encode("utf-8", "surrogateescape")
        if not is_identifier(word) or not self.allowed:
            return False
        wanted = {(definitions.MACRO, word), (definitions.FUNCTION, word)}
        for places in (("include/",), _C):
            if places is _C and self._files(name) is not None:
                return False
            found = self._heads(name, _MACRO, places) or self._heads(name, _FUNCTION, places) or {}
            if any(wanted & definitions.names(data) for data in found.values()):
                return True
        return False

    def _heads(self, name: str, pattern: str, places: Sequence[str] = _C) -> dict[str, bytes] | None:
        """path -> bytes of the `.c` and `.h` files in `places` with a line of `pattern`; None where they are many. A
        macro or a function of which half the kernel makes use is defined in a few files: to read every word for it
        takes ten times as long."""
        asked = name, pattern, places
        if asked not in self._headed:
            with Git(self._store) as git:
                paths = self._grep(git, ("--extended-regexp", "-e", pattern % name), *places)
                self._headed[asked] = None if len(paths) > _MOST_FILES else {
                    path: data for path in paths if (data := git.blob(f"{self._commit}:{path}")) is not None}
        return self._headed[asked]

    def having(self, name: str) -> list[str] | None:
        """As Index.having."""
        files = self._files(name)
        return sorted(files) if files is not None else None

    def _public(self, name: str, word: bytes) -> bool:
        with Git(self._store) as git:
            paths = self._grep(git, _word(name), "include/")
            return any(word in vocabulary(data)[0] for path in paths[:_MOST_FILES] if path.endswith(".h")
                       and (data := git.blob(f"{self._commit}:{path}")) is not None)

    def _files(self, name: str) -> dict[str, bytes] | None:
        """path -> bytes of the sources that have the word; None where that is not looked up."""
        if name not in self._found:
            if not self._left:
                return None
            self._left -= 1
            self._say(f"{name}")
            with Git(self._store) as git:
                paths = self._grep(git, _word(name), *_SOURCES)
                self._found[name] = None if len(paths) > _MOST_FILES else {
                    path: data for path in paths if (data := git.blob(f"{self._commit}:{path}")) is not None}
        return self._found[name]

    def _grep(self, git: Git, what: Sequence[str], *places: str) -> list[str]:
        out = git.run(GLOBS, "grep", "-z", "--name-only", *what, self._commit, "--", *places, ok=(0, 1)).out
        return [os.fsdecode(row).partition(":")[2] for row in out.split(b"\0") if row]


def _word(name: str) -> tuple[str, ...]:
    return "--word-regexp", "--fixed-strings", "-e", name
