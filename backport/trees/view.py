"""The engine's view of one tree in the store (a backport.treeview.TreeView): bytes by path, where names are defined."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cached_property
from pathlib import Path
from types import TracebackType

from backport.git import Git
from backport.trees.index import Index
from backport.trees.listing import below, listing
from backport.trees.stacked import Stacked
from backport.treeview import FileList, beneath


class StoreView:
    """Read-only view of one commit. Keeps one `git cat-file --batch` child: close it, or use it as a context manager.

    `read` and `paths` are answered from the objects; the first `defining` or `index` of a commit builds an index
    beside the store (see index.py), which later runs find there. `base` is the tree's own commit where `commit` is a
    state with patches on top of it.
    """

    def __init__(self, store_path: Path, name: str, commit: str, base: str = "",
                 say: Callable[[str], None] = lambda text: None, lookups: int = 0, *,
                 beneath: StoreView | None = None, git: Git | None = None) -> None:
        """`beneath` is a view of `base`, whose index and list of files are then shared; `git` one to read with, which
        stays open."""
        self._beneath = beneath
        self._own = git is None
        self._say = say
        self._lookups = lookups
        self._name = name
        self.commit = commit
        self._base = base
        self._git = git or Git(store_path)

    @property
    def name(self) -> str:
        return self._name

    def read(self, path: str) -> bytes | None:
        """The file's bytes, None where the tree has no such file (a symbolic link counts as none)."""
        if "\n" in path or any(part in ("", ".", "..") for part in path.split("/")):
            return None                  # git takes ./ and ../ for relative paths, and ends over them
        row = self._git.entry(self.commit, path)
        if row is None or row[0] not in ("100644", "100755", "100664"):
            return None
        return self._git.blob(row[1])

    def paths(self) -> Sequence[str]:
        """Every file of the tree, sorted."""
        return listing(self._git, self.commit) if self._beneath is None else self._changed_paths

    def below(self, directory: str) -> Sequence[str]:
        """Every file below a directory, with its whole path, sorted."""
        return below(self._git, self.commit, directory) if self._beneath is None else \
            beneath(self._changed_paths, directory)

    @cached_property
    def _changed_paths(self) -> FileList:
        """Of a state with patches on top."""
        assert self._beneath is not None
        known = self._beneath.paths()
        changed = set(self._git.differing(self._base, self.commit))
        here = {path for path in changed if self._git.entry(self.commit, path) is not None}
        gone = changed - here
        new = here - set(known) if here else set()
        return FileList(sorted({*known, *new} - gone)) if new or gone else FileList.of(known)

    def defining(self, function: str) -> Sequence[str]:
        """The `.c`/`.h` files that define a function of that name, sorted; over the whole tree."""
        return self.index.functions(function)

    @cached_property
    def index(self) -> Index:
        """Names of the whole tree: functions, macros, types, and whether an identifier stands anywhere."""
        if self._base:
            return Stacked(self._git.path, self._base, self.commit, self._told, self._lookups, git=self._git,
                           beneath=self._beneath.index if self._beneath is not None else None)
        return Index(self._git.path, self.commit, self._told, self._lookups, git=self._git)

    def _told(self, what: str) -> None:
        self._say(f"{self._name}: {what}")

    def close(self) -> None:
        """End the helper process; the view may be used again."""
        if self._own:
            self._git.close()
        if "index" in self.__dict__:
            self.index.close()

    def __enter__(self) -> StoreView:
        return self

    def __exit__(self, kind: type[BaseException] | None, value: BaseException | None,
                 trace: TracebackType | None) -> None:
        self.close()
