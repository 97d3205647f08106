"""Do the variables and members in added lines have upstream's types?

The same name may be an array there and a pointer here (`sizeof`), little-endian there and the machine's here.
"""

from __future__ import annotations

import re
from functools import lru_cache

from backport.adapt.checks.base import Check, Context, Finding, body, named, quote
from backport.adapt.signals import Signal
from backport.csource.functions import enclosing
from backport.csource.pieces import KEYWORDS, code
from backport.csource.scopes import blocks
from backport.csource.tokens import identifiers

_DECLARATION = re.compile(rb"[ \t]+((?:(?:const|volatile|static|unsigned|signed|struct|union|enum)[ \t]+)*[A-Za-z_]\w*)"
                          rb"([ \t*][^;(]*);")
_DECLARATOR = re.compile(rb"(\*+)?\s*([A-Za-z_]\w*)\s*(\[[^]]*\])?")
_MEMBER = re.compile(rb"(?:->|(?<![\d.])\.)\s*([A-Za-z_]\w*)")
_NO_TYPE = frozenset({b"return", b"goto", b"else", b"case", b"break", b"continue", b"sizeof", b"typedef"})
_ORDER = re.compile(rb"_*(?:le|be)(16|32|64)")


def ask(context: Context) -> list[Finding]:
    """TYPED: `sizeof` of what is an array on one side only; a member or variable whose bytes have an order on one side
    only."""
    result, edits = context.result, context.edits
    found = []
    problem = result.problem
    for edit in edits:
        added = result.code(edit)
        if not added.strip():
            continue
        members = {m for m in _MEMBER.findall(added)}
        here, up = _members(problem.target), _members(problem.base or b"")
        pairs = [(name, up.get(name), here.get(name)) for name in sorted(members)]
        f = enclosing(result.source, result.new_line(edit) + 1)
        theirs = named(problem.upstream, f.name) if f is not None else None
        if f is not None and theirs is not None:
            own, other = _locals(body(result.source, f)), _locals(theirs)
            words = set(identifiers(added)) - KEYWORDS - members
            pairs += [(name, other.get(name), own.get(name)) for name in sorted(words)]
        for name, a, b in pairs:
            if not a or not b or a == b:
                continue
            sized = re.search(rb"\b(?:sizeof|ARRAY_SIZE)\s*\(\s*[^()]*\b%s\s*\)" % re.escape(name), added)
            if _ORDER.search(a) is None and _ORDER.search(b) is None and not (
                    sized and a.endswith(b"]") != b.endswith(b"]")):
                continue
            if _ORDER.search(a) and _ORDER.search(b) and _ORDER.findall(a) == _ORDER.findall(b) and \
                    (b"le" in a) == (b"le" in b):
                continue
            found.append(Finding(Signal.TYPED, f"{quote(name)} is {quote(b)} in this tree, "
                                               f"{quote(a)} upstream"))
    return found


@lru_cache(maxsize=16)
def _members(source: bytes) -> dict[bytes, bytes]:
    """member -> its type, for names that the file's structs give one type only."""
    lines = source.split(b"\n")
    text = b"\n".join(b"\n".join(lines[b.start:b.end - 1]) for b in blocks(source)
                      if b.name.startswith(("struct ", "union ", "typedef ")) and b"=" not in lines[b.start - 1])
    return _locals(text)


@lru_cache(maxsize=64)
def _locals(text: bytes) -> dict[bytes, bytes]:
    """name -> its type, for names that `text` declares with one type only."""
    found: dict[bytes, set[bytes]] = {}
    for line in code(text).split(b"\n"):
        match = _DECLARATION.match(line)
        if match is None or match[1].split()[0] in _NO_TYPE:
            continue
        base = b" ".join(match[1].split())
        for piece in match[2].split(b","):
            one = _DECLARATOR.match(piece.strip())
            if one and re.fullmatch(rb"\s*(?:=[^=].*)?", piece.strip()[one.end():]):
                stars, array = b" " + one[1] if one[1] else b"", b"[]" if one[3] else b""
                found.setdefault(one[2], set()).add(base + stars + array)
    return {name: next(iter(types)) for name, types in found.items() if len(types) == 1}


CHECK = Check(__name__, __doc__, ask, (Signal.TYPED,))
