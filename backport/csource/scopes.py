"""The top-level thing that a line belongs to: a function, a struct, a table of operations.

Two tables with equal entries stand below each other in many drivers; landing in the other one is as wrong as
landing in another function, and only the line that opens the table tells them apart.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from backport.csource.functions import enclosing
from backport.csource.layout import Block, block_name
from backport.csource.source import Source

__all__ = ["Block", "block", "blocks", "insertion_scope", "is_c", "scope"]

_C = (".c", ".h", ".S")
_SPACE = re.compile(rb"\s+")


def is_c(path: str) -> bool:
    """True where function and table scopes mean something."""
    return path.endswith(_C)


def scope(source: bytes, line: int) -> str:
    """The name of what holds 1-based `line`: "name()" for a function, the opening line of a block, "" at file level."""
    function = enclosing(source, line)
    if function is not None:
        return f"{function.name}()"
    return _block(Source.of(source).lines, line - 1)


def insertion_scope(source: bytes, after: int) -> str:
    """The scope of lines put behind 1-based line `after` (0: at the top of the file).

    Behind the closing brace of a function one is at file level again, although that line belongs to it.
    """
    if after <= 0:
        return ""
    function = enclosing(source, after)
    if function is not None:
        return f"{function.name}()" if after < function.end else ""
    lines = Source.of(source).lines
    return "" if lines[after - 1][:1] == b"}" else _block(lines, after - 1)


def _block(lines: Sequence[bytes], index: int) -> str:
    """The line at column 0 that opens the block around lines[index], "" where no block is open there."""
    for i in range(min(index, len(lines) - 1), -1, -1):
        line = lines[i]
        if line[:1] == b"}" and i != index:
            return ""
        if line[:1].isalpha() or line[:1] == b"_":
            text = line.rstrip()
            if text.endswith((b"{", b"{ \\", b"{\\")):
                return block_name(text)
            if i + 1 < len(lines) and lines[i + 1].rstrip() == b"{":
                return _SPACE.sub(b" ", text).decode("utf-8", "replace")
            if text.endswith(b";") or text.endswith(b")"):
                return ""
    return ""


def blocks(source: bytes) -> tuple[Block, ...]:
    """Every block at column 0 that is no function, in order."""
    return Source.of(source).blocks


def block(source: bytes, line: int) -> Block | None:
    """The block that holds 1-based `line`, its first and last line not counted; None elsewhere."""
    return Source.of(source).block(line)
