"""Do added calls have as many arguments as this tree's own calls of the same function?"""

from __future__ import annotations

from collections.abc import Iterator

from backport.adapt.checks.base import Check, Context, Finding
from backport.adapt.signals import Signal
from backport.csource.calls import VARIES, calls


def ask(context: Context) -> Iterator[Finding]:
    """Calls in added lines with a number of arguments that no other call or definition in this file has."""
    for edit in context.edits:
        for name, count in calls(context.result.code(edit)):
            here = context.kept.arities(name)
            if not here or here & {count, VARIES} or count == VARIES or count not in context.base.arities(name):
                continue
            numbers = " or ".join(str(n) for n in sorted(here))
            yield Finding(Signal.ARITY, f"{name.decode()}() takes {numbers} arguments in this tree, the added call has "
                                        f"{count}")


CHECK = Check(__name__, __doc__, ask, (Signal.ARITY,))
