"""The uses of names, found by a query, are those that a walk through every node of the tree finds."""

from __future__ import annotations

from collections.abc import Iterator

from hypothesis import example, given
from hypothesis import strategies as st
from tree_sitter import Node

from backport.csource.bindings import NOWHERE, Use, variable_uses
from backport.csource.grammar import tree
from backport.csource.variables import identifier

PIECES = st.lists(st.sampled_from([
    b"int a;\n", b"int b = a;\n", b"struct s *p = a;\n", b"{\n", b"}\n", b"for (int i = 0; i < a; i++)\n", b"if (a)\n",
    b"f(a, b);\n", b"a->b = i;\n", b"out:\n", b"goto out;\n", b"int g(int a, char *b)\n{\n", b"#define X a\n",
    b"/* a */", b"do {\n", b"} while (b);\n", b"list_for_each(p, a) {\n", b"(", b")", b";", b"void (*cb)(int i);\n",
])).map(b"".join)


def walk(top: Node) -> Iterator[Use]:
    """Depth first, in the order of the text, with the names that each open block declares."""
    stack: list[tuple[Node, bool]] = [(top, False)]
    open_: list[set[bytes]] = [set()]
    declared: set[int] = set()
    while stack:
        node, leaves = stack.pop()
        if leaves:
            open_.pop()
            continue
        if node.type == "identifier":
            name = node.text or b""
            if node.id in declared:
                open_[-1].add(name)
            depth = next((n for n in range(len(open_) - 1, 0, -1) if name in open_[n]), NOWHERE)
            yield Use(name, node.start_point.row, node.start_point.column, depth, node.id in declared)
            continue
        if node.type in ("declaration", "parameter_declaration"):
            declared |= {inner.id for child in node.children_by_field_name("declarator")
                         if (inner := identifier(child)) is not None}
        if node.type in ("function_definition", "for_statement") or (
                node.type == "compound_statement"
                and (node.parent is None or node.parent.type != "function_definition")):
            open_.append(set())
            stack.append((node, True))
        stack.extend((child, False) for child in reversed(node.children))


@given(PIECES)
@example(b"int f(int a)\n{\n\tfor (int i = 0; i < a; i++) {\n\t\tint a = i;\n\t}\n\treturn a;\n}\n")
def test_uses_are_those_of_a_walk(body: bytes) -> None:
    text = b"int f(int a, struct s *p)\n{\n" + body + b"}\n"
    assert variable_uses(text) == tuple(walk(tree(text)))
