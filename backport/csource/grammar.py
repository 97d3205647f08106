"""A second opinion on a match, from a real C grammar (tree-sitter-c).

The token matcher decides by itself, because it is exact on fragments. tree-sitter sees structure that tokens do
not show: that a name stands in a declarator, that the text is one argument of an outer macro, that a literal
goes on. Its error recovery makes its trees of fragments a guess, so it may only refuse, never add a match.
"""

from __future__ import annotations

from enum import Enum
from functools import cache

import tree_sitter_c
from tree_sitter import Language, Node, Parser, Query, QueryCursor, Tree

from backport.bounded import by_content


class Opinion(Enum):
    CONFIRMED = "confirmed"          # one node of the tree covers exactly these bytes, and it is an expression
    UNSURE = "unsure"                # a macro's body, or the grammar had to recover from an error here
    REFUSED = "refused"              # a comment, a literal, a declaration


LONGEST = 60_000         # bytes of a function that are parsed
_LANGUAGE = Language(tree_sitter_c.language())
_PARSER = Parser(_LANGUAGE)
_NEVER = frozenset({"comment", "string_literal", "string_content", "char_literal", "character", "system_lib_string",
                    "escape_sequence", "preproc_include"})
_DECLARES = frozenset({"function_declarator", "parameter_list", "parameter_declaration"})
_EXPRESSIONS = frozenset({"call_expression", "field_expression", "identifier", "field_identifier",
                          "parenthesized_expression", "expression_statement", "binary_expression", "type_identifier",
                          "unary_expression", "conditional_expression", "subscript_expression"})


@by_content(1 << 20)
def _tree(source: bytes) -> Tree:
    return _PARSER.parse(source)


def tree(source: bytes) -> Node:
    """The root of the grammar's tree of `source`: parsed once, however many ask."""
    return _tree(source).root_node


def captures(source: bytes, query: str) -> dict[str, list[Node]]:
    """name -> the nodes of the tree that `query` captures under it, in no order. Walking a tree node by node makes an
    object of each of them, which takes longer than to parse it."""
    return QueryCursor(_query(query)).captures(_tree(source).root_node)


@cache
def _query(text: str) -> Query:
    return Query(_LANGUAGE, text)


def errors(source: bytes) -> int:
    """How many places of `source` the C grammar cannot read."""
    root = tree(source)
    if not root.has_error:
        return 0
    count = 0
    stack: list[Node] = [root]
    while stack:
        node = stack.pop()
        if node.is_error or node.is_missing:
            count += 1
        elif node.has_error:
            stack.extend(node.children)
    return count


def opinion(source: bytes, start: int, end: int) -> Opinion:
    """What the grammar says of source[start:end]."""
    node: Node | None = _tree(source).root_node.descendant_for_byte_range(start, end)
    exact = node is not None and node.start_byte == start and node.end_byte == end
    kind = node.type if node is not None else ""
    recovered = False
    while node is not None:
        if node.type in _NEVER:
            return Opinion.REFUSED
        recovered = recovered or node.is_error or node.is_missing
        node = node.parent
    if recovered:
        return Opinion.UNSURE
    if exact and kind in _DECLARES:
        return Opinion.REFUSED
    return Opinion.CONFIRMED if exact and kind in _EXPRESSIONS else Opinion.UNSURE
