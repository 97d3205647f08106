"""Names looked up one by one in a tree that has no index yet.

An index is a minute or two of both processors, and pays after a dozen names. A person with one patch asks for two or
three: `git grep` finds those in seconds. The answers are the index's own: the same reader looks at the files found.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from pathlib import Path

from backport.csource.tokens import is_identifier, vocabulary
from backport.git import GLOBS, Git
from backport.trees import scan
from backport.trees.zones import Zone, zone

_SOURCES = ("*.c", "*.h", "*.S")
_MOST_FILES = 150        # that hold one name; more of them are an index's business


class Lookup:
    """At most `most` searches of the whole tree `commit`; then every question is answered with None."""

    def __init__(self, store: Path, commit: str, most: int, say: Callable[[str], None]) -> None:
        self._store = store
        self._commit = commit
        self.allowed = most > 0
        self._left = most
        self._say = say
        self._found: dict[str, dict[str, bytes] | None] = {}

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
        """The `.c`/`.h` files that define `name` as `kind` (scan.py), sorted."""
        word = name.encode("utf-8", "surrogateescape")
        files = self._files(name) if is_identifier(word) else None
        if files is None:
            return None
        return sorted(path for path, data in files.items()
                      if path.endswith((".c", ".h")) and (kind, word) in scan.names(data))

    def having(self, name: str) -> list[str] | None:
        """As Index.having."""
        files = self._files(name)
        return sorted(files) if files is not None else None

    def _public(self, name: str, word: bytes) -> bool:
        with Git(self._store) as git:
            paths = self._grep(git, name, "include/")
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
                paths = self._grep(git, name, *_SOURCES)
                self._found[name] = None if len(paths) > _MOST_FILES else {
                    path: data for path in paths if (data := git.blob(f"{self._commit}:{path}")) is not None}
        return self._found[name]

    def _grep(self, git: Git, name: str, *places: str) -> list[str]:
        out = git.run(GLOBS, "grep", "-z", "--name-only", "--word-regexp", "--fixed-strings", "-e", name, self._commit,
                      "--", *places, ok=(0, 1)).out
        return [os.fsdecode(row).partition(":")[2] for row in out.split(b"\0") if row]
