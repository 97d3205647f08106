"""The words of many files as sorted arrays: which blob has which word, as what. Run as a program, by trees/catalog.py.

A tree has a gigabyte of source in sixty thousand files, and twenty million pairs of a word and a file. Only an array
library keeps that below a minute and below the memory of a small machine: no word ever becomes an object here, but for
the names of what a file defines. Words are told apart by 56 bits of a hash: with five million words in a tree, one that
is not there is taken for one that is once in 10^10.

A *segment* is four files: `hashes`, sorted, each once; `starts`, where the postings of each begin, and their number;
`postings`, `blob number << 5 | what`; `blobs`, the object names, in the order of their numbers.
"""

from __future__ import annotations

import contextlib
import gc
import os
import sys
import tempfile
from bisect import bisect_left
from collections.abc import Iterator, Sequence
from itertools import count
from pathlib import Path
from typing import IO

import numpy as np
from numpy.typing import NDArray

from backport.csource.definitions import FUNCTION, MACRO, TYPE, defined
from backport.csource.tokens import apart
from backport.git import Git
from backport.trees.hashing import BLOBS, CODE, LISTS, MENTIONED, MIX, SHIFT

Words = NDArray[np.uint64]
Numbers = NDArray[np.uint32]

_INSIDE = bytes((chr(char).isalnum() and char < 128) or char in b"_$" or char >= 128 for char in range(256))
_MASKS = np.array([(1 << 8 * size) - 1 for size in range(9)], np.uint64)
_ONE, _TWO = (np.uint64(factor) for factor in MIX)
_PIECE = 1 << 17                     # bytes that are taken apart at once: the arrays stay in the processor's cache
_SMALL = ("-c", "core.packedGitWindowSize=4m", "-c", "core.packedGitLimit=64m")      # git maps whole packs else
_TEXT = 1 << 20                      # bytes of one batch
_BATCH = 255                         # blobs of one batch: their numbers in it share a word with the hash
_RUN = 1 << 20                       # postings that are put in order in memory
_SLICES = 64                         # parts in which runs are merged, and the hashes between them
_LOWS = range(0, (1 << 56) + 1, (1 << 56) // _SLICES)


def _words(text: bytes, numbers: bool) -> tuple[NDArray[np.int64], Words]:
    """Where each word of `text` starts, and its hash; without `numbers` none that begins with a digit."""
    starts, hashes = [np.zeros(0, np.int64)], [np.zeros(0, np.uint64)]
    at, most = 0, _PIECE
    while at < len(text):                                # which stands between words
        marks = text[at:at + most].translate(_INSIDE)
        size = len(marks) if at + len(marks) == len(text) else marks.rfind(b"\0") + 1
        if not size:                                     # all of it is one word
            most *= 2
            continue
        inside = np.frombuffer(b"\0%b\0" % marks[:size], np.bool_)
        edges = np.flatnonzero(inside[1:] != inside[:-1])
        first, length = edges[::2], edges[1::2] - edges[::2]
        if not numbers:
            digits = np.frombuffer(text, np.uint8, size, at).take(first) - np.uint8(48)
            kept = np.flatnonzero(digits > np.uint8(9))
            first, length = first.take(kept), length.take(kept)
        eights = np.ndarray((size,), "<u8", text[at:at + size] + bytes(7), 0, (1,)).astype(np.uint64)
        starts.append(first + at)
        hashes.append(_hashes(eights, first, length))
        at, most = at + size, _PIECE
    return np.concatenate(starts), np.concatenate(hashes)


def _hashes(eights: Words, where: NDArray[np.int64], size: NDArray[np.int64]) -> Words:
    """hashing.word_hash of words of `size` bytes, of which the first eight are `eights[where]`."""
    found = _mixed(eights.take(where) & _MASKS.take(size, mode="clip"))
    more = np.flatnonzero(size > 8)                      # taken by number: by marks is five times slower
    where, left = where.take(more), size.take(more)
    while len(more):
        where += 8
        left -= 8
        found[more] = _mixed(found.take(more) ^ eights.take(where) & _MASKS.take(left, mode="clip"))
        longer = np.flatnonzero(left > 8)
        more, where, left = more.take(longer), where.take(longer), left.take(longer)
    found >>= np.uint64(8)
    return np.maximum(found, np.uint64(1), out=found)


def _mixed(found: Words) -> Words:
    found *= _ONE
    found ^= found >> np.uint64(32)
    found *= _TWO
    found ^= found >> np.uint64(29)
    return found


def _first(ordered: Words) -> NDArray[np.int64]:
    """Where another number begins."""
    if not len(ordered):
        return np.zeros(0, np.int64)
    return np.flatnonzero(np.concatenate([[True], ordered[1:] != ordered[:-1]]))


class _Batch:
    """Up to 255 blobs: the texts of each kind, taken apart together."""

    def __init__(self, first: int) -> None:
        self.first = first
        self.blobs = 0
        self.size = 0
        self._texts: dict[int, list[bytes]] = {}
        self._lists: list[int] = []

    def add(self, data: bytes) -> None:
        found = defined(data)
        if found.is_list:
            self._lists.append(self.first + self.blobs)
        code, skipped = apart(data)
        for what, parts in ((CODE, code), (MENTIONED, skipped), (1 << FUNCTION - 1, found.functions),
                            (1 << MACRO - 1, found.macros), (1 << TYPE - 1, found.types)):
            self._texts.setdefault(what, []).append(b" ".join(parts))
        self.blobs += 1
        self.size += len(data)

    def postings(self) -> tuple[Words, Numbers]:
        """Sorted by hash and blob, each pair once."""
        pairs, flags = [], []
        for what, texts in self._texts.items():
            bounds = np.cumsum([len(text) + 1 for text in texts])
            starts, hashes = _words(b" ".join(texts), numbers=what < CODE)
            counts = np.diff(np.searchsorted(starts, bounds), prepend=0)
            owner = np.repeat(np.arange(len(texts), dtype=np.uint64), counts)
            every = np.sort(hashes << np.uint64(8) | owner)      # np.unique goes through a table first
            pairs.append(every[_first(every)])
            flags.append(np.full(len(pairs[-1]), what, np.uint32))
        every, what_ = np.concatenate(pairs), np.concatenate(flags)
        order = np.argsort(every, kind="stable")
        every, what_ = every[order], what_[order]
        first = _first(every)
        every, what_ = every[first], np.bitwise_or.reduceat(what_, first) if len(first) else what_
        blobs = (every & np.uint64(255)).astype(np.uint32) + np.uint32(self.first)
        hashes, values = every >> np.uint64(8), blobs << np.uint32(SHIFT) | what_
        if self._lists:
            marks = np.array(self._lists, np.uint32) << np.uint32(SHIFT)
            hashes = np.concatenate([np.full(len(marks), LISTS, np.uint64), hashes])
            values = np.concatenate([marks, values])
        return hashes, values


def read_blobs(store: Path, names: Sequence[str]) -> Iterator[bytes]:
    """The bytes of each blob, in order. Raises ValueError for one that the store lacks."""
    with tempfile.TemporaryFile() as feed, Git(store) as git:
        feed.write("".join(f"{name}\n" for name in names).encode())
        feed.seek(0)
        child = git.stream(*_SMALL, "cat-file", "--batch", "--buffer", stdin=feed)
        assert child.stdout is not None
        try:
            yield from _answers(child.stdout, names)
        finally:
            for pipe in (child.stdout, child.stderr):
                if pipe is not None:
                    pipe.close()
            child.wait()


def _answers(out: IO[bytes], names: Sequence[str]) -> Iterator[bytes]:
    for name in names:
        head = out.readline().split()
        if len(head) != 3 or head[0] != name.encode() or head[1] != b"blob":
            raise ValueError(f"the object {name} cannot be read: {b' '.join(head).decode(errors='replace')}")
        size = int(head[2])
        data = out.read(size)
        if len(data) != size or out.read(1) != b"\n":
            raise ValueError(f"only {len(data)} of {size} bytes of {name} arrived")
        yield data


def scan_blobs(store: Path, first: int, names: Sequence[str], place: Path) -> Iterator[int]:
    """Write sorted runs of the blobs `names`, which get the numbers from `first` on, to `place`; yields how many blobs
    were read since the last time."""
    runs = count()
    held: list[tuple[Words, Numbers]] = []
    batch = _Batch(first)

    def closed() -> int:
        nonlocal batch
        held.append(batch.postings())
        done, batch = batch.blobs, _Batch(batch.first + batch.blobs)
        if sum(len(values) for _hashes, values in held) > _RUN:
            _write_run(place / f"run-{first:09}-{next(runs):05}", held)
        return done

    for data in read_blobs(store, names):
        batch.add(data)
        if batch.blobs == _BATCH or batch.size > _TEXT:
            yield closed()
    if batch.blobs:
        yield closed()
    if held:
        _write_run(place / f"run-{first:09}-{next(runs):05}", held)


def _write_run(path: Path, held: list[tuple[Words, Numbers]]) -> None:
    hashes = np.concatenate([one for one, _other in held])
    values = np.concatenate([other for _one, other in held])
    held.clear()
    order = np.argsort(hashes, kind="stable")            # blobs are ascending already
    hashes[order].tofile(f"{path}.hashes")
    values[order].tofile(f"{path}.values")


class _Run:
    """Postings by hash, read a stretch at a time; without `starts` each has its own hash."""

    def __init__(self, hashes: Path, values: Path, starts: Path | None = None) -> None:
        self._paths = hashes, values, starts
        with hashes.open("rb", buffering=0) as file:     # mapped, all of it would count as memory

            def at(number: int) -> int:
                return int.from_bytes(os.pread(file.fileno(), 8, 8 * number), "little")

            count = os.fstat(file.fileno()).st_size // 8
            self._bounds = [bisect_left(range(count), low, key=at) for low in _LOWS]

    def part(self, number: int) -> tuple[Words, Numbers]:
        hashes, values, starts = self._paths
        begin, end = self._bounds[number:number + 2]
        found = np.fromfile(hashes, np.uint64, end - begin, offset=8 * begin)
        if starts is not None and len(found):
            bounds = np.fromfile(starts, np.uint32, end - begin + 1, offset=4 * begin)
            found = np.repeat(found, np.diff(bounds))
            begin, end = int(bounds[0]), int(bounds[-1])
        return found, np.fromfile(values, np.uint32, end - begin, offset=4 * begin)


def merge(place: Path, segments: Sequence[Path], target: Path) -> None:
    """Write the segment `target` from the `segments` and then the runs in `place`."""
    sources = [_Run(*(Path(f"{one}.{part}") for part in ("hashes", "postings", "starts"))) for one in segments]
    sources += [_Run(path, path.with_suffix(".values")) for path in sorted(place.glob("run-*.hashes"))]
    total = 0
    with contextlib.ExitStack() as stack:
        files = [stack.enter_context(Path(f"{target}.{part}").open("wb")) for part in BLOBS[:3]]
        for number in range(_SLICES):
            parts = [source.part(number) for source in sources]
            hashes = np.concatenate([np.zeros(0, np.uint64), *(one for one, _other in parts)])
            values = np.concatenate([np.zeros(0, np.uint32), *(other for _one, other in parts)])
            order = np.argsort(hashes, kind="stable")
            hashes, values = hashes[order], values[order]
            first = _first(hashes)
            hashes[first].tofile(files[0])
            (first + total).astype(np.uint32).tofile(files[1])
            values.tofile(files[2])
            total += len(values)
            if total >= 1 << 32:
                raise ValueError("more than 4 billion postings")
        np.array([total], np.uint32).tofile(files[1])


def main() -> None:
    """`scan STORE FIRST PLACE`, blob names on stdin, numbers of blobs that were read on stdout; or `merge PLACE TARGET
    SEGMENT...`."""
    what, *rest = sys.argv[1:]
    gc.disable()                                         # there are no cycles to find
    try:
        if what == "scan":
            for done in scan_blobs(Path(rest[0]), int(rest[1]), sys.stdin.read().split(), Path(rest[2])):
                sys.stdout.write(f"{done}\n")           # one write: two workers tell on one pipe
                sys.stdout.flush()
        else:
            merge(Path(rest[0]), [Path(one) for one in rest[2:]], Path(rest[1]))
    except (ValueError, OSError) as error:
        sys.exit(str(error))
    except KeyboardInterrupt:                            # whoever started this says so
        sys.exit(130)


if __name__ == "__main__":
    main()
