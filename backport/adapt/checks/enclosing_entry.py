"""Do added members and entries stand inside the struct, union or entry that upstream's stand in?

A member that comes to stand in the union beside its place shares its bytes with another one, and an initialiser in
the next entry of a table configures other hardware: both compile.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import lru_cache

from backport.adapt.checks.base import Check, Context, Finding, bare_lines, quote
from backport.adapt.signals import Signal
from backport.csource.scopes import Block, block

_TYPE = re.compile(rb"(?:typedef )?(?:struct|union|enum)\b(?!.*=)")
_ATTRIBUTES = re.compile(rb"\s*\b__\w+|\)$")

_DEEP = 24               # braces around a line that are compared

Inner = tuple[bytes, bytes]          # what opens a brace, and the first thing behind it, without white space


def ask(context: Context) -> list[Finding]:
    """INSIDE where other aggregates or designators are around the line, ENTRY where only the entry without a name
    begins otherwise."""
    result = context.result
    found = []
    for u, r in context.pairs:
        theirs, ours = block(result.problem.after_source, u + 1), block(result.source, r + 1)
        if theirs is None or ours is None:
            continue
        a, b = _around(result.problem.after_source, theirs, u), _around(result.source, ours, r)
        if not a or not b:
            continue
        text = result.lines[r].strip()
        heads = [[_ATTRIBUTES.sub(b"", x) for x, _ in chain[0 if _TYPE.match(chain[0][0]) else 1:]] for chain in (a, b)]
        if heads[0] != heads[1]:
            found.append(Finding(Signal.INSIDE, f"{quote(text)} stands inside {_shown(b)} in this "
                                                f"tree, inside {_shown(a)} upstream"))
        elif any(x == b"" and one != two and not b" ".join(text.split()).startswith(two) and _differ(one, two)
                 for (x, one), (_, two) in zip(a[1:], b[1:], strict=True)):
            found.append(Finding(Signal.ENTRY, f"{quote(text)} stands in the entry that begins "
                                               f"with {quote(b[-1][1])} in this tree, with "
                                               f"{quote(a[-1][1])} upstream"))
    return found[:1]


def _differ(one: bytes, two: bytes) -> bool:
    return one.rstrip(b",}") != two.rstrip(b",}")


def _shown(chain: Sequence[Inner]) -> str:
    return " / ".join(f"{quote(head)}" if head else "an entry" for head, _ in chain)


def _around(source: bytes, b: Block, line: int) -> tuple[Inner, ...]:
    table = _chains(source, b)
    return table[line - b.start + 1] if 0 <= line - b.start + 1 < len(table) else ()


@lru_cache(maxsize=64)
def _chains(source: bytes, b: Block) -> tuple[tuple[Inner, ...], ...]:
    """For each line of the block what is open where the line begins."""
    lines = bare_lines(source)[b.start - 1:b.end]
    out: list[tuple[Inner, ...]] = []
    stack: list[Inner] = []
    begun = b""
    fresh = False                    # the brace was just opened: what comes next is its first thing
    for line in lines:
        out.append(tuple(stack[:_DEEP]))
        if line.lstrip().startswith(b"#"):
            continue
        for piece in re.findall(rb"[{};,]|[^{};,]+", line):
            if piece == b"{":
                stack.append((b" ".join(begun.split()), b""))
                begun, fresh = b"", True
            elif piece == b"}":
                if stack:
                    stack.pop()
                begun, fresh = b"", False
            elif piece in (b";", b","):
                begun = b""
            else:
                begun += piece
                if fresh and piece.strip():
                    stack[-1] = (stack[-1][0], b" ".join(piece.split()))
                    fresh = False
    return tuple(out)


CHECK = Check(__name__, __doc__, ask, (Signal.ENTRY, Signal.INSIDE))
