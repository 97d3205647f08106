"""Strategy "move": the file that holds the code in this tree, where it is not the one that the patch names.

Files are split, merged and renamed. The name of the function that upstream changed leads there, over the whole
tree; then the file's base name does. A candidate counts only if the hunk finds its place in it.
"""

from __future__ import annotations

from backport.rewrite.problem import Problem
from backport.rewrite.tell import upstream_function
from backport.rewrite.view import TreeView

_MOST = 6                # files to look into; a name that more files define leads nowhere


def candidates(problem: Problem, k: int, target: TreeView) -> list[str]:
    """Paths of the tree, best first, without the one that the patch names."""
    own = problem.upstream_path
    name = upstream_function(problem, k)
    found: list[str] = []
    if name:
        defining = [path for path in target.defining(name) if path != own]
        if len(defining) <= _MOST:
            found += sorted(defining, key=lambda path: (-_shared(path, own), path))
    if not problem.path:             # the file itself is not there
        base = own.rsplit("/", 1)[-1]
        same = [path for path in target.paths() if path != own and path.rsplit("/", 1)[-1] == base]
        same.sort(key=lambda path: (-_shared(path, own), path))
        found += [path for path in same[:_MOST] if path not in found]
    return found[:_MOST]


def _shared(a: str, b: str) -> int:
    """How many directories two paths have in common, from the top and from the bottom."""
    x, y = a.split("/")[:-1], b.split("/")[:-1]
    top = 0
    while top < min(len(x), len(y)) and x[top] == y[top]:
        top += 1
    return top
