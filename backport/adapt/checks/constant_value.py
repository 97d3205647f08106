"""Are the values of added enumerators and flags free in this tree, and upstream's in uapi headers?"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from backport.adapt.checks.base import Check, Context, Finding, Result, bare_lines
from backport.adapt.signals import Signal
from backport.csource.constants import Constant, enumerators, enums, is_enum, macro_with_value, run
from backport.csource.scopes import block
from backport.csource.tokens import identifiers
from backport.patch.edits import Edit


def ask(context: Context) -> list[Finding]:
    """VALUE: another name of this tree's enum, or of its run of `#define`s, has the added value already (an alias that
    upstream has too is none); or, in a header of user space, values become others than they were or than upstream's."""
    result, edits = context.result, context.edits
    found: list[Finding] = []
    after = result.problem.upstream
    seen: set[tuple[int, int]] = set()
    for u, r in context.pairs:
        theirs, ours = block(after, u + 1), block(result.source, r + 1)
        if theirs is not None and ours is not None and is_enum(ours):
            if (theirs.start, ours.start) in seen:
                continue
            seen.add((theirs.start, ours.start))
            up, own = enumerators(after, theirs), enumerators(result.source, ours)
            new = {name for name, c in own.items() if c.line in result.added}
            for name in sorted(new):
                found += _taken(result, name, own, up, {n for n in own if n not in new})
            if "/uapi/" in "/" + result.problem.path:
                found += _shifted(result, edits, own, up, new)
        elif ours is None and macro_with_value(bare_lines(result.source)[r]):
            found += _flag(result, u, r)
    return found[:4]


def _taken(result: Result, name: bytes, own: Mapping[bytes, Constant], up: Mapping[bytes, Constant],
           others: set[bytes]) -> list[Finding]:
    """The other names that have the value of `name` here, and not so upstream."""
    mine = own[name]
    if mine.value is None:
        return []
    said = set(identifiers(mine.text))
    out = []
    for other in sorted(others - {name} - said):
        there = own[other]
        if there.value != mine.value or name in identifiers(there.text):
            continue
        if other in up and name in up and up[other].value == up[name].value:
            continue                 # upstream has the alias
        out.append(Finding(Signal.VALUE, f"`{_text(name)}` is {mine.value:#x} in this tree, which `{_text(other)}` has "
                                         f"already, at line {result.old_line(there.line) + 1}"))
    return out


def _shifted(result: Result, edits: Sequence[Edit], own: Mapping[bytes, Constant], up: Mapping[bytes, Constant],
             new: set[bytes]) -> list[Finding]:
    """User space was built with the values: an added one has upstream's, and no other one changes."""
    out = [Finding(Signal.VALUE, f"`{_text(n)}` is {own[n].value} in this tree and {up[n].value} upstream, and user "
                                 "space knows one value only")
           for n in sorted(new) if n in up and own[n].value is not None and up[n].value not in (None, own[n].value)]
    problem = result.problem
    was = next((b for e in edits if (b := block(problem.target, e.lo + 1)) is not None), None)
    before = enumerators(problem.target, was) if was is not None else {}
    their = {n: c for b in enums(problem.base or b"") for n, c in enumerators(problem.base or b"", b).items()}
    for name, c in before.items():
        now = own.get(name)
        if now is None or None in (now.value, c.value) or now.value == c.value or name in new:
            continue
        if name in their and name in up and their[name].value != up[name].value:
            continue                 # a `__MAX` grows upstream as well
        out.append(Finding(Signal.VALUE, f"`{_text(name)}` becomes {now.value} and was {c.value}, and user space knows "
                                         "the old value"))
    return out[:2]


def _flag(result: Result, u: int, r: int) -> list[Finding]:
    """The same for a `#define` among others whose names begin alike."""
    own, up = run(result.source, r), run(result.problem.upstream, u)
    name = macro_with_value(bare_lines(result.source)[r])
    if name not in own or name not in up:
        return []
    near = sorted((c.line, n) for n, c in up.items() if n != name)
    beside = [n for line, n in near if line < u][-1:] + [n for line, n in near if line > u][:1]
    stem = max((_common(name, n) for n in beside), key=len, default=b"")
    if not stem:
        return []
    others = {n for n, c in own.items() if n.startswith(stem) and c.line not in result.added}
    return _taken(result, name, own, up, others)


def _common(one: bytes, two: bytes) -> bytes:
    """The words that both names begin with, b"" for none."""
    a, b = one.split(b"_"), two.split(b"_")
    n = 0
    while n < min(len(a), len(b)) and a[n] == b[n]:
        n += 1
    return b"".join(part + b"_" for part in a[:n])


def _text(name: bytes) -> str:
    return name.decode("utf-8", "replace")


CHECK = Check(__name__, __doc__, ask, (Signal.VALUE,))
