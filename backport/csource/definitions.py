"""What one C file defines.

Works by layout, like csource.functions: kernel style puts definitions at column 0. Nothing here guesses what the
preprocessor would do: a definition in an #ifdef is a definition.
"""

from __future__ import annotations

import re
import sys
from typing import NamedTuple

from backport.csource.layout import SIGNATURE, ends_above, signature_name
from backport.csource.tokens import identifiers

FUNCTION, MACRO, TYPE, BIG = 1, 2, 3, 4

# more #defines than this in one file: a register list
LIST_OF_MACROS = 3000

# Every pattern begins with a literal (files get a newline in front, for ^): it is searched ten times faster.
# at the beginning of a line, as nearly all are, and behind blanks: a mark is rarer than the end of a line
_MACRO = re.compile(rb"#(?<=\n#)[ \t]*+define[ \t]++([A-Za-z_]\w*+)")
_INDENTED = re.compile(rb"#(?<=[ \t]#)[ \t]*+define[ \t]++([A-Za-z_]\w*+)")
_BODY = re.compile(rb"\n(typedef[ \t]+)?(?:static[ \t]+|const[ \t]+|extern[ \t]+)*(struct|union|enum)\b"
                   rb"(?:[ \t]+__\w+(?:\([^)\n]*\))?)*(?:[ \t]+([A-Za-z_]\w*))?[^\n;(){}=]*\n?\{"
                   rb"(?:([^\n{}]*)|([^\n}]*\n.*?)(?<=\n))\}([^;\n]*)", re.DOTALL)
# possessive: what was passed could not be passed in another way
_HEAD = re.compile(rb"\n(typedef[ \t]+)?+(?:(?:static|const|extern)[ \t]++)*+(struct|union|enum)\b"
                   rb"(?:[ \t]++__\w++(?:\([^)\n]*+\))?+)*+(?:[ \t]++([A-Za-z_]\w*+))?+[^\n;(){}=]*+\n?\{")
_SINGLE = re.compile(rb"[^\n{}]*\}")
_OPENING = re.compile(rb"\{[ \t\r]*(?=\n|\Z)")
_NEWLINE = 10
_BEGINNINGS = b"tsceu"               # of a line that _HEAD takes
_STRETCH = 1 << 17                   # bytes in which macros are looked for at once
_TYPEDEF = re.compile(rb"\ntypedef\b([^;{}]*);")
_TYPEDEF_NAME = re.compile(rb"\(\s*\*\s*([A-Za-z_]\w*)\s*\)\s*\(|([A-Za-z_]\w*)\s*(?:\[[^]]*\]\s*)*\Z")
_COMMENT = re.compile(rb"/\*.*?\*/|//[^\n]*|^[ \t]*#[^\n]*(?:\\\n[^\n]*)*", re.MULTILINE | re.DOTALL)
_POINTER = re.compile(rb"\(\s*\*+\s*(?:const\s+)?([A-Za-z_]\w*)")
_DECLARED = re.compile(rb"\bDECLARE_\w+\(\s*([A-Za-z_]\w*)")
_LAST = re.compile(rb"([A-Za-z_]\w*)\s*(?:\[[^]]*\]\s*)*(?::[^,]*)?\s*(?:__\w+(?:\([^)]*\))?\s*)*$")
_CONSTANT = re.compile(rb"^\s*([A-Za-z_]\w*)")


class Defined(NamedTuple):
    """The names of each kind that a file defines; of a register list no macros, only that it is one."""

    functions: set[bytes]
    macros: set[bytes]
    types: set[bytes]
    is_list: bool


def names(data: bytes) -> set[tuple[int, bytes]]:
    """(kind, name) of every definition in a C file; of a register list only that it is one (BIG, "-")."""
    found = defined(data)
    every = {(BIG, b"-")} if found.is_list else {(MACRO, name) for name in found.macros}
    return every | {(FUNCTION, name) for name in found.functions} | {(TYPE, name) for name in found.types}


