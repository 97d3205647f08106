"""Evidence that what a hunk changes is not in the tree at all; without it a refused hunk is a conflict."""

from __future__ import annotations

from backport import sections
from backport.adapt.align import line_key, weak
from backport.adapt.explain import upstream_function
from backport.adapt.revisions import Problem
from backport.csource.functions import enclosing
from backport.patch.parse import split_lines
from backport.treeview import TreeView, alike

_GONE = 0.3              # share of a function's lines that may still be there (common code), and it counts as gone


def evidence(problem: Problem, k: int, target: TreeView) -> str:
    """One sentence that says what is nowhere in the tree, "" where that is not proved.

    The function must be defined nowhere under its name, and its lines must be nowhere either: a function that was
    renamed, or whose code stood in another function's body, is not absent.
    """
    if problem.edits is None or problem.base is None or not sections.is_c(problem.upstream_path):
        return ""                    # which files define a function is known of C alone
    name = upstream_function(problem, k)
    if not name or target.defining(name):
        return ""
    here = enclosing(problem.base, problem.edits[k][0].lo + 1)
    if here is None or problem.edits[k][-1].hi > here.end:
        return ""
    base = problem.upstream_path.rsplit("/", 1)[-1]
    places = alike(target, base)
    have = {line_key(line) for path in places[:8] for line in split_lines(target.read(path) or b"")}
    lines = [line_key(line) for line in split_lines(problem.base)[here.start - 1:here.end]]
    telling = [key for key in lines if not weak(key) and len(key) > 8]
    left = sum(key in have for key in telling)
    if not telling or left > _GONE * len(telling):
        return ""
    where = f"{problem.upstream_path} is in it" if problem.path else f"there is no {problem.upstream_path} either"
    return (f"{name}() is defined nowhere in this tree ({where}), and {left} of its {len(telling)} telling lines are "
            "to be found")
