"""Do the variables and members in added lines have upstream's types?

The same name may be an array there and a pointer here (`sizeof`), little-endian there and the machine's here.
"""

from __future__ import annotations

from backport.adapt.checks.base import Check, Context, Finding, body, named, quote
from backport.adapt.signals import Signal
from backport.bounded import by_content
from backport.csource.calls import member_names
from backport.csource.declarations import byte_orders, types
from backport.csource.functions import enclosing
from backport.csource.pieces import KEYWORDS, code
from backport.csource.scopes import blocks
from backport.csource.tokens import identifiers
from backport.csource.uses import sized


def ask(context: Context) -> list[Finding]:
    """TYPED: `sizeof` of what is an array on one side only; a member or variable whose bytes have an order on one side
    only."""
    result, edits = context.result, context.edits
    found = []
    problem = result.problem
    for edit in edits:
        added = result.code(edit)
        if not added.strip():
            continue
        used, sizes = member_names(added), sized(added)
        here, up = _members(problem.target), _members(problem.base or b"")
        pairs = [(name, up.get(name), here.get(name)) for name in sorted(used)]
        f = enclosing(result.source, result.new_line(edit) + 1)
        theirs = named(problem.upstream, f.name) if f is not None else None
        if f is not None and theirs is not None:
            own, other = types(code(body(result.source, f))), types(code(theirs))
            words = set(identifiers(added)) - KEYWORDS - used
            pairs += [(name, other.get(name), own.get(name)) for name in sorted(words)]
        for name, a, b in pairs:
            if not a or not b or a == b:
                continue
            if not byte_orders(a) and not byte_orders(b) and not (
                    name in sizes and a.endswith(b"]") != b.endswith(b"]")):
                continue
            if byte_orders(a) and byte_orders(a) == byte_orders(b):
                continue
            found.append(Finding(Signal.TYPED, f"{quote(name)} is {quote(b)} in this tree, "
                                               f"{quote(a)} upstream"))
    return found


@by_content(2 << 20)
def _members(source: bytes) -> dict[bytes, bytes]:
    """member -> its type, for names that the file's structs give one type only."""
    lines = source.split(b"\n")
    text = b"\n".join(b"\n".join(lines[b.start:b.end - 1]) for b in blocks(source)
                      if b.name.startswith(("struct ", "union ", "typedef ")) and b"=" not in lines[b.start - 1])
    return types(code(text))


CHECK = Check(__name__, __doc__, ask, (Signal.TYPED,))
