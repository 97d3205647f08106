"""Is every name of a function declared once, before the statements, and used?

Reads the changed function with the grammar before and after, and upstream's likewise: only what is new in this
tree's result, and not so in upstream's, raises a doubt.
"""

from __future__ import annotations

from backport.adapt.checks.base import Check, Context, Finding, body, named
from backport.adapt.signals import Signal
from backport.csource.functions import enclosing
from backport.csource.grammar import LONGEST
from backport.csource.variables import function_variables


def ask(context: Context) -> list[Finding]:
    """REDECLARED, UNDECLARED, UNUSED and ORDER in the functions that the edits touch."""
    result, edits = context.result, context.edits
    found: list[Finding] = []
    problem = result.problem
    functions = {f.name: f for e in edits if (f := enclosing(problem.target, e.lo + 1)) is not None}
    for name, f in functions.items():
        text = named(result.source, name)
        if text is None or len(text) > LONGEST:
            continue
        before, after = function_variables(body(problem.target, f)), function_variables(text)
        upstream = function_variables(named(problem.upstream, name) or b"")
        here = name + "()"
        for word, count in after.names.items():
            shown = word.decode("utf-8", "replace")
            if count > 1 and before.names[word] < count and upstream.names[word] < count:
                found.append(Finding(Signal.REDECLARED, f"{here} declares `{shown}` twice", shown))
            if word in after.late and word not in before.late and word not in upstream.late:
                found.append(Finding(Signal.ORDER, f"{here} declares `{shown}` after a statement", shown))
            if after.unused[word] > max(before.unused[word], upstream.unused[word]):
                found.append(Finding(Signal.UNUSED, f"{here} declares `{shown}` and never uses it", shown))
        for word in before.names:
            if not after.names[word] and after.words[word] > upstream.words[word]:
                shown = word.decode("utf-8", "replace")
                found.append(Finding(Signal.UNDECLARED, f"{here} uses `{shown}`, whose declaration is removed", shown))
    return found


CHECK = Check(__name__, __doc__, ask, (Signal.ORDER, Signal.REDECLARED, Signal.UNDECLARED, Signal.UNUSED), local=True)
