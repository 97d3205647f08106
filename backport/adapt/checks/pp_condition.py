"""Do the added lines stand in the same half of an `#if` as upstream's?"""

from __future__ import annotations

import re
from functools import lru_cache

from backport.adapt.checks.base import Check, Context, Finding, bare_lines
from backport.adapt.signals import Signal

_DIRECTIVE = re.compile(rb"\s*#\s*(if|ifdef|ifndef|elif|else|endif)\b(.*)")


def ask(context: Context) -> list[Finding]:
    """HALF where a condition of the preprocessor that rules an added line is the opposite of upstream's or `#if 0`,
    PREPROCESSOR where it is only another one."""
    result = context.result
    theirs, ours = _conditions(result.problem.after_source), _conditions(result.source)
    found = []
    for u, r in context.pairs:
        a, b = theirs[u], ours[r]
        if a == b:
            continue
        shown = result.lines[r].strip().decode("utf-8", "replace")
        opposite = any(_negated(x) in b for x in a) or (b"0" in b and b"0" not in a)
        up, here = (" and ".join(x.decode("utf-8", "replace") for x in s) or "no #if" for s in (a, b))
        found.append(Finding(Signal.HALF if opposite else Signal.PREPROCESSOR,
                           f"`{shown}` stands under {here} in this tree, under {up} upstream"))
    return found[:1]


def _negated(text: bytes) -> bytes:
    return text[1:] if text[:1] == b"!" else b"!" + text


@lru_cache(maxsize=16)
def _conditions(source: bytes) -> tuple[tuple[bytes, ...], ...]:
    """For each line the conditions of the preprocessor around it, without an `#include` guard."""
    out: list[tuple[bytes, ...]] = []
    stack: list[list[bytes]] = []
    lines = bare_lines(source)
    for i, line in enumerate(lines):
        match = _DIRECTIVE.match(line)
        if match:
            kind, text = match[1], b"".join(match[2].split())
            if kind == b"endif":
                stack = stack[:-1]
            elif kind in (b"elif", b"else"):
                if stack:
                    stack[-1] = [*(_negated(x) for x in stack[-1][:1]), *([text] if text else [])]
            else:
                text = b"!" + text if kind == b"ifndef" else re.sub(rb"^defined\(?(\w+)\)?$", rb"\1", text)
                text = re.sub(rb"^!defined\(?(\w+)\)?$", rb"!\1", text)
                guard = kind == b"ifndef" and re.match(rb"\s*#\s*define\s+%s\b" % re.escape(text[1:]),
                                                       lines[i + 1] if i + 1 < len(lines) else b"")
                stack.append([] if guard else [text])
        out.append(tuple(x for part in stack for x in part))
    return tuple(out)


CHECK = Check(__name__, __doc__, ask, (Signal.HALF, Signal.PREPROCESSOR))
