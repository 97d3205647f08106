"""Names of a tree with patches on top of it: the tree's own index, and the files that the patches changed.

Such a tree lives for one cell. An index of its own would read a gigabyte, be kept for ever and never be asked again.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cached_property
from pathlib import Path

from backport.bounded import by_content
from backport.csource import definitions
from backport.csource.tokens import vocabulary
from backport.git import GLOBS, Git
from backport.trees.index import Index, silent
from backport.trees.zones import Zone, zone

# each state of a queue has most of the files of the one before it
_vocabulary = by_content(4 << 20)(vocabulary)
_names = by_content(8 << 20)(definitions.names)


class Stacked(Index):
    """What `commit` defines, a state with patches on top of `base`. Read-only; one object per thread."""

    def __init__(self, store: Path, base: str, commit: str, say: Callable[[str], None] = silent,
                 lookups: int = 0, *, beneath: Index | None = None, git: Git | None = None) -> None:
        """`beneath` is the index of `base` where one is at hand: it is shared, and closed by whoever opened it."""
        super().__init__(store, base, say, lookups, git=git)
        self._source = commit
        self._lent = beneath is not None
        self._beneath = beneath or Index(store, base, say, lookups, git=self._git)

    @cached_property
    def _architectures(self) -> tuple[str, ...]:
        return self._beneath._architectures

    def _lists(self, name: str) -> list[tuple[str, str]]:
        return self._beneath._lists(name)

    def close(self) -> None:
        """Close the files; the object may be used again."""
        super().close()
        if not self._lent:
            self._beneath.close()

    def macros(self, name: str, lists: bool = True) -> list[str]:
        """As Index.macros; a changed register list is read as it is now."""
        found = self._files(definitions.MACRO, name)
        if found or not lists:
            return found
        now = [path for path, data in self._now.items() if name.encode() in definitions.macros(data)]
        return sorted([path for path in super().macros(name) if path not in self._before] + now)

    def having(self, name: str) -> list[str] | None:
        """As Index.having; a changed file is asked as it is now."""
        known = self._beneath.having(name)
        if known is None:
            return None
        word = name.encode("utf-8", "surrogateescape")
        now = [path for path, data in self._now.items() if word in data]
        return sorted([path for path in known if path not in self._before] + now)

    def _zones(self, name: str) -> set[int]:
        """As in Index, with what the patches brought; a name that they may have taken away is looked for there."""
        word = name.encode("utf-8", "surrogateescape")
        zones = self._beneath._zones(name)
        before = zones - self._held(self._before, word)
        zones |= self._held(self._now, word)
        # a zone that none of the changed files accounts for has the name in another file
        if not zones or before or not any(word in data for data in self._before.values()) \
                or any(word in data for data in self._now.values()):
            return zones
        left = self._git.run(GLOBS, "grep", "--quiet", "--word-regexp", "--fixed-strings", "-e", name,
                             self._source, "--", "*.c", "*.h", "*.S", ok=(0, 1)).code == 0
        return zones if left else set()

    def _held(self, files: Mapping[str, bytes], word: bytes) -> set[int]:
        """The zones in which `files` have the word."""
        zones: set[int] = set()
        for path, data in files.items():
            if word not in data:
                continue
            code, rest = _vocabulary(data)
            if word in code:
                zones.add(zone(path, self._architectures))
            if word in rest:
                zones.add(Zone.MENTIONED)
        return zones

    def _files(self, kind: int, name: str) -> list[str]:
        wanted = (kind, name.encode("utf-8", "surrogateescape"))
        kept = [path for path in self._beneath._files(kind, name) if path not in self._before]
        return sorted(kept + [path for path, found in self._names_now.items() if wanted in found])

    @cached_property
    def _names_now(self) -> dict[str, set[tuple[int, bytes]]]:
        return {path: _names(data) for path, data in self._now.items() if path.endswith((".c", ".h"))}

    @cached_property
    def _changed(self) -> tuple[dict[str, bytes], dict[str, bytes]]:
        """path -> bytes of the sources that differ, in the tree and with the patches."""
        paths = [path for path in self._git.differing(self._commit, self._source) if path.endswith((".c", ".h", ".S"))]
        before, now = ({path: data for path in paths if (data := self._git.blob(f"{commit}:{path}")) is not None}
                       for commit in (self._commit, self._source))
        return before, now

    @property
    def _before(self) -> dict[str, bytes]:
        return self._changed[0]

    @property
    def _now(self) -> dict[str, bytes]:
        return self._changed[1]
