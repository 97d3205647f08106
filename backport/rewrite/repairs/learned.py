"""A name that this tree's function spells otherwise on every line that it shares with upstream's."""

from __future__ import annotations

from difflib import SequenceMatcher

from backport.csource.functions import enclosing
from backport.csource.pieces import code, solid, tokens
from backport.rewrite.align import soften
from backport.rewrite.checks.base import WORD, body
from backport.rewrite.repairs.base import Broken, Repaired, replaced
from backport.rewrite.signals import Signal

_REACH = 60              # lines on either side whose pairing is asked


def repair(broken: Broken) -> Repaired | None:
    """Every missing name has one spelling here, on all paired lines around the hunk that have it upstream."""
    missing = {name.encode() for name in broken.subjects(Signal.SYMBOL, Signal.SCOPE)}
    if not missing:
        return None
    learned = spellings(broken, missing)
    if set(learned) != missing:
        return None
    edits = broken.edits
    for edit in broken.edits:
        new = [b"".join(learned.get(token, token) for token in tokens(line)) for line in edit.new]
        edits = replaced(edits, edit, new) if tuple(new) != edit.new else edits
    if edits == broken.edits:
        return None
    shown = ", ".join(f"`{new.decode('utf-8', 'replace')}` for `{old.decode()}`"
                      for old, new in sorted(learned.items()))
    return Repaired(edits, f"as on this tree's lines around it: {shown}")


def spellings(broken: Broken, missing: set[bytes]) -> dict[bytes, bytes]:
    """name -> what stands for it in this tree; only names for which all paired lines agree."""
    problem = broken.problem
    if problem.a is None or problem.edits is None:
        return {}
    mine = problem.edits[broken.k]
    lo, hi = max(0, mine[0].lo - _REACH), min(len(problem.a), mine[-1].hi + _REACH)
    pairing = soften(problem.a, problem.t, problem.to, lo, hi)
    found: dict[bytes, set[bytes]] = {}
    for i in range(lo, hi):
        words = missing & set(WORD.findall(code(problem.a[i])))
        if not words or pairing.to[i] < 0:
            continue
        a, b = solid(problem.a[i]), solid(problem.t[pairing.to[i]])
        matcher = SequenceMatcher(None, a, b, autojunk=False)
        for tag, i1, i2, j1, j2 in matcher.get_opcodes():
            for name in words & set(a[i1:i2]):
                # only one word for one word, or for one path of members
                same = tag == "replace" and i2 - i1 == 1 and all(WORD.fullmatch(t) or t in (b"->", b".")
                                                                 for t in b[j1:j2])
                if same and a[i2:i2 + 1] == [b"("]:
                    # another list of arguments is another function, not another spelling
                    same = _arguments(a, i2) == _arguments(b, j2) != []
                found.setdefault(name, set()).add(b"".join(b[j1:j2]) if same else b"")
    # what upstream's function has under that name is another thing there, and no spelling of this one
    function = enclosing(problem.preimage or b"", mine[0].lo + 1)
    own = set(WORD.findall(code(body(problem.preimage or b"", function)))) if function is not None else set()
    return {name: next(iter(here)) for name, here in found.items()
            if len(here) == 1 and b"" not in here and not here & own}


def _arguments(line: list[bytes], at: int) -> list[bytes]:
    """The tokens of the argument list that opens at `line[at]`, [] where the line does not close it."""
    depth = 0
    for i in range(at, len(line)):
        depth += (line[i] == b"(") - (line[i] == b")")
        if depth == 0:
            return line[at:i + 1]
    return []
