"""Which earlier patches of a directory or a series a patch needs in the tree: told by files and names.

A directory of fixes is mostly a heap of independent ones. Taken as one piece, one change would compute all of it
again, and one that does not apply would spoil what has nothing to do with it.
"""

from __future__ import annotations

import posixpath
from collections.abc import Callable, Iterable, Sequence
from functools import cached_property

from backport.adapt.new_symbols import brought
from backport.cell import Part
from backport.csource.definitions import names
from backport.csource.tokens import identifiers
from backport.patch.model import Hunk, Patch


def groups(patches: Iterable[Patch]) -> list[tuple[Patch, ...]]:
    """Patches by `thread`, each group in its order; a patch that stands alone is a group of one. Order is kept."""
    found: dict[str, list[Patch]] = {}
    for number, patch in enumerate(patches):
        found.setdefault(patch.thread or f"\0{number}", []).append(patch)
    return [tuple(sorted(group, key=lambda patch: patch.part)) for group in found.values()]


def depends(patches: Sequence[Patch], known: Callable[[str], bool]) -> list[tuple[int, ...]]:
    """For each of `patches` (one group, in order) the earlier ones that it needs, and that those need, by number.

    A patch needs an earlier one that touches one of its files, that makes a file or brings a name which its own added
    lines use; `known` tells whether the bare tree has a name already. In a numbered series it also needs those that
    touch more than C sources and documentation: a header or a Kconfig file can change what any later one compiles to,
    and the author says that they belong together.
    """
    sides = [_Side(patch) for patch in patches]
    found: list[tuple[int, ...]] = []
    for number, later in enumerate(sides):
        needed: set[int] = set()
        for before in range(number):
            if before not in needed and _needs(later, sides[before], known):
                needed.update((before, *found[before]))
        found.append(tuple(sorted(needed)))
    return found


def parts(group: Sequence[Patch], needs: Sequence[Sequence[int]]) -> list[Part | None]:
    """The place of each patch in what belongs together: a numbered series as it is, else what `needs` joins."""
    home = list(range(len(group)))
    if any(patch.numbered for patch in group):
        home = [0] * len(group)
    for number, needed in enumerate(needs):
        joined = {home[one] for one in (*needed, number)}
        home = [min(joined) if one in joined else one for one in home]
    members = {one: [number for number, other in enumerate(home) if other == one] for one in set(home)}
    return [Part(group[members[one][0]].slug, members[one].index(number) + 1, len(members[one]))
            if len(members[one]) > 1 else None for number, one in enumerate(home)]


def _needs(later: _Side, earlier: _Side, known: Callable[[str], bool]) -> bool:
    if not earlier.paths.isdisjoint(later.paths):
        return True
    if later.numbered and earlier.numbered and earlier.reaches:
        return True
    if any(name in later.added for name in earlier.makes):
        return True
    if not earlier.declares.isdisjoint(later.words):
        return True
    return any(not known(name.decode("ascii", "replace")) for name in sorted(earlier.brings & later.words))


class _Side:
    """What one patch touches, brings and uses, each found once."""

    def __init__(self, patch: Patch) -> None:
        self.patch = patch
        self.paths = frozenset(patch.paths)
        self.numbered = patch.numbered

    @property
    def reaches(self) -> bool:
        """Whether it touches a file that others are compiled with."""
        return any(not path.endswith(".c") and not _is_text(path) for path in self.paths)

    @cached_property
    def hunks(self) -> tuple[Hunk, ...]:
        return tuple(hunk for file in self.patch.files if not _is_text(file.path) for hunk in file.hunks)

    @cached_property
    def added(self) -> bytes:
        return b"".join(line for hunk in self.hunks for line in hunk.added)

    @cached_property
    def words(self) -> frozenset[bytes]:
        """Names that its added lines use, comments and strings left out."""
        return frozenset(identifiers(self.added))

    @cached_property
    def makes(self) -> tuple[bytes, ...]:
        """How a file that it makes is named by others: `#include "x.h"`, `obj-y += x.o`."""
        made = [posixpath.basename(file.path) for file in self.patch.files if file.created or file.renamed]
        return tuple(name.encode("utf-8", "surrogateescape") for one in made
                     for name in (one, f"{posixpath.splitext(one)[0]}.o"))

    @cached_property
    def brings(self) -> frozenset[bytes]:
        """Names that it defines or declares anywhere, local variables and options among them."""
        options = {b"CONFIG_" + words[1] for hunk in self.hunks for line in hunk.added
                   if len(words := line.split()) == 2 and words[0] in (b"config", b"menuconfig")}
        return frozenset(name.encode() for name in brought(self.patch)) | options

    @cached_property
    def declares(self) -> frozenset[bytes]:
        """Names that it defines, changes or exports at file level: others see that, whether or not they are new."""
        outer = {name for hunk in self.hunks for _kind, name in names(b"".join(hunk.new))}
        exported = {name for hunk in self.hunks for line in hunk.added if line.startswith(b"EXPORT_")
                    for name in identifiers(line)}
        return frozenset(outer & self.words) | exported


def _is_text(path: str) -> bool:
    return path.endswith((".rst", ".txt")) or path.startswith("Documentation/")
