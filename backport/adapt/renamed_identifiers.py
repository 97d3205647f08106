"""What upstream's names are called in this tree, learned from the lines that both have in their own words."""

from __future__ import annotations

from collections.abc import Collection
from difflib import SequenceMatcher

from backport.adapt.align import soften
from backport.adapt.checks.base import body
from backport.adapt.revisions import Problem
from backport.csource.functions import Function, enclosing
from backport.csource.pieces import solid
from backport.csource.tokens import identifiers, is_identifier

_REACH = 60              # lines on either side whose pairing is asked


def spellings(problem: Problem, k: int, missing: Collection[bytes]) -> dict[bytes, bytes]:
    """name -> what stands for it in this tree around hunk `k`, and around those that take it away in the same function;
    only names for which all paired lines agree."""
    if problem.base_lines is None or problem.edits is None:
        return {}
    function = enclosing(problem.base or b"", problem.edits[k][0].lo + 1)
    found: dict[bytes, set[bytes]] = {}
    for j in range(len(problem.edits)):
        if j == k or (function is not None and _takes(problem, j, function, missing)):
            _look(problem, j, missing, found, function)
    # what upstream's function has under that name is another thing there, and no spelling of this one
    own = set(identifiers(body(problem.base or b"", function))) if function is not None else set()
    return {name: next(iter(here)) for name, here in found.items()
            if len(here) == 1 and b"" not in here and not here & own}


def _takes(problem: Problem, j: int, function: Function, names: Collection[bytes]) -> bool:
    """True where hunk `j` takes a line with one of `names` out of `function` of the pre-image."""
    assert problem.edits is not None
    assert problem.base_lines is not None
    return any(set(identifiers(problem.base_lines[i])) & set(names) for e in problem.edits[j] for i in range(e.lo, e.hi)
               if function.start <= i + 1 <= function.end)


def _look(problem: Problem, k: int, missing: Collection[bytes], found: dict[bytes, set[bytes]],
          function: Function | None) -> None:
    """Put into `found` what stands for each name on the paired lines around hunk `k`, b"" for no such thing. That
    another function has upstream's name says nothing against what this one has."""
    assert problem.edits is not None
    assert problem.base_lines is not None
    mine = problem.edits[k]
    lo, hi = max(0, mine[0].lo - _REACH), min(len(problem.base_lines), mine[-1].hi + _REACH)
    pairing = soften(problem.base_lines, problem.target_lines, problem.base_to_target, lo, hi)
    for i in range(lo, hi):
        words = set(missing) & set(identifiers(problem.base_lines[i]))
        if not words or pairing.partner[i] < 0:
            continue
        if function is not None and pairing.exact(i) and not function.start <= i + 1 <= function.end:
            continue
        a, b = solid(problem.base_lines[i]), solid(problem.target_lines[pairing.partner[i]])
        matcher = SequenceMatcher(None, a, b, autojunk=False)
        for tag, i1, i2, j1, j2 in matcher.get_opcodes():
            for name in words & set(a[i1:i2]):
                # only one word for one word, or for one path of members
                same = tag == "replace" and i2 - i1 == 1 and all(is_identifier(t) or t in (b"->", b".")
                                                                 for t in b[j1:j2])
                if same and a[i1 - 1:i1] in ([b"->"], [b"."]):
                    # the member of another object is another thing, whatever it is called
                    same = a[max(0, i1 - 2):i1] == b[max(0, j1 - 2):j1]
                if same and a[i2:i2 + 1] == [b"("]:
                    # another list of arguments is another function, not another spelling
                    same = _arguments(a, i2) == _arguments(b, j2) != []
                found.setdefault(name, set()).add(b"".join(b[j1:j2]) if same else b"")


def _arguments(line: list[bytes], at: int) -> list[bytes]:
    """The tokens of the argument list that opens at `line[at]`, [] where the line does not close it."""
    depth = 0
    for i in range(at, len(line)):
        depth += (line[i] == b"(") - (line[i] == b")")
        if depth == 0:
            return line[at:i + 1]
    return []
