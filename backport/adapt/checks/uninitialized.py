"""Does a variable have a value where an added line uses it, and is it checked before it is used?"""

from __future__ import annotations

from collections.abc import Sequence

from backport.adapt.checks.base import Check, Context, Finding, bare_lines, quote
from backport.adapt.signals import Signal
from backport.csource.declarations import declares_only
from backport.csource.functions import Function, enclosing
from backport.csource.pieces import KEYWORDS
from backport.csource.statements import asked_pointer
from backport.csource.tokens import identifiers
from backport.csource.uses import assigned, goes_through, values, variables


def ask(context: Context) -> list[Finding]:
    """NO_VALUE: an added line is the first one to use a variable here, and upstream gives it its value above. UNSET: an
    added check of a pointer for NULL comes after its use, and upstream's before."""
    result = context.result
    found = []
    after = result.problem.upstream
    for u, r in context.pairs:
        theirs, ours = enclosing(after, u + 1), enclosing(result.source, r + 1)
        if theirs is None or ours is None or r < ours.body or u < theirs.body:
            continue
        up, here = bare_lines(after), bare_lines(result.source)
        shown = result.lines[r].strip().decode("utf-8", "replace")
        known = set(identifiers(b" ".join(here[ours.start - 1:ours.body])))
        for name in sorted(values(here[r]) - KEYWORDS - assigned(here[r]) - known):
            above = [line for line in here[ours.body:r] if name in variables(line)]
            if above and all(declares_only(line) and b"static" not in line.split() for line in above) and any(
                    not declares_only(line) and name in values(line) for line in up[theirs.body:u]):
                found.append(Finding(Signal.NO_VALUE, f"`{shown}` uses {quote(name)}, which has no value yet in "
                                                      "this tree"))
        name = asked_pointer(here[r])
        if name:
            used = _used(here, ours, r, name)
            if used and not _used(up, theirs, u, name):
                found.append(Finding(Signal.UNSET, f"`{shown}` comes after {quote(used)} in this "
                                                   "tree, which uses it already"))
    return found[:2]


def _used(lines: Sequence[bytes], f: Function, at: int, name: bytes) -> bytes:
    """The line above `at` that goes through the pointer since it got its value, b"" for none."""
    for line in reversed(lines[f.body:at]):
        if goes_through(line, name):
            return line.strip()
        if name in assigned(line):
            break
    return b""


CHECK = Check(__name__, __doc__, ask, (Signal.NO_VALUE, Signal.UNSET), local=True)
