"""Does every changed function still parse, as far as upstream's does?"""

from __future__ import annotations

from backport.adapt.checks.base import Check, Context, Finding, Result, body, named
from backport.adapt.revisions import Problem
from backport.adapt.signals import Signal
from backport.csource.functions import Function, enclosing
from backport.csource.grammar import LONGEST, errors
from backport.csource.pieces import code
from backport.csource.scopes import block


def ask(context: Context) -> list[Finding]:
    """A function with more places that the grammar cannot read than before and than upstream's."""
    result, edits = context.result, context.edits
    found: list[Finding] = []
    for edit in edits:
        at = result.new_line(edit)
        after = enclosing(result.source, at + 1) if edit.new or at < len(result.lines) else None
        found += _syntax(result, enclosing(result.problem.target, edit.lo + 1), after)
    return found + _comma(context)


def _syntax(result: Result, before: Function | None, after: Function | None) -> list[Finding]:
    if before is None or after is None or before.name != after.name:
        return []
    old, new = body(result.problem.target, before), body(result.source, after)
    if max(len(old), len(new)) > LONGEST or old == new:
        return []
    grown = errors(new) - errors(old)
    if grown > 0 and grown > _errors_upstream(result.problem, after.name):
        return [Finding(Signal.SYNTAX, f"{after.name}() no longer parses")]
    return []


def _comma(context: Context) -> list[Finding]:
    """The same for a table: the entry above ends with a comma upstream, and not in this tree."""
    found, result = [], context.result
    for u, r in context.pairs:
        table = block(result.source, r + 1)
        if table is None or r == 0 or r - 1 in result.added:
            continue
        theirs, ours = (code(b"".join(lines[max(0, at - 8):at])).rstrip()
                        for lines, at in ((result.problem.upstream_lines or [], u), (result.lines, r)))
        if theirs[-1:] == b"," and ours[-1:].isalnum() and not ours.rsplit(b"\n", 1)[-1].lstrip().startswith(b"#"):
            found.append(Finding(Signal.SYNTAX, f"{table.name}: the entry above the added ones ends without a comma"))
    return found


def _errors_upstream(problem: Problem, name: str) -> int:
    """How many more places upstream's own function has after the patch that the grammar cannot read."""
    before, after = named(problem.base or b"", name), named(problem.upstream, name)
    if after is None:
        return 0
    return errors(after) - (errors(before) if before is not None else 0)


CHECK = Check(__name__, __doc__, ask, (Signal.SYNTAX,))
