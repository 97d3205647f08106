"""Strategy "move": the file that holds the code in this tree, where it is not the one that the patch names.

Files are split, merged and renamed. The name of the function that upstream changed leads there, over the whole
tree; then the file's base name does. A candidate counts only if the hunk finds its place in it. Where it does in two of
them, they are ranked: where the patch's other hunks and files went, what they share of the path, how many files of
upstream's directory stand beside them.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from backport.adapt.align import line_key, weak
from backport.adapt.explain import upstream_function
from backport.adapt.records import HunkStory
from backport.adapt.revisions import Problem
from backport.patch.parse import split_lines
from backport.patch.paths import possible
from backport.treeview import FileList, TreeView
from backport.treeview import alike as alike_named

_LONG = 40               # telling lines of a file that can be known again
_SAME = 0.7              # share of them (Dice) that makes another path the same file
_APART = 0.2             # by how much no other file of the name may come near
_MOST = 6                # files to look into; a name that more files define leads nowhere

Rank = tuple[int, int, int]


@dataclass(frozen=True)
class Ways:
    """What is known of moves in this tree before a hunk is looked at: `files` upstream's path -> this tree's, by other
    hunks; `folders` likewise for directories, by the patch's other files; `upstream` the reference tree."""

    files: Mapping[str, str] = field(default_factory=dict)
    folders: Mapping[str, str] = field(default_factory=dict)
    upstream: TreeView | None = None

    def rank(self, own: str, path: str, target: TreeView) -> Rank:
        """How well `path` stands for upstream's file `own`; the greater the better."""
        folder = self.folders.get(_folder(own))
        known = 2 * (self.files.get(own) == path) + (folder is not None and folder == _folder(path))
        return known, _shared(path, own), self._beside(own, path, target)

    def _beside(self, own: str, path: str, target: TreeView) -> int:
        """How many names of files stand in upstream's directory and in that of `path`."""
        if self.upstream is None:
            return 0
        theirs, mine = FileList.of(self.upstream.paths()), FileList.of(target.paths())
        return len(theirs.folder(_folder(own)) & mine.folder(_folder(path)))


def learned(told: Iterable[HunkStory], upstream: TreeView | None) -> Ways:
    """The moves that hunks made; a file whose hunks went to several is no sign."""
    files: dict[str, set[str]] = {}
    folders: dict[str, set[str]] = {}
    for one in told:
        if one.landed_path:
            files.setdefault(one.path, set()).add(one.landed_path)
            folders.setdefault(_folder(one.path), set()).add(_folder(one.landed_path))
    return Ways({own: path for own, (path, *more) in files.items() if not more and path != own},
                {own: path for own, (path, *more) in folders.items() if not more and path != own}, upstream)


def candidates(problem: Problem, k: int, target: TreeView, ways: Ways) -> list[str]:
    """Paths of the tree, best first, without the one that the patch names."""
    own = problem.upstream_path
    name = upstream_function(problem, k)
    found: list[str] = []
    if name:
        defining = [path for path in target.defining(name) if path != own]
        if len(defining) <= _MOST:
            found += _ranked(defining, own, target, ways)
    if not problem.path:             # the file itself is not there
        base = own.rsplit("/", 1)[-1]
        same = [path for path in alike_named(target, base) if path != own]
        found += [path for path in _ranked(same, own, target, ways)[:_MOST] if path not in found]
    return [path for path in found if possible(path)][:_MOST]


def same_file(preimage: bytes | None, own: str, path: str, target: TreeView) -> bool:
    """Whether `path` is upstream's file `own` in another directory beyond doubt: `own` is not here, the names are the
    same, nearly all that either has the other has too, and no further file of that name comes near."""
    name = own.rsplit("/", 1)[-1]
    if preimage is None or path.rsplit("/", 1)[-1] != name or target.read(own) is not None:
        return False
    lines = _telling(preimage)
    if len(lines) < _LONG:
        return False
    alike = alike_named(target, name)
    if len(alike) > _MOST:
        return False
    shares = {other: _dice(lines, _telling(target.read(other) or b"")) for other in alike}
    mine = shares.pop(path, 0.0)
    return mine >= _SAME and all(other <= mine - _APART for other in shares.values())


def _telling(source: bytes) -> frozenset[bytes]:
    """Its lines that say something, without their white space."""
    return frozenset(key for line in split_lines(source) if not weak(key := line_key(line)))


def _dice(a: frozenset[bytes], b: frozenset[bytes]) -> float:
    return 2 * len(a & b) / (len(a) + len(b)) if a or b else 0.0


def _ranked(paths: Sequence[str], own: str, target: TreeView, ways: Ways) -> list[str]:
    if len(paths) < 2:
        return list(paths)
    ranks = {path: ways.rank(own, path, target) for path in paths}
    return sorted(paths, key=lambda path: (*(-part for part in ranks[path]), path))


def _folder(path: str) -> str:
    return path.rpartition("/")[0]


def _shared(a: str, b: str) -> int:
    """How many directories two paths have in common, from the top and from the bottom."""
    x, y = a.split("/")[:-1], b.split("/")[:-1]
    top = 0
    while top < min(len(x), len(y)) and x[top] == y[top]:
        top += 1
    end = 0
    while end < min(len(x), len(y)) - top and x[-1 - end] == y[-1 - end]:
        end += 1
    return top + end
