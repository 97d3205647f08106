"""Upstream gives a variable another name throughout a function: this tree's further uses of it follow."""

from __future__ import annotations

import re
from collections import Counter
from difflib import SequenceMatcher

from backport.csource.functions import Function, enclosing
from backport.csource.pieces import code, solid
from backport.rewrite.render import Edit
from backport.rewrite.repairs.base import Broken, Repaired
from backport.rewrite.signals import Signal

_SEEN = 2                # lines that must have changed so, the declaration included


def repair(broken: Broken) -> Repaired | None:
    """The old name is no longer declared, one new name took its place in the patch and none other."""
    lost = broken.subjects(Signal.UNDECLARED)
    if len(lost) != 1:
        return None
    old = lost[0].encode()
    votes: Counter[bytes] = Counter()
    for hunk in broken.problem.hunks:
        votes.update(_votes(hunk.removed, hunk.added, old))
    if len(votes) != 1 or votes.total() < _SEEN:
        return None
    new = next(iter(votes))
    function = enclosing(broken.problem.target, broken.edits[0].lo + 1)
    if function is None or _known(broken, function, new):
        return None
    use = _use(old)
    bare = code(broken.problem.target).split(b"\n")
    covered = {i for e in broken.result.edits for i in range(e.lo, e.hi)}
    more = []
    for i in range(function.body, function.end - 1):
        if i not in covered and use.search(bare[i]):
            more.append(Edit(i, i + 1, (_put(broken.problem.t[i], bare[i], use, new),)))
    if not more:
        return None
    edits = tuple(sorted((*broken.edits, *more), key=lambda e: (e.lo, e.hi)))
    return Repaired(edits, f"{function.name}() has `{lost[0]}` in {len(more)} further line(s), which became "
                           f"`{new.decode()}` as in upstream's change")


def _known(broken: Broken, function: Function, name: bytes) -> bool:
    """True where the function uses `name` already: then it means something else here."""
    text = b"".join(broken.problem.t[function.start - 1:function.end])
    return _use(name).search(code(text)) is not None


def _use(name: bytes) -> re.Pattern[bytes]:
    """`name` as a variable, not as a member."""
    return re.compile(rb"(?<![\w.])(?<!->)%s\b" % re.escape(name))


def _put(line: bytes, bare: bytes, use: re.Pattern[bytes], new: bytes) -> bytes:
    """`line` with its uses renamed, as `bare` (the line without comments and strings) has them."""
    for match in reversed(list(use.finditer(bare))):
        if line[match.start():match.end()] == match[0]:
            line = line[:match.start()] + new + line[match.end():]
    return line


def _votes(removed: tuple[bytes, ...], added: tuple[bytes, ...], old: bytes) -> Counter[bytes]:
    """What stands for `old` in the added lines that are a removed line with other words."""
    votes: Counter[bytes] = Counter()
    for gone in removed:
        a = solid(gone)
        if old not in a:
            continue
        for line in added:
            b = solid(line)
            if len(a) != len(b):
                continue
            swaps = {(x, y) for x, y in zip(a, b, strict=True) if x != y}
            named = {y for x, y in swaps if x == old}
            if len(named) == 1 and SequenceMatcher(None, a, b, autojunk=False).ratio() > 0.6:
                votes.update(named)
                break
    return votes
