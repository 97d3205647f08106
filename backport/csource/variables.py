"""What a function declares, and where: its parameters and the variables of its blocks."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

from tree_sitter import Node

from backport.bounded import by_content
from backport.csource.calls import every_member
from backport.csource.grammar import captures
from backport.csource.pieces import code
from backport.csource.tokens import identifiers

_NODES = "(function_declarator (parameter_list) @parameters) (compound_statement) @block"
# a variable that declares itself unused, or whose end is what it is for
_UNUSED = (b"__maybe_unused", b"__always_unused", b"__cleanup", b"__free(", b"CLASS(")


@dataclass(slots=True)
class Declared:
    """What one function declares: `names` how often in one block at most, `unused` in how many blocks without any
    use, `late` behind a statement of its block; `words` how often each word stands in it that is no member's."""

    names: Counter[bytes] = field(default_factory=Counter)
    unused: Counter[bytes] = field(default_factory=Counter)
    late: set[bytes] = field(default_factory=set)
    words: Counter[bytes] = field(default_factory=Counter)


@by_content(1 << 20)
def function_variables(text: bytes) -> Declared:
    """Of the text of one function; nothing for none."""
    out = Declared()
    if not text:
        return out
    out.words = _words(text)
    found = captures(text, _NODES)
    for parameters in found.get("parameters", ()):
        for child in parameters.named_children:
            if (word := _name(child)) is not None:
                out.names[word] = max(out.names[word], 1)
    for block in found.get("block", ()):
        _block(block, out)
    return out


def _block(node: Node, out: Declared) -> None:
    # the outermost block and the parameters are one scope
    own: Counter[bytes] = Counter(_parameters(node.parent) if node.parent is not None else ())
    parameters = set(own)
    statement = False
    for child in node.named_children:
        if child.type == "declaration":
            words = [w for d in child.children_by_field_name("declarator") if (w := _name(d)) is not None]
            if child.has_error or any(mark in (child.text or b"") for mark in _UNUSED):
                continue
            own.update(words)
            if statement:
                out.late.update(words)
        elif child.type not in ("comment", "labeled_statement") and not child.type.startswith("preproc"):
            statement = True
    there = _words(node.text or b"") if own else Counter()
    for word, count in own.items():
        out.names[word] = max(out.names[word], count)
        if word not in parameters:
            out.unused[word] += there[word] <= count


def _parameters(function: Node) -> list[bytes]:
    """The names of a function definition's parameters, none for any other node."""
    head = function.child_by_field_name("declarator") if function.type == "function_definition" else None
    while head is not None and head.type != "function_declarator":
        head = head.child_by_field_name("declarator")
    listed = head.child_by_field_name("parameters") if head is not None else None
    return [w for child in listed.named_children if (w := _name(child)) is not None] if listed is not None else []


def _words(text: bytes) -> Counter[bytes]:
    """How often each word stands in `text`, members and comments left out."""
    bare = code(text)
    words: Counter[bytes] = Counter(identifiers(bare))
    words.subtract(Counter(every_member(bare)))
    return words


def _name(node: Node) -> bytes | None:
    found = identifier(node)
    return found.text if found is not None else None


def identifier(node: Node) -> Node | None:
    """The declared identifier of a declarator."""
    while node is not None:
        if node.type == "identifier":
            return node
        below = node.child_by_field_name("declarator")
        if below is None:
            below = next((c for c in node.named_children if c.type.endswith("declarator") or c.type == "identifier"),
                         None)
            if below is None:
                return None
        node = below
    return None
