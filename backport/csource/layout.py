"""Where functions, structs and tables begin and end in kernel C, by layout.

Kernel style puts the braces of a function body alone at column 0, which holds where a grammar fails (macros
that open a definition, #ifdef around half a signature). Both sides of every comparison use this same reader,
so a quirk of it cannot make two equal places look different.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

_WORD = bytes(char for char in range(128) if chr(char).isalnum() or char == 95)
_NOT_A_NAME = frozenset({b"__attribute__", b"__aligned", b"__section", b"__printf", b"__acquires", b"__releases",
                         b"__must_hold", b"if", b"while", b"for", b"switch", b"sizeof", b"typeof", b"__typeof__",
                         b"__no_sanitize", b"__cfi", b"__init_or_module", b"noinline_for_stack", b"asmlinkage"})
SIGNATURE = 24                       # lines above a body that may be its signature
_DEFINE_MACROS = re.compile(rb"^(?:COMPAT_)?SYSCALL_DEFINE\d\(|^(?:DEFINE|DECLARE)_\w+\(|^[A-Z][A-Z0-9_]*\(")
_FIRST_ARGUMENT = re.compile(rb"[A-Z0-9_a-z]+\(\s*(\w+)")
_NO_BEGINNING = (b"#", b"}", b"*", b" *", b"/*", b"//")      # of a line of a signature; nor may it end so:
_NO_END = (b";", b"*/", b"}")


@dataclass(frozen=True, slots=True)
class Function:
    """One definition: 1-based first line of its signature, of its `{` and of its closing `}`."""

    name: str
    start: int
    body: int
    end: int


@dataclass(frozen=True, slots=True)
class Block:
    """A table, struct or enum: the text of the line that opens it, 1-based first line and closing line."""

    name: str
    start: int
    end: int


def functions_in(lines: Sequence[bytes]) -> list[Function]:
    """Every function that `lines` define, in order."""
    found: list[Function] = []
    i = 0
    while i < len(lines):
        line = lines[i]
        if line[:1] == b"{" and not line[1:].strip(b" \t\r"):
            start, name = signature(lines, i)
            end = _closing(lines, i)
            if name:
                found.append(Function(name.decode("utf-8", "replace"), start + 1, i + 1, end + 1))
                i = end
        i += 1
    return found


def blocks_in(lines: Sequence[bytes], functions: Sequence[Function]) -> list[Block]:
    """Every block at column 0 that is none of the `functions`, in order."""
    found = []
    start = -1
    for i, line in enumerate(lines):
        if start < 0 and (line[:1].isalpha() or line[:1] == b"_") and line.rstrip().endswith(b"{"):
            start = i
        elif start >= 0 and line[:1] == b"}":
            if not any(f.start <= start + 1 <= f.end for f in functions):
                found.append(Block(block_name(lines[start].rstrip()), start + 1, i + 1))
            start = -1
    return found


def block_name(opening: bytes) -> str:
    """What a block is called: the line that opens it, without its brace."""
    return b" ".join(opening.rstrip(b"\\ {").split()).rstrip(b" =").decode("utf-8", "replace")


def _closing(lines: Sequence[bytes], opening: int) -> int:
    for i in range(opening + 1, len(lines)):
        if lines[i][:1] == b"}":
            return i
        if lines[i][:1] == b"{" and not lines[i][1:].strip():   # the brace of the next body: this one never closed
            return i - 1
    return len(lines) - 1


def signature(lines: Sequence[bytes], brace: int) -> tuple[int, bytes]:
    """(0-based first line, name) of the signature that ends above the brace; name b"" for data."""
    top = brace
    while top > 0 and brace - top < SIGNATURE and not ends_above(lines[top - 1]):
        top -= 1
    return top, signature_name(b" ".join(lines[top:brace]))


def ends_above(line: bytes) -> bool:
    """Whether the signature of a body that stands below `line` begins below it too."""
    above = line.rstrip()
    return (not above or above.startswith(_NO_BEGINNING) or above.endswith(_NO_END)
            or (above.endswith(b":") and not above.startswith((b" ", b"\t"))))


def signature_name(text: bytes) -> bytes:
    """The name in the lines of a signature, joined with blanks; b"" for data."""
    begin, end = 0, text.find(b"(")
    if end < 0 or b"=" in text[:end]:
        return b""
    if _DEFINE_MACROS.match(text):
        inner = _FIRST_ARGUMENT.match(text)
        return inner[1] if inner else b""
    while end >= 0:                                      # what stands before each parenthesis
        before = text[begin:end].rstrip()
        name = before[len(before.rstrip(_WORD)):]
        if name and not name[:1].isdigit() and name not in _NOT_A_NAME:
            return name
        begin, end = end + 1, text.find(b"(", end + 1)
    return b""
