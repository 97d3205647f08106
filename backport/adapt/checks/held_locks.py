"""Do added lines run under the locks that upstream's run under?

What two trees call alike may be done under a mutex in one and under a spinlock in the other, or behind the `unlock`:
a field is written unprotected, or memory is asked for where nobody may sleep. Only where the lines stand tells it.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from backport.adapt.checks.base import Check, Context, Finding, bare_lines, quote
from backport.adapt.signals import Signal
from backport.csource.functions import enclosing
from backport.csource.pieces import squeeze

# a driver's own `foo_lock()` may stand on one side only because the other one has it written out
_CALL = re.compile(rb"\b(mutex|(?:raw_)?spin|read|write|rcu_read)_(lock|trylock|unlock)((?!_init)_\w+)?\s*\(([^;]*)")
_GUARD = re.compile(rb"\bguard\((\w+)\)\s*\(([^;]*)\)")
_LEAVES = re.compile(rb"\s*(?:return|goto|break|continue)\b")
_NEAR = 4                # lines behind an `unlock` in which its branch leaves

Held = tuple[bytes, bytes]           # kind of lock and its name


def ask(context: Context) -> list[Finding]:
    """HELD: other locks are taken and not given back above an added line than above upstream's."""
    result = context.result
    found = []
    after = result.problem.after_source
    for u, r in context.pairs:
        theirs, ours = enclosing(after, u + 1), enclosing(result.source, r + 1)
        if theirs is None or ours is None or r <= ours.body:
            continue
        a = held(bare_lines(after)[theirs.body:u])
        b = held(bare_lines(result.source)[ours.body:r])
        if a != b:
            shown = result.lines[r].strip().decode("utf-8", "replace")
            found.append(Finding(Signal.HELD, f"`{shown}` runs under {_shown(b)} in this tree, under {_shown(a)} "
                                              "upstream"))
    return found[:1]


def _shown(locks: frozenset[Held]) -> str:
    return " and ".join(f"{kind.decode('utf-8', 'replace')} {quote(name)}"
                        for kind, name in sorted(locks)) or "no lock"


def held(lines: Sequence[bytes]) -> frozenset[Held]:
    """The locks that are held behind `lines` of a function, without those that a branch gives back to leave."""
    out: dict[Held, int] = {}            # and how deep the line is that takes it
    for i, line in enumerate(lines):
        for match in _GUARD.finditer(line):
            out[_kind(match[1]), _name(match[2])] = _depth(line)
        for match in _CALL.finditer(line):
            one = _kind(match[1]), _name(match[4])
            if match[2] != b"unlock":
                out[one] = _depth(line)
            elif _depth(line) <= out.get(one, 0) or not _leaves(lines, i):
                out.pop(one, None)
    return frozenset(out)


def _leaves(lines: Sequence[bytes], at: int) -> bool:
    """Whether the branch that line `at` stands in ends with a jump."""
    deep = _depth(lines[at])
    for line in lines[at + 1:at + 1 + _NEAR]:
        if line.strip() and _depth(line) < deep:
            return False
        if _LEAVES.match(line):
            return deep > 1
    return False


def _depth(line: bytes) -> int:
    return len(line) - len(line.lstrip(b"\t"))


def _kind(word: bytes) -> bytes:
    """What the lock is: which of the interrupts it keeps out is another question."""
    for kind in (b"rcu", b"mutex", b"spin", b"read", b"write"):
        if kind in word:
            return kind
    return word


def _name(arguments: bytes) -> bytes:
    """The last member in the first argument of a call whose text begins with its arguments: the struct that has the
    lock may have been put into another one."""
    depth = 0
    for i in range(len(arguments)):
        byte = arguments[i:i + 1]
        depth += (byte == b"(") - (byte == b")")
        if depth < 0 or (byte == b"," and not depth):
            arguments = arguments[:i]
            break
    return re.split(rb"->|\.", squeeze(arguments).lstrip(b"&"))[-1]


CHECK = Check(__name__, __doc__, ask, (Signal.HELD,))
