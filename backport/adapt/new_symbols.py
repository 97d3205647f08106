"""Names that a patch brings with it, and names that it needs and a tree does not have."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from backport.adapt.checks.base import SymbolIndex, unseen
from backport.csource.declares import declared
from backport.csource.includes import included
from backport.csource.pieces import KEYWORDS
from backport.csource.tokens import identifiers, located
from backport.patch.model import Hunk, Patch


def brought(patch: Patch) -> frozenset[str]:
    """Names that added lines of the patch define or declare: macros, functions, variables, fields, labels."""
    names: set[bytes] = set()
    for file in patch.files:
        for hunk in file.hunks:
            source, added = _after(hunk)
            names |= declared(source, added)
    return frozenset(name.decode() for name in names if name.isascii())


@dataclass(frozen=True, slots=True)
class Lacking:
    """A name that added lines of a patch use and that their file does not have; `where` it stands all the same ("only
    in tools/x.h"), "" for nowhere."""

    name: str
    where: str = ""

    @property
    def which(self) -> str:
        """The rest of a sentence about the name."""
        return f"which is {self.where} in this tree" if self.where else "which this tree does not have"


def missing(patch: Patch, files: Mapping[str, bytes], index: SymbolIndex,
            upstream: SymbolIndex | None = None) -> tuple[Lacking, ...]:
    """Names in added code that neither the touched `files` (by path) nor the patch itself has, and that the added lines
    cannot see in the tree either.

    A patch that applies as it is may still call what only newer trees define; git does not look. The index is
    asked only for names that the touched files do not settle.
    """
    own = brought(patch)
    found: dict[str, Lacking] = {}
    for file in patch.files:
        if not file.path.endswith((".c", ".h", ".S")):
            continue
        path = file.old_path or file.path
        also = tuple(header for hunk in file.hunks for header in included(b"".join(hunk.added)))
        here = set(identifiers(files.get(path, b""), comments=True))
        for word in dict.fromkeys(word for hunk in file.hunks for word in _added(hunk)):
            name = word.decode()
            if word in here or word in KEYWORDS or name in own or name in found:
                continue
            where = unseen(index, name, path, also, upstream, file.path)
            if where is not None:
                found[name] = Lacking(name, where)
    return tuple(found.values())


def _added(hunk: Hunk) -> list[bytes]:
    """The names of the added lines."""
    source, added = _after(hunk)
    return [name for line, name in located(source) if line in added]


def _after(hunk: Hunk) -> tuple[bytes, frozenset[int]]:
    """The hunk's new side and which of its 0-based lines are added: what is inside a comment, or whose type stands on
    the line above, is known only with the lines around it."""
    new = [line for line in hunk.lines if line.kind != b"-"]
    return b"".join(line.text for line in new), frozenset(n for n, line in enumerate(new) if line.kind == b"+")
