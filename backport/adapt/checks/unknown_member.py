"""Does this tree's file know the members that added lines use, as upstream's file did before the patch?"""

from __future__ import annotations

import re

from backport.adapt.checks.base import Check, Context, Finding, quote
from backport.adapt.signals import Signal
from backport.csource.pieces import code

_MEMBER = re.compile(rb"(?:->|(?<![\d.])\.)\s*([A-Za-z_]\w*)")


def ask(context: Context) -> list[Finding]:
    """MEMBER: `->x` in an added line, in upstream's file before the patch, and nowhere in this tree's file."""
    result, edits, names = context.result, context.edits, context.names
    problem = result.problem
    if problem.preimage is None:
        return []
    if "members" not in problem.seeds:
        problem.seeds["members"] = (set(_MEMBER.findall(code(problem.preimage))),
                                    set(_MEMBER.findall(code(problem.target))))
    theirs, ours = problem.seeds["members"]
    added = {m for e in edits for m in _MEMBER.findall(result.code(e))}
    return [Finding(Signal.MEMBER, f"this tree's file has no member {quote(m)}", m.decode())
            for m in sorted((added & theirs) - ours) if m.decode() not in names.own]


CHECK = Check(__name__, __doc__, ask, (Signal.MEMBER,))
