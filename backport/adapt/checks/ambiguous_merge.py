"""Does a call that was merged from upstream's words and this tree's still make sense?"""

from __future__ import annotations

from collections import Counter
from functools import lru_cache

from backport.adapt.checks.base import Check, Context, Finding, named, quote, touched
from backport.adapt.checks.call_arity import CALL, VARIES, calls
from backport.adapt.signals import Signal
from backport.csource.pieces import KEYWORDS, code, squeeze


def ask(context: Context) -> list[Finding]:
    """ARITY for a changed call with a number of arguments that neither this tree's nor upstream's version of it
    accounts for, and DOUBLED for one with the same argument twice that neither has so. Asked of whole functions: an
    edit may begin amid a call."""
    result, edits = context.result, context.edits
    problem = result.problem
    found = []
    for name in touched(result, edits):
        texts = [named(source, name) for source in
                 (result.source, problem.target, problem.after_source, problem.preimage or b"")]
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
        for called, twice in sorted(_doubled(now) - _doubled(was) - _doubled(theirs)):
            found.append(Finding(Signal.DOUBLED, f"{called.decode()}() has the argument {quote(twice)} twice in the "
                                                 "merged line"))
    return found


@lru_cache(maxsize=64)
def _calls(text: bytes) -> Counter[tuple[bytes, int]]:
    return Counter(calls(text))


def _counts(table: Counter[tuple[bytes, int]], called: bytes) -> set[int]:
    return {count for name, count in table if name == called}


@lru_cache(maxsize=64)
def _doubled(text: bytes) -> frozenset[tuple[bytes, bytes]]:
    """(called, argument) for every argument with a name in it that stands twice in one call."""
    out = set()
    for match in CALL.finditer(text):
        if match[1] in KEYWORDS:
            continue
        seen = set()
        for one in _arguments(text, match.end()):
            if len(one) > 3 and not one.isdigit() and one in seen and one not in (b"NULL", b"true", b"false"):
                out.add((match[1], one))
            seen.add(one)
    return frozenset(out)


def _arguments(text: bytes, at: int) -> list[bytes]:
    out, depth, start = [], 1, at
    for i in range(at, min(len(text), at + 2000)):
        byte = text[i:i + 1]
        if byte in b"([{":
            depth += 1
        elif byte in b")]}":
            depth -= 1
        if depth == 0 or (byte == b"," and depth == 1):
            out.append(squeeze(text[start:i]))
            start = i + 1
        if depth == 0:
            return out
    return []


CHECK = Check(__name__, __doc__, ask, (Signal.ARITY, Signal.DOUBLED))
