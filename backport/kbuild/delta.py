"""What a patch did to the files of a tree, by line, computed from the bytes before and after.

The numbers in a hunk's header are where upstream had it; git apply lands it elsewhere with an offset. Blocks
here are proved: replaying them on the file before gives the file after.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

from backport.csource.functions import enclosing
from backport.patch.edits import Edit, file_edits, hunk_edits
from backport.patch.locate import locate_all
from backport.patch.model import Hunk
from backport.patch.parse import split_lines


@dataclass(frozen=True, slots=True)
class ChangedBlock:
    """Lines old[old:old+removed] became new[new:new+added]; positions count from 0."""

    old: int
    removed: int
    new: int
    added: int


@dataclass(frozen=True, slots=True)
class FileDelta:
    """One file before and after; bytes are None where it did not or does not exist."""

    path: str
    before: bytes | None
    after: bytes | None
    blocks: tuple[ChangedBlock, ...]

    def new_line(self, line: int) -> int:
        """The 1-based line after the patch of a line before it; -1 where the patch removes or replaces it."""
        shift = 0
        for block in self.blocks:
            if line - 1 < block.old:
                break
            if line - 1 < block.old + block.removed:
                return -1
            shift += block.added - block.removed
        return line + shift


class Delta:
    """All files that a patch touches, by path below the tree. `moved` maps the old name of a renamed file to the new
    one, whose `before` is then the old file's: only what a rename changes is touched."""

    def __init__(self, files: Mapping[str, FileDelta], moved: Mapping[str, str] | None = None) -> None:
        self.files = dict(files)
        self._moved = dict(moved or {})

    def only(self, paths: Collection[str]) -> Delta:
        """The same without the files that are not in `paths`; a renamed file goes by its new name."""
        return Delta({path: file for path, file in self.files.items() if path in paths}, self._moved)

    def map(self, path: str, line: int) -> tuple[str, int]:
        """(path, line) after the patch; line -1 where that line is gone."""
        path = self._moved.get(path, path)
        file = self.files.get(path)
        return (path, line) if file is None else (path, file.new_line(line))

    def adds(self, path: str, line: int) -> bool:
        """Is 1-based `line` of `path`, after the patch, one that the patch added?"""
        file = self.files.get(path)
        return file is not None and any(block.new < line <= block.new + block.added for block in file.blocks)

    def object(self, target: str) -> str:
        """The object that is made instead of `target` where the patch renames its source."""
        stem, dot, _suffix = target.rpartition(".")
        for suffix in (".c", ".S") if self._moved and dot else ():
            if (source := self._moved.get(stem + suffix)) is not None:
                return source.rpartition(".")[0] + ".o"
        return target

    def before(self, path: str, line: int) -> tuple[str, str]:
        """(function, words) of a 1-based line before the patch, empty where it is in no file of the patch."""
        file = self.files.get(self._moved.get(path, path))
        return _place(file.before if file else None, line)

    def after(self, path: str, line: int) -> tuple[str, str]:
        """The same after the patch."""
        file = self.files.get(path)
        return _place(file.after if file else None, line)


def _place(data: bytes | None, line: int) -> tuple[str, str]:
    rows = _rows(data) if data else ()
    if not 1 <= line <= len(rows):
        return "", ""
    function = enclosing(data or b"", line)
    return function.name if function else "", " ".join(rows[line - 1].decode("utf-8", "replace").split())


@lru_cache(maxsize=16)
def _rows(data: bytes) -> tuple[bytes, ...]:
    """The lines of a file that many messages are about."""
    return tuple(split_lines(data))


def file_delta(path: str, before: bytes | None, after: bytes | None, hunks: Sequence[Hunk] = ()) -> FileDelta:
    """The difference of one file; `hunks` are where to look first, not what to believe."""
    old, new = split_lines(before or b""), split_lines(after or b"")
    blocks = _from_hunks(old, hunks)
    if blocks is None or _replay(old, new, blocks) != new:
        blocks = _blocks(file_edits(old, new))
    return FileDelta(path, before, after, tuple(blocks))


def _from_hunks(old: list[bytes], hunks: Sequence[Hunk]) -> list[ChangedBlock] | None:
    starts = locate_all(hunks, old)
    if starts is None:
        return None
    return _blocks(edit for hunk, start in zip(hunks, starts, strict=True) for edit in hunk_edits(hunk, start))


def _blocks(edits: Iterable[Edit]) -> list[ChangedBlock]:
    out: list[ChangedBlock] = []
    shift = 0            # new minus old so far
    for edit in edits:
        removed, added = edit.hi - edit.lo, len(edit.new)
        out.append(ChangedBlock(edit.lo, removed, edit.lo + shift, added))
        shift += added - removed
    return out


def _replay(old: list[bytes], new: list[bytes], blocks: Sequence[ChangedBlock]) -> list[bytes]:
    out: list[bytes] = []
    position = 0
    for block in blocks:
        out += old[position:block.old]
        out += new[block.new:block.new + block.added]
        position = block.old + block.removed
    return out + old[position:]
