"""Are the variables in added lines of the same kind as upstream's?"""

from __future__ import annotations

from collections.abc import Sequence

from backport.adapt.checks.base import Check, Context, Finding, Result, body, named, quote
from backport.adapt.signals import Signal
from backport.csource.declarations import kind_of, typed
from backport.csource.functions import enclosing
from backport.csource.pieces import KEYWORDS, code
from backport.csource.tokens import identifiers
from backport.csource.uses import compared
from backport.patch.edits import Edit


def ask(context: Context) -> list[Finding]:
    """TYPED: a variable that may be negative, is unsigned or is a pointer on one side only, where it is compared with
    zero or returned; or a name that the patch brings, of another type than upstream's."""
    result, edits = context.result, context.edits
    found = _brought(result, context.hunk, edits)
    for edit in edits:
        added = result.code(edit)
        ours = enclosing(result.source, result.new_line(edit) + 1) if edit.new else None
        theirs = named(result.problem.upstream, ours.name) if ours is not None else None
        if ours is None or theirs is None:
            continue
        here, up = code(body(result.source, ours)), code(theirs)
        for name in sorted((compared(added) & set(identifiers(added))) - KEYWORDS):
            a, b = kind_of(up, name), kind_of(here, name)
            if a and b and a != b:
                found.append(Finding(Signal.TYPED, f"{quote(name)} is {b} in {ours.name}() in this tree, {a} "
                                                   "upstream"))
    return found


def _brought(result: Result, k: int, edits: Sequence[Edit]) -> list[Finding]:
    """A parameter or variable that upstream names anew is named for its type: of another type it wants another name."""
    problem = result.problem
    if problem.edits is None:
        return []
    theirs = typed(code(b"".join(line for e in problem.edits[k] for line in e.new)))
    found = []
    for edit in edits:
        for name, kind in sorted(typed(result.code(edit)) - theirs):
            other = sorted(t for n, t in theirs if n == name)
            if other and not problem.target_has(name):
                found.append(Finding(Signal.TYPED, f"{quote(name)} is a {kind.decode()} here, a {other[0].decode()} "
                                                   "upstream"))
    return found


CHECK = Check(__name__, __doc__, ask, (Signal.TYPED,))
