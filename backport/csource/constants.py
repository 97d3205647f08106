"""Constants: the values of enumerators and of runs of #define."""

from __future__ import annotations

import ast
import re
from collections.abc import Mapping
from dataclasses import dataclass

from backport.bounded import by_content
from backport.csource.calls import parts
from backport.csource.pieces import code
from backport.csource.scopes import Block, blocks
from backport.csource.source import Source

_DEFINE = re.compile(rb"#[ \t]*define[ \t]+(\w+)[ \t]+(\S.*)")
_ENUM = re.compile(r"(?:typedef )?enum\b")
_BIT = re.compile(r"\b(?:_?BIT(?:UL|_ULL|ULL)?|_BITU[L]*)\s*\(")
_ENUMERATOR = re.compile(rb"\s*(\w+)\s*(?:=(.*))?", re.DOTALL)
_DIRECTIVE = re.compile(rb"^[ \t]*#[^\n]*", re.MULTILINE)
_CONSTANT = re.compile(rb"-?[A-Z][A-Z0-9_]*|-?\d+|NULL|true|false|ERR_PTR\(-?\w+\)")
_NUMBER = re.compile(r"\b(0[xX][0-9a-fA-F]+|\d+)[uUlL]*\b")
_ERROR = re.compile(rb"-E[A-Z][A-Z0-9]+\b")
_LONGEST = 120           # bytes of an expression that is worked out
_WIDEST = 128            # bits


def error_codes(text: bytes) -> list[bytes]:
    """The negative error numbers (`-EINVAL`) of `text`, in order, each once."""
    return list(dict.fromkeys(_ERROR.findall(text)))


@dataclass(frozen=True, slots=True)
class Constant:
    """`value` is None where it cannot be told; `line` is 0-based."""

    value: int | None
    line: int
    text: bytes = b""


def is_constant(text: bytes) -> bool:
    """Whether an expression is a constant by its looks: a number, a name in capitals, an error pointer."""
    return _CONSTANT.fullmatch(text) is not None


def is_enum(block: Block) -> bool:
    """Whether the block is an enum."""
    return _ENUM.match(block.name) is not None


def enums(source: bytes) -> list[Block]:
    """Every enum at column 0."""
    return [b for b in blocks(source) if is_enum(b)]


def macro_with_value(line: bytes) -> bytes:
    """The name of a `#define` with a value, b"" for any other line."""
    match = _DEFINE.match(line)
    return match[1] if match is not None else b""


def run(source: bytes, line: int) -> dict[bytes, Constant]:
    """The `#define`s with a value that stand together with the one on 0-based `line`."""
    lines = Source.of(source).bare_lines
    lo = hi = line
    while lo > 0 and _together(lines[lo - 1]):
        lo -= 1
    while hi + 1 < len(lines) and _together(lines[hi + 1]):
        hi += 1
    found: dict[bytes, Constant] = {}
    for i in range(lo, hi + 1):
        match = _DEFINE.match(lines[i])
        if match:
            found[match[1]] = Constant(number(match[2], found), i, match[2])
    return found


def _together(line: bytes) -> bool:
    return not line.strip() or line.lstrip().startswith(b"#define") or line[:1] in b" \t"


@by_content(2 << 20)
def enumerators(source: bytes, b: Block) -> Mapping[bytes, Constant]:
    """name -> value of an enum's enumerators, in order."""
    text = b"\n".join(source.split(b"\n")[b.start - 1:b.end])
    bare = _DIRECTIVE.sub(lambda m: b" " * len(m[0]), code(text))
    at = bare.find(b"{") + 1
    found: dict[bytes, Constant] = {}
    value: int | None = -1
    inside = bare[at:bare.rfind(b"}")]
    for lo, hi in parts(inside, 0, len(inside)).spans:
        match = _ENUMERATOR.match(inside[lo:hi])
        if match:
            if match[2] is not None:
                value = number(match[2], found)
            elif value is not None:
                value += 1
            line = b.start - 1 + bare.count(b"\n", 0, at + lo + match.start(1))
            found[match[1]] = Constant(value, line, match[2] or b"")
    return found


def number(text: bytes, known: Mapping[bytes, Constant]) -> int | None:
    """The value of a constant expression, None where it has other words than those `known`."""
    if len(text) > _LONGEST:
        return None
    shown = _NUMBER.sub(_decimal, _BIT.sub("(1<<", text.decode("ascii", "replace").strip()))
    try:
        return _worked(ast.parse(shown, mode="eval").body, known)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None


def _decimal(match: re.Match[str]) -> str:
    """A number as Python reads it; one with a 0 in front is octal."""
    text = match[1]
    if text[:2].lower() == "0x":
        return str(int(text, 16))
    return str(int(text, 8)) if text[:1] == "0" and not re.search("[89]", text) else text


def _worked(node: ast.expr, known: Mapping[bytes, Constant]) -> int | None:
    if isinstance(node, ast.Constant):
        return node.value if isinstance(node.value, int) else None
    if isinstance(node, ast.Name):
        there = known.get(node.id.encode())
        return there.value if there is not None else None
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub | ast.Invert):
        one = _worked(node.operand, known)
        return None if one is None else -one if isinstance(node.op, ast.USub) else ~one
    if isinstance(node, ast.BinOp):
        a, b = _worked(node.left, known), _worked(node.right, known)
        if a is None or b is None:
            return None
        if isinstance(node.op, ast.LShift | ast.RShift):
            if not 0 <= b < _WIDEST or abs(a).bit_length() > _WIDEST:
                return None
            return a << b if isinstance(node.op, ast.LShift) else a >> b
        if isinstance(node.op, ast.Add):
            return a + b
        if isinstance(node.op, ast.Sub):
            return a - b
        if isinstance(node.op, ast.BitOr):
            return a | b
    return None
