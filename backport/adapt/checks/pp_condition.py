"""Are the added lines under the same #if as upstream's?"""

from __future__ import annotations

from collections.abc import Iterator

from backport.adapt.checks.base import Check, Context, Finding, quote
from backport.adapt.signals import Signal
from backport.csource.preprocessor import negated


def ask(context: Context) -> Iterator[Finding]:
    """HALF where a condition of the preprocessor around an added line is the opposite of upstream's or `#if 0`,
    PREPROCESSOR where it is only another one."""
    theirs, ours = context.upstream.conditions, context.adapted.conditions
    for u, r in context.pairs:
        a, b = theirs[u], ours[r]
        if a == b:
            continue
        opposite = any(negated(x) in b for x in a) or (b"0" in b and b"0" not in a)
        up, here = (" and ".join(x.decode("utf-8", "replace") for x in s) or "no #if" for s in (a, b))
        yield Finding(Signal.HALF if opposite else Signal.PREPROCESSOR,
                      f"{quote(context.result.lines[r])} is under {here} in this tree, under {up} upstream")
        return


CHECK = Check(__name__, __doc__, ask, (Signal.HALF, Signal.PREPROCESSOR))
