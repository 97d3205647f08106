"""Every question, and what all of them find.

A further class of findings is a file in this directory that ends with its record, and one import here.
"""

# ruff: noqa: F401
from __future__ import annotations

from collections.abc import Iterable, Iterator

from backport.audit.kinds.another_file import QUESTION as another_file
from backport.audit.kinds.another_if import QUESTION as another_if
from backport.audit.kinds.another_part import QUESTION as another_part
from backport.audit.kinds.another_struct import QUESTION as another_struct
from backport.audit.kinds.base import Question
from backport.audit.kinds.follow_up import QUESTION as follow_up
from backport.audit.kinds.left_out import QUESTION as left_out
from backport.audit.kinds.leftover import QUESTION as leftover
from backport.audit.kinds.lost_half import QUESTION as lost_half
from backport.audit.kinds.missing_name import QUESTION as missing_name
from backport.audit.kinds.newer_lacks import QUESTION as newer_lacks
from backport.audit.kinds.twice import QUESTION as twice
from backport.audit.kinds.unsaid import QUESTION as unsaid
from backport.audit.model import Backported, Fault, Suspect

# each import above is a row: no second list that could forget one
QUESTIONS: tuple[Question, ...] = tuple(one for one in tuple(globals().values()) if isinstance(one, Question))

_OF_COMMIT = (Fault.FOLLOW_UP, Fault.NEWER)        # about the commit as a whole, whatever is wrong with its lines


def findings(changes: Iterable[Backported]) -> Iterator[Suspect]:
    """What the questions find in the changes, in the order of the changes."""
    for change in changes:
        if change.plain and change.past is None:
            continue
        asked = QUESTIONS if change.elsewhere is None else (another_file,)
        found = [one for question in asked for one in question.ask(change)]
        # one mistake makes several: lines in another function stand under other conditions and locks there
        placed = [one for one in found if one.kind not in _OF_COMMIT]
        if placed:
            yield min(placed, key=lambda one: (one.kind.rank, -one.confidence))
        yield from (one for one in found if one.kind in _OF_COMMIT)
