"""Do lines of files that are no C stand in the section that upstream's stand in?

A `select` in the next `config`, a property in another device's node: nothing in their text says whose they are.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from functools import lru_cache

from backport.csource.pieces import code
from backport.rewrite.checks.base import Doubt, Names, Result, added_pairs
from backport.rewrite.render import Edit
from backport.rewrite.signals import Signal

_DEEP = 24               # nodes around a line that are compared
_KCONFIG = re.compile(rb"\s*(config|menuconfig|choice|menu|comment|endmenu|endchoice|if|endif)\b[ \t]*(.*)")
_FUNCTION = re.compile(rb"(?:SYM_\w*START\w*|ENTRY|ENDPROC|END|SYM_\w*END\w*)\((\w+)")


def check(result: Result, k: int, edits: Sequence[Edit], names: Names) -> list[Doubt]:
    """INSIDE: another `config`, node or routine is around an added line than around upstream's."""
    of = _reader(result.problem.path)
    if of is None:
        return []
    theirs, ours = of(result.problem.after_source), of(result.source)
    found = []
    for u, r in added_pairs(result, k, edits):
        a, b = theirs[u], ours[r]
        if a != b and not (not a and not b):
            shown = result.lines[r].strip().decode("utf-8", "replace")
            found.append(Doubt(Signal.INSIDE, f"`{shown}` stands in `{b.decode('utf-8', 'replace')}` in this tree, in "
                                              f"`{a.decode('utf-8', 'replace')}` upstream"))
    return found[:1]


def _reader(path: str) -> Callable[[bytes], tuple[bytes, ...]] | None:
    name = path.rsplit("/", 1)[-1]
    if name.startswith("Kconfig"):
        return _kconfig
    if name.endswith((".dts", ".dtsi", ".dtso")):
        return _nodes
    return _routines if name.endswith(".S") else None


@lru_cache(maxsize=8)
def _kconfig(source: bytes) -> tuple[bytes, ...]:
    """For each line the entry of Kconfig that it belongs to; a line that begins one belongs to none."""
    out, now = [], b""
    for line in source.split(b"\n"):
        match = _KCONFIG.match(line)
        if match and not (match[1] == b"if" and line[:1] in b" \t"):
            now = b""
            out.append(now)
            if match[1] in (b"config", b"menuconfig", b"choice"):
                now = b" ".join(match[0].split())
        else:
            out.append(now)
    return tuple(out)


@lru_cache(maxsize=8)
def _nodes(source: bytes) -> tuple[bytes, ...]:
    """For each line the path of nodes around it."""
    out: list[bytes] = []
    stack: list[bytes] = []
    begun = b""
    for line in code(source).split(b"\n"):
        out.append(b"/".join(stack[-_DEEP:]))
        if line.lstrip().startswith(b"#"):
            continue
        for piece in re.findall(rb"[{};]|[^{};]+", line):
            if piece == b"{":
                stack.append(b" ".join(begun.split(b":")[-1].split()))
                begun = b""
            elif piece == b"}":
                stack = stack[:-1]
                begun = b""
            else:
                begun = b"" if piece == b";" else begun + piece
    return tuple(out)


@lru_cache(maxsize=8)
def _routines(source: bytes) -> tuple[bytes, ...]:
    """For each line of assembly the routine that it belongs to."""
    out, now = [], b""
    for line in source.split(b"\n"):
        match = _FUNCTION.match(line)
        if match:
            now = match[1] if b"START" in match[0] or match[0].startswith(b"ENTRY") else b""
        out.append(now)
    return tuple(out)
