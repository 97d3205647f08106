"""Names of a whole tree, looked up in milliseconds: which files define a function, a macro, a type, and whether a
word stands anywhere at all.

Two files per commit beside the store, each built when it is first asked for:

* `<commit>.names`, SQLite: (hash of the name, kind, file) of every definition. Where a release of the same series
  has one already, only the files that differ are read.
* `<commit>.places`: the sorted hashes of every identifier in the `.c`, `.h` and `.S` files, each with the kind of place
  that it stands in (zones.py; comments and strings are one). 64 bits an entry, six of them for the place: with five
  million words in a tree, a word that is not there is taken for one that is once in 10^10.

A *register list* (a header of thousands of #defines, as graphics drivers have them) would be most of the index; of
those files only the paths are known, and they are read when a macro is defined nowhere else.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import sqlite3
import subprocess
import sys
import tempfile
from array import array
from bisect import bisect_left
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import cached_property
from itertools import chain, groupby
from pathlib import Path
from typing import IO, Any

from filelock import FileLock

from backport.csource.tokens import vocabulary
from backport.errors import InfraError
from backport.git import Git
from backport.trees import scan
from backport.trees.lookup import Lookup
from backport.trees.reach import by_name, reached
from backport.trees.zones import ZONES, Zone, architecture, home, outside, zone
from backport.version import in_series, makefile_version
from backport.wholefile import private_directory

FORMAT = "1"                         # in the file names: raise it when scan.py finds other things
FILES = (f"{FORMAT}.names", f"{FORMAT}.places")      # what one commit has beside the store, behind its name
_MAX_WORKERS = 4
_SLICES = 5                          # bits: a list of names is put in order in 32 parts

_TABLES = """
    CREATE TABLE about(version TEXT);
    CREATE TABLE file(id INTEGER PRIMARY KEY, path BLOB, blob BLOB, big INTEGER);
    CREATE TABLE entry(hash INTEGER, kind INTEGER, file INTEGER, PRIMARY KEY(hash, kind, file)) WITHOUT ROWID;
