"""A variable that upstream's function declares in its context, and this tree's function has not: bring it along."""

from __future__ import annotations

from backport.adapt.align import line_key
from backport.adapt.checks.base import named
from backport.adapt.repairs.base import Broken, Repair, Repaired
from backport.adapt.signals import Signal
from backport.csource.declarations import of_function
from backport.csource.functions import enclosing
from backport.csource.pieces import KEYWORDS, code
from backport.csource.statements import sets_or_asks
from backport.csource.tokens import Kind, identifiers, lex, significant
from backport.csource.uses import paths
from backport.patch.edits import Edit


def make(broken: Broken) -> Repaired | None:
    """The declarations, one line each, whose initial values use nothing that this tree's function lacks.

    One without an initial value is not brought: upstream gives it one on a line that is no part of the change, and
    here it would be read before it is written.
    """
    missing = broken.subjects(Signal.SCOPE)
    if not missing:
        return None
    problem = broken.problem
    first = enclosing(problem.target, broken.edits[0].lo + 1)
    upstream = named(problem.upstream, first.name) if first is not None else None
    if first is None or upstream is None:
        return None
    lines = problem.target.split(b"\n")
    inside = code(b"\n".join(lines[first.start - 1:first.end]))
    brought = []
    for name in missing:
        found = [line for line in upstream.split(b"\n") if name.encode() in line and (value := _initial(line))
                 and of_function(line)[0].name == name.encode() and _available(value, inside, broken)]
        if len(found) != 1 or found[0].strip() in problem.added_upstream:
            return None
        if _settled_later(found[0], inside, code(upstream), min(e.lo for e in broken.edits) - first.start + 1):
            return None
        brought.append(found[0] + b"\n")
    at = first.body                  # 0-based: the line below the opening brace
    last = at
    while last < first.end - 1 and (of_function(lines[last]) or (last > at and not lines[last].strip())):
        last += 1
    while last > at and not lines[last - 1].strip():
        last -= 1
    new = tuple(brought)
    begun = [e for e in broken.edits if e.lo == e.hi == last]
    following = begun[0].new[0] if begun else lines[last]
    if following.strip():
        new += (b"\n",)
    edits = tuple(Edit(e.lo, e.hi, new + e.new) if begun and e is begun[0] else e for e in broken.edits)
    if not begun:
        edits = tuple(sorted((*edits, Edit(last, last, new)), key=lambda e: (e.lo, e.hi)))
    shown = ", ".join(f"`{line.strip().decode('utf-8', 'replace')}`" for line in brought)
    return Repaired(edits, f"{first.name}() got upstream's declaration {shown}, which it does not have in this tree")


def _initial(line: bytes) -> bytes:
    """The initial value of the only variable that a line of the function's outermost block declares, b"" for none."""
    found = of_function(line)
    return (found[0].value or b"") if len(found) == 1 and b"{" not in line else b""


def _settled_later(declaration: bytes, function: bytes, upstream: bytes, use: int) -> bool:
    """True where this tree's own lines above the use set or ask what the initial value goes through: at the top of the
    function it is not what it is then."""
    roots = paths(_initial(declaration))
    shared = {line_key(line) for line in upstream.split(b"\n")}
    return any(root in line_key(line) for line in function.split(b"\n")[:use] if line_key(line) not in shared
               for root in roots if sets_or_asks(line))


def _available(value: bytes, function: bytes, broken: Broken) -> bool:
    """True where every variable of an initial value is the function's own, and every called one known in this tree."""
    index = broken.names.index
    own = set(identifiers(function)) | KEYWORDS
    words = significant(lex(value))
    for n, token in enumerate(words):
        if token.kind is not Kind.NAME or token.text in own:
            continue
        called = n + 1 < len(words) and words[n + 1].text == b"("
        if not called or not (broken.problem.target_has(token.text)
                              or (index is not None and index.contains(token.text.decode("utf-8", "replace")))):
            return False
    return True


REPAIR = Repair(make, (Signal.SCOPE,))
