"""Does an added `return` give what this tree's function returns?"""

from __future__ import annotations

from backport.adapt.checks.base import Check, Context, Finding, body, named
from backport.adapt.signals import Signal
from backport.csource import statements
from backport.csource.functions import enclosing
from backport.csource.pieces import code
from backport.csource.signatures import return_kind


def ask(context: Context) -> list[Finding]:
    """RETURNED: an added `return`, where the function is `void`, `bool` or a pointer on one side only. `return;` is
    right in a function that gives nothing, whatever upstream's gives."""
    result, edits = context.result, context.edits
    found = []
    for edit in edits:
        given = statements.returned(result.code(edit))
        after = enclosing(result.source, result.new_line(edit) + 1) if given is not None else None
        theirs = named(result.problem.upstream, after.name) if after is not None else None
        if after is None or theirs is None:
            continue
        name = after.name.encode()
        up, here = return_kind(code(theirs), name), return_kind(code(body(result.source, after)), name)
        if up and here and up != here and (given or here != "nothing"):
            found.append(Finding(Signal.RETURNED, f"{after.name}() returns {here} in this tree, {up} upstream"))
    return found


CHECK = Check(__name__, __doc__, ask, (Signal.RETURNED,), local=True)
