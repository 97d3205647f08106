"""Does a line that upstream only moves come along in this tree's words?"""

from __future__ import annotations

from collections.abc import Sequence

from backport.adapt.align import line_key, weak
from backport.adapt.checks.base import Doubt, Names, Result
from backport.adapt.edits import Edit
from backport.adapt.signals import Signal
from backport.csource.pieces import code


def check(result: Result, k: int, edits: Sequence[Edit], names: Names) -> list[Doubt]:
    """REWORDED: the hunk takes a statement away and adds the very same; the one that goes in this tree is another."""
    problem = result.problem
    gone = {key for line in problem.hunks[k].removed if not weak(key := line_key(line))}
    ours = {line_key(line) for e in edits for line in problem.t[e.lo:e.hi]}
    if not ours - {b""} or gone <= ours:
        return []
    found = []
    for edit in edits:
        for line, bare in zip(edit.new, code(b"".join(edit.new)).splitlines(), strict=False):
            key = line_key(line)
            if key in gone - ours and bare.rstrip().endswith(b";"):
                text = line.strip().decode("utf-8", "replace")
                found.append(Doubt(Signal.REWORDED, f"`{text}` only moves upstream, and the line that goes in this "
                                                    "tree is another one", text))
    return found
