"""Does every struct have each of its members once?"""

from __future__ import annotations

from backport.adapt.checks.base import Check, Context, Finding, quote
from backport.adapt.signals import Signal
from backport.csource.members import repeated
from backport.csource.scopes import Block, block, blocks


def ask(context: Context) -> list[Finding]:
    """REDECLARED for a member that one list of members has twice, where it had it once before."""
    result, edits = context.result, context.edits
    found = []
    target = result.problem.target
    for name, before in {b.name: b for e in edits if (b := block(target, e.lo + 1)) is not None}.items():
        after = [b for b in blocks(result.source) if b.name == name]
        if len(after) != 1 or not name.startswith(("struct ", "union ", "typedef ")):
            continue
        twice = repeated(_text(result.source, after[0])) - repeated(_text(target, before))
        found += [Finding(Signal.REDECLARED, f"{name} has the member {quote(word)} twice",
                          word.decode("utf-8", "replace"))
                  for word in sorted(twice)]
    return found


def _text(source: bytes, b: Block) -> bytes:
    return b"\n".join(source.split(b"\n")[b.start - 1:b.end]) + b"\n"


CHECK = Check(__name__, __doc__, ask, (Signal.REDECLARED,))
