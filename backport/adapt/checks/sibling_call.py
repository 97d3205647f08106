"""Does this tree's file do the same thing to the same member with the same variant of the call?

`list_del()` on a list that is read under RCU here, or a plain `spin_lock()` for a lock that an interrupt takes as well,
compiles, and both trees have both names.
"""

from __future__ import annotations

from collections.abc import Iterator

from backport.adapt.checks.base import Check, Context, Finding
from backport.adapt.signals import Signal
from backport.csource.calls import of_members

_KINDS = frozenset({b"rcu", b"irq", b"irqsave", b"irqrestore", b"bh", b"raw", b"atomic", b"nested", b"hlist", b"list",
                    b"mutex", b"spin", b"read", b"write", b"tail", b"init", b"head"})


def ask(context: Context) -> Iterator[Finding]:
    """VARIANT: an added call takes a member that this tree's own lines only give to a sibling of that call (which
    upstream's file does not), and never to the call itself (which upstream's file does)."""
    for edit in context.edits:
        for call, member in sorted(of_members(context.result.code(edit))):
            theirs, ours = context.base.calls_on(member), context.target.calls_on(member)
            if call in ours or call not in theirs:
                continue
            siblings = sorted(name for name in ours - theirs if name != call and _family(name) == _family(call))
            if siblings:
                yield Finding(Signal.VARIANT, f"this tree's file uses {siblings[0].decode()}() on `{member.decode()}`, "
                                              f"the added line {call.decode()}()")


def _family(name: bytes) -> tuple[bytes, ...]:
    """The words of a name that say what is done, not in which way."""
    return tuple(word for word in name.split(b"_") if word and word not in _KINDS)


CHECK = Check(__name__, __doc__, ask, (Signal.VARIANT,))
