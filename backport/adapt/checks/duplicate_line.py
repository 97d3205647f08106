"""Is an added line already near its place in this tree, and not upstream?"""

from __future__ import annotations

from backport.adapt.align import line_key, weak
from backport.adapt.checks.base import Check, Context, Finding, quote
from backport.adapt.signals import Signal
from backport.csource.pieces import code

_NEAR = 6


def ask(context: Context) -> list[Finding]:
    """DUPLICATE: the same statement within a few lines that the patch did not write, more often than upstream."""
    result = context.result
    found = []
    after = result.problem.upstream_lines or []
    for u, r in context.pairs:
        text = code(result.lines[r]).strip()
        key = line_key(result.lines[r])
        if weak(key) or len(key) < 8 or not text.endswith(b";"):
            continue
        ours = sum(1 for i in range(max(0, r - _NEAR), min(len(result.lines), r + _NEAR + 1))
                   if i not in result.added and line_key(result.lines[i]) == key)
        theirs = sum(1 for i in range(max(0, u - _NEAR), min(len(after), u + _NEAR + 1))
                     if i != u and line_key(after[i]) == key)
        if ours > theirs:
            found.append(Finding(Signal.DUPLICATE, f"{quote(result.lines[r])} is near "
                                                   "its place in this tree already"))
    return found


CHECK = Check(__name__, __doc__, ask, (Signal.DUPLICATE,))
