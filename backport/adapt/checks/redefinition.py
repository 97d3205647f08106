"""Is every function, type and macro of the file defined once?"""

from __future__ import annotations

import re
from collections import Counter
from functools import lru_cache

from backport.adapt.checks.base import Check, Context, Finding, bare_lines
from backport.adapt.signals import Signal
from backport.csource.functions import functions
from backport.csource.scopes import blocks

_MACRO = re.compile(rb"^#\s*define\s+(\w+)")


def ask(context: Context) -> list[Finding]:
    """REDECLARED for a definition that an added line brings, and that this tree's file has already; as often as
    upstream's file has it (the halves of an `#if`) is no doubt."""
    result, edits = context.result, context.edits
    new = {name for e in edits for at in range(result.new_line(e), result.new_line(e) + len(e.new))
           for name in _at(result.source).get(at + 1, ())}
    now, was, theirs = (_count(source) for source in
                        (result.source, result.problem.target, result.problem.after_source))
    return [Finding(Signal.REDECLARED, f"`{name}` would be defined twice in this file")
            for name in sorted(new) if now[name] > max(1, was[name], theirs[name])]


@lru_cache(maxsize=8)
def _at(source: bytes) -> dict[int, list[str]]:
    """1-based line -> what is defined from there on."""
    out: dict[int, list[str]] = {}
    for f in functions(source):
        for at in range(f.start, f.body + 1):
            out.setdefault(at, []).append(f"{f.name}()")
    for b in blocks(source):
        if not re.match(r"(?:typedef )?(?:enum|struct|union)$", b.name):
            out.setdefault(b.start, []).append(b.name)
    for n, line in enumerate(bare_lines(source), 1):
        if match := _MACRO.match(line):
            out.setdefault(n, []).append(match[1].decode())
    return out


@lru_cache(maxsize=16)
def _count(source: bytes) -> Counter[str]:
    starts = [f"{f.name}()" for f in functions(source)] + [b.name for b in blocks(source)]
    macros = [m[1].decode() for line in bare_lines(source) if (m := _MACRO.match(line))]
    return Counter(starts + macros)


CHECK = Check(__name__, __doc__, ask, (Signal.REDECLARED,))
