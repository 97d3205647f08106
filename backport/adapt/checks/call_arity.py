"""Do calls have as many arguments as this tree's own calls of the same function, or as its changed head takes?"""

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
    yield from _left_behind(context)


def _left_behind(context: Context) -> Iterator[Finding]:
    """A function gets another number of parameters, and a call in this file has not as many: one that only this tree
    has, or one that was merged from upstream's and this tree's words."""
    for name in dict.fromkeys(name for edit in context.edits for name, _ in calls(context.result.code(edit))):
        takes, took, theirs = (source.parameters(name) for source in (
            context.adapted, context.target, context.upstream))
        if takes is None or took is None or takes == took:
            continue
        if theirs is None or context.upstream.arities(name) - {theirs}:
            continue                         # what upstream's file does, this reader does not understand
        others = context.adapted.arities(name) - {takes}
        if others and VARIES not in others:
            numbers = " or ".join(str(n) for n in sorted(others))
            yield Finding(Signal.ARITY, f"{name.decode()}() takes {takes} arguments now, and a call in this file has "
                                        f"{numbers}")


CHECK = Check(__name__, __doc__, ask, (Signal.ARITY,))
