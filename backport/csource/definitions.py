"""What one C file defines.

Works by layout, like csource.functions: kernel style puts definitions at column 0. Nothing here guesses what the
preprocessor would do: a definition in an #ifdef is a definition.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from backport.csource.layout import SIGNATURE, signature
from backport.csource.tokens import identifiers

FUNCTION, MACRO, TYPE, BIG = 1, 2, 3, 4

# more #defines than this in one file: a register list
LIST_OF_MACROS = 3000

# Every pattern begins with a newline, not with ^ (files get one in front): a literal is searched ten times faster.
_MACRO = re.compile(rb"\n[ \t]*#[ \t]*define[ \t]+([A-Za-z_]\w*)")
_BODY = re.compile(rb"\n(typedef[ \t]+)?(?:static[ \t]+|const[ \t]+|extern[ \t]+)*(struct|union|enum)\b"
                   rb"(?:[ \t]+__\w+(?:\([^)\n]*\))?)*(?:[ \t]+([A-Za-z_]\w*))?[^\n;(){}=]*\n?\{"
                   rb"(?:([^\n{}]*)|([^\n}]*\n.*?)(?<=\n))\}([^;\n]*)", re.DOTALL)
_HEAD = re.compile(rb"\n(?=[tsceu])(typedef[ \t]+)?(?:static[ \t]+|const[ \t]+|extern[ \t]+)*(struct|union|enum)\b"
                   rb"(?:[ \t]+__\w+(?:\([^)\n]*\))?)*(?:[ \t]+([A-Za-z_]\w*))?[^\n;(){}=]*\n?\{")
_SINGLE = re.compile(rb"[^\n{}]*\}")
_OPENING = re.compile(rb"\n\{[ \t\r]*(?=\n|\Z)")
_ABOVE = ((500, 5), (2000, SIGNATURE), (1 << 62, SIGNATURE))     # bytes and lines that hold a signature, as a rule
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
    found.update((FUNCTION, name) for name in _function_names(data))
    found.update((TYPE, name) for name in _type_names(data))
    named = (_TYPEDEF_NAME.search(match[1]) for match in _TYPEDEF.finditer(data))
    found.update((TYPE, match[1] or match[2]) for match in named if match)
    return found


def _function_names(data: bytes) -> Iterator[bytes]:
    """What csource.layout finds, without the lines between: of each body that opens, only what stands above it."""
    for match in _OPENING.finditer(data):
        end = match.start()
        for size, most in _ABOVE:
            above = data[max(0, end - size):end].rsplit(b"\n", most)[1 if end > size else 0:][-SIGNATURE:]
            top, name = signature(above, len(above))
            if top:                                      # it does not begin further up
                break
        if name:
            yield name.decode("utf-8", "replace").encode("utf-8", "replace")


def _type_names(data: bytes) -> Iterator[bytes]:
    """What _BODY finds, without its bodies: where they end is found as bytes."""
    if b"\n}" not in data:
        return
    at = 0
    while match := _HEAD.search(data, at):
        end = match.end()
        single = _SINGLE.match(data, end)
        if single:
            close = single.end()
        else:
            line = data.find(b"\n", end)
            brace = data.find(b"}", end)
            close = data.find(b"\n}", line) + 2 if line >= 0 and (brace < 0 or brace > line) else 1
            if close == 1:
                at = match.start() + 1
                continue
        if match[3]:
            yield match[3]
        stop = min(place for place in (data.find(b";", close), data.find(b"\n", close), len(data)) if place >= 0)
        if match[1] and (alias := identifiers(data[close:stop])):
            yield alias[0]
        at = stop


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
