"""Is the change in the function, entry or table in which upstream made it?

A function of another name is none: names change, code is split and moved. What counts is that this tree has upstream's
function too, without the change and with upstream's lines around it, that no newer tree has the change where this one
has it, and that upstream's own text put into this tree lands in upstream's function.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from backport.audit.kinds.base import Question, around, changed_too, holds, part, same_lines
from backport.audit.model import Backported, Fault, FileSide, Suspect

_SHARE = 0.5             # of the added lines: so much of them in a part and the change is there


def ask(change: Backported) -> Iterator[Suspect]:
    """One finding for a change all of whose lines are elsewhere than upstream's."""
    here, there = change.tree, change.upstream
    if not same_lines(here, there):
        return
    ours, theirs = _parts(here), _parts(there)
    if not ours or not theirs or set(ours) & set(theirs):
        return
    landed, wanted = ours.most_common(1)[0][0], theirs.most_common(1)[0][0]
    added = [key for _, key in here.telling]
    target = part(here.after, wanted, change.path)
    if not target or holds(target, added) >= _SHARE or _honest(change, landed, wanted, added):
        return
    gone = [key for _, key in there.gone]
    if gone and holds(target, gone) < 1 and holds(part(here.before, landed, change.path), gone) > 0:
        return                       # the lines to replace are in the other part here
    above, below = around(there, wanted)
    near = [(key, key in target) for key in (*above, *below)]
    found = sum(there_too for _, there_too in near)
    if not near or found < 0.5 * len(near):
        return
    yield Suspect(Fault.FUNCTION, change,
                  f"upstream changed {wanted}; here the lines are in {landed}, and {wanted} is without them",
                  0.5 + 0.4 * found / len(near), added[0].decode("utf-8", "replace"),
                  (f"{found} of {len(near)} of upstream's neighbouring lines are in {wanted} of this tree",))


def _parts(side: FileSide) -> Counter[str]:
    return Counter(name for line, _ in side.telling if (name := side.scope(line)))


def _honest(change: Backported, landed: str, wanted: str, added: list[bytes]) -> bool:
    """Whether a newer tree has the lines in the part where they are here, too, or the branch that stands for
    upstream has them no longer in the other, or took away the part in which they are here."""
    if changed_too(change, landed):
        return True
    newer = (*change.known, change.upstream.after)
    return holds(part(change.lasting, wanted, change.path), added) < _SHARE or any(
        holds(part(data, landed, change.path), added) >= _SHARE for data in newer)


QUESTION = Question(Fault.FUNCTION, ask)
