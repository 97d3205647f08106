"""What is taken and given back, by the names of the calls, in code without comments."""

from __future__ import annotations

import re

_TAKE = re.compile(rb"(?:^|[^\w])((?:\w*_)?(?:lock|trylock|kmalloc|kzalloc|kcalloc|kmemdup|kstrdup|vmalloc|get)"
                   rb"(?:_\w+)?)\s*\(")
_GIVE = re.compile(rb"(?:^|[^\w])((?:\w*_)?(?:unlock|free|kfree|vfree|put|release|destroy|unregister|disable|unmap|"
                   rb"cleanup|kfree_skb)(?:_\w+)?)\s*\(")
_RELEASED = re.compile(rb"^\s*(?:\w*_)?(?:k?v?free|kfree|kvfree|vfree|kfree_rcu|put|free|release|destroy)(?:_\w+)?"
                       rb"\s*\(\s*&?([\w.>\[\]-]+)\s*\)\s*;")
# one half of a pair, or an order of things: nothing that may be left out alone
_PAIR = re.compile(rb"(?:^|_)(?:(?:un)?(?:lock|register|map|prepare|hold|mask|pin|link|block|freeze)|get|put|free|"
                   rb"alloc|enable|disable|begin|end|start|stop|init|exit|acquire|release|mb|barrier|rcu|sync|flush|cancel|"
                   rb"destroy|add|del|inc|dec|enter|leave|suspend|resume|shutdown|cleanup|set|clear|reset)(?:_|$)")


def takes(line: bytes) -> bool:
    """Whether a call takes something that has to be given back: a lock, memory, a reference."""
    return _TAKE.search(line) is not None


def by_scope(line: bytes) -> bool:
    """Whether what the line declares or takes is given back by the compiler on every way out."""
    return any(mark in line for mark in (b"__free(", b"CLASS(", b"guard("))


def given(line: bytes) -> list[bytes]:
    """The calls that give something back."""
    return _GIVE.findall(line)


def released(line: bytes) -> bytes:
    """The only argument of the call that a line begins with, where that releases it; b"" for any other line."""
    match = _RELEASED.match(line)
    return match[1] if match is not None else b""


def is_half(name: bytes) -> bool:
    """Whether a function of this name is likely one half of a pair."""
    return _PAIR.search(name) is not None
