"""Is every function, type and macro of the file defined once?"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator

from backport import sections
from backport.adapt.checks.base import Check, Context, Finding
from backport.adapt.signals import Signal
from backport.csource.source import Piece

_NAMELESS = frozenset({"enum", "struct", "union", "typedef enum", "typedef struct", "typedef union"})


def ask(context: Context) -> Iterator[Finding]:
    """REDECLARED for a definition that an added line brings, and that this tree's file has already; as often as
    upstream's file has it (the halves of an `#if`) is no finding."""
    if not sections.is_c(context.problem.path):
        yield from _sections(context)
        return
    written = {at + 1 for at in context.written}
    new = {name for name, first, last in _defined(context.adapted.on(written))
           if name not in _NAMELESS and any(at in written for at in range(first, last + 1))}
    if not new:
        return
    now, was, theirs = (Counter(name for name, _, _ in _defined(one.pieces))
                        for one in (context.adapted, context.target, context.upstream))
    for name in sorted(new):
        if now[name] > max(1, was[name], theirs[name]):
            yield Finding(Signal.REDECLARED, f"`{name}` would be defined twice in this file", name.removesuffix("()"))


def _sections(context: Context) -> Iterator[Finding]:
    """The same of a `config`, a node or a rule that an added line opens."""
    path = context.problem.path
    opened = {sections.plain(one.name) for one in sections.every(context.result.source, path)
              if one.start - 1 in context.result.added and one.start < one.end}
    if not opened:
        return
    now, was, theirs = (Counter(sections.plain(one.name) for one in sections.every(text, at)) for text, at in (
        (context.result.source, path), (context.problem.target, path),
        (context.problem.upstream, context.problem.upstream_path)))
    for name in sorted(opened):
        if was[name] and now[name] > max(was[name], theirs[name]):
            yield Finding(Signal.REDECLARED, f"`{name}` would be twice in this file", name)


def _defined(pieces: Iterable[tuple[int, Piece]]) -> Iterator[tuple[str, int, int]]:
    """(name, 1-based first and last line of its head) of every definition in some pieces of a file."""
    for at, piece in pieces:
        yield from ((f"{f.name}()", at + f.start, at + f.body) for f in piece.functions)
        yield from ((b.name, at + b.start, at + b.start) for b in piece.blocks)
        yield from ((name.decode("utf-8", "replace"), at + line + 1, at + line + 1) for line, name in piece.macros)


CHECK = Check(__name__, __doc__, ask, (Signal.REDECLARED,))
