"""Under which conditions a line of a function runs: the heads of the blocks around it.

By braces and semicolons on source without comments, no grammar: an `#ifdef` half or a macro that opens a block
confuses it in the same way on both sides of a comparison. Directives are skipped.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from functools import lru_cache

from backport.csource.functions import Function, enclosing
from backport.csource.pieces import code, squeeze

_CASE = re.compile(rb"\s*(?:case\b[^?]*|default\s*):", re.DOTALL)
_LABEL = re.compile(rb"\s*\w+\s*:(?!:)")
_DEEP = 24               # blocks around a line that are kept, the innermost ones
_LONG = 400              # bytes of a beginning that are kept: a file of nothing but open brackets is one statement
_DIRECTIVE = re.compile(rb"^[ \t]*#[^\n]*(?:\\\n[^\n]*)*", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Place:
    """`head`: what opens the innermost block around the line, without white space, b"" where that is the function
    itself; `case`: the last case label of that block; `begun`: what of a statement stands before the line already,
    b"" where a statement begins on it (an `if (x)` without braces is such a beginning)."""

    head: bytes
    case: bytes
    begun: bytes
    outer: tuple[bytes, ...] = field(default=(), compare=False)      # what opens the blocks around, outermost first


def places(source: bytes, line: int) -> tuple[int, tuple[Place, ...]] | None:
    """(1-based first line of the body, the place of every line from there to the closing brace) for the function
    that holds 1-based `line`; None at file level."""
    function = enclosing(source, line)
    if function is None:
        return None
    return function.body + 1, _inside(source, function)


@lru_cache(maxsize=64)
def _inside(source: bytes, function: Function) -> tuple[Place, ...]:
    return _scan(b"\n".join(source.split(b"\n")[function.body:function.end - 1]))


def place_of(source: bytes, line: int) -> Place | None:
    """The place of 0-based `line`, None at file level."""
    found = places(source, line + 1)
    if found is None:
        return None
    first, table = found
    index = line + 1 - first
    return table[index] if 0 <= index < len(table) else None


@lru_cache(maxsize=64)
def _scan(text: bytes) -> tuple[Place, ...]:
    """The place of each line of a function's inside."""
    text = _DIRECTIVE.sub(lambda m: re.sub(rb"[^\n]", b" ", m[0]), code(text))
    out: list[Place] = []
    heads: list[bytes] = []
    cases: list[bytes] = [b""]
    start = round_depth = 0
    fresh = True                     # nothing but white space on this line so far
    for i in range(len(text) + 1):
        byte = text[i:i + 1]
        if fresh and (not byte.isspace() or byte == b"\n" or not byte):
            out.append(Place(heads[-1] if heads else b"", cases[-1], squeeze(text[max(start, i - _LONG):i]),
                             tuple(heads[-_DEEP:])))
            fresh = False
        if byte == b"\n":
            fresh = True
        elif byte in (b"(", b"["):
            round_depth += 1
        elif byte in (b")", b"]"):
            round_depth = max(0, round_depth - 1)
        elif byte == b"{":
            heads.append(squeeze(text[start:i]))
            cases.append(b"")
            start, round_depth = i + 1, 0
        elif byte == b"}":
            if heads:
                heads.pop()
                cases.pop()
            start, round_depth = i + 1, 0
        elif byte == b";" and not round_depth:
            start = i + 1
        elif byte == b":" and not round_depth:
            piece = text[start:i + 1]
            if _CASE.fullmatch(piece):
                cases[-1] = squeeze(piece)
                start = i + 1
            elif _LABEL.fullmatch(piece):
                start = i + 1
    return tuple(out)