"""


class Index:
    """What one commit defines. Read-only; one object per thread (SQLite)."""

    def __init__(self, store: Path, commit: str, say: Callable[[str], None] = lambda text: None,
                 lookups: int = 0, *, git: Git | None = None) -> None:
        """`say` is told when the index has to be made, which takes a minute or two; `lookups` is how many names are
        looked up one by one before it is. `git` is one to read with, which stays open."""
        self._own = git is None
        self._git = git or Git(store)
        self._say = say
        self._lookup = Lookup(store, commit, lookups, lambda name: say(f"where {name} is used: some seconds"))
        self._store = store
        self._commit = commit
        self._source = commit            # where files are read from; the names are those of `_commit`
        self._folder = store.parent / "index"
        self._reached: dict[tuple[str, tuple[str, ...]], set[bytes]] = {}

    def functions(self, name: str) -> list[str]:
        """The `.c`/`.h` files that define a function `name`, sorted."""
        return self._files(scan.FUNCTION, name)

    def macros(self, name: str, lists: bool = True) -> list[str]:
        """The `.c`/`.h` files that `#define` the macro `name`, sorted (register lists only where no other does).

        Without `lists` those are not read: for a name that is no macro at all that takes seconds.
        """
        found = self._files(scan.MACRO, name)
        if found or not lists or not self.contains(name):
            return found
        rows = self._asked("SELECT path, blob FROM file WHERE big = 1 ORDER BY path")
        word = name.encode("utf-8", "surrogateescape")
        here = self._zones(name)
        return [path for path, blob in ((os.fsdecode(path), blob.hex()) for path, blob in rows)
                if zone(path, self._architectures) in here and word in (data := self._git.blob(blob) or b"")
                and word in scan.macros(data)]

    def defines(self, name: str) -> bool:
        """Whether a `.c`/`.h` file defines a function or macro `name`, register lists left out: those alone are
        hundreds of megabytes, seconds to read for a name that is nowhere."""
        return bool(self._files(scan.FUNCTION, name) or self._files(scan.MACRO, name))

    def types(self, name: str) -> list[str]:
        """The `.c`/`.h` files that define `struct`, `union`, `enum` or typedef `name`, sorted."""
        return self._files(scan.TYPE, name)

    def members(self, struct: str) -> dict[str, list[str]]:
        """Member (or enum constant) -> files, over every definition of `struct`/`union`/`enum` of that name."""
        found: dict[str, list[str]] = {}
        for path in self.types(struct):
            for member in scan.members(self._git.blob(f"{self._source}:{path}") or b"", struct.encode()):
                found.setdefault(member.decode(), []).append(path)
        return found

    def contains(self, identifier: str) -> bool:
        """Whether the identifier stands anywhere in a `.c`, `.h` or `.S` file: code, comment or string."""
        return bool(self._zones(identifier))

    @property
    def words_made(self) -> bool:
        """Whether the file of words is there, or would have to be made."""
        return self._made(FILES[1])

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
        places = sorted({*self.functions(name), *self._files(scan.MACRO, name), *self.types(name)})
        more = f" and {len(places) - 2} more" if len(places) > 2 else ""
        return f"only in {', '.join(places[:2])}{more}" if places else f"only {where}"

    def _zones(self, name: str) -> set[int]:
        if not self._made(FILES[1]):
            known = self._lookup.zones(name, self._architectures)
            if known is not None:
                return known
        first = scan.in_zone(name.encode("utf-8", "surrogateescape"), 0)
        position = bisect_left(self._words, first)
        found = set()
        while position < len(self._words) and self._words[position] - first in range(ZONES):
            found.add(self._words[position] - first)
            position += 1
        return found

    def _includes(self, path: str, also: tuple[str, ...], name: str) -> bool:
        """Whether a file outside include/ that `path` includes has `name` in its code."""
        if (path, also) not in self._reached:
            found: set[bytes] = set()
            for data in reached(path, also, lambda other: self._git.blob(f"{self._source}:{other}"), self._by_name):
                found |= vocabulary(data)[0]
            self._reached = {(path, also): found}    # of one file at a time: names of one patch are asked in a row
        return name.encode("utf-8", "surrogateescape") in self._reached[path, also]

    def _joined(self, path: str) -> bool:
        """Whether a file of the same directory includes the source `path`, which then sees what that file defines."""
        folder, _, base = path.rpartition("/")
        quoted = tuple(os.fsencode(f'{before}{base}"') for before in '"/')
        return any(any(words in data for words in quoted) for data in self._git.files(self._source, folder))

    @cached_property
    def _by_name(self) -> dict[str, list[str]]:
        return by_name(path for mode, _sha, path in self._git.ls_tree(self._commit) if mode != "120000")

    @cached_property
    def _architectures(self) -> tuple[str, ...]:
        return tuple(sorted(self._git.folders(self._commit, "arch")))

    def _files(self, kind: int, name: str) -> list[str]:
        if not self._made(FILES[0]):
            known = self._lookup.defining(kind, name)
            if known is not None:
                return known
        rows = self._asked(
            "SELECT path FROM entry JOIN file ON file.id = entry.file WHERE hash = ? AND kind = ? ORDER BY path",
            (scan.name_hash(name.encode("utf-8", "surrogateescape")), kind))
        return [os.fsdecode(row[0]) for row in rows]

    def _asked(self, query: str, values: tuple[object, ...] = ()) -> list[tuple[Any, ...]]:
        try:
            return self._names.execute(query, values).fetchall()
        except sqlite3.Error as error:
            raise InfraError(f"the index of names {self._path} cannot be read: {error}",
                             hint="remove that file; it will be made again") from error

    @property
    def _path(self) -> Path:
        return self._folder / f"{self._commit}.{FORMAT}.names"

    @cached_property
    def _names(self) -> sqlite3.Connection:
        path = self._path
        with _built_once(path) as missing:
            if missing:
                self._say("the names that it defines: a minute or two, once")
                _build_names(self._store, self._commit, path)
        return sqlite3.connect(f"file:{path}?mode=ro&immutable=1", uri=True)

    @cached_property
    def _words(self) -> _Sorted:
        path = self._folder / f"{self._commit}.{FORMAT}.places"
        with _built_once(path) as missing:
            if missing:
                self._say("an index of its words: a minute or two, once")
                _build_words(self._store, self._commit, path)
        return _Sorted(path)

    def _made(self, which: str) -> bool:
        return (self._folder / f"{self._commit}.{which}").is_file()

    def close(self) -> None:
        """Close the files; the object may be used again."""
        if self._own:
            self._git.close()
        if "_names" in self.__dict__:
            self._names.close()
            del self._names
        if "_words" in self.__dict__:
            self._words.close()
            del self._words


def _architectures(paths: Iterable[str]) -> tuple[str, ...]:
    return tuple(sorted({own for path in paths if (own := architecture(path))}))


class _Sorted:
    """A file of sorted 64-bit numbers, read where it is asked: mapped, a dozen indexes of a replay are half a
    gigabyte of resident memory for some thousand lookups."""

    def __init__(self, path: Path) -> None:
        self._file = path.open("rb", buffering=0)
        self._count = path.stat().st_size // 8

    def __len__(self) -> int:
        return self._count

    def __getitem__(self, position: int) -> int:
        return int.from_bytes(os.pread(self._file.fileno(), 8, 8 * position), sys.byteorder, signed=True)

    def close(self) -> None:
        self._file.close()


@contextlib.contextmanager
def _built_once(path: Path) -> Iterator[bool]:
    """Yields whether `path` must be built; of several processes that need it, one builds and the others wait."""
    if path.is_file():
        yield False
        return
    private_directory(path.parent)
    with FileLock(path.with_suffix(path.suffix + ".lock")):
        yield not path.is_file()


def _build_names(store: Path, commit: str, path: Path) -> None:
    with Git(store) as git:
        files = {name: sha for mode, sha, name in git.ls_tree(commit)
                 if mode != "120000" and name.endswith((".c", ".h"))}
        version = makefile_version(git.blob(f"{commit}:Makefile"))
    base = _nearest(path.parent, version)
    with scratch_beside(path) as scratch:
        if base is not None:
            shutil.copyfile(base, scratch)
        db = sqlite3.connect(scratch)
        try:
            db.executescript("PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF; PRAGMA cache_size = -65536;")
            if base is None:
                db.executescript(_TABLES)
            _update(db, store, files)
            db.execute("DELETE FROM about")
            db.execute("INSERT INTO about VALUES (?)", (version,))
            db.commit()
        finally:
            db.close()
        scratch.replace(path)


def _update(db: sqlite3.Connection, store: Path, files: dict[str, str]) -> None:
    """Make the entries in `db` those of `files` (path -> blob), reading only blobs that are not there yet."""
    rows = db.execute("SELECT id, path, blob FROM file")
    old = {os.fsdecode(path): (number, blob.hex()) for number, path, blob in rows}
    gone = [number for path, (number, blob) in old.items() if files.get(path) != blob]
    if gone:
        db.execute("CREATE TEMP TABLE gone(id INTEGER PRIMARY KEY)")
        db.executemany("INSERT INTO gone VALUES (?)", ((number,) for number in gone))
        db.execute("DELETE FROM entry WHERE file IN (SELECT id FROM gone)")
        db.execute("DELETE FROM file WHERE id IN (SELECT id FROM gone)")
    new = {path: blob for path, blob in files.items() if path not in old or old[path][1] != blob}
    first = max((number for number, _blob in old.values()), default=0) + 1
    ids: dict[str, list[int]] = {}
    for number, (path, blob) in enumerate(new.items(), first):
        ids.setdefault(blob, []).append(number)      # the same bytes may stand under several paths
        db.execute("INSERT INTO file VALUES (?, ?, ?, 0)", (number, os.fsencode(path), bytes.fromhex(blob)))
    entries: list[tuple[int, int, int]] = []
    big: list[tuple[int]] = []
    for line in chain.from_iterable(_scan(store, "names", list(ids))):
        sha, _, rest = line.partition(b" ")
        numbers = ids[sha.decode()]
        for word in rest.split():
            kind, name = word[0] - 48, word[1:]
            if kind == scan.BIG:
                big += [(number,) for number in numbers]
                continue
            key = scan.name_hash(name)
            entries += [(key, kind, number) for number in numbers]
    # sorted: a B-tree that is filled in its own order is built by appending
    entries.sort()
    db.executemany("INSERT INTO entry VALUES (?, ?, ?)", entries)
    db.executemany("UPDATE file SET big = 1 WHERE id = ?", big)


def _build_words(store: Path, commit: str, path: Path) -> None:
    with Git(store) as git:
        files = [(sha, name) for mode, sha, name in git.ls_tree(commit) if mode != "120000"]
    own = _architectures(name for _sha, name in files)
    blobs = {(zone(name, own), sha) for sha, name in files if name.endswith((".c", ".h", ".S"))}
    parts = []
    for output in _scan(store, "words", [f"{sha} {number}" for number, sha in sorted(blobs)]):
        part = array("q")
        part.frombytes(output.read())
        parts.append(part)
    with scratch_beside(path) as scratch:
        with scratch.open("wb") as file:
            for numbers in _merged(parts):
                numbers.tofile(file)
        scratch.replace(path)


def _merged(parts: Sequence[array[int]]) -> Iterator[array[int]]:
    """Sorted arrays as one, no number twice; a slice at a time, for as objects all of them are half a gigabyte."""
    bounds = range(-1 << 63, 1 << 63, 1 << (64 - _SLICES))
    for low in bounds:
        rows = [part[bisect_left(part, low):bisect_left(part, low + bounds.step)] for part in parts]
        yield array("q", (number for number, _ in groupby(sorted(chain.from_iterable(rows)))))


@contextlib.contextmanager
def scratch_beside(path: Path) -> Iterator[Path]:
    """A name for a file in the making, gone afterwards unless it was renamed."""
    scratch = path.with_name(f".{path.name}.{os.getpid()}")
    scratch.unlink(missing_ok=True)
    try:
        yield scratch
    finally:
        scratch.unlink(missing_ok=True)


def _scan(store: Path, what: str, blobs: list[str]) -> Iterator[IO[bytes]]:
    """The outputs of scan.py, run by as many processes as there are processors (text work holds the GIL)."""
    count = max(1, min(_MAX_WORKERS, os.cpu_count() or 1, len(blobs) // 200 + 1))
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(path or "." for path in sys.path)}
    workers = []
    try:
        for number in range(count):
            with tempfile.TemporaryFile() as feed:   # a pipe would fill up while the worker's own output does
                feed.write("".join(f"{blob}\n" for blob in blobs[number::count]).encode())
                feed.seek(0)
                workers.append(subprocess.Popen([sys.executable, "-m", "backport.trees.scan", str(store), what],
                                                env=environment, stdin=feed, stdout=subprocess.PIPE))
        for worker in workers:
            assert worker.stdout is not None
            yield worker.stdout
            if worker.wait():
                raise InfraError(f"the index of names could not be built: the reader ended with {worker.returncode}",
                                 hint=f"its output is above; `git -C {store} fsck` shows a damaged store")
    finally:
        for worker in workers:
            if worker.poll() is None:
                worker.kill()
            worker.wait()
            if worker.stdout is not None:
                worker.stdout.close()


def _nearest(folder: Path, version: str) -> Path | None:
    """An index of the same series, to start from; None where there is none."""
    for path in sorted(folder.glob(f"*.{FORMAT}.names"), reverse=True):
        try:
            db = sqlite3.connect(f"file:{path}?mode=ro&immutable=1", uri=True)
            row = db.execute("SELECT version FROM about").fetchone()
            db.close()
        except sqlite3.Error:
            continue
        if row and version and in_series(row[0], ".".join(version.split("-")[0].split(".")[:2])):
            return path
    return None
