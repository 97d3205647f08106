"""Does this tree have one more of the lines that upstream changed everywhere?"""

from __future__ import annotations

from collections import Counter

from backport.adapt.align import line_key, weak
from backport.adapt.checks.base import Check, Context, Finding, named
from backport.adapt.signals import Signal
from backport.csource.functions import enclosing
from backport.csource.pieces import code


def ask(context: Context) -> list[Finding]:
    """REMAINS: upstream's function has none of the removed lines left, this tree's has."""
    result = context.result
    problem = result.problem
    if problem.edits is None or problem.base is None:
        return []
    found = []
    for edit in problem.edits[context.hunk]:
        f = enclosing(problem.base, edit.lo + 1)
        ours = named(result.source, f.name) if f is not None else None
        theirs = named(problem.upstream, f.name) if f is not None else None
        if f is None or ours is None or theirs is None or edit.lo == edit.hi:
            continue
        left, gone = _keys(ours), _keys(theirs)
        for line in problem.base_lines[edit.lo:edit.hi] if problem.base_lines is not None else ():
            key = line_key(line)
            if not weak(key) and left[key] > gone[key]:
                text = line.strip().decode("utf-8", "replace")
                found.append(Finding(Signal.REMAINS, f"{f.name}() has `{text}` in one more place"))
    return found


def _keys(text: bytes) -> Counter[bytes]:
    return Counter(line_key(line) for line in code(text).split(b"\n"))


CHECK = Check(__name__, __doc__, ask, (Signal.REMAINS,))
