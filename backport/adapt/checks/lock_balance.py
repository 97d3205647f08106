"""Does a function still give back the locks that it takes?

A change that splits a function, or an `unlock` that upstream's context brings along, leaves one half of a pair in
each place: that compiles, and hangs.
"""

from __future__ import annotations

import re

from backport.adapt.checks.base import Check, Context, Finding, body, named, quote, touched
from backport.adapt.signals import Signal
from backport.csource.functions import functions
from backport.csource.pieces import code

_CALL = re.compile(rb"(?<![\w.>])([A-Za-z_]\w*)\s*\(")
# how a lock is taken or given back, and not which
_WAYS = frozenset(b"irqsave irqrestore irq bh interruptible killable nested nest timeout io save restore".split())
# part of the name of what asks about a lock, or makes one
_OTHER = frozenset(b"init destroy assert held is class owner dep alloc free needbreak nesting cmp key name".split())
_TAKES = {b"lock": b"lock", b"trylock": b"lock", b"down": b"semaphore", b"disable": b"off"}
_GIVES = {b"unlock": b"lock", b"up": b"semaphore", b"enable": b"off"}
_SWITCHED = frozenset({b"preempt", b"local"})      # preempt_disable(), local_irq_save(), local_bh_disable()


def ask(context: Context) -> list[Finding]:
    """BALANCE for a kind of lock of which a function that changes has only the one half, and neither the function
    before nor upstream's has it so."""
    result, edits = context.result, context.edits
    found = []
    names_here = touched(result, edits)
    for f in functions(result.source):
        if f.name not in names_here:
            continue
        now = halves(code(body(result.source, f)))
        for source in (result.problem.target, result.problem.after_source):
            text = named(source, f.name)
            if text is not None:
                now -= halves(code(text))
        for kind, half in sorted(now):
            what = "takes and never gives back" if half == "taken" else "gives back and never takes"
            found.append(Finding(Signal.BALANCE, f"{f.name}() {what} {quote(kind)}"))
    return found


def halves(text: bytes) -> set[tuple[bytes, str]]:
    """(kind of lock, "taken" or "given") for every kind of which `text` has only the one."""
    taken: set[bytes] = set()
    given: set[bytes] = set()
    for match in _CALL.finditer(text):
        parts = match[1].strip(b"_").split(b"_")
        if _OTHER & set(parts):
            continue
        for table, found in ((_TAKES, taken), (_GIVES, given)):
            words = [part for part in parts if part in table]
            if not words or (table[words[-1]] == b"off" and parts[0] not in _SWITCHED) \
                    or (table[words[-1]] == b"semaphore" and parts[0] != words[-1]):
                continue
            rest = [part for part in parts if part not in table and part not in _WAYS]
            found.add(b"_".join([*rest, table[words[-1]]]))
    return {(kind, "taken") for kind in taken - given} | {(kind, "given") for kind in given - taken}


CHECK = Check(__name__, __doc__, ask, (Signal.BALANCE,))
