"""Would the function have what upstream adds more often than upstream's own function has it?"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from itertools import pairwise

from backport.adapt.align import line_key, weak
from backport.adapt.checks.base import Check, Context, Finding, quote
from backport.adapt.signals import Signal
from backport.bounded import by_content
from backport.csource.layout import Function
from backport.csource.source import Piece, Source

_LEAST = 4                           # names in them: fewer may be in this tree's function for a reason of their own
_ENDS = b";&|){"                     # of a statement, and of what is asked in a condition
_WAYS_OUT = (b"return", b"goto", b"break", b"continue")


def ask(context: Context) -> Iterator[Finding]:
    """TWICE, where every statement that upstream adds to a function would be there once too often: this tree has the
    change, in another place or order. Likewise where the edits only change the order of lines that are here."""
    twice: dict[str, set[bytes]] = {}
    once: set[str] = set()
    for u, r in context.pairs:
        theirs, ours = context.upstream.enclosing(u + 1), context.adapted.enclosing(r + 1)
        key = line_key(context.result.lines[r])
        if theirs is None or ours is None or not _telling(key):
            continue
        after = _lines(context.upstream, theirs)[key]
        if _lines(context.adapted, ours)[key] > after:
            twice.setdefault(ours.name, set()).add(key)
        elif after > _lines(context.base, context.base.function(theirs.name))[key]:
            once.add(ours.name)              # what upstream only moves is there once, before and after
    for name, keys in twice.items():
        if name not in once and _enough(keys):
            yield Finding(Signal.TWICE, f"{name}() has all that upstream adds to it already")
    if context.problem.upstream_lines is None:
        yield from _all_here(context)
    yield from _beside(context)
    if _reorders(context):
        yield Finding(Signal.TWICE, "the lines that upstream adds are here: they would only change places")


def _all_here(context: Context) -> Iterator[Finding]:
    """The same where upstream's file is not known: each statement that is added is in this tree's function."""
    added: dict[str, set[bytes]] = {}
    for r in context.written:
        ours, key = context.adapted.enclosing(r + 1), line_key(context.result.lines[r])
        if ours is not None and _telling(key):
            added.setdefault(ours.name, set()).add(key)
    for name, keys in added.items():
        here = _lines(context.kept, context.kept.function(name))
        if all(here[key] for key in keys):
            kind = Signal.TWICE if _enough(keys) else Signal.DUPLICATE
            yield Finding(kind, f"{name}() has all that is added to it already")


def _beside(context: Context) -> Iterator[Finding]:
    """A statement that would stand beside itself, whatever it names. Lines in this tree's words count as well: what a
    repair makes of `kfree(new->name);` may be the `kfree(old->name);` that is there."""
    result = context.result
    hunk = context.problem.hunks[context.hunk]
    if any(one == two and not weak(one) for one, two in pairwise(map(line_key, hunk.new))):
        return                               # upstream repeats a line
    for r in context.written:
        key = line_key(result.lines[r])
        if _telling(key) and key.endswith((b";", b"&&", b"||")) and any(
                at not in result.added and line_key(result.lines[at]).rstrip(_ENDS) == key.rstrip(_ENDS)
                for at in _neighbours(result.lines, r)):
            yield Finding(Signal.TWICE, f"{quote(result.lines[r])} would stand beside itself")


def _neighbours(lines: Sequence[bytes], at: int) -> Iterator[int]:
    """The lines above and below lines[at], empty ones apart."""
    for step in (-1, 1):
        near = at + step
        while 0 <= near < len(lines) and not lines[near].strip():
            near += step
        if 0 <= near < len(lines):
            yield near


def _reorders(context: Context) -> bool:
    """Whether the edits take and add the same lines, and upstream's hunk does not."""
    problem = context.problem
    taken, made = (Counter(map(line_key, lines)) for lines in (
        (line for edit in context.edits for line in problem.target_lines[edit.lo:edit.hi]),
        (line for edit in context.edits for line in edit.new)))
    hunk = problem.hunks[context.hunk]
    return bool(made) and taken == made and Counter(map(line_key, hunk.removed)) != Counter(map(line_key, hunk.added))


def _telling(key: bytes) -> bool:
    """Whether a line is a statement of its own, and no way out."""
    return not (weak(key) or key.startswith(_WAYS_OUT))


def _enough(keys: Iterable[bytes]) -> bool:
    """Whether the lines name enough to be no chance."""
    return len(Piece.of(b"\n".join(sorted(keys))).names) >= _LEAST


def _lines(source: Source, function: Function | None) -> Counter[bytes]:
    return _counted(source.text(function)) if function is not None else Counter()


@by_content(2 << 20)
def _counted(text: bytes) -> Counter[bytes]:
    return Counter(map(line_key, text.split(b"\n")))


CHECK = Check(__name__, __doc__, ask, (Signal.DUPLICATE, Signal.TWICE))
