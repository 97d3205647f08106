"""Does this tree's file still use a definition that the patch removes?"""

from __future__ import annotations

from backport.adapt.checks.base import Check, Context, Finding
from backport.adapt.signals import Signal
from backport.csource.preprocessor import define_lines


def ask(context: Context) -> list[Finding]:
    """UNDECLARED for a function or macro whose definition goes, while a line of this tree's file still has its name
    and none of upstream's has."""
    result, edits = context.result, context.edits
    problem = result.problem
    went = b"".join(line for e in edits for line in problem.target_lines[e.lo:e.hi])
    lost = {name for _, name in define_lines(went)}
    lost |= {f.name.encode() for e in edits for line in range(e.lo + 1, e.hi + 1)
             if (f := context.target.enclosing(line)) is not None and f.start == line}
    if not lost:
        return []
    found = []
    for name in sorted(lost):
        if context.adapted.has_name(name) and not context.upstream.has_name(name):
            shown = name.decode("utf-8", "replace")
            found.append(Finding(Signal.UNDECLARED, f"the definition of `{shown}` is removed, and this tree's file "
                                                    "uses it"))
    return found


CHECK = Check(__name__, __doc__, ask, (Signal.UNDECLARED,))
