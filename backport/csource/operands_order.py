"""Operands of `&&` and `||` that may stand in any order: which one comes first is a matter of taste.

Only where nothing can tell the orders apart: comparisons without calls, assignments and indexes, which follow the same
pointers, so that none of them is a condition for another one to be read at all (`p && p->next`).
"""

from __future__ import annotations

import re

_INNERMOST = re.compile(rb"\(([^(){};]*)\)")
_PATH = rb"\w+(?:(?:->|\.)\w+)*"
_PURE = re.compile(rb"!?%s(?:(?:==|!=|<=?|>=?)-?%s)?" % (_PATH, _PATH))


def in_one_order(source: bytes) -> bytes:
    """`source`, which has no white space but line ends, with such operands sorted: for comparing, not for compiling."""
    return _INNERMOST.sub(_sorted, source)


def _sorted(inside: re.Match[bytes]) -> bytes:
    text = b"".join(inside[1].split())
    for operator, other in ((b"&&", b"||"), (b"||", b"&&")):
        operands = text.split(operator)
        if len(operands) > 1 and other not in text and all(map(_PURE.fullmatch, operands)) \
                and len({_pointers(one) for one in operands}) == 1:
            return b"(" + operator.join(sorted(operands)) + b")"
    return inside[0]


def _pointers(operand: bytes) -> frozenset[bytes]:
    """Every pointer that is followed: of `a->b->c` it is `a` and `a->b`."""
    steps = [path.split(b"->") for path in re.findall(_PATH, operand)]
    return frozenset(b"->".join(path[:n]) for path in steps for n in range(1, len(path)))
