"""Names of a tree with patches on top of it: the tree's own index, and the files that the patches changed.

Such a tree lives for one cell. An index of its own would read a gigabyte, be kept for ever and never be asked again.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property
from pathlib import Path

from backport.csource.tokens import vocabulary
from backport.git import GLOBS, Git
from backport.trees import scan
from backport.trees.index import Index
from backport.trees.zones import Zone, zone


class Stacked(Index):
    """What `commit` defines, a state with patches on top of `base`. Read-only; one object per thread (SQLite)."""

    def __init__(self, store: Path, base: str, commit: str, say: Callable[[str], None] = lambda text: None,
                 lookups: int = 0) -> None:
        super().__init__(store, base, say, lookups)
        self._source = commit

    def macros(self, name: str, lists: bool = True) -> list[str]:
        """As Index.macros; a changed register list is read as it is now."""
        found = self._files(scan.MACRO, name)
        if found or not lists:
            return found
        now = [path for path, data in self._now.items() if name.encode() in scan.macros(data)]
        return sorted([path for path in super().macros(name) if path not in self._before] + now)

    def _zones(self, name: str) -> set[int]:
        """As in Index, with what the patches brought; a name that they may have taken away is looked for there."""
        word = name.encode("utf-8", "surrogateescape")
        zones = super()._zones(name)
        for path, data in self._now.items():
            code, rest = vocabulary(data)
            if word in code:
                zones.add(zone(path, self._architectures))
            elif word in rest:
                zones.add(Zone.MENTIONED)
        if not zones or not any(word in data for data in self._before.values()) \
                or any(word in data for data in self._now.values()):
            return zones
        with Git(self._store) as git:
            left = git.run(GLOBS, "grep", "--quiet", "--word-regexp", "--fixed-strings", "-e", name,
                           self._source, "--", "*.c", "*.h", "*.S", ok=(0, 1)).code == 0
        return zones if left else set()

    def _files(self, kind: int, name: str) -> list[str]:
        wanted = (kind, name.encode("utf-8", "surrogateescape"))
        kept = [path for path in super()._files(kind, name) if path not in self._before]
        return sorted(kept + [path for path, found in self._names_now.items() if wanted in found])

    @cached_property
    def _names_now(self) -> dict[str, set[tuple[int, bytes]]]:
        return {path: scan.names(data) for path, data in self._now.items() if path.endswith((".c", ".h"))}

    @cached_property
    def _changed(self) -> tuple[dict[str, bytes], dict[str, bytes]]:
        """path -> bytes of the sources that differ, in the tree and with the patches."""
        with Git(self._store) as git:
            rows = git.run("diff-tree", "-r", "-z", "--name-only", "--no-renames", self._commit, self._source).out
            paths = [row.decode("utf-8", "surrogateescape") for row in rows.split(b"\0")
                     if row.endswith((b".c", b".h", b".S"))]
            before, now = ({path: data for path in paths if (data := git.blob(f"{commit}:{path}")) is not None}
                           for commit in (self._commit, self._source))
        return before, now

    @property
    def _before(self) -> dict[str, bytes]:
        return self._changed[0]

    @property
    def _now(self) -> dict[str, bytes]:
        return self._changed[1]
