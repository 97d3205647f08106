"""Is the value of a call asked for its error in the way in which this tree's file asks it?"""

from __future__ import annotations

import re
from functools import lru_cache

from backport.adapt.checks.base import Check, Context, Finding, bare_lines
from backport.adapt.signals import Signal

_ASKED = re.compile(rb"([\w.>-]+)\s*=\s*(\w+)\s*\([^;{}]*\);\s*if\s*\(\s*(IS_ERR\w*\s*\(|!)\s*([\w.>-]+)")


def ask(context: Context) -> list[Finding]:
    """VARIANT: an added `IS_ERR()` of a function whose value this tree's file compares with NULL only, while upstream's
    file knows the added way; or the other way round. The pointer that the question does not catch is used."""
    result, edits = context.result, context.edits
    added = [pair for edit in edits for pair in sorted(_ways(result.code(edit)))]
    if not added:
        return []
    ours, theirs = _asked(result.problem.target), _asked(result.problem.preimage or b"")
    found = []
    for call, way in added:
        mine = ours.get(call, frozenset())
        if mine and way not in mine and way in theirs.get(call, frozenset()):
            there, here = ("IS_ERR()", "NULL") if way != b"!" else ("NULL", "IS_ERR()")
            found.append(Finding(Signal.VARIANT, f"this tree's file asks the value of {call.decode()}() for {here}, "
                                                 f"the added line for {there}"))
    return found


def _ways(text: bytes) -> set[tuple[bytes, bytes]]:
    return {(m[2], m[3][:6]) for m in _ASKED.finditer(text) if m[1] == m[4]}


@lru_cache(maxsize=16)
def _asked(source: bytes) -> dict[bytes, frozenset[bytes]]:
    found: dict[bytes, set[bytes]] = {}
    for call, way in _ways(b"\n".join(bare_lines(source))):
        found.setdefault(call, set()).add(way)
    return {call: frozenset(ways) for call, ways in found.items()}


CHECK = Check(__name__, __doc__, ask, (Signal.VARIANT,))
