"""Does a call that was merged from upstream's and this tree's words still make sense?"""

from __future__ import annotations

from collections import Counter

from backport.adapt.checks.base import Check, Context, Finding, named, quote, touched
from backport.adapt.signals import Signal
from backport.bounded import by_content
from backport.csource.calls import VARIES, calls, doubled
from backport.csource.pieces import code


def ask(context: Context) -> list[Finding]:
    """ARITY for a changed call with a number of arguments that neither this tree's nor upstream's version of it
    accounts for, and DOUBLED for one with the same argument twice that neither has so. Asked of whole functions: an
    edit may begin amid a call."""
    result, edits = context.result, context.edits
    problem = result.problem
    found = []
    for name in touched(result, edits):
        texts = [named(source, name) for source in
                 (result.source, problem.target, problem.upstream, problem.base or b"")]
        now, was, theirs, before = (code(text or b"") for text in texts)
        if not (now and was and theirs and before):
            continue
        changed, gone = _calls(now) - _calls(was), _calls(was) - _calls(now)
        new, old = _calls(theirs) - _calls(before), _calls(before) - _calls(theirs)
        for called, count in sorted(changed):
            mine, up, down = (_counts(table, called) for table in (gone, new, old))
            if not mine or VARIES in mine | up | down | {count}:
                continue
            grown = {n - m for n in up for m in down} or {0}
            if count not in mine | up | {n + more for n in mine for more in grown}:
                found.append(Finding(Signal.ARITY, f"{called.decode()}() has {count} arguments in the merged line, "
                                                   f"{min(mine)} in this tree"))
        for called, twice in sorted(doubled(now) - doubled(was) - doubled(theirs)):
            found.append(Finding(Signal.DOUBLED, f"{called.decode()}() has the argument {quote(twice)} twice in the "
                                                 "merged line"))
    return found


@by_content(1 << 20)
def _calls(text: bytes) -> Counter[tuple[bytes, int]]:
    return Counter(calls(text))


def _counts(table: Counter[tuple[bytes, int]], called: bytes) -> set[int]:
    return {count for name, count in table if name == called}


CHECK = Check(__name__, __doc__, ask, (Signal.ARITY, Signal.DOUBLED), local=True)
