"""Every question, and what all of them find.

A further class of findings is a file in this directory that ends with its record, and one import here.
"""

# ruff: noqa: F401
from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import replace

from backport.audit.evidence import alone, rests, with_places
from backport.audit.kinds.another_file import QUESTION as another_file
from backport.audit.kinds.another_if import QUESTION as another_if
from backport.audit.kinds.another_part import QUESTION as another_part
from backport.audit.kinds.another_struct import QUESTION as another_struct
from backport.audit.kinds.as_applied import QUESTION as as_applied
from backport.audit.kinds.base import Question
from backport.audit.kinds.follow_up import QUESTION as follow_up
from backport.audit.kinds.left_out import QUESTION as left_out
from backport.audit.kinds.leftover import QUESTION as leftover
from backport.audit.kinds.lost_half import QUESTION as lost_half
from backport.audit.kinds.missing_name import QUESTION as missing_name
from backport.audit.kinds.newer_lacks import QUESTION as newer_lacks
from backport.audit.kinds.twice import QUESTION as twice
from backport.audit.kinds.unsaid import QUESTION as unsaid
from backport.audit.model import NOT_ASKED, Backported, Fault, Suspect

# each import above is a row: no second list that could forget one
QUESTIONS: tuple[Question, ...] = tuple(one for one in tuple(globals().values()) if isinstance(one, Question))

_LOOSE = (as_applied,)       # what is asked where only most of the words are the same
_WINDOW = 0.7            # of the confidence in what rests on a merge window
_PLAIN = (lost_half, missing_name)       # what the rest of the function can lack when the change itself is whole
# a step across a merge window says where lines are; what else differs can be another commit of mainline's
_ACROSS = (another_part, another_if, another_struct, as_applied, lost_half, missing_name)
_OF_COMMIT = (Fault.FOLLOW_UP, Fault.NEWER)        # about the commit as a whole, whatever is wrong with its lines


def _asked(change: Backported) -> tuple[Question, ...]:
    if change.elsewhere is not None:
        return (another_file,)
    if change.loose:
        return _LOOSE
    if not change.plain or change.past is not None:
        if not change.across:
            return QUESTIONS
        if alone(change):
            return _ACROSS
    return _PLAIN if _lacks(change) else ()


def _less_sure(one: Suspect) -> Suspect:
    """A finding whose upstream side is a whole merge window is listed after the others, with the reason: some other
    mainline commit may have moved the lines."""
    if not one.change.across or one.own:
        return one
    old, _, new = one.change.origin.upstream.partition("..")
    return replace(one, confidence=one.confidence * _WINDOW, evidence=(
        *one.evidence, f"{old} to {new} is many commits: another one can have moved the lines there"))


def _lacks(change: Backported) -> bool:
    """Whether upstream's step adds something to the file that the rest of the change can need, and this tree's not."""
    return not change.upstream.whole.needed_keys <= change.tree.whole.added_keys


def findings(changes: Iterable[Backported], weak: Counter[str] | None = None) -> Iterator[Suspect]:
    """What the questions find in the changes, in the order of the changes. `weak` counts, by class, what rests on too
    little to be listed, and as NOT_ASKED what is not asked for that reason."""
    for change in changes:
        asked = _asked(change)
        if weak is not None and change.across and not change.plain and asked != _ACROSS:
            weak[NOT_ASKED] += 1
        found = [one for question in asked for one in question.ask(change)]
        # one mistake makes several: lines in another function stand under other conditions and locks there
        placed = [one for one in found if one.kind not in _OF_COMMIT]
        if placed:
            first = min(placed, key=lambda one: (one.kind.rank, -one.confidence))
            if rests(first):
                yield _less_sure(with_places(first))
            elif weak is not None:
                weak[first.kind.id] += 1
        yield from (one for one in found if one.kind in _OF_COMMIT)
