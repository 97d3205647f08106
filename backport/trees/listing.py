"""The files of a commit, listed once for everything that asks, and kept for a few trees."""

from __future__ import annotations

import re
from collections.abc import Sequence

from backport.bounded import Bounded
from backport.git import Git
from backport.treeview import FileList, beneath

_LISTED: Bounded[tuple[str, str], tuple[FileList, frozenset[str]]] = Bounded(28 << 20)       # two or three kernels
_EACH = 80                           # bytes of a string beside its characters, and of its places in the orders
_META = re.compile(rb"(?<![^\0])[0-7]{6} [a-z]+ [0-9a-f]+\t")
_LINK = re.compile(rb"(?<![^\0])120000 blob [0-9a-f]+\t([^\0]+\0)")


def listing(git: Git, commit: str) -> FileList:
    """Every file of the commit, sorted."""
    return _listed(git, commit)[0]


def below(git: Git, commit: str, directory: str) -> Sequence[str]:
    """Those of them below a directory, which alone is read where the whole commit was not listed yet."""
    known = _LISTED.get((str(git.path), commit))
    return git.below(commit, directory) if known is None else beneath(known[0], directory)


def links(git: Git, commit: str) -> frozenset[str]:
    """Those of them that are symbolic links."""
    return _listed(git, commit)[1]


def _listed(git: Git, commit: str) -> tuple[FileList, frozenset[str]]:
    key = (str(git.path), commit)
    known = _LISTED.get(key)
    if known is None:
        # no row of its own for each of 90,000 files: what is freed of them between the paths that stay is lost to us
        out = git.run("ls-tree", "-r", "-z", "--full-tree", commit, "--").out
        # most trees have the same names: one string for all of them, a third of what three lists take
        have = {path: path for known_paths, _links in _LISTED.values() for path in known_paths}
        paths = FileList(sorted(have.get(path, path) for path in _text(_META.sub(b"", out))))
        known = paths, frozenset(_text(b"".join(_LINK.findall(out))))
        _LISTED.put(key, known, sum(map(len, paths)) + _EACH * len(paths))
    return known


def _text(paths: bytes) -> list[str]:
    return paths.decode("utf-8", "surrogateescape").split("\0")[:-1]
