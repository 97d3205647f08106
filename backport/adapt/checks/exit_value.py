"""Does an added jump return the value that upstream's returns?"""

from __future__ import annotations

from collections.abc import Sequence

from backport.adapt.checks.base import Check, Context, Finding, bare_lines
from backport.adapt.signals import Signal
from backport.csource.constants import is_constant
from backport.csource.functions import Function, enclosing
from backport.csource.pieces import squeeze
from backport.csource.statements import gotos, label, returned
from backport.csource.tokens import is_identifier
from backport.csource.uses import value

_NO_NAME = frozenset({b"NULL", b"true", b"false"})


def ask(context: Context) -> list[Finding]:
    """LEAVING where what is returned behind the label of an added `goto` is another expression here, or where the
    returned variable last got another constant above the added jump: the error is lost, or success is one."""
    result = context.result
    found = []
    after = result.problem.upstream
    for u, r in context.pairs:
        theirs, ours = enclosing(after, u + 1), enclosing(result.source, r + 1)
        if theirs is None or ours is None:
            continue
        up, here = bare_lines(after), bare_lines(result.source)
        jumps = gotos(here[r])
        if not jumps:
            continue
        a, b = _behind(up, theirs, jumps[0]), _behind(here, ours, jumps[0])
        if a is None or b is None:
            continue
        shown = result.lines[r].strip().decode("utf-8", "replace")
        if a != b:
            found.append(Finding(Signal.LEAVING, f"`{shown}` returns `{_text(b)}` in this tree, `{_text(a)}` upstream"))
        elif is_identifier(a) and a not in _NO_NAME:
            one, two = _last(up, theirs, u, a), _last(here, ours, r, b)
            if one != two and any(is_constant(x) for x in (one, two) if x):
                found.append(Finding(Signal.LEAVING, f"`{shown}` returns `{_text(b)}`, which is `{_text(two)}` here "
                                                     f"and `{_text(one)}` upstream, as far as the lines above it tell"))
    return found[:2]


def _text(expression: bytes) -> str:
    return expression.decode("utf-8", "replace") or "nothing yet"


def _behind(lines: Sequence[bytes], f: Function, name: bytes) -> bytes | None:
    """What the first `return` behind the label gives, None without one."""
    inside = lines[f.body:f.end]
    at = next((i for i, line in enumerate(inside) if label(line) == name), None)
    if at is None:
        return None
    text = returned(b"\n".join(inside[at:]))
    return squeeze(text) if text is not None else None


def _last(lines: Sequence[bytes], f: Function, at: int, name: bytes) -> bytes:
    """What `name` was set to last above line `at`, on a line that is not deeper in blocks; b"" where it was not."""
    deep = _depth(lines[at])
    for i in range(at - 1, f.body - 1, -1):
        if not lines[i].startswith(b"\t"):       # a label, a directive
            continue
        deep = min(deep, _depth(lines[i]))       # on the way to the jump, not in a branch beside it
        given = value(lines[i], name)
        if given is not None and _depth(lines[i]) <= deep:
            return squeeze(given).rstrip(b",")
    return b""


def _depth(line: bytes) -> int:
    return len(line) - len(line.lstrip(b"\t"))


CHECK = Check(__name__, __doc__, ask, (Signal.LEAVING,), local=True)
