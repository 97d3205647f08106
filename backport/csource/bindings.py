"""Which declaration a name of a function refers to: how deep the block is that declares it."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Sequence, Set
from dataclasses import dataclass

from tree_sitter import Node

from backport.bounded import by_content
from backport.csource.grammar import captures
from backport.csource.variables import identifier

NOWHERE = 0              # depth of a name that no block of the function declares
OUTER = 1                # of a parameter or a variable of the outermost block
_NODES = ("(identifier) @name (declaration) @declaration (parameter_declaration) @declaration "
          "(function_definition) @function (for_statement) @loop (compound_statement) @block")


@dataclass(frozen=True, slots=True)
class Use:
    """One use of a name: 0-based row of the function's text, column in bytes, and how deep the block is that declares
    it. `declares` for the declaration itself."""

    name: bytes
    row: int
    column: int
    depth: int
    declares: bool = False


@by_content(512 << 10)
def by_row(text: bytes) -> dict[int, tuple[Use, ...]]:
    """0-based row of a function's text -> its uses, in their order."""
    out: dict[int, list[Use]] = {}
    for use in variable_uses(text):
        out.setdefault(use.row, []).append(use)
    return {row: tuple(found) for row, found in out.items()}


@by_content(512 << 10)
def variable_uses(text: bytes) -> tuple[Use, ...]:
    """Every use of a variable's or function's name in a function's text; members, labels and tags are none."""
    found = captures(text, _NODES)
    # the outermost block and the parameters are one scope
    bodies = {body.id for one in found.get("function", ()) if (body := one.child_by_field_name("body")) is not None}
    scopes = [*found.get("function", ()), *found.get("loop", ()),
              *(one for one in found.get("block", ()) if one.id not in bodies)]
    declared = {inner.id for one in found.get("declaration", ()) for child in one.children_by_field_name("declarator")
                if (inner := identifier(child)) is not None}
    return tuple(_bound(sorted(found.get("name", ()), key=_start), sorted(scopes, key=_extent), declared))


def _start(node: Node) -> int:
    return node.start_byte


def _extent(node: Node) -> tuple[int, int]:
    """Scopes in this order come with the outer one before the inner one."""
    return node.start_byte, -node.end_byte


def _bound(names: Sequence[Node], scopes: Sequence[Node], declared: Set[int]) -> Iterator[Use]:
    """The uses in the order of the text, each with the innermost open scope that has declared its name so far."""
    waiting = deque(scopes)
    open_: list[tuple[int, set[bytes]]] = [(0, set())]     # where it ends, what it declares; first the file
    for node in names:
        at = node.start_byte
        while waiting and waiting[0].start_byte <= at:
            scope = waiting.popleft()
            while len(open_) > 1 and open_[-1][0] <= scope.start_byte:
                open_.pop()
            open_.append((scope.end_byte, set()))
        while len(open_) > 1 and open_[-1][0] <= at:
            open_.pop()
        name = node.text or b""
        here = node.id in declared
        if here:
            open_[-1][1].add(name)
        depth = next((n for n in range(len(open_) - 1, 0, -1) if name in open_[n][1]), NOWHERE)
        yield Use(name, node.start_point.row, node.start_point.column, depth, here)
