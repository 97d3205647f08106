"""The last check of every answer: it goes in exactly as written, and comes out again without a trace."""

from __future__ import annotations

from dataclasses import replace

from backport.adapt.records import Adaptation
from backport.adapt.simulated_apply import apply_as_is
from backport.patch.model import FileDiff
from backport.treeview import TreeView
from backport.verdict import Apply, Sure


def verified(answer: Adaptation, target: TreeView) -> Adaptation:
    """`answer`, or a conflict where its patch does not go into `target` or does not come out byte for byte."""
    if answer.patch is None:
        return answer
    for file in answer.patch.files:
        if file.created or file.deleted or not file.hunks or file.old_path is None:
            continue
        data = target.read(file.old_path)
        if data is None or not round_trip(file, data):
            return replace(answer, outcome=Apply.CONFLICT, sure=Sure.REVIEW, patch=None, alternatives=(),
                           reason=f"{file.path}: the adapted hunks do not apply and revert cleanly")
    return answer


def round_trip(file: FileDiff, data: bytes) -> bool:
    """True where `file` applies to `data` as git applies it, and its reverse gives `data` back."""
    there = apply_as_is(file.hunks, data)
    if there is None:
        return False
    after = there.made(data)
    back = apply_as_is([hunk.reversed() for hunk in file.hunks], after)
    return back is not None and back.made(after) == data
