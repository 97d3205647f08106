"""The rewriter's view of one tree in the store (rewrite.view.TreeView): bytes by path, and where names are defined."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cached_property
from pathlib import Path
from types import TracebackType

from backport.git import Git
from backport.trees.index import Index
from backport.trees.stacked import Stacked


class StoreView:
    """Read-only view of one commit. Keeps one `git cat-file --batch` child: close it, or use it as a context manager.

    `read` and `paths` are answered from the objects; the first `defining` or `index` of a commit builds an index
    beside the store (see index.py), which later runs find there. `base` is the tree's own commit where `commit` is a
    state with patches on top of it.
    """

    def __init__(self, store_path: Path, name: str, commit: str, base: str = "",
                 say: Callable[[str], None] = lambda text: None, lookups: int = 0) -> None:
        self._say = say
        self._lookups = lookups
        self._name = name
        self.commit = commit
        self._base = base
        self._git = Git(store_path)
        self._modes: dict[str, str] | None = None

    @property
    def name(self) -> str:
        return self._name

    def read(self, path: str) -> bytes | None:
        """The file's bytes, None where the tree has no such file (a symbolic link counts as none)."""
        if "\n" in path or any(part in ("", ".", "..") for part in path.split("/")):
            return None                  # git takes ./ and ../ for relative paths, and ends over them
        if self._modes is not None:
            if self._modes.get(path, "120000") == "120000":
                return None
            return self._git.blob(f"{self.commit}:{path}")
        data = self._git.blob(f"{self.commit}:{path}")
        # a link's blob is its target: one short line without an end; only then is the mode worth a question
        if data is not None and len(data) < 4096 and b"\n" not in data:
            rows = self._git.ls_tree(self.commit, [path])
            if any(mode == "120000" for mode, _sha, _path in rows):
                return None
        return data

    def paths(self) -> Sequence[str]:
        """Every file of the tree, sorted."""
        return self._paths

    @cached_property
    def _paths(self) -> tuple[str, ...]:
        self._modes = {path: mode for mode, _sha, path in self._git.ls_tree(self.commit)}
        return tuple(sorted(self._modes))

    def defining(self, function: str) -> Sequence[str]:
        """The `.c`/`.h` files that define a function of that name, sorted; over the whole tree."""
        return self.index.functions(function)

    @cached_property
    def index(self) -> Index:
        """Names of the whole tree: functions, macros, types, and whether an identifier stands anywhere."""
        if self._base:
            return Stacked(self._git.path, self._base, self.commit, self._told, self._lookups)
        return Index(self._git.path, self.commit, self._told, self._lookups)

    def _told(self, what: str) -> None:
        self._say(f"looking through {self._name} for {what}")

    def close(self) -> None:
        """End the helper process; the view may be used again."""
        self._git.close()
        if "index" in self.__dict__:
            self.index.close()

    def __enter__(self) -> StoreView:
        return self

    def __exit__(self, kind: type[BaseException] | None, value: BaseException | None,
                 trace: TracebackType | None) -> None:
        self.close()
