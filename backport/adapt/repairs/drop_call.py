"""A statement that only calls a helper which this tree has not: left out, where the rest stands without it."""

from __future__ import annotations

from backport.adapt.repairs.base import Broken, Repair, Repaired, replaced
from backport.adapt.signals import Signal
from backport.csource.calls import call_heads
from backport.csource.pieces import code
from backport.csource.resources import is_half
from backport.csource.statements import first_word

_REST = 3                # other lines of the same block that must be left


def make(broken: Broken) -> Repaired | None:
    """One such call in the hunk, a statement of its own in a block with others; nothing else may be missing."""
    missing = broken.subjects(Signal.SYMBOL)
    others = {one.kind for one in broken.findings} - {Signal.SYMBOL, Signal.GUARD}
    calls = {name for name, _, _ in call_heads(b"".join(line for e in broken.edits for line in e.new))}
    called = [name for name in missing if name.encode() in calls]
    if len(called) != 1 or others or is_half(called[0].encode()):
        return None
    name = called[0].encode()
    for edit in broken.edits:
        bare = code(b"".join(edit.new)).splitlines()
        found = [i for i, line in enumerate(bare)
                 if first_word(line) == name and next(call_heads(line), (b"",))[0] == name]
        if not found:
            continue
        at = found[0]
        end = at
        while end < len(bare) and not bare[end].rstrip().endswith(b";"):
            end += 1
        above = next((line.strip() for line in reversed(bare[:at]) if line.strip()), b"")
        if len(found) != 1 or end >= len(bare) or not above.endswith((b";", b"{", b"}")):
            return None
        left = [*edit.new[:at], *edit.new[end + 1:]]
        if sum(1 for line in code(b"".join(left)).splitlines() if line.strip().endswith(b";")) < _REST:
            return None
        text = b" ".join(line.strip() for line in edit.new[at:end + 1]).decode("utf-8", "replace")
        return Repaired(replaced(broken.edits, edit, left),
                        f"`{text}` was left out: this tree has no {called[0]}()", Signal.DROPPED)
    return None


REPAIR = Repair(make, (Signal.SYMBOL,))
