"""Are lines of files other than C in the section that upstream's are in?

A `select` in the next `config`, a property in another device's node: nothing in their text says whose they are.
"""

from __future__ import annotations

from backport import sections
from backport.adapt.checks.base import Check, Context, Finding
from backport.adapt.signals import Signal


def ask(context: Context) -> list[Finding]:
    """INSIDE: another `config`, node or routine is around an added line than around upstream's."""
    result = context.result
    problem = result.problem
    if sections.is_c(problem.path):
        return []
    for u, r in context.pairs:
        a = sections.scope(problem.upstream, u + 1, problem.upstream_path)
        b = sections.scope(result.source, r + 1, problem.path)
        if not sections.same(b, a, problem.path, result.source):
            shown = result.lines[r].strip().decode("utf-8", "replace")
            return [Finding(Signal.INSIDE, f"`{shown}` is in `{b}` in this tree, in `{a}` upstream")]
    return []


CHECK = Check(__name__, __doc__, ask, (Signal.INSIDE,))
