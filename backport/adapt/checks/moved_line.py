"""Is a line that upstream only moves the same line in this tree?"""

from __future__ import annotations

from backport.adapt.align import line_key, weak
from backport.adapt.checks.base import Check, Context, Finding
from backport.adapt.signals import Signal
from backport.csource.pieces import code


def ask(context: Context) -> list[Finding]:
    """REWORDED: the hunk takes a statement away and adds the very same; the one that goes in this tree is another."""
    result, edits = context.result, context.edits
    problem = result.problem
    gone = {key for line in problem.hunks[context.hunk].removed if not weak(key := line_key(line))}
    ours = {line_key(line) for e in edits for line in problem.target_lines[e.lo:e.hi]}
    if not ours - {b""} or gone <= ours:
        return []
    found = []
    for edit in edits:
        for line, bare in zip(edit.new, code(b"".join(edit.new)).splitlines(), strict=False):
            key = line_key(line)
            if key in gone - ours and bare.rstrip().endswith(b";"):
                text = line.strip().decode("utf-8", "replace")
                found.append(Finding(Signal.REWORDED, f"`{text}` only moves upstream, and the line removed in this "
                                                      "tree is another one", text))
    return found


CHECK = Check(__name__, __doc__, ask, (Signal.REWORDED,))
