"""Do all newer branches have what this one got?"""

from __future__ import annotations

from collections.abc import Iterator

from backport.audit.kinds.base import Question
from backport.audit.model import Backported, Fault, Suspect


def ask(change: Backported) -> Iterator[Suspect]:
    """The newer stable branches of the clone without the upstream commit."""
    lacking = change.past.newer_without() if change.past is not None else ()
    if lacking:
        verb = "lack" if len(lacking) > 1 else "lacks"
        yield Suspect(Fault.NEWER, change, f"{', '.join(lacking)} {verb} this commit", 0.65, " ".join(lacking))


QUESTION = Question(Fault.NEWER, ask)
