"""Is the change in the half of an #if that upstream's is in?"""

from __future__ import annotations

from collections.abc import Iterator

from backport.adapt.checks.pp_condition import CHECK
from backport.adapt.signals import Signal
from backport.audit.kinds.base import Question, checked
from backport.audit.model import Backported, Fault, Suspect


def ask(change: Backported) -> Iterator[Suspect]:
    """A line that stands under the opposite of upstream's condition."""
    yield from checked(change, CHECK, {Signal.HALF: Fault.HALF}, 0.85)


QUESTION = Question(Fault.HALF, ask)
