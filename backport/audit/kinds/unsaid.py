"""Does a commit differ from upstream's in what it does, without a word about it?"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from backport.audit.kinds.base import Question
from backport.audit.model import Backported, Fault, Suspect
from backport.csource.pieces import bare


def ask(change: Backported) -> Iterator[Suspect]:
    """Added code in other words than upstream's, in a commit whose changelog has no note in brackets."""
    here, there = change.tree, change.upstream
    if not change.one_commit or change.note or not here.made or not (here.telling and there.telling):
        return
    ours, theirs = (Counter(word for _, line in side.telling for word in bare(line)) for side in (here, there))
    new = [key for _, key in here.telling if key not in change.also | {other for _, other in there.telling}]
    if ours != theirs and new:
        yield Suspect(Fault.UNSAID, change, "the added code is not upstream's, and the changelog does not say why", 0.3,
                      new[0].decode("utf-8", "replace"))


QUESTION = Question(Fault.UNSAID, ask)
