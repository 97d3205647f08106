"""Does a function still unlock what it locks?

A change that splits a function, or an `unlock` that upstream's context brings along, leaves one half of a pair in
each place: that compiles, and hangs.
"""

from __future__ import annotations

from backport.adapt.checks.base import Check, Context, Finding, body, quote, touched, twin
from backport.adapt.signals import Signal
from backport.csource.locks import halves
from backport.csource.pieces import code


def ask(context: Context) -> list[Finding]:
    """BALANCE for a kind of lock of which a function that changes has only the one half, and neither the function
    before nor upstream's has it so."""
    result, edits = context.result, context.edits
    found = []
    adapted = context.adapted
    for f in sorted((f for name in touched(result, edits) for f in adapted.functions_named(name)),
                    key=lambda f: f.start):
        now = halves(code(body(result.source, f)))
        for source in (result.problem.target, result.problem.upstream):
            same = twin(result.source, f, source)
            if same is not None:
                now -= halves(code(body(source, same)))
        for kind, half in sorted(now):
            what = "locks without unlocking" if half == "taken" else "unlocks without locking"
            found.append(Finding(Signal.BALANCE, f"{f.name}() {what}: {quote(kind)}"))
    return found


CHECK = Check(__name__, __doc__, ask, (Signal.BALANCE,), local=True)
