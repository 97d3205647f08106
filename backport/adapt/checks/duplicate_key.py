"""Has a table an entry for the same thing already, with other values?"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

from backport.adapt.checks.base import Check, Context, Finding
from backport.adapt.signals import Signal
from backport.csource.pieces import code, squeeze
from backport.csource.scopes import Block, block, blocks

_SAME = 10               # one entry of so many may share its key with another one, and it is a key still
_CALL = re.compile(rb"(\w+)\s*\((.*)\)$", re.DOTALL)
_QUOTED = re.compile(rb"""/\*.*?(?:\*/|\Z)|//[^\n]*|"(?:\\.|[^"\\\n])*"|'(?:\\.|[^'\\\n])+'""", re.DOTALL)
_DIRECTIVE = re.compile(rb"^[ \t]*#[^\n]*", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Entry:
    """One entry: the 0-based line of the file it begins on, and its parts without white space."""

    line: int
    items: tuple[bytes, ...]


def ask(context: Context) -> list[Finding]:
    """REDECLARED for an added entry whose key (as many of its first parts as tell upstream's entries apart) another
    entry of this tree's table has: the first one wins, or the last one, and the fix may do nothing. ENTRY where the
    key is a mere word."""
    result, edits = context.result, context.edits
    found = []
    for edit in edits:
        ours = block(result.source, result.new_line(edit) + 1) if edit.new else None
        if ours is None:
            continue
        at = range(result.new_line(edit), result.new_line(edit) + len(edit.new))
        table = entries(result.source, ours)
        old = [e for e in table if e.line not in result.added]
        theirs = [e for b in blocks(result.problem.after_source) if b.name == ours.name
                  for e in entries(result.problem.after_source, b)]
        for new in (e for e in table if e.line in at):
            n = _key(new, old, theirs)
            same = next((e for e in old if n and e.items[:n] == new.items[:n]), None)
            if same is not None:
                key = b", ".join(new.items[:n])
                shown = key.decode("utf-8", "replace")
                line = result.old_line(same.line) + 1
                what = "already" if same.items == new.items else "with other values"
                found.append(Finding(Signal.ENTRY if re.fullmatch(rb"\w+", key) else Signal.REDECLARED,
                                   f"`{shown}` is in this tree's table at line {line} {what}"))
    return found[:3]


def _key(new: Entry, old: Sequence[Entry], theirs: Sequence[Entry]) -> int:
    """How many parts of `new` make it another entry than upstream's other ones, and tell most entries apart."""
    for n in range(1, len(new.items) + 1):
        key = new.items[:n]
        if sum(e.items[:n] == key for e in theirs) <= 1 and all(
                (len(part) - len({e.items[:n] for e in part})) * _SAME <= len(part) for part in (old, theirs)):
            return n
    return 0


@lru_cache(maxsize=64)
def entries(source: bytes, b: Block) -> tuple[Entry, ...]:
    """The entries of a table that have parts: `{ A, B }` and `MACRO(A, B)`; none for an enum or a struct."""
    lines = source.split(b"\n")
    if b"=" not in lines[b.start - 1]:
        return ()
    text = b"\n".join(lines[b.start - 1:b.end])
    text = _DIRECTIVE.sub(lambda m: b" " * len(m[0]), text)
    text = _QUOTED.sub(lambda m: m[0] if m[0][:1] in b"\"'" else re.sub(rb"[^\n]", b" ", m[0]), text)
    bare = code(text)
    out = []
    first = bare.find(b"{") + 1
    for lo, hi in _split(bare, first, len(bare)):
        piece = text[lo:hi]
        start = lo + len(piece) - len(piece.lstrip())
        piece = piece.strip()
        if piece.startswith(b"{"):
            inner = bare[start:hi].rstrip()
            items = [text[x:y] for x, y in _split(bare, start + 1, start + len(inner) - 1)]
        elif match := _CALL.match(piece):
            at = start + piece.index(b"(") + 1
            items = [text[x:y] for x, y in _split(bare, at, start + len(piece) - 1)]
            items[:1] = [match[1] + b"(" + (items[0] if items else b"")]
        else:
            continue
        parts = tuple(x for item in items if (x := squeeze(item)))
        if parts:
            out.append(Entry(b.start - 1 + text.count(b"\n", 0, start), parts))
    return tuple(out)


def _split(bare: bytes, lo: int, hi: int) -> list[tuple[int, int]]:
    """The pieces of bare[lo:hi] between its outermost commas; what follows a closing bracket too many is left out."""
    out = []
    depth, start = 0, lo
    for i in range(lo, hi):
        byte = bare[i:i + 1]
        if byte in (b"(", b"[", b"{"):
            depth += 1
        elif byte in (b")", b"]", b"}"):
            depth -= 1
            if depth < 0:
                out.append((start, i))
                return out
        elif byte == b"," and not depth:
            out.append((start, i))
            start = i + 1
    out.append((start, hi))
    return out


CHECK = Check(__name__, __doc__, ask, (Signal.ENTRY, Signal.REDECLARED))
