"""Does an added jump return the value that upstream's returns?"""

from __future__ import annotations

import re
from collections.abc import Sequence

from backport.adapt.checks.base import Check, Context, Finding, bare_lines
from backport.adapt.signals import Signal
from backport.csource.functions import Function, enclosing
from backport.csource.pieces import squeeze
from backport.csource.tokens import is_identifier

_GOTO = re.compile(rb"\bgoto\s+(\w+)\s*;")
_RETURN = re.compile(rb"\breturn\b\s*([^;]*?)\s*;")
_CONSTANT = re.compile(rb"-?[A-Z][A-Z0-9_]*|-?\d+|NULL|true|false|ERR_PTR\(-?\w+\)")
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
        jump = _GOTO.search(here[r])
        if jump is None:
            continue
        a, b = _behind(up, theirs, jump[1]), _behind(here, ours, jump[1])
        if a is None or b is None:
            continue
        shown = result.lines[r].strip().decode("utf-8", "replace")
        if a != b:
            found.append(Finding(Signal.LEAVING, f"`{shown}` returns `{_text(b)}` in this tree, `{_text(a)}` upstream"))
        elif is_identifier(a) and a not in _NO_NAME:
            one, two = _last(up, theirs, u, a), _last(here, ours, r, b)
            if one != two and any(_CONSTANT.fullmatch(x) for x in (one, two) if x):
                found.append(Finding(Signal.LEAVING, f"`{shown}` returns `{_text(b)}`, which is `{_text(two)}` here "
                                                     f"and `{_text(one)}` upstream, as far as the lines above it tell"))
    return found[:2]


def _text(value: bytes) -> str:
    return value.decode("utf-8", "replace") or "nothing yet"


def _behind(lines: Sequence[bytes], f: Function, label: bytes) -> bytes | None:
    """What the first `return` behind the label gives, None without one."""
    inside = lines[f.body:f.end]
    mark = re.compile(rb"\s*%s\s*:(?!:)" % re.escape(label))
    at = next((i for i, line in enumerate(inside) if mark.match(line)), None)
    if at is None:
        return None
    match = _RETURN.search(b"\n".join(inside[at:]))
    return squeeze(match[1]) if match else None


def _last(lines: Sequence[bytes], f: Function, at: int, name: bytes) -> bytes:
    """What `name` was set to last above line `at`, on a line that is not deeper in blocks; b"" where it was not."""
    sets = re.compile(rb"(?<![\w.>])%s\s*=(?!=)\s*(.*)" % re.escape(name))
    deep = _depth(lines[at])
    for i in range(at - 1, f.body - 1, -1):
        if not lines[i].startswith(b"\t"):       # a label, a directive
            continue
        deep = min(deep, _depth(lines[i]))       # on the way to the jump, not in a branch beside it
        match = sets.search(lines[i])
        if match and _depth(lines[i]) <= deep:
            return squeeze(match[1]).split(b";")[0].rstrip(b",")
    return b""


def _depth(line: bytes) -> int:
    return len(line) - len(line.lstrip(b"\t"))


CHECK = Check(__name__, __doc__, ask, (Signal.LEAVING,))
