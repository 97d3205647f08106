"""Does this tree's file do the same thing to the same member with the same kind of call?

`list_del()` on a list that is read under RCU here, or a plain `spin_lock()` for a lock that an interrupt takes as well,
compiles, and both trees have both names.
"""

from __future__ import annotations

import re
from functools import lru_cache

from backport.adapt.checks.base import Check, Context, Finding, bare_lines, quote
from backport.adapt.signals import Signal

_KINDS = frozenset({b"rcu", b"irq", b"irqsave", b"irqrestore", b"bh", b"raw", b"atomic", b"nested", b"hlist", b"list",
                    b"mutex", b"spin", b"read", b"write", b"tail", b"init", b"head"})
_CALL = re.compile(rb"(?<![\w.>])([a-z_]\w*)\s*\(\s*&?\s*(?:[\w\]\[]+(?:->|\.))+(\w+)\s*[,)]")


def ask(context: Context) -> list[Finding]:
    """VARIANT: an added call takes a member that this tree's own lines only give to a sibling of that call (which
    upstream's file does not), and never to the call itself (which upstream's file does)."""
    result, edits = context.result, context.edits
    problem = result.problem
    theirs, ours = _calls(problem.preimage or b""), _calls(problem.target)
    found = []
    for edit in edits:
        for call, member in sorted({(m[1], m[2]) for m in _CALL.finditer(result.code(edit))}):
            if member not in ours.get(call, ()) and member in theirs.get(call, ()):
                siblings = sorted(name for name, members in ours.items() if member in members and name != call
                                  and _family(name) == _family(call) and member not in theirs.get(name, ()))
                if siblings:
                    found.append(Finding(Signal.VARIANT, f"this tree's file uses {siblings[0].decode()}() on "
                                                         f"{quote(member)}, the added line {call.decode()}()"))
    return found


def _family(name: bytes) -> tuple[bytes, ...]:
    """The words of a name that say what is done, not in which way."""
    return tuple(word for word in name.split(b"_") if word and word not in _KINDS)


@lru_cache(maxsize=16)
def _calls(source: bytes) -> dict[bytes, frozenset[bytes]]:
    found: dict[bytes, set[bytes]] = {}
    for match in _CALL.finditer(b"\n".join(bare_lines(source))):
        found.setdefault(match[1], set()).add(match[2])
    return {name: frozenset(members) for name, members in found.items()}


CHECK = Check(__name__, __doc__, ask, (Signal.VARIANT,))
