"""Upstream puts a newer name in the place of an older one, and the tree has only the older one: keep that."""

from __future__ import annotations

from backport.adapt.align import line_key, similarity
from backport.adapt.repairs.base import Broken, Repair, Repaired, replaced
from backport.adapt.signals import Signal
from backport.csource.pieces import solid, tokens
from backport.csource.tokens import identifiers, is_identifier

_ALIKE = 0.5             # share of tokens that makes an added line the newer form of a removed one


def make(broken: Broken) -> Repaired | None:
    """Every missing name of the hunk stands for one that the removed lines have, in lines that are otherwise alike.

    A file with a further use of the missing name, one that replaces nothing, is left to a person: there the newer
    name is no mere spelling.
    """
    missing = {name.encode() for name in broken.subjects(Signal.SYMBOL)}
    if not missing:
        return None
    renamed: dict[bytes, bytes] = {}
    for hunk in broken.problem.hunks:
        for line in hunk.added:
            for name in missing & set(identifiers(line)):
                older = {o for gone in hunk.removed if (o := _older(gone, line, name)) is not None}
                if len(older) != 1 or renamed.setdefault(name, *older) not in older:
                    return None
    if set(renamed) != missing or not all(broken.problem.target_has(word) for word in renamed.values()):
        return None
    if _alone(broken, renamed):
        return None
    edits = broken.edits
    changed = False
    for edit in broken.edits:
        new = [_spelled(line, renamed) for line in edit.new]
        if tuple(new) != edit.new:
            changed = True
            edits = replaced(edits, edit, new)
    gone = [line_key(line) for e in edits for line in broken.problem.target_lines[e.lo:e.hi]]
    if not changed or gone == [line_key(line) for e in edits for line in e.new]:
        return None                  # nothing of the hunk would be left
    shown = ", ".join(f"`{old.decode()}` was kept where upstream has `{new.decode()}`, which is not in this tree"
                      for new, old in sorted(renamed.items()))
    return Repaired(edits, shown)


def _alone(broken: Broken, renamed: dict[bytes, bytes]) -> bool:
    """True where a line changes in nothing but such a name: then that is what the patch is for, or a part of it."""
    hunk = broken.problem.hunks[broken.k]
    gone = {line_key(line) for line in hunk.removed}
    return any(line_key(_spelled(line, renamed)) in gone for line in hunk.added if _spelled(line, renamed) != line)


def _older(gone: bytes, line: bytes, name: bytes) -> bytes | None:
    """The word of the removed line in whose place the added line has `name`."""
    if similarity(gone, line) < _ALIKE:
        return None
    a, b = solid(gone), solid(line)
    # with another argument the newer one is another function: only words may differ, one for one
    if len(a) != len(b) or any(x != y and not (is_identifier(x) and is_identifier(y)) and x[:1] != b'"'
                               for x, y in zip(a, b, strict=True)):
        return None
    return a[b.index(name)]


def _spelled(line: bytes, renamed: dict[bytes, bytes]) -> bytes:
    return b"".join(renamed.get(token, token) for token in tokens(line))


REPAIR = Repair(make, (Signal.SYMBOL,))
