"""Do added lines run under the locks that upstream's run under?

What two trees call alike may be done under a mutex in one and under a spinlock in the other, or behind the `unlock`:
a field is written unprotected, or memory is asked for where nobody may sleep. Only where the lines stand tells it.
"""

from __future__ import annotations

from backport.adapt.checks.base import Check, Context, Finding, bare_lines, quote
from backport.adapt.signals import Signal
from backport.csource.functions import enclosing
from backport.csource.locks import Held, held


def ask(context: Context) -> list[Finding]:
    """HELD: other locks are taken and not given back above an added line than above upstream's."""
    result = context.result
    found = []
    after = result.problem.upstream
    for u, r in context.pairs:
        theirs, ours = enclosing(after, u + 1), enclosing(result.source, r + 1)
        if theirs is None or ours is None or r <= ours.body:
            continue
        a = held(bare_lines(after)[theirs.body:u])
        b = held(bare_lines(result.source)[ours.body:r])
        if a != b:
            shown = result.lines[r].strip().decode("utf-8", "replace")
            found.append(Finding(Signal.HELD, f"`{shown}` runs under {_shown(b)} in this tree, under {_shown(a)} "
                                              "upstream"))
    return found[:1]


def _shown(locks: frozenset[Held]) -> str:
    return " and ".join(f"{kind.decode('utf-8', 'replace')} {quote(name)}"
                        for kind, name in sorted(locks)) or "no lock"


CHECK = Check(__name__, __doc__, ask, (Signal.HELD,), local=True)
