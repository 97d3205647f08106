"""Is every statement reachable?"""

from __future__ import annotations

from backport.adapt.checks.base import Check, Context, Finding, named, quote, touched
from backport.adapt.signals import Signal
from backport.csource.control_flow import unreached
from backport.csource.grammar import LONGEST


def ask(context: Context) -> list[Finding]:
    """UNREACHED for a statement behind a `goto`, `return`, `break` or `continue` without a label between them:
    the label stood in upstream's context, and this tree's function has none there."""
    result, edits = context.result, context.edits
    found = []
    for name in touched(result, edits):
        texts = [named(source, name) for source in
                 (result.source, result.problem.target, result.problem.upstream)]
        if texts[0] is None or len(texts[0]) > LONGEST:
            continue
        known = {line for text in texts[1:] if text is not None for line in unreached(text)}
        found += [Finding(Signal.UNREACHED, f"{quote(line)} in {name}() would be unreachable")
                  for line in unreached(texts[0]) if line not in known][:1]
    return found


CHECK = Check(__name__, __doc__, ask, (Signal.UNREACHED,), local=True)
