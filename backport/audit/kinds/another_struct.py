"""Are added members and entries in the struct, union or entry that upstream's are in?"""

from __future__ import annotations

from collections.abc import Iterator

from backport.adapt.align import line_key
from backport.audit.kinds.base import Question, same_lines
from backport.audit.model import Backported, Fault, Suspect
from backport.csource.scopes import block
from backport.csource.tables import Inner, around, opened


def ask(change: Backported) -> Iterator[Suspect]:
    """A member or initialiser that stands in one brace of a block here, and upstream in another that is here too."""
    here, there = change.tree, change.upstream
    if not same_lines(here, there) or here.place.endswith("()") or here.place != there.place:
        return
    for (r, key), (u, other) in zip(here.telling, there.telling, strict=True):
        ours, theirs = block(here.after, r + 1), block(there.after, u + 1)
        if key != other or ours is None or theirs is None:
            continue
        a, b = around(here.after, ours, r), around(there.after, theirs, u)
        if not a or not b or len(a) != len(b):
            continue
        mine, wanted = _plain(opened(a), a[-1]), _plain(opened(b), b[-1])
        lines = [line_key(line) for line in here.after.split(b"\n")[ours.start - 1:ours.end]]
        told = next((theirs for mine, theirs in zip(mine, wanted, strict=True) if mine != theirs and mine), b"")
        if told and any(line.startswith(line_key(told)) for line in lines):
            yield Suspect(Fault.INSIDE, change, f"`{key.decode('utf-8', 'replace')}` is in {_shown(mine)} here, in "
                          f"{_shown(wanted)} upstream; `{here.place}` has both", 0.8, key.decode("utf-8", "replace"))
            return


def _plain(heads: list[bytes], innermost: Inner) -> tuple[bytes, bytes]:
    """What opens the innermost brace, and the first thing behind it."""
    head = heads[-1] if heads else b""
    return b" ".join(word for word in head.split() if word not in (b"const", b"static")), innermost[1]


def _shown(brace: tuple[bytes, bytes]) -> str:
    head, first = (text.decode("utf-8", "replace") for text in brace)
    return f"`{head} {{ {first} ...`"


QUESTION = Question(Fault.INSIDE, ask)
