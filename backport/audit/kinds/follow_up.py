"""Has mainline fixed this fix since, and the branch not?"""

from __future__ import annotations

from collections.abc import Iterator

from backport.audit.kinds.base import Question
from backport.audit.model import Backported, Fault, Suspect


def ask(change: Backported) -> Iterator[Suspect]:
    """A commit of mainline that says `Fixes:` of this one."""
    for sha, subject in change.past.follow_ups() if change.past is not None else ():
        yield Suspect(Fault.FOLLOW_UP, change, f"{sha[:12]} (\"{subject}\") fixes this commit upstream, and this "
                      "branch does not have it", 0.85, sha[:12])


QUESTION = Question(Fault.FOLLOW_UP, ask)
