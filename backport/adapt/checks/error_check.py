"""Is the value of a call tested for an error in the way in which this tree's file tests it?"""

from __future__ import annotations

from collections.abc import Iterator

from backport.adapt.checks.base import Check, Context, Finding
from backport.adapt.signals import Signal
from backport.csource.calls import checked


def ask(context: Context) -> Iterator[Finding]:
    """VARIANT: an added `IS_ERR()` of a function whose value this tree's file compares with NULL only, while upstream's
    file knows the added way; or the other way round. The pointer that the test does not catch is used."""
    for edit in context.edits:
        for call, way in sorted(checked(context.result.code(edit))):
            ours = context.target.checks(call)
            if ours and way not in ours and way in context.base.checks(call):
                there, here = ("IS_ERR()", "NULL") if way != b"!" else ("NULL", "IS_ERR()")
                yield Finding(Signal.VARIANT, f"this tree's file tests the value of {call.decode()}() for {here}, "
                                              f"the added line for {there}")


CHECK = Check(__name__, __doc__, ask, (Signal.VARIANT,))
