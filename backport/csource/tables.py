"""What is inside structs, enums and tables: entries, members, and which braces are open around a line."""

from __future__ import annotations

import re
from dataclasses import dataclass

from backport.bounded import by_content
from backport.csource.calls import parts
from backport.csource.pieces import blanks, code, squeeze
from backport.csource.scopes import Block
from backport.csource.source import Source

_CALL = re.compile(rb"(\w+)\s*\((.*)\)$", re.DOTALL)
_QUOTED = re.compile(rb"""/\*.*?(?:\*/|\Z)|//[^\n]*|"(?:\\.|[^"\\\n])*"|'(?:\\.|[^'\\\n])+'""", re.DOTALL)
_DIRECTIVE = re.compile(rb"^[ \t]*#[^\n]*", re.MULTILINE)
_MARKS = re.compile(rb"[{};,]|[^{};,]+")
_TYPE = re.compile(rb"(?:typedef )?(?:struct|union|enum)\b(?!.*=)")
_ATTRIBUTES = re.compile(rb"\s*\b__\w+|\)$")
_FIELD = re.compile(rb"^\t(\.\w+|\[\w+\])\s*=", re.MULTILINE)
_ENUM = re.compile(rb"^\t(\w+)\s*(?:=[^,\n]*)?(?:,|$)", re.MULTILINE)
_DEEP = 24               # braces around a line that are compared

Inner = tuple[bytes, bytes]          # what opens a brace, and the first thing behind it, without white space


@dataclass(frozen=True, slots=True)
class Entry:
    """One entry: the 0-based line of the file it begins on, and its parts without white space."""

    line: int
    items: tuple[bytes, ...]


@by_content(2 << 20)
def entries(source: bytes, b: Block) -> tuple[Entry, ...]:
    """The entries of a table that have parts: `{ A, B }` and `MACRO(A, B)`; none for an enum or a struct."""
    lines = source.split(b"\n")
    if b"=" not in lines[b.start - 1]:
        return ()
    text = b"\n".join(lines[b.start - 1:b.end])
    text = _DIRECTIVE.sub(lambda m: b" " * len(m[0]), text)
    text = _QUOTED.sub(lambda m: m[0] if m[0][:1] in b"\"'" else blanks(m[0]), text)
    bare = code(text)
    out = []
    first = bare.find(b"{") + 1
    for lo, hi in parts(bare, first, len(bare)).spans:
        piece = text[lo:hi]
        start = lo + len(piece) - len(piece.lstrip())
        piece = piece.strip()
        if piece.startswith(b"{"):
            inner = bare[start:hi].rstrip()
            items = [text[x:y] for x, y in parts(bare, start + 1, start + len(inner) - 1).spans]
        elif match := _CALL.match(piece):
            at = start + piece.index(b"(") + 1
            items = [text[x:y] for x, y in parts(bare, at, start + len(piece) - 1).spans]
            items[:1] = [match[1] + b"(" + (items[0] if items else b"")]
        else:
            continue
        inner_parts = tuple(x for item in items if (x := squeeze(item)))
        if inner_parts:
            out.append(Entry(b.start - 1 + text.count(b"\n", 0, start), inner_parts))
    return tuple(out)


def entries_around(source: bytes, b: Block, line: int) -> tuple[Inner, ...]:
    table = chains(source, b)
    return table[line - b.start + 1] if 0 <= line - b.start + 1 < len(table) else ()


@by_content(2 << 20)
def chains(source: bytes, b: Block) -> tuple[tuple[Inner, ...], ...]:
    """For each line of the block what is open where the line begins."""
    lines = Source.of(source).bare_lines[b.start - 1:b.end]
    out: list[tuple[Inner, ...]] = []
    stack: list[Inner] = []
    begun = b""
    fresh = False                    # the brace was just opened: what comes next is its first thing
    for line in lines:
        out.append(tuple(stack[:_DEEP]))
        if line.lstrip().startswith(b"#"):
            continue
        for piece in _MARKS.findall(line):
            if piece == b"{":
                stack.append((b" ".join(begun.split()), b""))
                begun, fresh = b"", True
            elif piece == b"}":
                if stack:
                    stack.pop()
                begun, fresh = b"", False
            elif piece in (b";", b","):
                begun = b""
            else:
                begun += piece
                if fresh and piece.strip():
                    stack[-1] = (stack[-1][0], b" ".join(piece.split()))
                    fresh = False
    return tuple(out)


def opened(chain: tuple[Inner, ...]) -> list[bytes]:
    """What opens the braces of a chain, without attributes; of a table without its own name."""
    return [_ATTRIBUTES.sub(b"", head) for head, _ in chain[0 if _TYPE.match(chain[0][0]) else 1:]]


def named_entries(text: bytes, *, enum: bool) -> list[tuple[int, bytes]]:
    """(0-based line, name) of the enumerators or designated initialisers that stand one tab deep in `text`."""
    return [(text.count(b"\n", 0, match.start(1)), match[1]) for match in (_ENUM if enum else _FIELD).finditer(text)]
