"""What a reader of one kind of file says: which lines belong together, and under what name."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace


@dataclass(frozen=True, slots=True)
class Section:
    """1-based first and last line of what `name` holds, its title or opening line included. Sections may nest: a line
    belongs to the innermost. `inside` is what tells two of one name apart (a condition, a title above), "" for nothing.
    """

    name: str
    start: int
    end: int
    inside: str = ""


@dataclass(frozen=True, slots=True)
class SectionKind:
    """One kind of file: `owns` says of a path whether it is one, `read` finds the sections of its bytes, in order of
    their first lines. `read` never raises, and reads a fragment of a file as far as it goes.

    `numbered`: two sections of one name are two things (two lists that go to `obj-y` are not). `tail`: how many parts
    of a path of sections name the same thing in a tree that has no such path (its nodes or conditions are called
    otherwise further out), 0 where only the whole name does. `headed`: the line that git writes into a hunk's header
    is one of the hunk's own section (not where titles begin with digits, which git passes over). `key`: a name as it
    is compared.
    """

    name: str
    owns: Callable[[str], bool]
    read: Callable[[bytes], Sequence[Section]]
    numbered: bool = True
    tail: int = 0
    headed: bool = True
    key: Callable[[str], str] = str


def told_apart(found: Iterable[Section]) -> tuple[Section, ...]:
    """`found` with what stands in `inside`, or a number, behind the names that several of them have."""
    all_of = list(found)
    by_name: dict[str, list[int]] = {}
    for n, one in enumerate(all_of):
        if one.start < one.end:      # a line that is a section by itself says which one it is
            by_name.setdefault(one.name, []).append(n)
    for name, places in by_name.items():
        if len(places) < 2:
            continue
        inside = [all_of[n].inside for n in places]
        for nth, n in enumerate(places):
            mark = inside[nth] if inside[nth] and inside.count(inside[nth]) == 1 else f"{nth + 1} of {len(places)}"
            all_of[n] = replace(all_of[n], name=f"{name} [{mark}]")
    return tuple(all_of)


def plain(name: str) -> str:
    """A section's name without what tells it from others of that name."""
    return name.partition(" [")[0]


def alike(one: str, other: str) -> bool:
    """True where two names are the same as far as both trees tell: what sets two of one name apart counts only where
    both have it, and a number only where both count as many."""
    if one == other:
        return True
    name, _, mark = one.partition(" [")
    name2, _, mark2 = other.partition(" [")
    if name != name2:
        return False
    return not mark or not mark2 or (" of " in mark and " of " in mark2
                                     and mark.rsplit(" of ", 1)[1] != mark2.rsplit(" of ", 1)[1])


def last_text(lines: Sequence[bytes], start: int, stop: int) -> int:
    """1-based number of the last line of lines[start:stop] (0-based) that is not empty; `start` + 1 where all are."""
    for i in range(min(stop, len(lines)) - 1, start, -1):
        if lines[i].strip():
            return i + 1
    return start + 1


def text(line: bytes) -> str:
    """A name for people: white space squeezed, whatever the encoding."""
    return b" ".join(line.split()).decode("utf-8", "replace")
