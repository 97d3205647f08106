"""Has a condition, a lock or an error path lost its other half?"""

from __future__ import annotations

import re
from collections.abc import Iterator

from backport.adapt.align import line_key
from backport.adapt.checks.guard import CHECK as guard
from backport.adapt.signals import Signal
from backport.audit.evidence import applies
from backport.audit.kinds.base import Question, checked, part_text
from backport.audit.model import Backported, Fault, FileSide, Suspect
from backport.csource.locks import halves
from backport.csource.pieces import code
from backport.csource.statements import gotos, has_label

_QUOTED = re.compile(r"`([^`]*)`")


def ask(change: Backported) -> Iterator[Suspect]:
    """A lock without its unlock, a line under the opposite condition, a jump to a label that is not there."""
    here = change.tree
    yield from _locks(change)
    # what replaces the very lines that upstream replaced stands under the conditions that this tree had there
    replaced = change.tree.gone and [key for _, key in change.tree.gone] == [key for _, key in change.upstream.gone]
    dropped = {line_key(line).removesuffix(b"{") for _, line in change.upstream.removed}
    # between releases only where upstream's hunk says of this very place what its condition is
    told = not replaced and (change.one_commit or applies(change, change.tree.before))
    for one in () if not told else checked(change, guard, {Signal.OPPOSITE: Fault.LOST_HALF}, 0.7):
        # under a condition that upstream's change itself dropped: the tree kept the older form
        if not dropped & {line_key(text.encode()) for text in _QUOTED.findall(one.text)}:
            yield one
    for name, added in here.functions.items():
        ours, theirs, today, before = (code(part_text(data, name)) for data in (
            here.after, change.upstream.after, change.today, here.before))
        lacking = [one for one in gotos(code(added)) if has_label(theirs, one) and one not in gotos(before)
                   and not has_label(ours, one) and not has_label(today, one)]
        if ours and today and lacking:
            yield Suspect(Fault.LOST_HALF, change, f"{name} jumps to `{lacking[0].decode()}`, which it does not have",
                          0.8, lacking[0].decode(), own=True)


def _locks(change: Backported) -> Iterator[Suspect]:
    """A lock of which this function got one half and upstream's got both."""
    gone = _kinds(code(b"".join(line for _, line in change.tree.removed)))
    for name, added in change.tree.functions.items():
        theirs = code(change.upstream.functions.get(name, b""))
        whole = _kinds(theirs) - {kind for kind, _ in halves(theirs)}
        # the other half can stand in another group of the same function
        own = halves(code(added))
        lacking = own & halves(code(change.tree.brought.get(name, added))) if own else own
        for kind, half in sorted(lacking):
            if kind in whole - gone and _more(change.tree, name, kind) != _more(change.upstream, name, kind):
                done = "takes" if half == "taken" else "releases"
                shown = kind.decode("utf-8", "replace")
                yield Suspect(Fault.LOST_HALF, change, f"{name} only {done} `{shown}` in the added lines, where "
                              "upstream's take and release it", 0.75, shown)


def _more(side: FileSide, name: str, kind: bytes) -> int:
    """By how much the step changes what the function takes of a lock more often than it gives it back."""
    net = [sum({"taken": 1, "given": -1}[half] for line in code(part_text(data, name)).split(b"\n")
               for one, half in halves(line) if one == kind) for data in (side.before, side.after)]
    return net[1] - net[0]


def _kinds(text: bytes) -> set[bytes]:
    return {kind for line in text.split(b"\n") for kind, _ in halves(line)}


QUESTION = Question(Fault.LOST_HALF, ask)
