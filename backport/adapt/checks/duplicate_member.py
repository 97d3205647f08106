"""Does every struct have each of its members once?"""

from __future__ import annotations

from collections import Counter

from tree_sitter import Node

from backport.adapt.checks.base import Check, Context, Finding, quote
from backport.adapt.checks.syntax import LONGEST
from backport.adapt.signals import Signal
from backport.bounded import by_content
from backport.csource.grammar import tree
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
        twice = _twice(_text(result.source, after[0])) - _twice(_text(target, before))
        found += [Finding(Signal.REDECLARED, f"{name} has the member {quote(word)} twice")
                  for word in sorted(twice)]
    return found


def _text(source: bytes, b: Block) -> bytes:
    return b"\n".join(source.split(b"\n")[b.start - 1:b.end]) + b"\n"


@by_content(1 << 20)
def _twice(text: bytes) -> frozenset[bytes]:
    """The members that stand twice in one list of members."""
    found: set[bytes] = set()
    stack: list[Node] = [tree(text)] if len(text) <= LONGEST else []
    while stack:
        node = stack.pop()
        if node.type == "field_declaration_list":
            count = Counter(word for child in node.named_children if child.type == "field_declaration"
                            and not child.has_error for word in _members(child))
            found.update(word for word, n in count.items() if n > 1)
        stack.extend(node.named_children)
    return frozenset(found)


def _members(declaration: Node) -> list[bytes]:
    names = []
    stack = list(declaration.children_by_field_name("declarator"))
    while stack:
        node = stack.pop()
        if node.type == "field_identifier":
            names.append(node.text or b"")
        else:
            stack.extend(c for c in node.named_children if c.type.endswith(("declarator", "field_identifier")))
    return names


CHECK = Check(__name__, __doc__, ask, (Signal.REDECLARED,))