def defined(data: bytes) -> Defined:
    """Every definition in a C file."""
    data = b"\n" + data
    macro = _macros(data, LIST_OF_MACROS)
    is_list = len(macro) > LIST_OF_MACROS
    functions, types = _functions_and_types(data)
    if b"\ntypedef" in data:
        named = (_TYPEDEF_NAME.search(match[1]) for match in _TYPEDEF.finditer(data))
        types.update(match[1] or match[2] for match in named if match)
    return Defined(functions, set() if is_list else macro, types, is_list)


def _functions_and_types(data: bytes) -> tuple[set[bytes], set[bytes]]:
    """The names of the functions, as csource.layout finds them, without the lines between: of each body that opens,
    only what stands above it; and those of the types, as _BODY does, without their bodies.

    Each begins at a brace, which few lines hold: no pattern is tried at the beginning of every line.
    """
    functions, types = set[bytes](), set[bytes]()
    brace = data.find(b"{")
    if brace < 0:
        return functions, types
    last = data.rfind(b"\n}")                             # behind it nothing closes: looked for once, not by each head
    after = known = 0                                    # where types are looked for; all before `known` is
    while brace >= 0:
        below = data[brace - 1] == _NEWLINE
        if below and (data.startswith(b"{\n", brace) or _OPENING.match(data, brace)):
            functions.add(_function_name(data, brace - 1))
        if brace >= after:
            line = data.rfind(b"\n", max(after, known), brace - below)
            if line >= 0 and data[line + 1] in _BEGINNINGS and (match := _HEAD.match(data, line)):
                after = _type_name(data, match, types, last)
        known = brace + 1
        brace = data.find(b"{", known)
    functions.discard(b"")
    return functions, types if types and b"\n}" in data else set()


def _function_name(data: bytes, end: int) -> bytes:
    """That of the function whose signature ends there, b"" where none does."""
    top = end
    for _line in range(SIGNATURE):
        above = data.rfind(b"\n", 0, top)
        if above < 0 or above + 1 == top or ends_above(data[above + 1:top]):
            break
        top = above
    return signature_name(data[top + 1:end].replace(b"\n", b" "))


def _type_name(data: bytes, head: re.Match[bytes], types: set[bytes], last: int) -> int:
    """Add the names of the type that begins so. Returns where it ends, 0 where nothing closes it."""
    close = _closing(data, head.end(), last)
    if close < 0:
        return 0
    if head[3]:
        types.add(head[3])
    line = data.find(b"\n", close) + 1 or len(data) + 1
    semicolon = data.find(b";", close, line - 1)
    end = semicolon if semicolon >= 0 else line - 1
    if head[1] and (alias := identifiers(data[close:end])):
        types.add(alias[0])
    return end


def _closing(data: bytes, body: int, last: int) -> int:
    """Where the aggregate whose body begins there is closed, -1 if nowhere; `last` is the last brace at a margin."""
    single = _SINGLE.match(data, body)
    if single:
        return single.end()
    line = data.find(b"\n", body)
    if line < 0 or line > last or data.find(b"}", body, line) >= 0:
        return -1
    close = data.find(b"\n}", line)
    return close + 2 if close >= 0 else -1


def macros(data: bytes) -> set[bytes]:
    """The names that a file #defines."""
    return _macros(b"\n" + data)


def _macros(data: bytes, most: int = sys.maxsize) -> set[bytes]:
    """As macros(), of a text with a newline in front; once there are more than `most`, not all."""
    found: set[bytes] = set()
    at = 0
    while at >= 0 and len(found) <= most:
        line = data.find(b"\n", at + _STRETCH)
        end = line if line >= 0 else len(data)
        found.update(_MACRO.findall(data, at, end))
        found.update(match[1] for match in _INDENTED.finditer(data, at, end) if _begins_line(data, match.start()))
        at = line
    return found


def _begins_line(data: bytes, at: int) -> bool:
    """Whether only blanks stand before it in its line; a newline stands before all."""
    while data[at - 1] in b" \t":
        at -= 1
    return data[at - 1] == _NEWLINE


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
