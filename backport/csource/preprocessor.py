"""#if and #define in a piece of code without comments: the condition that each line is under, and the macros that it
defines.

Blocks of a whole file that are compiled or left out together are `conditional`'s.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

from backport.csource.pieces import squeeze

_CONDITIONAL = re.compile(rb"^[ \t]*#[ \t]*(if|ifdef|ifndef|elif|else|endif)\b([^\n]*)"
                          rb"(?:\n[ \t]*#[ \t]*define[ \t]+(\w+))?", re.MULTILINE)
_DEFINE = re.compile(rb"^[ \t]*#[ \t]*define[ \t]+([A-Za-z_]\w*)", re.MULTILINE)
_DEFINED = re.compile(rb"^(!?)defined\(?(\w+)\)?$")


@dataclass(frozen=True, slots=True)
class Directive:
    """`line` is 0-based, `text` the condition without white space; `guard` for the #ifndef of an include guard."""

    line: int
    kind: bytes
    text: bytes
    guard: bool


def conditionals(text: bytes) -> tuple[Directive, ...]:
    """Every #if and what belongs to it, in order."""
    out = []
    line = at = 0
    for match in _CONDITIONAL.finditer(text):
        line += text.count(b"\n", at, match.start())
        at = match.start()
        kind, condition = match[1], squeeze(match[2])
        if kind in (b"if", b"ifdef", b"ifndef"):
            condition = b"!" + condition if kind == b"ifndef" else condition
            condition = _DEFINED.sub(rb"\1\2", condition)
        out.append(Directive(line, kind, condition, kind == b"ifndef" and match[3] == condition[1:]))
    return tuple(out)


def conditions(directives: Iterable[tuple[int, Directive]], lines: int) -> tuple[tuple[bytes, ...], ...]:
    """For each of so many lines the conditions that it is under, without include guards. `directives` with the line
    that theirs count from."""
    out: list[tuple[bytes, ...]] = []
    stack: list[list[bytes]] = []
    for first, one in directives:
        out += [tuple(x for part in stack for x in part)] * (first + one.line - len(out))
        if one.kind == b"endif":
            stack = stack[:-1]
        elif one.kind in (b"elif", b"else"):
            if stack:
                stack[-1] = [*(negated(x) for x in stack[-1][:1]), *([one.text] if one.text else [])]
        else:
            stack.append([] if one.guard else [one.text])
    return (*out, *[tuple(x for part in stack for x in part)] * (lines - len(out)))


def negated(condition: bytes) -> bytes:
    """The opposite of a condition: `!X` for `X`, and the other way round."""
    return condition[1:] if condition[:1] == b"!" else b"!" + condition


def define_lines(text: bytes) -> list[tuple[int, bytes]]:
    """(0-based line, name) of each #define."""
    return [(text.count(b"\n", 0, match.start(1)), match[1]) for match in _DEFINE.finditer(text)]
