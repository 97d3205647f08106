"""What every tree says of a word: one store of words and blobs beside the objects, for all trees.

A blob is read once, whichever tree it is in (postings.py); of a tree there is only which blobs it has, under which
paths and in which zones. All is in one directory of `names/` for each version of the reader; `state.json` says which
files count, and is written last: what a kill or a full disk leaves is in no state.
"""

from __future__ import annotations

import hashlib
import json
import os
import secrets
import shutil
import subprocess
import sys
import tempfile
import weakref
from array import array
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, field, replace
from functools import cache, lru_cache
from itertools import accumulate
from pathlib import Path

from backport.bounded import Bounded
from backport.errors import InfraError
from backport.git import Git
from backport.locks import FileLock, Timeout
from backport.trees.deciding import deciding
from backport.trees.hashing import BLOBS, CODE, LISTS, MENTIONED, SHIFT, word_hash
from backport.trees.zones import Zone, architecture, zone
from backport.wholefile import DISK, disk, private_directory, write_whole

FOLDER = "names"
SOURCES = (".c", ".h", ".S")
_FORMAT = 1                          # of the files that are written here
_STATE = "state.json"
_WORKERS = 2
_FEW = 400                           # blobs that one reader has read before a second one has started
_PAGE = 512                          # hashes that are read at once
_TREES = 16 << 20                    # bytes of trees that are kept: twice the file each, three kernels
_DEFINITION = CODE - 1               # the bits below it
_KNOWN = 1 << 20                     # postings of words that were asked for which are kept, four bytes each


@cache
def version() -> str:
    """Changes with the code that reads files, and with that alone: what an older one has found is not asked."""
    here = "backport.trees."
    code = deciding([(f"{here}postings", "_Batch"), (f"{here}postings", "merge"), (f"{here}zones", "zone"),
                     (f"{here}zones", "architecture"), (f"{here}hashing", "word_hash")])
    return hashlib.sha256(f"{_FORMAT} {SOURCES} {code}".encode()).hexdigest()[:16]


@dataclass(frozen=True, slots=True)
class _Segment:
    name: str
    first: int                       # number of its first blob
    blobs: int
    sizes: dict[str, int]            # bytes of each of its files


@dataclass(frozen=True, slots=True)
class Contents:
    """What is there: segments in the order of their blobs; the name and size of each tree's file.

    No name of a file is ever used a second time: a reader with an older state has the files that belong to it, or none.
    """

    segments: tuple[_Segment, ...] = ()
    trees: dict[str, tuple[str, int]] = field(default_factory=dict)

    @property
    def blobs(self) -> int:
        return self.segments[-1].first + self.segments[-1].blobs if self.segments else 0


class TreeBlobs:
    """The blobs of one tree: which there are, in which zones, and under which paths."""

    def __init__(self, path: Path, size: int) -> None:
        data = path.read_bytes()
        if len(data) != size or size < 16:
            raise InfraError(f"the index of names {path} is damaged", hint=f"remove {path.parent}; it is made again")
        count, kinds = array("Q"), array("Q")
        count.frombytes(data[:16])
        rows, at = count[0], 16 + 8 * count[1]
        kinds.frombytes(data[16:at])
        self._numbers, self._ends = array("I"), array("I")
        self._numbers.frombytes(data[at:at + 4 * rows])
        self._ends.frombytes(data[at + 4 * rows:at + 8 * rows])
        self._paths = data[at + 9 * rows:]
        self._masks = array("Q", bytes(8 * (self._numbers[-1] + 1))) if rows else array("Q")
        for number, kind in zip(self._numbers, data[at + 8 * rows:at + 9 * rows], strict=True):
            self._masks[number] |= 1 << kinds[kind]
        self._every = sum({1 << kinds[kind] for kind in set(data[at + 8 * rows:at + 9 * rows])})

    def __contains__(self, number: int) -> bool:
        return self.mask(number) > 0

    def __iter__(self) -> Iterator[int]:
        return iter(self._numbers)

    def mask(self, number: int) -> int:
        """Bit n is set where one of the blob's paths is in zone n; 0 for one that is not in the tree."""
        return self._masks[number] if number < len(self._masks) else 0

    def spread(self, postings: Iterable[int]) -> tuple[int, bool]:
        """(the zones, as in mask(), in whose code a word stands, whether it stands in a comment or literal). A word as
        common as `int` is in all of them long before its 70,000 postings end."""
        found, mentioned, masks = 0, False, self._masks
        size, every = len(masks), self._every
        for posting in postings:
            number = posting >> SHIFT
            mask = masks[number] if number < size else 0
            if mask:
                if posting & CODE:
                    found |= mask
                mentioned = mentioned or posting & MENTIONED > 0
                if mentioned and found == every:
                    break
        return found, mentioned

    def paths(self, number: int) -> list[str]:
        """Where the blob stands in the tree."""
        rows = range(bisect_left(self._numbers, number), bisect_right(self._numbers, number))
        return [os.fsdecode(self._paths[self._ends[row - 1] if row else 0:self._ends[row]]) for row in rows]


