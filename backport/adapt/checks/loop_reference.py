"""Does an added jump out of a loop drop the reference that upstream's loop drops by itself?

`for_each_child_of_node_scoped()` puts the node on every way out. Where this tree has the loop without `_scoped`, it
compiles, and each way out but the last one has to put the node by hand.
"""

from __future__ import annotations

from collections.abc import Sequence

from backport.adapt.checks.base import Check, Context, Finding, bare_lines, quote
from backport.adapt.signals import Signal
from backport.csource.blocks import loops_left
from backport.csource.resources import given
from backport.csource.statements import jump, walker

_SCOPED = b"_scoped"
_NEAR = 4                # lines above a jump in which the reference is dropped for it


def ask(context: Context) -> list[Finding]:
    """REFERENCE: an added jump leaves a loop whose macro is a `_scoped` one upstream and not here, and nothing is given
    back right above it."""
    up, source = context.problem.upstream, context.result.source
    if _SCOPED not in up:            # nearly every file: nothing of it need be read
        return []
    here = bare_lines(source)
    found = []
    for u, r in context.jumps():
        if jump(bare_lines(up)[u]) != jump(here[r]) or _drops(here, r):
            continue
        loops = {walker(head) for head in loops_left(up, u)}
        for name in filter(None, map(walker, loops_left(source, r))):
            scoped = name + _SCOPED
            if name not in loops and scoped in loops:
                found.append(Finding(Signal.REFERENCE,
                                     f"{quote(here[r])} leaves {name.decode()}() without dropping its reference, which "
                                     f"upstream's {scoped.decode()}() drops by itself"))
    return found[:2]


def _drops(lines: Sequence[bytes], at: int) -> bool:
    """Whether something is given back in the block of line `at`, right above it."""
    deep = _depth(lines[at])
    return any(given(line) for line in lines[max(0, at - _NEAR):at] if _depth(line) == deep)


def _depth(line: bytes) -> int:
    return len(line) - len(line.lstrip(b"\t"))


CHECK = Check(__name__, __doc__, ask, (Signal.REFERENCE,), local=True)
