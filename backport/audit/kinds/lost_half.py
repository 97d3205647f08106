"""Has a condition, a lock or an error path lost its other half?"""

from __future__ import annotations

import re
from collections.abc import Iterator

from backport.adapt.align import line_key
from backport.adapt.checks.guard import CHECK as guard
from backport.adapt.signals import Signal
from backport.audit.kinds.base import Question, checked, part_text
from backport.audit.model import Backported, Fault, Suspect
from backport.csource.locks import halves
from backport.csource.pieces import code
from backport.csource.statements import gotos, label

_QUOTED = re.compile(r"`([^`]*)`")


def ask(change: Backported) -> Iterator[Suspect]:
    """A lock without its unlock, a line under the opposite condition, a jump to a label that is not there."""
    here = change.tree
    yield from _locks(change)
    # what replaces the very lines that upstream replaced stands under the conditions that this tree had there
    replaced = change.tree.gone and [key for _, key in change.tree.gone] == [key for _, key in change.upstream.gone]
    dropped = {line_key(line).removesuffix(b"{") for _, line in change.upstream.removed}
    for one in () if replaced else checked(change, guard, {Signal.OPPOSITE: Fault.LOST_HALF}, 0.7):
        # under a condition that upstream's change itself dropped: the tree kept the older form
        if not dropped & {line_key(text.encode()) for text in _QUOTED.findall(one.text)}:
            yield one
    for name, added in here.functions.items():
        ours, theirs = (part_text(side.after, name) for side in (here, change.upstream))
        lacking = [one for one in gotos(code(added)) if one in _labels(theirs) and one not in _labels(ours)]
        if ours and lacking:
            yield Suspect(Fault.LOST_HALF, change, f"{name} jumps to `{lacking[0].decode()}`, which it does not have",
                          0.8, lacking[0].decode())


def _locks(change: Backported) -> Iterator[Suspect]:
    """A lock of which this function got one half and upstream's got both."""
    gone = _kinds(code(b"".join(line for _, line in change.tree.removed)))
    brought = change.tree.brought
    for name, added in change.tree.functions.items():
        theirs = code(change.upstream.functions.get(name, b""))
        whole = _kinds(theirs) - {kind for kind, _ in halves(theirs)}
        # the other half can stand in another group of the same function
        lacking = halves(code(added)) & halves(code(brought.get(name, added)))
        for kind, half in sorted(lacking):
            if kind in whole - gone:
                done = "takes" if half == "taken" else "releases"
                shown = kind.decode("utf-8", "replace")
                yield Suspect(Fault.LOST_HALF, change, f"{name} only {done} `{shown}` in the added lines, where "
                              "upstream's take and release it", 0.75, shown)


def _kinds(text: bytes) -> set[bytes]:
    return {kind for line in text.split(b"\n") for kind, _ in halves(line)}


def _labels(text: bytes) -> set[bytes]:
    return {found for line in code(text).split(b"\n") if (found := label(line))}


QUESTION = Question(Fault.LOST_HALF, ask)
