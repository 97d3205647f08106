"""Does a variable have a value where an added line uses it, and is it checked before it is used?"""

from __future__ import annotations

import re
from collections.abc import Sequence

from backport.adapt.checks.base import Check, Context, Finding, bare_lines, quote
from backport.adapt.signals import Signal
from backport.csource.functions import Function, enclosing
from backport.csource.pieces import KEYWORDS
from backport.csource.tokens import identifiers

_DECLARES = re.compile(rb"\s+(?:(?:const|static|unsigned|signed|struct|union|enum)\s+)*[A-Za-z_]\w*[\s*][^()=]*;")
_ASKS = re.compile(rb"\s*(?:\}\s*else\s*)?if\s*\(\s*(?:!\s*(\w+)|IS_ERR(?:_OR_NULL)?\(\s*(\w+)\s*\))")
_SETS = re.compile(rb"(?<![\w.>*])([A-Za-z_]\w*)\s*=(?!=)")


def ask(context: Context) -> list[Finding]:
    """UNSET: an added line is the first one to use a variable here, and upstream's got it its value above; or an added
    check of a pointer for NULL comes after its use, and upstream's before."""
    result = context.result
    found = []
    after = result.problem.upstream
    for u, r in context.pairs:
        theirs, ours = enclosing(after, u + 1), enclosing(result.source, r + 1)
        if theirs is None or ours is None or r < ours.body or u < theirs.body:
            continue
        up, here = bare_lines(after), bare_lines(result.source)
        shown = result.lines[r].strip().decode("utf-8", "replace")
        head = b" ".join(here[ours.start - 1:ours.body])
        for name in sorted(set(identifiers(here[r])) - KEYWORDS - set(_SETS.findall(here[r]))):
            word = re.compile(rb"(?<![\w.>])(?<!&)%s\b(?!\s*\()" % re.escape(name))
            if not word.search(here[r]) or re.search(rb"\b%s\b" % re.escape(name), head):
                continue
            above = [line for line in here[ours.body:r] if re.search(rb"(?<![\w.>])%s\b" % re.escape(name), line)]
            if above and all(_DECLARES.fullmatch(line) for line in above) and any(
                    not _DECLARES.fullmatch(line) and word.search(line) for line in up[theirs.body:u]):
                found.append(Finding(Signal.UNSET, f"`{shown}` uses {quote(name)}, which has no value yet in "
                                                   "this tree"))
        asks = _ASKS.match(here[r])
        name = (asks[1] or asks[2]) if asks else b""
        if name:
            used = _used(here, ours, r, name)
            if used and not _used(up, theirs, u, name):
                found.append(Finding(Signal.UNSET, f"`{shown}` comes after {quote(used)} in this "
                                                   "tree, which uses it already"))
    return found[:2]


def _used(lines: Sequence[bytes], f: Function, at: int, name: bytes) -> bytes:
    """The line above `at` that goes through the pointer since it got its value, b"" for none."""
    through = re.compile(rb"(?<![\w.>])%s\s*->" % re.escape(name))
    for line in reversed(lines[f.body:at]):
        if through.search(line):
            return line.strip()
        if name in _SETS.findall(line):
            break
    return b""


CHECK = Check(__name__, __doc__, ask, (Signal.UNSET,))
