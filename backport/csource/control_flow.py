"""The labels of each `switch` of a function, and its statements that nothing leads to."""

from __future__ import annotations

from itertools import pairwise

from tree_sitter import Node

from backport.bounded import by_content
from backport.csource.grammar import tree
from backport.csource.pieces import squeeze

_LEAVES = ("goto_statement", "return_statement", "break_statement", "continue_statement")
_BLOCKS = ("compound_statement", "case_statement")


@by_content(1 << 20)
def switches(text: bytes) -> tuple[tuple[tuple[bytes, int], ...], ...]:
    """For each `switch` of a function its labels without white space, with their 0-based row."""
    found: list[list[tuple[bytes, int]]] = []
    stack: list[tuple[Node, int]] = [(tree(text), -1)]
    while stack:
        node, owner = stack.pop()
        if node.type == "switch_statement":
            owner = len(found)
            found.append([])
        value = node.child_by_field_name("value") if node.type == "case_statement" else None
        if value is not None and owner >= 0:
            found[owner].append((squeeze(value.text or b""), node.start_point.row))
        stack.extend((child, owner) for child in node.named_children)
    return tuple(tuple(one) for one in found)


@by_content(1 << 20)
def unreached(text: bytes) -> tuple[bytes, ...]:
    """The first line of each statement right behind a `goto`, `return`, `break` or `continue`; a label ends that."""
    out = []
    stack: list[Node] = [tree(text)]
    while stack:
        node = stack.pop()
        stack.extend(node.named_children)
        if node.type not in _BLOCKS:
            continue
        children = [c for c in node.named_children if c.type != "comment"]
        for one, two in pairwise(children):
            if one.type in _LEAVES and (two.type.endswith("_statement") and two.type not in (
                    "labeled_statement", "case_statement")) and not two.has_error and not one.has_error:
                out.append((two.text or b"").split(b"\n", 1)[0].strip())
    return tuple(out)
