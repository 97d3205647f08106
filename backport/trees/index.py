"""Names of a whole tree, looked up in milliseconds: which files define a function, a macro, a type, and whether a
word stands anywhere at all, and in which kind of place (zones.py; comments and strings are one).

The words are in one store for all trees (catalog.py), which a tree is added to when it is fetched, or first asked for.

A *register list* (a header of thousands of #defines, as graphics drivers have them) defines macros that are asked for
nowhere else; those files are known as such, and read when a macro is defined in no other.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from functools import cached_property
from pathlib import Path

from backport.bounded import Bounded, by_content
from backport.csource import definitions
from backport.csource.tokens import vocabulary
from backport.git import Git
from backport.trees.catalog import Catalog, extend, unread
from backport.trees.hashing import SHIFT
from backport.trees.listing import links, listing
from backport.trees.lookup import Lookup
from backport.trees.reach import reached
from backport.trees.zones import Zone, architecture, home, outside

# names of the headers that a file includes, of the trees that were asked last: those of one patch are asked in a row
_REACHED: Bounded[tuple[str, str, tuple[str, ...]], tuple[bytes, ...]] = Bounded(24 << 20)
_SOON = 1000                         # files that are read in the time of one search through a tree


def silent(text: str) -> None:
    """Told, and not said."""


@by_content(8 << 20)
def _names(header: bytes) -> bytes:
    """The names in the code of a header, each once, with blanks around them: less than half of a set of them."""
    return b" %s " % b" ".join(vocabulary(header)[0])


class Index:
    """What one commit defines. Read-only; one object per thread."""

    def __init__(self, store: Path, commit: str, say: Callable[[str], None] = silent,
                 lookups: int = 0, *, git: Git | None = None) -> None:
        """`say` is told when the tree's files have to be read, which takes half a minute; `lookups` is how many names
        are looked up one by one before that. `git` is one to read with, which stays open."""
        self._own = git is None
        self._git = git or Git(store)
        self._say = say
        self._lookup = Lookup(store, commit, lookups, lambda name: say(f"looking for {name}, some seconds"))
        self._store = store
        self._commit = commit
        self._source = commit            # where files are read from; the names are those of `_commit`
        self._quiet = say is silent      # nobody waits for this at a terminal
        self._catalog = Catalog.beside(store)

    def functions(self, name: str) -> list[str]:
        """The `.c`/`.h` files that define a function `name`, sorted."""
        return self._files(definitions.FUNCTION, name)

    def macros(self, name: str, lists: bool = True) -> list[str]:
        """The `.c`/`.h` files that `#define` the macro `name`, sorted (register lists only where no other does).

        Without `lists` those are not read: for a name that is no macro at all that takes seconds.
        """
        found = self._files(definitions.MACRO, name)
        if found or not lists or not self.contains(name):
            return found
        word = name.encode("utf-8", "surrogateescape")
        return sorted(path for path, blob in self._lists(name)
                      if word in (data := self._git.blob(blob) or b"") and word in definitions.macros(data))

    def defines(self, name: str) -> bool:
        """Whether a `.c`/`.h` file defines a function or macro `name`, register lists left out: those alone are
        hundreds of megabytes, seconds to read for a name that is nowhere."""
        if self._lookup.allowed and not self._there_soon and self._lookup.defines(name):
            return True
        return bool(self._files(definitions.FUNCTION, name) or self._files(definitions.MACRO, name))

    def types(self, name: str) -> list[str]:
        """The `.c`/`.h` files that define `struct`, `union`, `enum` or typedef `name`, sorted."""
        return self._files(definitions.TYPE, name)

    def members(self, struct: str) -> dict[str, list[str]]:
        """Member (or enum constant) -> files, over every definition of `struct`/`union`/`enum` of that name."""
        found: dict[str, list[str]] = {}
        for path in self.types(struct):
            for member in definitions.members(self._git.blob(f"{self._source}:{path}") or b"", struct.encode()):
                found.setdefault(member.decode(), []).append(path)
        return found

    def having(self, name: str) -> list[str] | None:
        """The `.c`, `.h` and `.S` files that have the word in their code, sorted; some of them may have it in a comment
        alone. None where that would take long, and was not read."""
        if self._lookup.allowed and not self._there_soon:
            return self._lookup.having(name)
        catalog = self._whole
        tree = catalog.tree(self._commit)
        return sorted(path for posting in catalog.postings(name) for path in tree.paths(posting >> SHIFT))

    def contains(self, identifier: str) -> bool:
        """Whether the identifier stands anywhere in a `.c`, `.h` or `.S` file: code, comment or string."""
        return bool(self._zones(identifier))

    @property
    def words_made(self) -> bool:
        """Whether the words of the tree are there, or would have to be read."""
        return self._catalog.has(self._commit)

    def below(self, identifier: str, folders: Sequence[str]) -> bool | None:
        """Whether the identifier stands in a file below `folders`, each include/ or arch/*/include/; None where the
        index does not tell: it may be in a comment there, or in a comment elsewhere."""
        zones = self._zones(identifier)
        if "include/" in folders and Zone.PUBLIC in zones:
            return True
        homes = {f"arch/{home(zone, self._architectures)}/include/" for zone in zones}
        return None if Zone.MENTIONED in zones or not homes.isdisjoint(folders) else False

    def unseen(self, name: str, path: str, also: tuple[str, ...] = ()) -> str | None:
        """Why an added line of the file `path` cannot use `name`: "" where no code of the tree has it, else a few words
        on where it stands; None where nothing says so. `also`: headers that the patch lets the file include.

        Seen are the headers under include/, those of the file's own architecture (of any, for code that is no
        architecture's), and others that the file includes. What is in other `.c` files alone is not seen where one of
        them defines it; what no file defines may be made by a macro (`trace_x`), and counts as seen.
        """
        zones = self._zones(name) - {Zone.MENTIONED}
        if not zones:
            return ""
        if zones == {Zone.OUTSIDE}:
            return None if outside(path) else self._told(name, "outside the kernel's own code")
        if outside(path) or Zone.PUBLIC in zones or name.startswith("CONFIG_"):
            return None
        mine = architecture(path)
        homes = {home(zone, self._architectures) for zone in zones} - {""}
        if homes and (not mine or mine in homes or mine == "um"):
            return None
        if not path.endswith((".c", ".S")):
            return None if zones & {Zone.PRIVATE, Zone.SOURCE} else self._told(name, "in other architectures")
        if Zone.PRIVATE in zones or homes:
            return None if self._includes(path, also, name) else self._told(name, "in headers that it does not include")
        places = [place for place in (*self.functions(name), *self.macros(name), *self.types(name))
                  if place != path and not outside(place)]
        return self._told(name, "in other files") if places and not self._joined(path) else None

    def _told(self, name: str, where: str) -> str:
        """Where `name` is defined, by at most two paths; `where` if that is not known."""
        places = sorted({*self.functions(name), *self._files(definitions.MACRO, name), *self.types(name)})
        more = f" and {len(places) - 2} more" if len(places) > 2 else ""
        return f"only in {', '.join(places[:2])}{more}" if places else f"only {where}"

    def _zones(self, name: str) -> set[int]:
        if not self._there_soon:
            known = self._lookup.zones(name, self._architectures)
            if known is not None:
                return known
        return self._whole.zones(self._commit, name)

    def _includes(self, path: str, also: tuple[str, ...], name: str) -> bool:
        """Whether a file outside include/ that `path` includes has `name` in its code."""
        key = (self._source, path, also)
        found = _REACHED.get(key)
        if found is None:
            found = tuple(_names(data) for data in reached(
                path, also, lambda other: self._git.blob(f"{self._source}:{other}"), self._named))
            _REACHED.put(key, found, sum(map(len, found)))
        word = b" %s " % name.encode("utf-8", "surrogateescape")
        return any(word in names for names in found)

    def _joined(self, path: str) -> bool:
        """Whether a file of the same directory includes the source `path`, which then sees what that file defines."""
        folder, _, base = path.rpartition("/")
        quoted = tuple(os.fsencode(f'{before}{base}"') for before in '"/')
        return any(any(words in data for words in quoted) for data in self._git.files(self._source, folder))

    def _named(self, name: str) -> list[str]:
        """The kernel's own files of that name, whatever their directories."""
        return [path for path in listing(self._git, self._commit).named(name)
                if not outside(path) and path not in links(self._git, self._commit)]

    @cached_property
    def _architectures(self) -> tuple[str, ...]:
        return tuple(sorted(self._git.folders(self._commit, "arch")))

    def _files(self, kind: int, name: str) -> list[str]:
        if not self._there_soon:
            known = self._lookup.defining(kind, name)
            if known is not None:
                return known
        return self._whole.defining(self._commit, kind, name)

    def _lists(self, name: str) -> list[tuple[str, str]]:
        """(path, blob) of the register lists that have the word."""
        catalog = self._whole
        tree = catalog.tree(self._commit)
        having = {posting >> SHIFT for posting in catalog.postings(name)}
        numbers = {posting >> SHIFT for posting in catalog.lists()} & having
        return [(path, catalog.blob(number)) for number in numbers for path in tree.paths(number)
                if path.endswith((".c", ".h"))]

    @property
    def _there_soon(self) -> bool:
        """Whether the words of the tree are there, or nearly all of its files were read for other trees."""
        return self._catalog.has(self._commit) or self._few_unread

    @cached_property
    def _few_unread(self) -> bool:
        return (self._lookup.allowed and bool(self._catalog.state.trees)
                and unread(self._catalog, self._git, self._commit) <= _SOON)

    @property
    def _whole(self) -> Catalog:
        """The words of all trees, with this one among them."""
        if not self._catalog.has(self._commit):
            extend(self._catalog, self._store, {self._commit: self._commit[:12]}, quiet=self._quiet, say=self._say)
        return self._catalog

    def close(self) -> None:
        """Close the files; the object may be used again."""
        if self._own:
            self._git.close()
