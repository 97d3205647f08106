"""Added lines as a person would cut them out: a `case` from its label on, a block from its head on.

Where the last added line is the same as the one above them, a diff may just as well begin one line earlier, and often
does: `break; case N: do_n();` in front of the `break;` of the case before. On upstream's file both mean the same. In a
tree where the case before ends otherwise, what was cut in the middle of it would change what falls through.
"""

from __future__ import annotations

from collections.abc import Sequence

from backport.csource.pieces import code
from backport.csource.statements import is_case
from backport.patch.model import Hunk, Line


def settled(hunk: Hunk) -> Hunk:
    """`hunk` with its purely added blocks moved, as far as equal lines allow, to where they are whole; the lines before
    and after are the same as ever."""
    lines = list(hunk.lines)
    changed = False
    i = 0
    while i < len(lines):
        j = i
        while j < len(lines) and lines[j].kind == b"+":
            j += 1
        if j > i and (i == 0 or lines[i - 1].kind == b" ") and (j == len(lines) or lines[j].kind == b" "):
            best = _best(lines, i, j)
            if best != i:
                changed = True
                lines = _moved(lines, i, j, best)
                i, j = best, best + j - i
        i = max(j, i + 1)
    return hunk.with_lines(tuple(lines)) if changed else hunk


def _best(lines: Sequence[Line], i: int, j: int) -> int:
    """Where the block lines[i:j] should begin: the nearest place where it is whole, or where it is."""
    text = [line.text for line in lines]
    size = j - i
    for step in (-1, 1):
        at = i
        while not _whole(text[at:at + size]):
            # it moves by one line where the line that it leaves behind is the one that it takes up
            one, other = (at - 1, at + size - 1) if step < 0 else (at, at + size)
            if one < 0 or other >= len(text) or text[one] != text[other] \
                    or lines[one if step < 0 else other].kind != b" ":
                break
            at += step
        else:
            return at
    return i


def _moved(lines: Sequence[Line], i: int, j: int, at: int) -> list[Line]:
    """`lines` with the added block [i, j) at `at`; the texts stay in their order."""
    added = range(at, at + j - i)
    return [line if not min(i, at) <= n < max(j, at + j - i) else Line(b"+" if n in added else b" ", line.text)
            for n, line in enumerate(lines)]


def _whole(block: Sequence[bytes]) -> bool:
    """True for lines that begin with a label or have none, and that close what they open and nothing else."""
    first = next((line for line in block if line.strip()), b"")
    if is_case(first):
        return True
    depth = 0
    for byte in code(b"".join(block)):
        depth += (byte == ord("{")) - (byte == ord("}"))
        if depth < 0:
            return False
    return depth == 0 and not any(is_case(line) for line in block) and not first.lstrip().startswith(b"*/")
