"""Does a table already have an entry for the same thing, with other values?"""

from __future__ import annotations

from collections.abc import Sequence

from backport.adapt.checks.base import Check, Context, Finding
from backport.adapt.signals import Signal
from backport.csource.scopes import block, blocks
from backport.csource.tables import Entry, entries

_SAME = 10               # one entry of so many may share its key with another one, and it is a key still
def ask(context: Context) -> list[Finding]:
    """REDECLARED for an added entry whose key (as many of its first parts as tell upstream's entries apart) another
    entry of this tree's table has: the first one wins, or the last one, and the fix may do nothing. ENTRY where the
    key is a mere word."""
    result, edits = context.result, context.edits
    found = []
    for edit in edits:
        ours = block(result.source, result.new_line(edit) + 1) if edit.new else None
        if ours is None:
            continue
        at = range(result.new_line(edit), result.new_line(edit) + len(edit.new))
        table = entries(result.source, ours)
        old = [e for e in table if e.line not in result.added]
        theirs = [e for b in blocks(result.problem.upstream) if b.name == ours.name
                  for e in entries(result.problem.upstream, b)]
        for new in (e for e in table if e.line in at):
            n = _key(new, old, theirs)
            same = next((e for e in old if n and e.items[:n] == new.items[:n]), None)
            if same is not None:
                key = b", ".join(new.items[:n])
                shown = key.decode("utf-8", "replace")
                line = result.old_line(same.line) + 1
                what = "already" if same.items == new.items else "with other values"
                found.append(Finding(Signal.ENTRY if key.replace(b"_", b"").isalnum() else Signal.REDECLARED,
                                   f"`{shown}` is in this tree's table at line {line} {what}"))
    return found[:3]


def _key(new: Entry, old: Sequence[Entry], theirs: Sequence[Entry]) -> int:
    """How many parts of `new` make it another entry than upstream's other ones, and tell most entries apart."""
    for n in range(1, len(new.items) + 1):
        key = new.items[:n]
        if sum(e.items[:n] == key for e in theirs) <= 1 and all(
                (len(part) - len({e.items[:n] for e in part})) * _SAME <= len(part) for part in (old, theirs)):
            return n
    return 0


CHECK = Check(__name__, __doc__, ask, (Signal.ENTRY, Signal.REDECLARED))
