"""What every question gets, and what they share."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache

from backport import sections
from backport.adapt.align import line_key, weak
from backport.adapt.checks.base import Check, Context, Result
from backport.adapt.revisions import Problem
from backport.adapt.signals import Signal
from backport.audit.model import Backported, Fault, FileSide, Suspect, names_of
from backport.csource.source import Source
from backport.patch.edits import Edit, render_hunks
from backport.patch.parse import split_lines
from backport.replay.cases import groups

_NEAR = 3                # lines that say something on each side of upstream's change


@dataclass(frozen=True, slots=True)
class Question:
    """A question about one change. A question's file ends with its record; the registry imports it."""

    kind: Fault
    ask: Callable[[Backported], Iterable[Suspect]]


@lru_cache(maxsize=256)
def part(source: bytes, name: str, path: str) -> tuple[bytes, ...]:
    """The lines, without white space, of everything in the file that is called `name` ("f()" for a function of C, the
    opening line of a block); () where it has nothing of that name."""
    lines = source.split(b"\n")
    return tuple(line_key(line) for start, end in spans(source, name, path) for line in lines[start - 1:end])


def spans(source: bytes, name: str, path: str) -> list[tuple[int, int]]:
    """(first line, last line), 1-based, of everything in the file that is called `name`, as `part` reads it."""
    if not sections.is_c(path):
        return [(one.start, one.end) for one in sections.named(source, name, path)]
    if name.endswith("()"):
        return [(one.start, one.end) for one in sections.named(source, name.removesuffix("()"), path)]
    from backport.csource.scopes import blocks

    return [(one.start, one.end) for one in blocks(source) if one.name == name]


def holds(lines: Iterable[bytes], wanted: Iterable[bytes]) -> float:
    """The share of `wanted` that is among `lines`, each as often."""
    need = Counter(wanted)
    return (need & Counter(lines)).total() / need.total() if need else 0.0


def same_lines(one: FileSide, other: FileSide) -> bool:
    """Whether both sides add the same code, and some that says something."""
    return bool(one.telling) and Counter(key for _, key in one.telling) == Counter(key for _, key in other.telling)


def around(side: FileSide, name: str) -> tuple[list[bytes], list[bytes]]:
    """Lines of the part `name` that say something above and below the change, the nearest first, without white
    space."""
    lines = side.after.split(b"\n")
    numbers = [line for line, _ in side.added]
    if numbers:
        first, last = min(numbers), max(numbers) + 1
    else:                            # nothing is added: the two meet where the lines were taken away
        first = last = side.line_after(side.removed[0][0])
    above = [line_key(lines[i]) for i in range(first - 1, max(-1, first - 15), -1) if side.scope(i) == name]
    below = [line_key(lines[i]) for i in range(last, min(len(lines), last + 14)) if side.scope(i) == name]
    return [key for key in above if not weak(key)][:_NEAR], [key for key in below if not weak(key)][:_NEAR]


def changed_too(change: Backported, name: str) -> bool:
    """Whether upstream's step took away the part `name`, or what the change takes away from it here: then it is another
    change in the same words. So it is where the lines around it went from that part, to the one that upstream changed
    or in a merge window: pci_set_of_node() of 5.10 is still in the caller, and its release belongs there."""
    upstream = change.upstream
    was, became = (part(data, name, change.path) for data in (upstream.before, upstream.after))
    replaced = [key for _, key in change.tree.gone]
    if not was or not became or holds(was, replaced) == 1 > holds(became, replaced):
        return bool(was)
    old, new = (part(data, upstream.place, change.path) for data in (upstream.before, upstream.after))
    return any(key in was and key not in became and (change.across or (key in new and key not in old))
               for keys in around(change.tree, name) for key in keys)


def given_up(change: Backported, key: bytes) -> bool:
    """Whether the line `key` uses what upstream's file has no longer at all, and this tree's has elsewhere too: another
    commit gave it up, which this tree does not have: fw_attributes_class_put() of 6.1 has a get that 6.12 lacks."""
    here = change.tree.after
    gone = names_of(as_written(key, here).encode()) - names_of(change.upstream.after)
    if not gone:
        return False
    lines = here.split(b"\n")
    others = [line for line in lines if line_key(line) != key]
    return len(lines) - len(others) > 1 or bool(gone & names_of(b"\n".join(others)))


def as_written(key: bytes, *sources: bytes) -> str:
    """The line that is `key` without its white space, as the first of the `sources` that has it writes it; what people
    read has to be found with grep."""
    for source in sources:
        for line in source.split(b"\n"):
            if line_key(line) == key:
                return b" ".join(line.split()).decode("utf-8", "replace")
    return key.decode("utf-8", "replace")


def part_text(source: bytes, name: str) -> bytes:
    """The text of the function `name` ("f()"), b"" where the file has none or several of that name."""
    found = Source.of(source).function(name.removesuffix("()"))
    return Source.of(source).text(found) if found is not None else b""


def checked(change: Backported, check: Check, kinds: Mapping[Signal, Fault], confidence: float) -> Iterator[Suspect]:
    """What one of the tool's own checks would say of the change, had the tool made it; only where both sides add the
    same code: what somebody wrote anew is theirs."""
    if not same_lines(change.tree, change.upstream):
        return
    asked = _context(change)
    for one in check.ask(asked) if asked is not None else ():
        if one.kind in kinds:
            yield Suspect(kinds[one.kind], change, one.text, confidence, one.subject or one.text)


@lru_cache(maxsize=4)
def _context(change: Backported) -> Context | None:
    """The change as an answer of the tool's; None where upstream's file cannot be read so."""
    here, there = change.tree, change.upstream
    hunks = render_hunks(split_lines(there.before), [Edit(e.lo, e.hi, e.new) for e in there.edits])
    number = next((n for n, group in enumerate(groups(there.edits)) if group == there.made), None)
    problem = Problem(hunks, here.before, there.before, change.path, there.path)
    if number is None or problem.edits is None or number >= len(problem.edits):
        return None
    return Context(Result(problem, here.edits), number, here.made)
