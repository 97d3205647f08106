"""Is what an added line releases used, or released again, after it?"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence

from backport.adapt.align import line_key
from backport.adapt.checks.base import Check, Context, Finding, bare_lines, quote
from backport.adapt.signals import Signal
from backport.csource.functions import Function, enclosing

_GIVES = re.compile(rb"^\s*(?:\w*_)?(?:k?v?free|kfree|kvfree|vfree|kfree_rcu|put|free|release|destroy)(?:_\w+)?"
                    rb"\s*\(\s*&?([\w.>\[\]-]+)\s*\)\s*;")
_LEAVES = re.compile(rb"\s*(?:return|goto|break|continue)\b")


def ask(context: Context) -> list[Finding]:
    """FREED: behind an added release this tree's block uses the thing on a line that upstream's does not have there,
    or the function gives it back by the same call on a line that upstream's function does not have;
    or the thing comes from a call upstream and from none here."""
    result = context.result
    found = []
    after = result.problem.upstream
    for u, r in context.pairs:
        up, here = bare_lines(after), bare_lines(result.source)
        match = _GIVES.match(here[r])
        theirs, ours = enclosing(after, u + 1), enclosing(result.source, r + 1)
        if match is None or theirs is None or ours is None:
            continue
        word = re.compile(rb"(?<![\w.>])%s\b(?!\s*=[^=])" % re.escape(match[1]))
        shown = result.lines[r].strip().decode("utf-8", "replace")
        used = Counter(_uses(here, ours, r, word)) - Counter(_uses(up, theirs, u, word))
        if used:
            line = next(iter(used)).decode("utf-8", "replace")
            found.append(Finding(Signal.FREED, f"`{line}` uses what `{shown}` before it releases"))
            continue
        one, two = (_from(lines, f, at, match[1]) for lines, f, at in ((up, theirs, u), (here, ours, r)))
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
    sets = re.compile(rb"(?<![\w.>])%s\s*=(?!=)\s*([^;]*)" % re.escape(name))
    for line in reversed(lines[f.body:at]):
        match = sets.search(line)
        if match:
            call = re.match(rb"\(?(\w+)\s*\(", match[1])
            return call[1] + b"()" if call else match[1].strip()
    return b""


def _uses(lines: Sequence[bytes], f: Function, at: int, word: re.Pattern[bytes]) -> list[bytes]:
    """The lines of the same block behind line `at` that have the word, up to a jump or a new value for it."""
    deep = _depth(lines[at])
    new = re.compile(word.pattern.replace(rb"(?!\s*=[^=])", rb"\s*=[^=]"))
    out = []
    for line in lines[at + 1:f.end - 1]:
        if not line.strip():
            continue
        if _depth(line) < deep or new.search(line):
            break
        if word.search(line):
            out.append(line.strip())
        if _depth(line) == deep and _LEAVES.match(line):
            break
    return out


def _depth(line: bytes) -> int:
    return len(line) - len(line.lstrip(b"\t"))


CHECK = Check(__name__, __doc__, ask, (Signal.FREED,))
