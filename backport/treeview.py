"""What the engine may see of a tree: bytes by path, and where a name is defined. No git, no disk."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import cached_property
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

    def below(self, directory: str) -> Sequence[str]:
        """Every file below a directory, with its whole path, sorted."""

    def defining(self, function: str) -> Sequence[str]:
        """The `.c`/`.h` files that define a function of that name, sorted; over the whole tree."""


class FileList(tuple[str, ...]):
    """Every file of a tree, sorted, and what is asked of their names. The tables are orders of the same strings, looked
    up by bisection: dictionaries took more than the list, and a cache hashed the whole list at each question."""

    @staticmethod
    def of(paths: Sequence[str]) -> FileList:
        """`paths` itself where it is one already."""
        return paths if isinstance(paths, FileList) else FileList(paths)

    @cached_property
    def _by_name(self) -> list[str]:
        return sorted(self, key=_base)

    @cached_property
    def _by_stem(self) -> list[str]:
        return sorted(self, key=stem)

    @cached_property
    def _folders(self) -> dict[str, frozenset[str]]:
        return {}

    def named(self, name: str) -> Sequence[str]:
        """The files whose names, without their directories, are `name`, sorted."""
        return _equal(self._by_name, name, _base)

    def stemmed(self, wanted: str) -> Sequence[str]:
        """The files whose `stem` is `wanted`, sorted."""
        return _equal(self._by_stem, wanted, stem)

    def folder(self, name: str) -> frozenset[str]:
        """The names of the files that stand in the directory `name` itself ("" for the top)."""
        if name not in self._folders:
            self._folders[name] = frozenset(self._in_folder(f"{name}/" if name else ""))
        return self._folders[name]

    def _in_folder(self, start: str) -> Iterator[str]:
        at = bisect_left(self, start)
        while at < len(self) and self[at].startswith(start):
            inner, slash, _ = self[at][len(start):].partition("/")
            if slash:
                at = bisect_left(self, f"{start}{inner}0", at)       # 0 is the character behind the slash
            else:
                yield inner
                at += 1


def beneath(paths: Sequence[str], directory: str) -> Sequence[str]:
    """Those of the sorted `paths` that are below a directory."""
    at = bisect_left(paths, f"{directory}/")
    return paths[at:bisect_left(paths, f"{directory}0", at)]             # 0 is the character behind the slash


def _equal(ordered: Sequence[str], wanted: str, key: Callable[[str], str]) -> Sequence[str]:
    return ordered[bisect_left(ordered, wanted, key=key):bisect_right(ordered, wanted, key=key)]


def _base(path: str) -> str:
    return path.rpartition("/")[2]


def stem(path: str) -> str:
    """The name without its ending: a document may have been .txt, and - and _ change places."""
    return path.rsplit("/", 1)[-1].rsplit(".", 1)[0].replace("-", "_").lower()


def alike(view: TreeView, name: str) -> Sequence[str]:
    """The files of the tree whose names, without their directories, are `name`, sorted."""
    return FileList.of(view.paths()).named(name)


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
        return self._paths

    def below(self, directory: str) -> Sequence[str]:
        return beneath(self._paths, directory)

    @cached_property
    def _paths(self) -> FileList:
        return FileList(sorted(self._files))

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

    def below(self, directory: str) -> Sequence[str]:
        return self._tree.below(directory)

    def defining(self, function: str) -> Sequence[str]:
        return self._tree.defining(function)
