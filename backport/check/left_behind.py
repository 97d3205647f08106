"""Code of a tree that a patch leaves behind: it calls what takes other parameters now, or uses what is gone.

Upstream changes all of its own callers; an older tree has some that upstream had removed. git apply does not look at
them, and a build sees those alone that its configuration compiles: a green cell, and a driver that is broken.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Protocol

from backport.csource.calls import VARIES
from backport.csource.source import Source
from backport.patch.edits import edited
from backport.patch.locate import exact_edits
from backport.patch.model import FileDiff, Patch
from backport.patch.parse import split_lines
from backport.trees.zones import outside
from backport.treeview import TreeView

_SHOWN = 3               # files that are named
_READ = 300              # files that are looked into for one name: an interface of half the kernel is for a build


class WhereWords(Protocol):
    """Where the words of a tree stand (backport.trees.index)."""

    def having(self, name: str) -> Sequence[str] | None:
        """The `.c`, `.h` and `.S` files that have the word in their code; None where that is not known."""

    def functions(self, name: str) -> Sequence[str]:
        """The files that define a function of that name."""

    def macros(self, name: str) -> Sequence[str]:
        """The files that define a macro of that name."""


@dataclass(frozen=True, slots=True)
class _BothSides:
    """A file of the patch, read before and after; empty where there is none."""

    path: str
    before: Source
    after: Source


def left_behind(patch: Patch, view: TreeView, words: WhereWords) -> tuple[str, ...]:
    """A sentence for each file that `patch`, which fits the tree `view`, leaves behind; at most a few."""
    sides = [one for file in patch.files if (one := _sides(file, view)) is not None]
    made = {one.path: one.after for one in sides}
    said: dict[str, None] = {}               # header and source say the same
    for one in sides:
        for text in chain(_other_parameters(one, made, view, words), _gone(one, made, view, words)):
            said[text] = None
            if len(said) == _SHOWN:
                return tuple(said)           # no more is read: each name may have hundreds of files
    return tuple(said)


def _sides(file: FileDiff, view: TreeView) -> _BothSides | None:
    path = file.old_path or file.path
    if not path.endswith((".c", ".h")) or file.renamed or file.binary:
        return None
    before = view.read(path)
    if before is None or file.created:
        return None
    if file.deleted:
        return _BothSides(path, Source.of(before), Source.of(b""))
    edits = exact_edits(file.hunks, split_lines(before))
    return _BothSides(path, Source.of(before), Source.of(edited(before, edits))) if edits is not None else None


def _other_parameters(file: _BothSides, made: Mapping[str, Source], view: TreeView, words: WhereWords) -> Iterator[str]:
    """Calls that have as many arguments as the function took before, where it takes another number now."""
    for name in sorted(_rewritten(file)):
        took, takes = file.before.parameters(name), file.after.parameters(name)
        if took is None or takes is None or took == takes or _private(file, name):
            continue
        shown = name.decode("utf-8", "replace")
        for path, source in _others(shown, file, made, view, words):
            if took in source.arities(name) and takes not in source.arities(name):
                yield (f"{path} calls {shown}() with {took} argument{'s' if took != 1 else ''}, and it takes {takes} "
                       "with this patch")


def _gone(file: _BothSides, made: Mapping[str, Source], view: TreeView, words: WhereWords) -> Iterator[str]:
    """Uses of functions that the patch removes, and that nothing else defines."""
    left = {f.name for f in file.before.functions} - {f.name for f in file.after.functions}
    for shown in sorted(left):
        name = shown.encode("utf-8", "surrogateescape")
        if _private(file, name) or any(source.has_name(name) for source in made.values()):
            continue                         # declared, made into a macro, or moved to another file of the patch
        if not {*words.functions(shown), *words.macros(shown)} <= made.keys():
            continue                         # an architecture has its own
        for path, source in _others(shown, file, made, view, words):
            if path.endswith(".c") and source.arities(name) - {VARIES} and source.head(name) is None:
                yield f"{path} uses {shown}(), which this patch removes"


def _others(name: str, file: _BothSides, made: Mapping[str, Source], view: TreeView,
            words: WhereWords) -> Iterator[tuple[str, Source]]:
    """The tree's other files that have the word, and do not define such a thing themselves, as they are afterwards."""
    having = words.having(name)
    for path in having[:_READ] if having is not None else ():
        if path == file.path or outside(path) != outside(file.path):
            continue
        data = view.read(path) if path not in made else None
        source = made[path] if path in made else Source.of(data or b"")
        if not source.functions_named(name) and not _macro(source, name.encode("utf-8", "surrogateescape")):
            yield path, source


def _macro(source: Source, name: bytes) -> bool:
    return any(macro == name for _, piece in source.pieces for _, macro in piece.macros)


def _rewritten(file: _BothSides) -> set[bytes]:
    """Everything that looks like a call or a head where the file was changed."""
    before = {piece for _, piece in file.before.pieces}
    return {name for _, piece in file.after.pieces if piece not in before for name in piece.calls}


def _private(file: _BothSides, name: bytes) -> bool:
    """Whether no other file can use it: a static function of a source."""
    return file.path.endswith(".c") and any(
        b"static" in b" ".join(file.before.lines[f.start - 1:f.body]).split()
        for f in file.before.functions_named(name.decode("utf-8", "surrogateescape")))