class Catalog:
    """The words of all trees beside a store."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder / version()
        self._state: Contents | None = None
        self._files: dict[str, int] = {}
        self._trees: Bounded[str, TreeBlobs] = Bounded(_TREES)
        self._known: dict[str, array[int]] = {}
        self._defined: dict[str, array[int]] = {}
        self._spread: dict[tuple[str, str], tuple[int, bool]] = {}       # of (commit, word)
        self._seen: tuple[int, int] | None = None        # the state's file when it was read
        weakref.finalize(self, _close, self._files)

    @staticmethod
    @lru_cache(maxsize=4)
    def beside(store: Path) -> Catalog:
        """That of a store: one for all indexes of this process, which then look a name up once for all trees."""
        return Catalog(store.parent / FOLDER)

    @property
    def state(self) -> Contents:
        if self._state is None:
            self._seen = self._stamp()
            self._state = self._load()
        return self._state

    def has(self, commit: str) -> bool:
        """Whether the words of the tree are there."""
        if commit not in self.state.trees and self._stamp() != self._seen:
            self.again()                                 # another process has written meanwhile
        return commit in self.state.trees

    def tree(self, commit: str) -> TreeBlobs:
        """The blobs of a tree that is there."""
        known = self._trees.get(commit)
        if known is None:
            name, size = self.state.trees[commit]
            try:
                known = TreeBlobs(self.folder / name, size)
            except OSError as error:
                raise _damaged(self.folder, error) from error
            self._trees.put(commit, known, 2 * size)
        return known

    def postings(self, name: str) -> array[int]:
        """`blob number << SHIFT | flags` of every blob that has the word, ascending."""
        if name not in self._known:
            if len(self._known) > 500 or sum(map(len, self._known.values())) > _KNOWN:
                self._forget()
            word = name.encode("utf-8", "surrogateescape")
            self._known[name] = self._found(word_hash(word))
        return self._known[name]

    def lists(self) -> array[int]:
        """As postings(), of the register lists (without flags)."""
        return self._found(LISTS)

    def blob(self, number: int) -> str:
        """The object name of a blob."""
        segment = next(one for one in self.state.segments if one.first <= number < one.first + one.blobs)
        width = segment.sizes["blobs"] // segment.blobs
        return self._pread(segment, "blobs", width * (number - segment.first), width).hex()

    def zones(self, commit: str, name: str) -> set[int]:
        """The zones of the tree in which the word stands, Zone.MENTIONED for comments and literals."""
        postings = self.postings(name)                   # may forget, or begin anew: first
        if (commit, name) not in self._spread:           # each hunk and each check of a cell asks for the same words
            self._spread[commit, name] = self.tree(commit).spread(postings)
        found, mentioned = self._spread[commit, name]
        zones = {number for number in range(found.bit_length()) if found >> number & 1}
        return zones | {int(Zone.MENTIONED)} if mentioned else zones

    def defining(self, commit: str, kind: int, name: str) -> list[str]:
        """The `.c`/`.h` files of the tree that define `name` as `kind` (csource.definitions), sorted."""
        tree, bit = self.tree(commit), 1 << kind - 1
        return sorted(path for posting in self._definitions(name)
                      if posting & bit
                      for path in tree.paths(posting >> SHIFT) if path.endswith((".c", ".h")))

    def _definitions(self, name: str) -> array[int]:
        """Those of the postings that are of a definition: of a name like `dev` a few of twenty thousand, and each kind
        of definition is asked for."""
        postings = self.postings(name)                   # may begin anew: first
        if name not in self._defined:
            self._defined[name] = array("I", filter(_DEFINITION.__and__, postings))
        return self._defined[name]

    def again(self) -> None:
        """Look anew at what is there."""
        _close(self._files)
        self._trees.clear()
        self._forget()
        self._state = None

    def _forget(self) -> None:
        """What is kept of single words."""
        self._known.clear()
        self._defined.clear()
        self._spread.clear()

    def _stamp(self) -> tuple[int, int] | None:
        try:
            status = (self.folder / _STATE).stat()
        except OSError:
            return None
        return status.st_ino, status.st_mtime_ns

    def _load(self) -> Contents:
        """What is there; nothing where a file that should be is missing or has another size."""
        try:
            state = _state_of(json.loads((self.folder / _STATE).read_bytes()))
            for segment in state.segments:
                for part, size in segment.sizes.items():
                    name = f"{segment.name}.{part}"
                    self._files[name] = os.open(self.folder / name, os.O_RDONLY | os.O_CLOEXEC)
                    if os.fstat(self._files[name]).st_size != size:
                        raise ValueError(part)
            for name, size in state.trees.values():
                if (self.folder / name).stat().st_size != size:
                    raise ValueError(name)
        except (OSError, ValueError, KeyError, TypeError):
            _close(self._files)
            return Contents()
        return state

    def _found(self, key: int) -> array[int]:
        found = array("I")
        for segment in self.state.segments:
            at = self._position(segment, key)
            if at is not None:
                bounds = array("I", self._pread(segment, "starts", 4 * at, 8))
                found.frombytes(self._pread(segment, "postings", 4 * bounds[0], 4 * (bounds[1] - bounds[0])))
        return found

    def _position(self, segment: _Segment, key: int) -> int | None:
        """Where the hash stands: they are spread evenly, so a guess is a page or two away."""
        low, high = 0, segment.sizes["hashes"] // 8
        guess = key * high >> 56
        while low < high:
            begin = max(low, min(guess - _PAGE // 2, high - _PAGE))
            page = array("Q", self._pread(segment, "hashes", 8 * begin, 8 * min(_PAGE, high - begin)))
            if key < page[0]:
                high = begin
            elif key > page[-1]:
                low = begin + len(page)
            else:
                at = bisect_left(page, key)
                return begin + at if page[at] == key else None
            guess = (low + high) // 2
        return None

    def _pread(self, segment: _Segment, part: str, offset: int, size: int) -> bytes:
        try:
            data = os.pread(self._files[f"{segment.name}.{part}"], size, offset)
        except OSError as error:
            raise _damaged(self.folder, error) from error
        if len(data) != size:
            raise _damaged(self.folder, f"{segment.name}.{part} ends early")
        return data


def _close(files: dict[str, int]) -> None:
    while files:
        os.close(files.popitem()[1])


def _damaged(folder: Path, error: object) -> InfraError:
    return InfraError(f"the index of names in {folder} cannot be read: {error}",
                      hint="remove that directory; it will be made again")


def _state_of(data: dict[str, object]) -> Contents:
    segments, trees = data["segments"], data["trees"]
    if not isinstance(segments, list) or not isinstance(trees, dict):
        raise ValueError("state")
    return Contents(tuple(_Segment(**one) for one in segments),
                    {commit: (name, size) for commit, (name, size) in trees.items()})


def _unused(kind: str) -> str:
    return f"{kind}-{secrets.token_hex(8)}"


def extend(catalog: Catalog, store: Path, wanted: Mapping[str, str], *, quiet: bool = False,
           say: Callable[[str], None] = lambda text: None) -> None:
    """Bring the words of the commits `wanted` (commit -> what to call it) in, a tree at a time; blobs that are known
    are not read. Of several processes one reads; `say` is told of that, and of how much there is to read. Raises
    InfraError, with the state as it was."""
    if all(catalog.has(commit) for commit in wanted):
        return
    try:
        private_directory(catalog.folder)
        with _written_by_us(catalog.folder, say):
            catalog.again()                              # another process may have done it meanwhile
            missing = {commit: name for commit, name in wanted.items() if commit not in catalog.state.trees}
            _sweep(catalog)
            numbers = _numbers(catalog) if missing else {}
            for commit, name in missing.items():
                try:
                    _add(catalog, store, commit, name, numbers, quiet, say)
                finally:
                    catalog.again()
    except OSError as error:
        raise InfraError(f"the index of names cannot be written: {error}",
                         hint=disk(catalog.folder) if error.errno in DISK else "") from error


@contextmanager
def _written_by_us(folder: Path, say: Callable[[str], None] | None = None) -> Iterator[None]:
    """One process writes to `folder`: waits for another that does, or without `say` raises Timeout."""
    lock = FileLock(folder.parent / f"{folder.name}.lock")
    try:
        lock.acquire(timeout=0)
    except Timeout:
        if say is None:
            raise
        say("waiting for another backport process that reads names")
        lock.acquire()
    try:
        yield
    finally:
        lock.release()


def unread(catalog: Catalog, git: Git, commit: str) -> int:
    """How many files of the tree extend() would have to read."""
    catalog.again()
    try:
        known = _numbers(catalog)
    except OSError:                                      # another process has merged it meanwhile
        known = {}
    return sum(sha not in known for sha in {sha for sha, _path in _sources(git.ls_tree(commit))})


def _sources(rows: Iterable[tuple[str, str, str]]) -> list[tuple[bytes, str]]:
    return [(bytes.fromhex(sha), path) for mode, sha, path in rows
            if mode not in ("120000", "160000") and path.endswith(SOURCES)]


def _numbers(catalog: Catalog) -> dict[bytes, int]:
    known: dict[bytes, int] = {}
    for segment in catalog.state.segments:
        data = (catalog.folder / f"{segment.name}.blobs").read_bytes()
        width = len(data) // segment.blobs
        for number in range(segment.blobs):
            known[data[width * number:width * (number + 1)]] = segment.first + number
    return known


def _add(catalog: Catalog, store: Path, commit: str, name: str, numbers: dict[bytes, int], quiet: bool,
         say: Callable[[str], None]) -> None:
    state, folder = catalog.state, catalog.folder
    with Git(store) as git:
        every = list(git.ls_tree(commit))
    own = tuple(sorted({one for _mode, _sha, path in every if (one := architecture(path))}))
    rows = _sources(every)
    new = [sha for sha in dict.fromkeys(sha for sha, _path in rows) if sha not in numbers]
    for number, sha in enumerate(new, state.blobs):
        numbers[sha] = number
    with _scratch(folder) as place:
        if new:
            if len(new) > _FEW:
                say(f"reading the names of {len(new)} files, once")
            title = f"names of {name}"
            from tqdm import tqdm
            with tqdm(desc=title, total=len(new), unit=" files", disable=True if quiet else None, leave=False) as bar:
                _scan(store, [sha.hex() for sha in new], state.blobs, place, bar.update)
            state = _with_segment(state, folder, place, b"".join(new), len(new))
        listed = _unused("tree")
        size = _write_tree(folder / listed, rows, own, numbers)
        state = replace(state, trees={**state.trees, commit: (listed, size)})
        _write_state(folder, state)


def _with_segment(state: Contents, folder: Path, place: Path, blobs: bytes, count: int) -> Contents:
    """A new segment out of the runs in `place` and of those before it that hold fewer blobs: few stay, and each blob is
    copied a few times only."""
    kept, merged = list(state.segments), list[_Segment]()
    total = count
    while kept and kept[-1].blobs <= total:
        merged.insert(0, kept.pop())
        total += merged[0].blobs
    target = folder / _unused("segment")
    from backport.trees import postings

    segments = [folder / one.name for one in merged]
    if total <= _FEW:
        postings.merge(place, segments, target)
    else:
        _run([["merge", str(place), str(target), *map(str, segments)]], lambda line: None)
    with (folder / f"{target.name}.blobs").open("wb") as file:
        for one in merged:
            file.write((folder / f"{one.name}.blobs").read_bytes())
        file.write(blobs)
    first = merged[0].first if merged else state.blobs
    return replace(state, segments=(*kept, _segment(target, first, total)))


def _segment(target: Path, first: int, blobs: int) -> _Segment:
    sizes = {}
    for part in BLOBS:
        path = Path(f"{target}.{part}")
        _synced(path)
        sizes[part] = path.stat().st_size
    return _Segment(target.name, first, blobs, sizes)


def _synced(path: Path) -> None:
    """On the disk before the state names it."""
    with path.open("rb") as file:
        os.fsync(file.fileno())


def _write_tree(path: Path, rows: Sequence[tuple[bytes, str]], own: Sequence[str],
                numbers: Mapping[bytes, int]) -> int:
    listed = sorted((numbers[sha], os.fsencode(name), zone(name, own)) for sha, name in rows)
    kinds = sorted({kind for _number, _name, kind in listed})
    data = b"".join((array("Q", [len(listed), len(kinds)]).tobytes(), array("Q", kinds).tobytes(),
                     array("I", [number for number, _name, _kind in listed]).tobytes(),
                     array("I", accumulate(len(name) for _number, name, _kind in listed)).tobytes(),
                     bytes(kinds.index(kind) for _number, _name, kind in listed),
                     b"".join(name for _number, name, _kind in listed)))
    write_whole(path, data)
    return len(data)


def _write_state(folder: Path, state: Contents) -> None:
    write_whole(folder / _STATE, json.dumps(asdict(state)).encode())


@contextmanager
def _scratch(folder: Path) -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="making-", dir=folder) as name:
        yield Path(name)


def _sweep(catalog: Catalog) -> int:
    """Remove what no state names: left by a kill, or merged since. Only with the lock. Returns the bytes."""
    known = {_STATE, *(f"{one.name}.{part}" for one in catalog.state.segments for part in BLOBS),
             *(name for name, _size in catalog.state.trees.values())}
    freed = 0
    for path in catalog.folder.iterdir():
        if path.name not in known:
            freed += sum(one.stat().st_size for one in (path.rglob("*") if path.is_dir() else (path,)))
            shutil.rmtree(path, ignore_errors=True) if path.is_dir() else path.unlink(missing_ok=True)
    return freed


def collect(folder: Path, commits: Iterable[str], *, dry_run: bool = False) -> tuple[int, int]:
    """Forget the trees that are not among `commits`, and once half of the blobs are in no tree those too; what other
    versions of the reader made goes. Returns how many trees and files went, and their bytes; nothing while somebody
    writes."""
    catalog = Catalog(folder)
    wanted = set(commits)
    count = size = 0
    for path in folder.glob("*"):
        if path == catalog.folder or not path.is_dir():
            continue
        with suppress(Timeout), _written_by_us(path):      # locks stay: somebody may wait for one
            count, size = count + 1, size + sum(one.stat().st_size for one in path.rglob("*"))
            if not dry_run:
                shutil.rmtree(path, ignore_errors=True)
    if not catalog.folder.is_dir():
        return count, size
    with suppress(Timeout), _written_by_us(catalog.folder):
        state = catalog.state
        gone = {commit: length for commit, (_name, length) in state.trees.items() if commit not in wanted}
        count, size = count + len(gone), size + sum(gone.values())
        if dry_run:
            return count, size
        size += _sweep(catalog)                          # what a kill left
        if not gone:
            return count, size
        state = replace(state, trees={commit: file for commit, file in state.trees.items() if commit in wanted})
        live = {number for commit in state.trees for number in catalog.tree(commit)}
        if 2 * len(live) < state.blobs:                  # begin anew: reading what is left is cheaper to get right
            size += sum(sum(one.sizes.values()) for one in state.segments)
            state = Contents()
        _write_state(catalog.folder, state)
        catalog.again()
        _sweep(catalog)
        catalog.again()
    return count, size


def _scan(store: Path, blobs: Sequence[str], first: int, place: Path, done: Callable[[int], object]) -> None:
    from backport.trees import postings  # brings the array library, which a look-up does without

    if len(blobs) <= _FEW:
        try:
            for count in postings.scan_blobs(store, first, blobs, place):
                done(count)
        except ValueError as error:
            raise InfraError(f"the index of names could not be made: {error}") from error
        return
    workers = min(_WORKERS, os.cpu_count() or 1)
    step = -(-len(blobs) // workers)
    _run([["scan", str(store), str(first + at), str(place)] for at in range(0, len(blobs), step)],
         lambda line: done(int(line)),
         ["".join(f"{blob}\n" for blob in blobs[at:at + step]) for at in range(0, len(blobs), step)])


def _run(commands: Sequence[list[str]], told: Callable[[str], object], feeds: Sequence[str] = ()) -> None:
    """postings.py in processes of its own: what it needs of memory goes with it."""
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(path or "." for path in sys.path),
                   "OPENBLAS_NUM_THREADS": "1"}
    workers: list[subprocess.Popen[str]] = []
    reader, writer = os.pipe()                           # all of them tell on one pipe, a short line at a time
    try:
        for number, command in enumerate(commands):
            with tempfile.TemporaryFile("w+") as feed:
                feed.write(feeds[number] if feeds else "")
                feed.seek(0)
                workers.append(subprocess.Popen([sys.executable, "-m", "backport.trees.postings", *command],
                                                env=environment, stdin=feed, stdout=writer, text=True))
        os.close(writer)
        writer = -1
        with open(reader, closefd=False) as lines:
            for line in lines:
                told(line)
        for worker in workers:
            if worker.wait():
                raise InfraError(f"the index of names could not be made: the reader ended with {worker.returncode}",
                                 hint="its output is above; `git fsck` in the store shows damage, `df` a full disk")
    finally:
        for worker in workers:
            if worker.poll() is None:
                worker.kill()
            worker.wait()
        os.close(reader)
        if writer >= 0:
            os.close(writer)
