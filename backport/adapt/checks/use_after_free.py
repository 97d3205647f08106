"""Is what an added line releases used, or released again, after it?"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from backport.adapt.align import line_key
from backport.adapt.checks.base import Check, Context, Finding, bare_lines, quote
from backport.adapt.signals import Signal
from backport.csource.functions import Function, enclosing
from backport.csource.resources import released
from backport.csource.statements import first_word, jump
from backport.csource.uses import uses, value


def ask(context: Context) -> list[Finding]:
    """FREED: behind an added release this tree's block uses the thing on a line that upstream's does not have there,
    or the function gives it back by the same call on a line that upstream's function does not have;
    or the thing comes from a call upstream and from none here."""
    result = context.result
    found = []
    after = result.problem.upstream
    for u, r in context.pairs:
        up, here = bare_lines(after), bare_lines(result.source)
        thing = released(here[r])
        theirs, ours = enclosing(after, u + 1), enclosing(result.source, r + 1)
        if not thing or theirs is None or ours is None:
            continue
        shown = result.lines[r].strip().decode("utf-8", "replace")
        used = Counter(_uses(here, ours, r, thing)) - Counter(_uses(up, theirs, u, thing))
        if used:
            line = next(iter(used)).decode("utf-8", "replace")
            found.append(Finding(Signal.FREED, f"`{line}` uses what `{shown}` above it releases"))
            continue
        one, two = (_from(lines, f, at, thing) for lines, f, at in ((up, theirs, u), (here, ours, r)))
        if one.endswith(b"()") and two and not two.endswith(b"()"):       # a call by another name may take it as well
            found.append(Finding(Signal.FREED, f"`{shown}` releases what comes from {quote(two)} "
                                               f"here, from {quote(one)} upstream"))
            continue
        key = line_key(here[r])
        more = [i for i in range(ours.body, ours.end - 1) if line_key(here[i]) == key and i not in result.added]
        known = sum(1 for i in range(theirs.body, theirs.end - 1) if line_key(up[i]) == key and i != u)
        if len(more) > known:
            found.append(Finding(Signal.FREED, f"`{shown}` is in this tree's function already, at line "
                                               f"{result.old_line(more[0]) + 1}"))
    return found[:2]


def _from(lines: Sequence[bytes], f: Function, at: int, name: bytes) -> bytes:
    """Where the variable has its value from: the call, or else the expression; b"" where no line above says it."""
    for line in reversed(lines[f.body:at]):
        given = value(line, name)
        if given is not None:
            call = first_word(given.removeprefix(b"("))
            return call + b"()" if call and given.removeprefix(b"(")[len(call):].lstrip().startswith(b"(") else given
    return b""


def _uses(lines: Sequence[bytes], f: Function, at: int, thing: bytes) -> list[bytes]:
    """The lines of the same block behind line `at` that use the thing, up to a jump or a new value for it."""
    deep = _depth(lines[at])
    out = []
    for line in lines[at + 1:f.end - 1]:
        if not line.strip():
            continue
        if _depth(line) < deep or value(line, thing) is not None:
            break
        if uses(line, thing):
            out.append(line.strip())
        if _depth(line) == deep and jump(line):
            break
    return out


def _depth(line: bytes) -> int:
    return len(line) - len(line.lstrip(b"\t"))


CHECK = Check(__name__, __doc__, ask, (Signal.FREED,), local=True)
