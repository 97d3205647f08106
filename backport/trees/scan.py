"""What one C file defines and which words it holds; run as a program, the same for many blobs of a store.

Works by layout, like csource.functions: kernel style puts definitions at column 0. Nothing here guesses what the
preprocessor would do: a definition in an #ifdef is a definition.
"""

from __future__ import annotations

import hashlib
import re
import sys
from array import array
from collections.abc import Iterable, Sequence
from itertools import groupby
from operator import itemgetter
from pathlib import Path

from backport.csource.layout import Function, functions_in
from backport.csource.tokens import identifiers, is_identifier, vocabulary
from backport.git import Git
from backport.trees.zones import ZONES, Zone

# kinds, one digit each in the output
FUNCTION, MACRO, TYPE, BIG = 1, 2, 3, 4

# more #defines than this in one file: a register list
LIST_OF_MACROS = 3000

# Every pattern begins with a newline, not with ^ (files get one in front): a literal is searched ten times faster.
_MACRO = re.compile(rb"\n[ \t]*#[ \t]*define[ \t]+([A-Za-z_]\w*)")
_BODY = re.compile(rb"\n(typedef[ \t]+)?(?:static[ \t]+|const[ \t]+|extern[ \t]+)*(struct|union|enum)\b"
                   rb"(?:[ \t]+__\w+(?:\([^)\n]*\))?)*(?:[ \t]+([A-Za-z_]\w*))?[^\n;(){}=]*\n?\{"
                   rb"(?:([^\n{}]*)|([^\n}]*\n.*?)(?<=\n))\}([^;\n]*)", re.DOTALL)
_TYPEDEF = re.compile(rb"\ntypedef\b([^;{}]*);")
_TYPEDEF_NAME = re.compile(rb"\(\s*\*\s*([A-Za-z_]\w*)\s*\)\s*\(|([A-Za-z_]\w*)\s*(?:\[[^]]*\]\s*)*\Z")
_COMMENT = re.compile(rb"/\*.*?\*/|//[^\n]*|^[ \t]*#[^\n]*(?:\\\n[^\n]*)*", re.MULTILINE | re.DOTALL)
_POINTER = re.compile(rb"\(\s*\*+\s*(?:const\s+)?([A-Za-z_]\w*)")
_DECLARED = re.compile(rb"\bDECLARE_\w+\(\s*([A-Za-z_]\w*)")
_LAST = re.compile(rb"([A-Za-z_]\w*)\s*(?:\[[^]]*\]\s*)*(?::[^,]*)?\s*(?:__\w+(?:\([^)]*\))?\s*)*$")
_CONSTANT = re.compile(rb"^\s*([A-Za-z_]\w*)")


def names(data: bytes) -> set[tuple[int, bytes]]:
    """(kind, name) of every definition in a C file; of a register list only that it is one (BIG, "-")."""
    data = b"\n" + data
    defined = macros(data)
    found = {(BIG, b"-")} if len(defined) > LIST_OF_MACROS else {(MACRO, name) for name in defined}
    if b"\n{" in data:
        found.update((FUNCTION, f.name.encode("utf-8", "replace")) for f in _functions(data))
    if b"\n}" in data and (b"struct" in data or b"enum" in data or b"union" in data):
        for match in _BODY.finditer(data):
            if match[3]:
                found.add((TYPE, match[3]))
            if match[1] and (alias := identifiers(match[6])):
                found.add((TYPE, alias[0]))
    named = (_TYPEDEF_NAME.search(match[1]) for match in _TYPEDEF.finditer(data))
    found.update((TYPE, match[1] or match[2]) for match in named if match)
    return found


def macros(data: bytes) -> set[bytes]:
    """The names that a file #defines."""
    return set(_MACRO.findall(b"\n" + data))


def members(data: bytes, struct: bytes) -> list[bytes]:
    """The members (constants of an enum) of every `struct`/`union`/`enum`/typedef of that name, in order."""
    found: list[bytes] = []
    for match in _BODY.finditer(b"\n" + data):
        alias = identifiers(match[6]) if match[1] else []
        if match[3] != struct and alias[:1] != [struct]:
            continue
        body = _COMMENT.sub(b" ", match[4] or match[5] or b"")
        if match[2] == b"enum":
            found += [constant[1] for part in _apart(body) if (constant := _CONSTANT.match(part))]
        else:
            for piece in re.split(rb"[;{}]", body):
                found += _declared(piece)
    return list(dict.fromkeys(found))


def _declared(piece: bytes) -> list[bytes]:
    piece = piece.strip()
    if not piece or re.fullmatch(rb"(?:struct|union|enum)(?:\s+\w+)?", piece):
        return []                        # the head of a nested aggregate
    special = _POINTER.search(piece) or _DECLARED.search(piece)
    if special:
        return [special[1]]
    return [last[1] for part in _apart(piece) if (last := _LAST.search(part))]


def _apart(text: bytes) -> list[bytes]:
    """Split at commas that stand in no parentheses."""
    parts, depth, start = [], 0, 0
    for position, char in enumerate(text):
        if char == 40:
            depth += 1
        elif char == 41:
            depth -= 1
        elif char == 44 and depth == 0:
            parts.append(text[start:position])
            start = position + 1
    return [*parts, text[start:]]


def name_hash(name: bytes) -> int:
    """64 bits, signed (SQLite's integer), the same on every machine."""
    return int.from_bytes(hashlib.blake2b(name, digest_size=8).digest(), "little", signed=True)


def in_zone(name: bytes, zone: int) -> int:
    """The hash of a name that stands in a zone: one name's are neighbours, that of zone 0 is the least."""
    return name_hash(name) & -ZONES | zone


def _functions(source: bytes) -> list[Function]:
    """Without a cache, which would hold the last files of a tree for nothing."""
    return functions_in(source.split(b"\n"))


def main() -> None:
    """`python -m backport.trees.scan STORE names|words`, blob names on stdin.

    names: a line per blob, its name and then each kind (one digit) with the name behind it. words: each blob's name
    comes with its zone, equal zones in a row; out go the hashes of all words in their zones, eight bytes each in this
    machine's order, sorted.
    """
    store, what = Path(sys.argv[1]), sys.argv[2]
    out = sys.stdout.buffer
    with Git(store) as git:
        if what == "words":
            out.write(_all_words(git, store, (line.split() for line in sys.stdin)).tobytes())
            return
        for line in sys.stdin:
            blob = line.strip()
            found = b" ".join(b"%d%s" % (kind, name) for kind, name in sorted(names(_read(git, blob, store))) if name)
            out.write(blob.encode() + b" " + found + b"\n")


def _read(git: Git, blob: str, store: Path) -> bytes:
    data = git.blob(blob)
    if data is None:
        sys.exit(f"the object {blob} is not in {store}")      # an index without it would be wrong for good
    return data


def _all_words(git: Git, store: Path, blobs: Iterable[Sequence[str]]) -> array[int]:
    table = array("q")
    mentioned: set[bytes] = set()
    for zone, rows in groupby(blobs, itemgetter(1)):
        seen: set[bytes] = set()         # of one zone at a time: half of a tree's words are memory enough
        for blob, _zone in rows:
            code, rest = vocabulary(_read(git, blob, store))
            seen |= code
            mentioned |= rest
        table.extend(in_zone(word, int(zone)) for word in seen if is_identifier(word))
    table.extend(in_zone(word, Zone.MENTIONED) for word in mentioned if is_identifier(word))
    return array("q", sorted(table))


if __name__ == "__main__":
    main()
