"""Does upstream keep a line that is removed in this tree?"""

from __future__ import annotations

from backport.adapt.align import line_key, weak
from backport.adapt.checks.base import Check, Context, Finding
from backport.adapt.revisions import Problem
from backport.adapt.signals import Signal


def ask(context: Context) -> list[Finding]:
    """KEPT: by the alignment of the whole files, a line that an edit takes away is another one than upstream takes.

    Error paths repeat: of ten times `goto out;` the hunk's own lines fit each, and where the one that upstream changes
    is not in this tree, the search for them ends at another one.
    """
    result, edits = context.result, context.edits
    problem = result.problem
    if problem.base_lines is None or problem.edits is None:
        return []
    gone = {i for own in problem.edits for e in own for i in range(e.lo, e.hi)}
    found = []
    for edit in edits:
        left = {line_key(line) for line in edit.new}
        for j in range(edit.lo, edit.hi):
            i = problem.target_to_base.get(j, -1)
            key = line_key(problem.target_lines[j])
            if i >= 0 and i not in gone and key not in left and not weak(key) and _firm(problem, i):
                text = problem.target_lines[j].strip().decode("utf-8", "replace")
                found.append(Finding(Signal.KEPT, f"`{text}` at line {j + 1} is the one at line {i + 1} of upstream's "
                                                  "file, which the patch leaves alone"))
    return found[:3]


def _firm(problem: Problem, i: int) -> bool:
    """True where the pair of upstream's line `i` hangs together with a pair beside it that says where it stands."""
    assert problem.base_lines is not None
    partner = problem.base_to_target
    return any(0 <= n < len(partner) and partner[n] == partner[i] + n - i and not weak(line_key(problem.base_lines[n]))
               for n in (i - 1, i + 1))


CHECK = Check(__name__, __doc__, ask, (Signal.KEPT,))
