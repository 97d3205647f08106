"""What the rewriter may see of a tree: bytes by path, and where a name is defined. No git, no disk."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Protocol

from backport.csource.source import Source


class TreeView(Protocol):
    """One tree, read only. Implementations: MemoryView (here), the store's view in backport/trees/view.py."""

    @property
    def name(self) -> str:
        """The tree's name in the manifest."""

    def read(self, path: str) -> bytes | None:
        """The file's bytes, None where the tree has no such file (a symbolic link counts as none)."""

    def paths(self) -> Sequence[str]:
        """Every file of the tree, sorted."""

    def defining(self, function: str) -> Sequence[str]:
        """The `.c`/`.h` files that define a function of that name, sorted; over the whole tree."""


def alike(view: TreeView, name: str) -> Sequence[str]:
    """The files of the tree whose names, without their directories, are `name`, sorted."""
    return _by_name(tuple(view.paths())).get(name, ())


@lru_cache(maxsize=2)                # the target and upstream's
def _by_name(paths: tuple[str, ...]) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for path in paths:
        found.setdefault(path.rpartition("/")[2], []).append(path)
    return found


class MemoryView:
    """A tree made of a dict: for tests, and for replay where a case is one file."""

    def __init__(self, name: str, files: Mapping[str, bytes]) -> None:
        self._name = name
        self._files = dict(files)

    @property
    def name(self) -> str:
        return self._name

    def read(self, path: str) -> bytes | None:
        return self._files.get(path)

    def paths(self) -> Sequence[str]:
        return sorted(self._files)

    def defining(self, function: str) -> Sequence[str]:
        return [path for path, data in sorted(self._files.items())
                if path.endswith((".c", ".h")) and Source.of(data).functions_named(function)]


class Changed:
    """A tree with some files replaced; every name is looked up in the tree itself."""

    def __init__(self, tree: TreeView, files: Mapping[str, bytes]) -> None:
        self._tree = tree
        self._files = dict(files)

    @property
    def name(self) -> str:
        return self._tree.name

    @property
    def index(self) -> object:
        """The tree's own index, None where it has none."""
        return getattr(self._tree, "index", None)

    def read(self, path: str) -> bytes | None:
        return self._files[path] if path in self._files else self._tree.read(path)

    def paths(self) -> Sequence[str]:
        return self._tree.paths()

    def defining(self, function: str) -> Sequence[str]:
        return self._tree.defining(function)
