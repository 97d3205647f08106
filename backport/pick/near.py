"""Which commit the index of names is taken from: one that has an index already saves a minute."""

from __future__ import annotations

from backport.git import Git
from backport.history.branch import is_ancestor
from backport.trees.catalog import Catalog
from backport.version import makefile_version

_MOST = 3000             # files that may differ: each is read twice, and the whole index is two minutes


def base_for(loan: Git, tip: str, start: str, series: str) -> str:
    """The commit whose index stands for `tip`, together with the files that differ: one behind `tip` that has one, else
    `start`, where the branch stood when the pick began."""
    catalog = Catalog.beside(loan.path)
    catalog.again()
    known = set(catalog.state.trees)
    if start in known:
        return start
    found = []
    for commit in sorted(known):
        if loan.rev(f"{commit}^{{commit}}") is None or not is_ancestor(loan, commit, tip):
            continue
        if not makefile_version(loan.blob(f"{commit}:Makefile")).startswith(series):
            continue
        count = loan.run("diff-tree", "-r", "--name-only", "--no-renames", commit, tip).out.count(b"\n")
        if count <= _MOST:
            found.append((count, commit))
    return min(found)[1] if found else start
