"""Locks in code without comments: which are held where, and which a function only takes or only releases."""

from __future__ import annotations

import re
from collections.abc import Sequence

from backport.csource.calls import call_heads, parts
from backport.csource.pieces import squeeze

# a driver's own `foo_lock()` may stand on one side only because the other one has it written out
_LOCK = re.compile(rb"\b(mutex|(?:raw_)?spin|read|write|rcu_read)_(lock|trylock|unlock)((?!_init)_\w+)?\s*\(([^;]*)")
_GUARD = re.compile(rb"\bguard\((\w+)\)\s*\(([^;]*)\)")
_LEAVES = re.compile(rb"\s*(?:return|goto|break|continue)\b")
_NEAR = 4                # lines behind an `unlock` in which its branch leaves

Held = tuple[bytes, bytes]           # kind of lock and its name
# how a lock is taken or given back, and not which
_WAYS = frozenset(b"irqsave irqrestore irq bh interruptible killable nested nest timeout io save restore".split())
# part of the name of what asks about a lock, or makes one
_OTHER = frozenset(b"init destroy assert held is class owner dep alloc free needbreak nesting cmp key name".split())
_TAKES = {b"lock": b"lock", b"trylock": b"lock", b"down": b"semaphore", b"disable": b"off"}
_GIVES = {b"unlock": b"lock", b"up": b"semaphore", b"enable": b"off"}
_SWITCHED = frozenset({b"preempt", b"local"})      # preempt_disable(), local_irq_save(), local_bh_disable()


def held(lines: Sequence[bytes]) -> frozenset[Held]:
    """The locks that are held behind `lines` of a function, without those that a branch gives back to leave."""
    out: dict[Held, int] = {}            # and how deep the line is that takes it
    for i, line in enumerate(lines):
        for match in _GUARD.finditer(line):
            out[_kind(match[1]), _name(match[2])] = _depth(line)
        for match in _LOCK.finditer(line):
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
    first = arguments[slice(*parts(arguments, 0, len(arguments)).spans[0])]
    return squeeze(first).lstrip(b"&").replace(b"->", b".").rpartition(b".")[2]


def halves(text: bytes) -> set[tuple[bytes, str]]:
    """(kind of lock, "taken" or "given") for every kind of which `text` has only the one."""
    taken: set[bytes] = set()
    given: set[bytes] = set()
    for called, _, _ in call_heads(text):
        words = called.strip(b"_").split(b"_")
        if _OTHER & set(words):
            continue
        for table, found in ((_TAKES, taken), (_GIVES, given)):
            verbs = [word for word in words if word in table]
            if not verbs or (table[verbs[-1]] == b"off" and words[0] not in _SWITCHED) \
                    or (table[verbs[-1]] == b"semaphore" and words[0] != verbs[-1]):
                continue
            rest = [part for part in words if part not in table and part not in _WAYS]
            found.add(b"_".join([*rest, table[verbs[-1]]]))
    return {(kind, "taken") for kind in taken - given} | {(kind, "given") for kind in given - taken}
