"""Is the change in the file in which upstream made it?

A directory that was moved, and code that was, are no mistake: both trees must have both files.
"""

from __future__ import annotations

from collections.abc import Iterator

from backport.adapt.align import line_key
from backport.audit.kinds.base import Question, holds, same_lines
from backport.audit.model import Backported, Fault, Suspect


def ask(change: Backported) -> Iterator[Suspect]:
    """Lines that upstream's commit put into one file and that are in another here, while both trees have both files."""
    here, there, other = change.tree, change.upstream, change.elsewhere
    if other is None or not other.newer or not same_lines(here, there):
        return
    if here.place and here.place == there.place:
        return                       # the function itself is in another file
    added = [key for _, key in here.telling]

    def lacks(data: bytes) -> bool:
        return holds(map(line_key, data.split(b"\n")), added) < 0.5

    if not lacks(other.tree) or not all(map(lacks, other.newer.values())) or lacks(change.lasting):
        return
    above, below = _around(there.after, there.added[0][0], there.added[-1][0])
    near = {line_key(line) for line in other.tree.split(b"\n")}
    found = [key in near for key in (*above, *below)]
    if not found or sum(found) < 0.5 * len(found):
        return
    where = f", in {here.place}" if here.place else ""
    yield Suspect(Fault.FILE, change, f"upstream changed {there.path}; here the lines are in {here.path}{where}, and "
                  f"{there.path} is without them", 0.5 + 0.4 * sum(found) / len(found),
                  added[0].decode("utf-8", "replace"),
                  (f"{sum(found)} of {len(found)} of upstream's neighbouring lines are in {there.path} of this tree",))


def _around(source: bytes, first: int, last: int) -> tuple[list[bytes], list[bytes]]:
    keys = [line_key(line) for line in source.split(b"\n")]
    return [key for key in keys[max(0, first - 3):first] if key], [key for key in keys[last + 1:last + 4] if key]


QUESTION = Question(Fault.FILE, ask)
