"""Have added enumerators and flags values that are free in this tree, and in user space's headers upstream's values?"""

from __future__ import annotations

import ast
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

from backport.adapt.checks.base import Check, Context, Finding, Result, bare_lines
from backport.adapt.edits import Edit
from backport.adapt.signals import Signal
from backport.csource.pieces import code
from backport.csource.scopes import Block, block, blocks
from backport.csource.tokens import identifiers

_DEFINE = re.compile(rb"#[ \t]*define[ \t]+(\w+)[ \t]+(\S.*)")
_ENUM = re.compile(r"(?:typedef )?enum\b")
_BIT = re.compile(r"\b(?:_?BIT(?:UL|_ULL|ULL)?|_BITU[L]*)\s*\(")
_NUMBER = re.compile(r"\b(0[xX][0-9a-fA-F]+|\d+)[uUlL]*\b")
_LONGEST = 120           # bytes of an expression that is worked out
_WIDEST = 128            # bits


@dataclass(frozen=True, slots=True)
class Constant:
    """`value` is None where it cannot be told; `line` is 0-based."""

    value: int | None
    line: int
    text: bytes = b""


def ask(context: Context) -> list[Finding]:
    """VALUE: another name of this tree's enum, or of its run of `#define`s, has the added value already (an alias that
    upstream has too is none); or, in a header of user space, values become others than they were or than upstream's."""
    result, edits = context.result, context.edits
    found: list[Finding] = []
    after = result.problem.after_source
    seen: set[tuple[int, int]] = set()
    for u, r in context.pairs:
        theirs, ours = block(after, u + 1), block(result.source, r + 1)
        if theirs is not None and ours is not None and _ENUM.match(ours.name):
            if (theirs.start, ours.start) in seen:
                continue
            seen.add((theirs.start, ours.start))
            up, own = enumerators(after, theirs), enumerators(result.source, ours)
            new = {name for name, c in own.items() if c.line in result.added}
            for name in sorted(new):
                found += _taken(result, name, own, up, {n for n in own if n not in new})
            if "/uapi/" in "/" + result.problem.path:
                found += _shifted(result, edits, own, up, new)
        elif ours is None and _DEFINE.match(bare_lines(result.source)[r]):
            found += _flag(result, u, r)
    return found[:4]


def _taken(result: Result, name: bytes, own: Mapping[bytes, Constant], up: Mapping[bytes, Constant],
           others: set[bytes]) -> list[Finding]:
    """The other names that have the value of `name` here, and not so upstream."""
    mine = own[name]
    if mine.value is None:
        return []
    said = set(identifiers(mine.text))
    out = []
    for other in sorted(others - {name} - said):
        there = own[other]
        if there.value != mine.value or name in identifiers(there.text):
            continue
        if other in up and name in up and up[other].value == up[name].value:
            continue                 # upstream has the alias
        out.append(Finding(Signal.VALUE, f"`{_text(name)}` is {mine.value:#x} in this tree, which `{_text(other)}` has "
                                         f"already, at line {result.old_line(there.line) + 1}"))
    return out


def _shifted(result: Result, edits: Sequence[Edit], own: Mapping[bytes, Constant], up: Mapping[bytes, Constant],
             new: set[bytes]) -> list[Finding]:
    """User space was built with the values: an added one has upstream's, and no other one changes."""
    out = [Finding(Signal.VALUE, f"`{_text(n)}` is {own[n].value} in this tree and {up[n].value} upstream, and user "
                                 "space knows one value only")
           for n in sorted(new) if n in up and own[n].value is not None and up[n].value not in (None, own[n].value)]
    problem = result.problem
    was = next((b for e in edits if (b := block(problem.target, e.lo + 1)) is not None), None)
    before = enumerators(problem.target, was) if was is not None else {}
    their = {n: c for b in _enums(problem.preimage or b"") for n, c in enumerators(problem.preimage or b"", b).items()}
    for name, c in before.items():
        now = own.get(name)
        if now is None or None in (now.value, c.value) or now.value == c.value or name in new:
            continue
        if name in their and name in up and their[name].value != up[name].value:
            continue                 # a `__MAX` grows upstream as well
        out.append(Finding(Signal.VALUE, f"`{_text(name)}` becomes {now.value} and was {c.value}, and user space knows "
                                         "the old value"))
    return out[:2]


def _enums(source: bytes) -> list[Block]:
    return [b for b in blocks(source) if _ENUM.match(b.name)]


def _flag(result: Result, u: int, r: int) -> list[Finding]:
    """The same for a `#define` among others whose names begin alike."""
    own, up = run(result.source, r), run(result.problem.after_source, u)
    name = _DEFINE.match(bare_lines(result.source)[r])
    if name is None or name[1] not in own or name[1] not in up:
        return []
    near = sorted((c.line, n) for n, c in up.items() if n != name[1])
    beside = [n for line, n in near if line < u][-1:] + [n for line, n in near if line > u][:1]
    stem = max((_common(name[1], n) for n in beside), key=len, default=b"")
    if not stem:
        return []
    others = {n for n, c in own.items() if n.startswith(stem) and c.line not in result.added}
    return _taken(result, name[1], own, up, others)


def _common(one: bytes, two: bytes) -> bytes:
    """The words that both names begin with, b"" for none."""
    a, b = one.split(b"_"), two.split(b"_")
    n = 0
    while n < min(len(a), len(b)) and a[n] == b[n]:
        n += 1
    return b"".join(part + b"_" for part in a[:n])


def run(source: bytes, line: int) -> dict[bytes, Constant]:
    """The `#define`s with a value that stand together with the one on 0-based `line`."""
    lines = bare_lines(source)
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


@lru_cache(maxsize=64)
def enumerators(source: bytes, b: Block) -> Mapping[bytes, Constant]:
    """name -> value of an enum's enumerators, in order."""
    text = b"\n".join(source.split(b"\n")[b.start - 1:b.end])
    bare = re.sub(rb"^[ \t]*#[^\n]*", lambda m: b" " * len(m[0]), code(text), flags=re.MULTILINE)
    at = bare.find(b"{") + 1
    found: dict[bytes, Constant] = {}
    value: int | None = -1
    for piece in _commas(bare[at:bare.rfind(b"}")]):
        match = re.match(rb"\s*(\w+)\s*(?:=(.*))?", piece, re.DOTALL)
        if match:
            if match[2] is not None:
                value = number(match[2], found)
            elif value is not None:
                value += 1
            line = b.start - 1 + bare.count(b"\n", 0, at + match.start(1))
            found[match[1]] = Constant(value, line, match[2] or b"")
        at += len(piece) + 1
    return found


def _commas(text: bytes) -> list[bytes]:
    out, depth, start = [], 0, 0
    for i, byte in enumerate(text):
        depth += (byte == 40) - (byte == 41)
        if byte == 44 and not depth:
            out.append(text[start:i])
            start = i + 1
    return [*out, text[start:]]


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


def _text(name: bytes) -> str:
    return name.decode("utf-8", "replace")


CHECK = Check(__name__, __doc__, ask, (Signal.VALUE,))
