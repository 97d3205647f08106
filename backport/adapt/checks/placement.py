"""Is the function or section that a hunk lands in the one that upstream changed?"""

from __future__ import annotations

from collections.abc import Sequence

from backport import sections
from backport.adapt.align import line_key, weak
from backport.adapt.checks.base import Check, Context, Finding
from backport.adapt.signals import Signal
from backport.adapt.within import strays
from backport.csource.functions import Function
from backport.patch.edits import Edit
from backport.sections import Section

_SAME = 0.4              # Dice over the lines that say something: the function only has another name
_SAME_SECTION = 0.66     # entries of a list are alike by nature


def ask(context: Context) -> list[Finding]:
    """RENAMED (or RETITLED, for a section of what is no C) where the other one has most of upstream's lines, STRANGER
    where it has not; a section with other lines is another section.

    Where this tree has a function of upstream's name in the file, landing elsewhere is for arbitration, unless the code
    that the hunk removes stands elsewhere.
    """
    result, edits = context.result, context.edits
    problem = result.problem
    if problem.edits is None or problem.base is None or problem.base_lines is None or not edits:
        return []
    c = sections.is_c(problem.upstream_path)
    theirs = _around(problem.base, problem.edits[context.hunk][0], problem.upstream_path)
    ours = _around(problem.target, edits[0], problem.path)
    if theirs is None:
        return []
    if any(sections.same(one.name, theirs.name, problem.path, problem.target)
           for one in sections.every(problem.target, problem.path)):
        if not c or ours is None or ours.name == theirs.name or strays(problem, context.hunk, edits):
            return []
        return [Finding(Signal.STRANGER, f"lands in {ours.name}(), which has the removed lines here; upstream changed "
                                         f"{theirs.name}(), which this tree has without them")]
    told = _telling(problem.base_lines, theirs)
    own = _telling(problem.target_lines, ours) if ours is not None else []
    inside = sum(1 for i in told if ours is not None and ours.start - 1 <= problem.base_to_target[i] < ours.end)
    mark = "()" if c else ""
    where = f"{ours.name}{mark}" if ours is not None else "file level" if c else "no section"
    same = ours is not None and 2 * inside >= (_SAME if c else _SAME_SECTION) * (len(told) + len(own))
    text = (f"lands in {where}; upstream changed {theirs.name}{mark}, which this tree does not have; "
            f"{inside} of its {len(told)} lines are there")
    if same:
        return [Finding(Signal.RENAMED if c else Signal.RETITLED, text)]
    return [Finding(Signal.STRANGER, text)] if c else [Finding(Signal.STRANGER, text), Finding(Signal.FUNCTION, text)]


def _around(source: bytes, edit: Edit, path: str) -> Function | Section | None:
    """What holds the line that an edit begins with; elsewhere than in C, the line that it takes away or goes behind."""
    if sections.is_c(path) or edit.lo < edit.hi:
        return sections.around(source, edit.lo + 1, path)
    name = sections.insertion_scope(source, edit.lo, edit.new, path)
    return next((one for one in sections.every(source, path) if one.name == name), None)


def _telling(lines: Sequence[bytes], f: Function | Section) -> list[int]:
    """0-based numbers of the function's lines that say something."""
    return [i for i in range(f.start - 1, min(f.end, len(lines))) if not weak(line_key(lines[i]))]


CHECK = Check(__name__, __doc__, ask, (Signal.FUNCTION, Signal.RENAMED, Signal.RETITLED, Signal.STRANGER))
