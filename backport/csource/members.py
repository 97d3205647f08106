"""The members of a struct or union."""

from __future__ import annotations

from collections import Counter

from tree_sitter import Node

from backport.bounded import by_content
from backport.csource.grammar import LONGEST, tree


@by_content(1 << 20)
def repeated(text: bytes) -> frozenset[bytes]:
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
