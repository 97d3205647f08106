"""Under which conditions a line of a function runs: the heads of the blocks around it.

By braces and semicolons on source without comments, no grammar: an `#ifdef` half or a macro that opens a block
confuses it in the same way on both sides of a comparison. Directives are skipped.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from backport.bounded import by_content
from backport.csource.layout import Function
from backport.csource.pieces import blanks, squeeze
from backport.csource.source import Source
from backport.csource.statements import gotos, head_kind, jump, label

_CASE = re.compile(rb"\s*(?:case\b[^?]*|default\s*):", re.DOTALL)
_LABEL = re.compile(rb"\s*\w+\s*:(?!:)")
LOOPS = (b"for", b"while", b"do")
_DEEP = 24               # blocks around a line that are kept, the innermost ones
_LONG = 400              # bytes of a beginning that are kept: a file of nothing but open brackets is one statement
_MARKS = re.compile(rb"[\n(){}\[\];:]")         # what a place changes at
_INDENT = re.compile(rb"[^\S\n]*")
_DIRECTIVE = re.compile(rb"^[ \t]*#[^\n]*(?:\\\n[^\n]*)*", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Place:
    """`outer`: what opens the blocks around the line, outermost first, without white space; `head`: the last of them,
    b"" where that is the function itself; `case`: the last case label of that block; `begun`: what of a statement
    stands before the line already, b"" where one begins on it (an `if (x)` without braces is such a beginning)."""

    head: bytes
    case: bytes
    begun: bytes
    outer: tuple[bytes, ...] = field(default=(), compare=False)


def places(source: bytes, line: int) -> tuple[int, tuple[Place, ...]] | None:
    """(1-based first line of the body, the place of every line from there to the closing brace) for the function
    that holds 1-based `line`; None at file level."""
    function = Source.of(source).enclosing(line)
    if function is None:
        return None
    return function.body + 1, _inside(source, function)


def _inside(source: bytes, function: Function) -> tuple[Place, ...]:
    return _scan(b"\n".join(Source.of(source).bare_lines[function.body:function.end - 1]))


def place_of(source: bytes, line: int) -> Place | None:
    """The place of 0-based `line`, None at file level."""
    found = places(source, line + 1)
    if found is None:
        return None
    first, table = found
    index = line + 1 - first
    return table[index] if 0 <= index < len(table) else None


def loops_left(source: bytes, line: int) -> tuple[bytes, ...]:
    """The heads of the loops that the jump on 0-based `line` leaves, outermost first; () where it leaves none, and for
    a `goto` whose label is not in the function."""
    text = Source.of(source).bare_lines[line]
    heads, word = around(source, line), jump(text)
    loops = tuple(head for head in heads if head_kind(head) in LOOPS)
    if word == b"return":
        return loops
    if word == b"break":
        inner = next((head for head in reversed(heads) if head_kind(head) in (*LOOPS, b"switch")), b"")
        return loops[-1:] if head_kind(inner) in LOOPS else ()
    if word != b"goto":
        return ()
    function = Source.of(source).enclosing(line + 1)
    there = next((i for i in range(function.body, function.end) for name in gotos(text)
                  if label(Source.of(source).bare_lines[i]) == name), None) if function is not None else None
    if there is None:
        return ()
    kept = sum(head_kind(head) in LOOPS for head in around(source, there))
    return loops[kept:]


def around(source: bytes, line: int) -> tuple[bytes, ...]:
    """What opens the blocks around 0-based `line`, outermost first; a head without braces is the last of them."""
    place = place_of(source, line)
    return tuple(filter(None, (*place.outer, place.begun))) if place is not None else ()


def _first(text: bytes, at: int) -> int:
    indent = _INDENT.match(text, at)
    return indent.end() if indent else at


@by_content(512 << 10)
def _scan(text: bytes) -> tuple[Place, ...]:
    """The place of each line of a function's inside, by its code."""
    text = _DIRECTIVE.sub(lambda m: blanks(m[0]), text)
    heads: list[bytes] = []
    cases: list[bytes] = [b""]
    start = round_depth = 0
    out = [Place(b"", b"", b"")]
    for mark in _MARKS.finditer(text):
        byte, at = mark[0], mark.start()
        if byte == b"\n":            # the next line, whose place is that of the first byte that is no white space
            first = _first(text, at + 1)
            out.append(Place(heads[-1] if heads else b"", cases[-1], squeeze(text[max(start, first - _LONG):first]),
                             tuple(heads[-_DEEP:])))
        elif byte in (b"(", b"["):
            round_depth += 1
        elif byte in (b")", b"]"):
            round_depth = max(0, round_depth - 1)
        elif byte == b"{":
            heads.append(squeeze(text[start:at]))
            cases.append(b"")
            start, round_depth = at + 1, 0
        elif byte == b"}":
            if heads:
                heads.pop()
                cases.pop()
            start, round_depth = at + 1, 0
        elif byte == b";" and not round_depth:
            start = at + 1
        elif byte == b":" and not round_depth:
            piece = text[start:at + 1]
            if _CASE.fullmatch(piece):
                cases[-1] = squeeze(piece)
                start = at + 1
            elif _LABEL.fullmatch(piece):
                start = at + 1
    return tuple(out)
