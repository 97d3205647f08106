"""Are added members and entries in the struct, union or entry that upstream's are in?"""

from __future__ import annotations

from collections.abc import Iterator

from backport.audit.kinds.base import Question, as_written, same_lines
from backport.audit.model import Backported, Fault, Suspect
from backport.csource.scopes import Block, block
from backport.csource.tables import Inner, chains, entries_around


def ask(change: Backported) -> Iterator[Suspect]:
    """A member or initialiser that stands in one brace of a block here, and upstream in another that is here too."""
    here, there = change.tree, change.upstream
    if not same_lines(here, there) or here.place.endswith("()") or here.place != there.place:
        return
    for (r, key), (u, other) in zip(here.telling, there.telling, strict=True):
        ours, theirs = block(here.after, r + 1), block(there.after, u + 1)
        if key != other or ours is None or theirs is None:
            continue
        a, b = entries_around(here.after, ours, r), entries_around(there.after, theirs, u)
        if len(a) < 2 or len(a) != len(b):
            continue
        mine, wanted = _plain(a[-1]), _plain(b[-1])
        # both braces are on both sides: one with another first member is the same one, changed
        if mine != wanted and wanted in _braces(here.after, ours) and mine in _braces(there.after, theirs):
            yield Suspect(Fault.INSIDE, change, f"`{as_written(key, here.after)}` is in {_shown(mine)} here, in "
                          f"{_shown(wanted)} upstream; `{here.place}` has both", 0.8, key.decode("utf-8", "replace"))
            return


def _braces(source: bytes, b: Block) -> set[Inner]:
    return {_plain(chain[-1]) for chain in chains(source, b) if len(chain) > 1}


def _plain(brace: Inner) -> Inner:
    head, first = brace
    return b" ".join(word for word in head.split() if word not in (b"const", b"static")), first


def _shown(brace: Inner) -> str:
    head, first = (text.decode("utf-8", "replace") for text in brace)
    return f"`{head} {{ {first} ...`"


QUESTION = Question(Fault.INSIDE, ask)
