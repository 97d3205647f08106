"""The operands of a condition, and what stands around them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from backport.csource.pieces import tokens

_OPEN = {b"(", b"[", b"{"}
_CLOSE = {b")", b"]", b"}"}
LOGICAL = (b"&&", b"||")
_OPERATORS = frozenset({*LOGICAL, b"!", b"<", b">", b"<=", b">=", b"==", b"!="})


@dataclass(frozen=True, slots=True)
class Condition:
    """`head` up to the first operand, `operands` with the white space around each, joined by `joiner` (b"" for one
    operand alone), and `tail` behind the last one. The parts add up to the source."""

    head: bytes
    operands: tuple[bytes, ...]
    joiner: bytes
    tail: bytes


def condition(source: bytes) -> Condition | None:
    """The condition of the first `if` or `while` of a piece of C, else what its first `return` gives back; None where
    there is none, it does not end, or `&&` and `||` stand side by side in it."""
    parts = tokens(source)
    for n, text in enumerate(parts):
        if text in (b"if", b"while"):
            start = next((i + 1 for i in range(n + 1, len(parts)) if parts[i].strip()), 0)
            return _split(parts, start, b")") if start and parts[start - 1] == b"(" else None
        if text == b"return":
            return _split(parts, n + 1, b";")
    return None


def logical(source: bytes) -> int:
    """How many `&&` and `||` stand in `source`."""
    return sum(text in LOGICAL for text in tokens(source))


def without_operators(source: bytes) -> bytes:
    """`source` without what makes a condition of its operands: comparisons, `&&`, `||` and `!`."""
    return b"".join(text for text in tokens(source) if text not in _OPERATORS)


def _split(parts: Sequence[bytes], start: int, closing: bytes) -> Condition | None:
    operands: list[bytes] = []
    joiners: set[bytes] = set()
    depth, at = 0, start
    for n in range(start, len(parts)):
        text = parts[n]
        if not depth and text == closing:
            operands.append(b"".join(parts[at:n]))
            if len(joiners) > 1:
                return None
            return Condition(b"".join(parts[:start]), tuple(operands), b"".join(joiners), b"".join(parts[n:]))
        if not depth and text in LOGICAL:
            operands.append(b"".join(parts[at:n]))
            joiners.add(text)
            at = n + 1
        depth += (text in _OPEN) - (text in _CLOSE)
        if depth < 0 or (not depth and text in (b"?", b";", b"/*", b"//")):
            return None              # binds less than the operators do
    return None
