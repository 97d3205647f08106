"""Is there anything that the tool's own checks would object to, had it made this change?"""

from __future__ import annotations

from collections.abc import Iterator

from backport.adapt.checks.base import Context, Result
from backport.adapt.checks.registry import findings
from backport.adapt.revisions import Problem
from backport.adapt.signals import Signal
from backport.audit.kinds.base import Question
from backport.audit.model import Backported, Fault, Suspect
from backport.patch.edits import Edit, render_hunks
from backport.patch.parse import split_lines
from backport.replay.cases import groups

_KINDS = {
    Signal.HALF: Fault.HALF, Signal.INSIDE: Fault.INSIDE,
    Signal.BALANCE: Fault.LOST_HALF, Signal.OPPOSITE: Fault.LOST_HALF, Signal.NO_LABEL: Fault.LOST_HALF,
    Signal.UNREACHED: Fault.LOST_HALF, Signal.UNDECLARED: Fault.MISSING, Signal.SCOPE: Fault.MISSING,
    Signal.ARITY: Fault.MISSING,
}
ALL = False


def context(change: Backported) -> Context | None:
    """The change as an answer of the tool's, None where upstream's file cannot be read so."""
    here, there = change.tree, change.upstream
    hunks = render_hunks(split_lines(there.before), [Edit(e.lo, e.hi, e.new) for e in there.edits])
    number = next((n for n, group in enumerate(groups(there.edits)) if group == there.made), None)
    problem = Problem(hunks, here.before, there.before, change.path, there.path)
    if number is None or problem.edits is None or number >= len(problem.edits):
        return None
    return Context(Result(problem, here.edits), number, here.made)


def ask(change: Backported) -> Iterator[Suspect]:
    """What the checks find."""
    if not change.tree.telling:
        return
    asked = context(change)
    if asked is None:
        return
    for one in findings(asked):
        kind = _KINDS.get(one.kind)
        if ALL or kind is not None:
            yield Suspect(kind or Fault.UNSAID, change, f"{one.kind.id}: {one.text}", 0.5, one.subject or one.text)


QUESTION = Question(Fault.LOST_HALF, ask)
