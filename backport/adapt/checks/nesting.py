"""Are lines at the block depth that their indentation says?

A statement that a merge carries out of its `if` keeps its tabs. Kernel code is indented by its blocks, so a line of
this tree whose depth changes while nobody touched it has been moved by accident.
"""

from __future__ import annotations

from collections import Counter

from backport.adapt.align import line_key, silent
from backport.adapt.checks.base import Check, Context, Finding, Result, bare_lines
from backport.adapt.signals import Signal
from backport.bounded import by_content
from backport.csource.blocks import places
from backport.csource.functions import Function, enclosing
from backport.csource.source import Source


def ask(context: Context) -> list[Finding]:
    """NESTED for a kept line that the edits leave at another depth, where upstream keeps no such line so itself; DEPTH
    for an added one with upstream's tabs at another depth than upstream's. What stands under a head without braces has
    no depth of its own and is left out."""
    result, edits = context.result, context.edits
    found = []
    touched = {f.name: f for e in edits if (f := enclosing(result.problem.target, e.lo + 1)) is not None}
    for name, before in touched.items():
        after, theirs = _only(result.source, name), _only(result.problem.upstream, name)
        if after is None:
            continue
        now = _depths(result.source, after)
        was = _depths(result.problem.target, before)
        if now is None or was is None:
            continue
        known = Counter(_moved(result.problem.base or b"", result.problem.upstream, name)) \
            if theirs is not None else Counter()
        kept = [line for line in _kept(result, after, now, was) if not known[line_key(line)]]
        found += [Finding(Signal.NESTED, f"`{_shown(line)}` would move to another block of {name}() without "
                                         "being re-indented") for line in kept[:2]]
    return found + _added(context)


def _added(context: Context) -> list[Finding]:
    found, result = [], context.result
    for u, r in context.pairs:
        depths = deeper(result, u, r)
        if depths is not None and depths[0] != depths[1]:
            found.append(Finding(Signal.DEPTH, f"`{_shown(result.lines[r])}` is {depths[1]} blocks deep in this tree, "
                                               f"upstream's {depths[0]}"))
    return found[:2]


def deeper(result: Result, u: int, r: int) -> tuple[int, int] | None:
    """How many blocks of its function 0-based line `u` of upstream's file with the patch stands in, and the added line
    `r` of the result; None where that cannot be told or the tabs differ already."""
    after = result.problem.upstream
    theirs, ours = enclosing(after, u + 1), enclosing(result.source, r + 1)
    if theirs is None or ours is None or _tabs(result.lines[r]) != _tabs((result.problem.upstream_lines or [])[u]):
        return None
    a, b = _depths(after, theirs), _depths(result.source, ours)
    return (a[u + 1], b[r + 1]) if a is not None and b is not None and u + 1 in a and r + 1 in b else None


def _kept(result: Result, after: Function, now: dict[int, int], was: dict[int, int]) -> list[bytes]:
    """The lines of the result's function that it had before at another depth."""
    out = []
    for line, depth in now.items():
        if line - 1 in result.added:
            continue
        old = result.old_line(line - 1) + 1
        if old in was and was[old] != depth and not silent(line_key(result.lines[line - 1])):
            out.append(result.lines[line - 1])
    return out


@by_content(2 << 20)
def _moved(before: bytes, after: bytes, name: str) -> tuple[bytes, ...]:
    """The keys of lines that stand in upstream's function before and after with the same tabs at other depths."""
    f, g = _only(before, name), _only(after, name)
    a, b = (_depths(before, f) if f else None), (_depths(after, g) if g else None)
    if a is None or b is None:
        return ()
    x, y = (Counter((line_key(lines[n - 1]), _tabs(lines[n - 1]), depth) for n, depth in table.items())
            for lines, table in ((before.split(b"\n"), a), (after.split(b"\n"), b)))
    return tuple(key for key, tabs, depth in y - x if any((key, tabs) == (k2, t2) for k2, t2, _ in x - y))


def _only(source: bytes, name: str) -> Function | None:
    return Source.of(source).function(name)


@by_content(4 << 20)
def _depths(source: bytes, f: Function) -> dict[int, int] | None:
    """1-based line -> how many braces are open around it, inside the body; None where they do not balance (`#if`)."""
    out: dict[int, int] = {}
    depth = 0
    lines = bare_lines(source)
    found = places(source, f.body)
    if found is None:
        return None
    first, table = found
    for n in range(f.body + 1, f.end):
        text = lines[n - 1].strip()
        if 0 <= n - first < len(table) and not table[n - first].begun:
            out[n] = depth - (1 if text.startswith(b"}") else 0)
        depth += text.count(b"{") - text.count(b"}")
        if depth < 0:
            return None
    return out if depth == 0 else None


def _tabs(line: bytes) -> int:
    return len(line) - len(line.lstrip(b"\t"))


def _shown(line: bytes) -> str:
    return line.strip().decode("utf-8", "replace")


CHECK = Check(__name__, __doc__, ask, (Signal.DEPTH, Signal.NESTED), local=True)
