"""Do added `return`s and `goto`s leave with the same cleanup as upstream's?"""

from __future__ import annotations

from collections.abc import Sequence

from backport.adapt.align import line_key, weak
from backport.adapt.checks.base import Check, Context, Finding, Result, bare_lines, named, quote
from backport.adapt.signals import Signal
from backport.csource.functions import Function, enclosing
from backport.csource.pieces import code
from backport.csource.resources import by_scope, given, takes
from backport.csource.statements import gotos, label
from backport.csource.tokens import identifiers


def ask(context: Context) -> list[Finding]:
    """LEAVING: behind the label that an added `goto` names this tree gives other things back than upstream; or this
    tree's function took something above an added `return` that it gives back below, and upstream's did not. RELEASE is
    only told: a release that is new to this tree's function is right far more often than not."""
    result = context.result
    found = []
    after = result.problem.upstream
    pairs = list(context.pairs)
    lines = result.problem.upstream_lines or []
    # `return ret;` says nothing about where it stands: the `if` above it does
    pairs += [(u + 1, r + 1) for u, r in pairs if r + 1 in result.added and u + 1 < len(lines)
              and weak(line_key(result.lines[r + 1])) and line_key(lines[u + 1]) == line_key(result.lines[r + 1])]
    for u, r in pairs:
        text = code(result.lines[r])
        jumps, leaves = gotos(text), b"return" in identifiers(text)
        theirs, ours = enclosing(after, u + 1), enclosing(result.source, r + 1)
        if theirs is None or ours is None:
            continue
        if given(text) and _elsewhere(result, theirs.name, ours, r):
            shown = text.strip().decode("utf-8", "replace")
            signal = Signal.LEAVING if b"unlock" in text else Signal.RELEASE     # of another lock than this tree holds
            found.append(Finding(signal, f"`{shown}` is in upstream's {theirs.name}() before the patch, and not "
                                         "in this tree's function"))
        if not (jumps or leaves):
            continue
        up, here = _lines(after, theirs), _lines(result.source, ours)
        shown = text.strip().decode("utf-8", "replace")
        if jumps:
            a, b = _behind(up, jumps[0]), _behind(here, jumps[0])
            if a is not None and b is not None and a != b:
                more, less = sorted(b - a), sorted(a - b)
                words = " and ".join(
                    [f"{quote(x)} in this tree only" for x in more[:2]]
                    + [f"{quote(x)} upstream only" for x in less[:2]])
                found.append(Finding(Signal.LEAVING, f"`{shown}` leads to {words}"))
        else:
            at, at_u = r - ours.start + 1, u - theirs.start + 1
            held = _held(here, at, taken=any(map(by_scope, up[:at_u]))) - _held(up, at_u)
            if held:
                what = ", ".join(f"{x.decode('utf-8', 'replace')}()" for x in sorted(held))
                found.append(Finding(Signal.LEAVING, f"`{shown}` leaves without {what}, which this tree's function "
                                                     "calls further down"))
    return found[:3]


def _elsewhere(result: Result, name: str, ours: Function, at: int) -> bool:
    """Whether upstream's function had the added statement before the patch, this tree's had not, and has it in added
    lines alone. One that the patch moves was in both."""
    key = line_key(result.lines[at])
    before, here = (named(source, f) or b"" for source, f in ((result.problem.base or b"", name),
                                                             (result.problem.target, ours.name)))
    inside = range(ours.start - 1, min(ours.end, len(result.lines)))
    return any(line_key(line) == key for line in before.split(b"\n")) \
        and not any(line_key(line) == key for line in here.split(b"\n")) \
        and not any(line_key(result.lines[i]) == key for i in inside if i not in result.added)


def _lines(source: bytes, f: Function) -> Sequence[bytes]:
    return bare_lines(source)[f.start - 1:f.end]


def _behind(lines: Sequence[bytes], name: bytes) -> set[bytes] | None:
    """What is given back behind the label, as calls without white space."""
    at = next((i for i, line in enumerate(lines) if label(line) == name), None)
    if at is None:
        return None
    return {line_key(line) for line in lines[at + 1:] if given(line) and not weak(line_key(line))}


def _held(lines: Sequence[bytes], at: int, *, taken: bool = False) -> set[bytes]:
    """What line `at` skips: names called below that give back what was taken above, and not given back in between
    on the way to it (a call on a line of the function's own depth). `taken`: something is for sure, whatever the call
    is named: upstream leaves it to the compiler to give it back."""
    above, below = lines[:at], lines[at + 1:]
    if not taken and not any(takes(line) for line in above):
        return set()
    gone = {name for line in above for name in given(line) if line[:1] == b"\t" and line[1:2] != b"\t"}
    near = {name for line in lines[max(0, at - 4):at] for name in given(line)}
    return {name for line in below for name in given(line)} - gone - near


CHECK = Check(__name__, __doc__, ask, (Signal.LEAVING, Signal.RELEASE), local=True)
