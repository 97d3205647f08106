"""Does every name refer to the variable that it referred to, and that upstream's refers to?

A declaration that the patch adds can capture a use of this tree's own (a parameter, a variable of the file that has
the same name); one that goes can leave a use in a deeper block with its own variable of that name alone. Only where
names are bound tells it: the words are all there.
"""

from __future__ import annotations

from backport.adapt.align import align
from backport.adapt.checks.base import Check, Context, Finding, Result, body, named
from backport.adapt.signals import Signal
from backport.csource import bindings
from backport.csource.functions import Function, enclosing
from backport.csource.grammar import LONGEST, errors
from backport.csource.source import Source
from backport.csource.tokens import identifiers
from backport.patch.edits import Edit


def ask(context: Context) -> list[Finding]:
    """BOUND where a line that stays, or an added one, would mean another variable; UNDECLARED where it would mean none;
    SHADOW is only told: an added variable has the name of one of this tree's file."""
    result, edits = context.result, context.edits
    found: list[Finding] = []
    problem = result.problem
    pairs = context.pairs
    if context.as_upstream:          # what stays is bound as upstream's, and a name of the file alone may be hidden
        here, up = context.target, context.upstream
        pairs = [(u, r) for u, r in pairs if any(here.is_variable(name) and not up.is_variable(name)
                                                 for name in identifiers(result.lines[r]))]
    else:
        for f in {e_f.name: e_f for e in edits if (e_f := enclosing(problem.target, e.lo + 1)) is not None}.values():
            found += _stay(result, f)
    for u, r in pairs:
        found += _come(result, u, r)
    return list({(d.kind, d.text): d for d in found}.values())[:4]


def _stay(result: Result, f: Function) -> list[Finding]:
    """Lines of this tree's function that no edit touches."""
    problem = result.problem
    after = next(iter(Source.of(result.source).functions_named(f.name)), None)
    old, new = body(problem.target, f), named(result.source, f.name)
    if after is None or new is None or len(new) > LONGEST or errors(old) != errors(new):
        return []
    rows: dict[int, int] = {}
    grown = at = 0
    for edit in [*result.edits, Edit(len(problem.target_lines), len(problem.target_lines), ())]:
        for i in range(max(at, f.start - 1), min(edit.lo, f.end)):
            rows[i - f.start + 1] = i + grown - after.start + 1
        grown += len(edit.new) - (edit.hi - edit.lo)
        at = edit.hi
    before_after = _changed(old, new, rows)
    if not before_after:
        return []
    theirs = _upstream(result, f.name)
    out = []
    for name, was, now in sorted(before_after):
        if name in theirs:
            continue
        shown = name.decode("utf-8", "replace")
        if now == bindings.NOWHERE:
            out.append(Finding(Signal.UNDECLARED, f"{f.name}() uses `{shown}`, whose declaration is removed", shown))
        elif was != now:
            out.append(Finding(Signal.BOUND, f"existing uses of `{shown}` in {f.name}() would refer to the added "
                                             "variable", shown))
    return out


def _changed(old: bytes, new: bytes, rows: dict[int, int]) -> set[tuple[bytes, int, int]]:
    """(name, depth before, depth after) of names on lines that stay and are bound otherwise afterwards."""
    a, b = bindings.by_row(old), bindings.by_row(new)
    out = set()
    for i, j in rows.items():
        one, two = a.get(i, ()), b.get(j, ())
        if [u.name for u in one] == [u.name for u in two]:
            out |= {(x.name, x.depth, y.depth) for x, y in zip(one, two, strict=True)
                    if x.depth != y.depth and not x.declares and not y.declares}
    return out


def _upstream(result: Result, name: str) -> set[bytes]:
    """Names that upstream's change binds otherwise on its own lines."""
    problem = result.problem
    before, after = named(problem.base or b"", name), named(problem.upstream, name)
    if before is None or after is None:
        return set()
    partner = align(before.split(b"\n"), after.split(b"\n"))
    return {n for n, _, _ in _changed(before, after, {i: j for i, j in enumerate(partner) if j >= 0})}


def _come(result: Result, u: int, r: int) -> list[Finding]:
    """One added line."""
    after = result.problem.upstream
    theirs, ours = enclosing(after, u + 1), enclosing(result.source, r + 1)
    if theirs is None or ours is None:
        return []
    text, there = body(result.source, ours), body(after, theirs)
    if max(len(text), len(there)) > LONGEST:
        return []
    one = bindings.by_row(there).get(u - theirs.start + 1, ())
    two = bindings.by_row(text).get(r - ours.start + 1, ())
    if [x.name for x in one] != [x.name for x in two]:
        return []
    out = []
    target, upstream = Source.of(result.problem.target), Source.of(after)
    for a, b in zip(one, two, strict=True):
        shown = a.name.decode("utf-8", "replace")
        here, up = target.is_variable(a.name), upstream.is_variable(a.name)
        if b.declares:
            if here and not up:
                out.append(Finding(Signal.SHADOW, f"the added variable `{shown}` of {ours.name}() hides one of this "
                                                  "tree's file", shown))
        elif a.depth and not b.depth and here and not up:
            out.append(Finding(Signal.BOUND, f"`{shown}` is a variable of this tree's file, and one of {theirs.name}() "
                                             "upstream", shown))
        elif b.depth and not a.depth and up:
            out.append(Finding(Signal.BOUND, f"`{shown}` is a variable of {ours.name}() in this tree, and one of the "
                                             "file upstream", shown))
    return out


CHECK = Check(__name__, __doc__, ask, (Signal.BOUND, Signal.SHADOW, Signal.UNDECLARED))
