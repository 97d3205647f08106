"""Do the functions that added lines call take and return what upstream's do?"""

from __future__ import annotations

from collections.abc import Iterator

from backport.adapt.checks.base import Check, Context, Finding, quote
from backport.adapt.signals import Signal
from backport.csource.calls import call_heads
from backport.csource.signatures import Signature, alike


def ask(context: Context) -> Iterator[Finding]:
    """SIGNATURE: as many parameters, but of other types, in another order, or another type of the value that is used.
    Only for functions and macros that both files declare or define; how many there are is call_arity's question."""
    for edit in context.edits:
        added = context.result.code(edit)
        for name, start, _ in call_heads(added):
            begin = added.rfind(b"\n", 0, start) + 1
            if added[begin:begin + 1] not in b" \t":     # a head at column 0 is no call
                continue
            up, own = context.upstream.head(name), context.adapted.head(name)
            if up is None or own is None or len(up.names) != len(own.names):
                continue
            call, before = f"{name.decode('utf-8', 'replace')}()", added[begin:start].strip()
            if not alike(up, own) or (up.names != own.names and sorted(up.names) == sorted(own.names)):
                yield Finding(Signal.SIGNATURE, f"{call} takes {_shown(own)} in this tree, {_shown(up)} upstream")
            elif up.returns != own.returns and before and not before.endswith((b";", b"}", b")")):
                yield Finding(Signal.SIGNATURE, f"{call} returns {quote(own.returns)} in this tree, "
                                                f"{quote(up.returns)} upstream")


def _shown(one: Signature) -> str:
    pairs = zip(one.types or [b""] * len(one.names), one.names, strict=True)
    return "`(" + ", ".join(b" ".join(x for x in pair if x).decode("utf-8", "replace") for pair in pairs) + ")`"


CHECK = Check(__name__, __doc__, ask, (Signal.SIGNATURE,))
