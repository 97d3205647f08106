"""Was the change made where it had been made before?"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from backport.adapt.align import line_key, weak
from backport.audit.kinds.base import Question, part, same_lines
from backport.audit.model import Backported, Fault, Suspect


def ask(change: Backported) -> Iterator[Suspect]:
    """A block of added lines that its function has more often than upstream's, and had before the change."""
    here, there = change.tree, change.upstream
    if not same_lines(here, there):
        return
    for edit in here.made:
        block = [line_key(line) for line in edit.new if line.strip()]
        telling = [key for key in block if any(key == one for _, one in here.telling)]
        if len(telling) < 2 and not any(len(key) > 30 for key in telling):
            continue
        name = here.scope(here.line_after(edit.lo))
        if not name:
            continue
        now, was = (_count(part(data, name, change.path), block) for data in (here.after, here.before))
        theirs = [_count(part(data, name, change.path), block) for data in (there.after, *change.newer.values())]
        if now > was > 0 and theirs and now > max(theirs) > 0 and _same_place(change, name, block):
            yield Suspect(Fault.TWICE, change, f"{name} has the added lines {now} times, upstream's {max(theirs)}", 0.7,
                          telling[0].decode("utf-8", "replace"))


def _same_place(change: Backported, name: str, block: Sequence[bytes]) -> bool:
    """Whether the block stood, before the change, beside a line that upstream's stands beside."""
    ours, theirs = (_beside(part(data, name, change.path), block) for data in (change.tree.before,
                                                                               change.upstream.after))
    return bool(ours & theirs)


def _beside(lines: Sequence[bytes], block: Sequence[bytes]) -> set[tuple[str, bytes]]:
    """("above" or "below", the next line that says something) of each place of the block."""
    lines = [line for line in lines if line]
    size = len(block)
    found = set()
    for i in range(len(lines) - size + 1):
        if lines[i:i + size] == block:
            above = next((key for key in reversed(lines[:i]) if not weak(key)), b"")
            below = next((key for key in lines[i + size:] if not weak(key)), b"")
            found |= {("above", above), ("below", below)}
    return found


def _count(lines: Sequence[bytes], block: Sequence[bytes]) -> int:
    lines = [line for line in lines if line]
    size = len(block)
    return sum(lines[i:i + size] == block for i in range(len(lines) - size + 1))


QUESTION = Question(Fault.TWICE, ask)
