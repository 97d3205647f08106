"""Do the statements after a change stay under their `if`, `else` or loop without braces?"""

from __future__ import annotations

from collections.abc import Sequence

from backport.adapt.checks.base import Check, Context, Finding, bare_lines, quote
from backport.adapt.revisions import reversed_edits
from backport.adapt.signals import Signal
from backport.csource.blocks import place_of
from backport.csource.pieces import code
from backport.csource.statements import first_word, head_kind
from backport.patch.edits import Edit


def ask(context: Context) -> list[Finding]:
    """STATEMENT: what goes was all that a head without braces ruled, and now it rules the next statement; or what
    comes stands between such a head and its statement, or between an `if` and its `else`."""
    result, edits = context.result, context.edits
    problem = result.problem
    if problem.edits is not None and problem.upstream_lines is not None and problem.base is not None:
        back = reversed_edits(problem, context.hunk)
        if any(_changes(problem.base, problem.upstream, e, b.lo, problem.edits[context.hunk])
               for e, b in zip(problem.edits[context.hunk], back, strict=True)):
            return []                # upstream does so itself
    found = []
    for edit in edits:
        line = _changes(problem.target, result.source, edit, result.new_line(edit), result.edits)
        if line is not None:
            found.append(Finding(Signal.STATEMENT, f"{quote(line)} would move into or out of an `if` or "
                                                   "`else` without braces"))
    return found


def _changes(before: bytes, after: bytes, edit: Edit, at: int, edits: Sequence[Edit]) -> bytes | None:
    """The next statement behind `edit` (which stands in `after` at 0-based `at`), if another head rules it then."""
    lines = bare_lines(before)
    j = edit.hi
    while j < len(lines) and not lines[j].strip():
        j += 1
    if j >= len(lines) or any(edit.hi <= e.lo <= j and e is not edit for e in edits):
        return None
    new = code(b"".join(edit.new)).strip()
    text = lines[j].strip()
    if edit.lo == edit.hi and new and first_word(text) == b"else":
        return text
    was, now = place_of(before, j), place_of(after, at + len(edit.new) + j - edit.hi)
    if was is None or now is None:
        return None
    ruled, rules = _head(was.begun), _head(now.begun)
    if ruled != rules and ((not new and rules) or (edit.lo == edit.hi and new and ruled and not rules)):
        return text
    return None


def _head(begun: bytes) -> bytes:
    """A head without braces that is complete and rules what follows, b"" for any other beginning."""
    return begun if head_kind(begun) and begun.count(b"(") == begun.count(b")") else b""


CHECK = Check(__name__, __doc__, ask, (Signal.STATEMENT,), local=True)
