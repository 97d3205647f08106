"""Which lines of a C file depend on an #if, and what kind of line each is.

A file is cut at its preprocessor conditionals into sections: runs of lines that are either all compiled or all
not. A line outside every conditional is compiled when the file is; only for the others does the preprocessor
have to be asked. What a condition says is `preprocessor`'s to read.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from io import BytesIO

_DIRECTIVE = re.compile(rb"^\s*(?:#|\?\?=|%:)\s*(\w*)(.*)", re.DOTALL)
_OPEN = frozenset({b"if", b"ifdef", b"ifndef"})
_KINDS = {b"define": "define", b"undef": "define", b"include": "include"}
_MIDDLE = frozenset({b"else", b"elif", b"elifdef", b"elifndef"})


@dataclass(frozen=True, slots=True)
class ConditionalSection:
    """Lines between two conditional directives. `number` is unique in the file; `guarded` is False outside every
    conditional (an include guard around a whole header is none); `opened` is the text of the innermost directive
    that it hangs on, `conditions` those of all, the outermost first."""

    number: int
    guarded: bool
    opened: str = ""
    conditions: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Layout:
    """Per line of a file (index 0 = line 1): its section and its kind.

    kind: "code", "blank" (empty or comment), "directive" (a conditional, #pragma ...), "include", "define". `opens` is
    the number of the section that a conditional opens, 0 for every other line.
    """

    sections: tuple[ConditionalSection, ...]
    kinds: tuple[str, ...]
    opens: tuple[int, ...] = ()

    def lines_of(self, number: int) -> tuple[int, ...]:
        """1-based lines of one section that the preprocessor prints something for."""
        return tuple(i + 1 for i, section in enumerate(self.sections)
                     if section.number == number and self.kinds[i] in ("code", "define", "include"))


def layout(source: bytes) -> Layout:
    """Cut one file; never fails, an unbalanced file just ends inside its last section."""
    lines = BytesIO(source).readlines()          # a form feed ends no line
    bare, kinds, _inside = strip_comments(lines)
    guard = _include_guard(bare)
    stack: list[ConditionalSection] = [ConditionalSection(0, False)]
    count = 0
    sections: list[ConditionalSection] = []
    out: list[str] = []
    opens: list[int] = []
    continued = ""
    for i, line in enumerate(bare):
        kind = kinds[i]
        opens.append(0)
        if continued:
            kind = continued if kind != "blank" or line.strip() else kind
            section = sections[-1] if continued == "directive" else stack[-1]
        else:
            section = stack[-1]
            match = _DIRECTIVE.match(line)
            if match:
                name = match[1]
                kind = _KINDS.get(name, "directive")
                text = b" ".join(line.split()).decode("utf-8", "replace").rstrip("\\ ")
                if name in _OPEN:
                    count += 1
                    opens[-1] = count
                    section = stack[-1]
                    guarded = i + 1 != guard or stack[-1].guarded
                    stack.append(ConditionalSection(count, guarded, text,
                                                    (*section.conditions, *([text] if guarded else ()))))
                elif name in _MIDDLE and len(stack) > 1:
                    count += 1
                    opens[-1] = count
                    previous = stack.pop()
                    section = stack[-1]
                    opened = f"{text} of {previous.opened}".removeprefix("#elif of ")
                    stack.append(ConditionalSection(count, True, opened, (*section.conditions, opened)))
                elif name == b"endif" and len(stack) > 1:
                    stack.pop()
                    # what follows is as live as what stood before the #if, and is the same section
                    section = stack[-1]
        sections.append(section)
        out.append(kind)
        ends = line.rstrip(b"\r\n").endswith(b"\\")
        continued = (kind if kind in ("define", "directive", "include") else "") if ends else ""
    return Layout(tuple(sections), tuple(out), tuple(opens))


def _include_guard(bare: list[bytes]) -> int:
    """The 1-based line of `#ifndef X` of an include guard, 0 where there is none: the first directive of the file,
    its #define next, its #endif the last thing in the file."""
    directives = [(i + 1, match) for i, line in enumerate(bare) if (match := _DIRECTIVE.match(line))]
    code = [i + 1 for i, line in enumerate(bare) if line.strip()]
    if len(directives) < 3 or not code:
        return 0
    (first, opening), (_, second) = directives[0], directives[1]
    if opening[1] != b"ifndef" or second[1] != b"define" or directives[-1][1][1] != b"endif":
        return 0
    if code[0] != first or code[-1] != directives[-1][0] or opening[2].split() != second[2].split()[:1]:
        return 0
    depth = 0
    for number, match in directives:
        depth += (match[1] in _OPEN) - (match[1] == b"endif")
        if depth == 0 and number != directives[-1][0]:
            return 0
        if depth == 1 and match[1] in _MIDDLE:
            return 0
    return first


def strip_comments(lines: list[bytes]) -> tuple[list[bytes], list[str], list[bool]]:
    """Lines with comments taken out (strings kept); "blank" or "code" for each; does it begin inside a comment."""
    bare: list[bytes] = []
    kinds: list[str] = []
    begins: list[bool] = []
    inside = False
    for line in lines:
        begins.append(inside)
        if (b"*/" not in line) if inside else (b"/*" not in line and b"//" not in line):
            # most lines: nothing of a comment begins or ends in them
            bare.append(b"" if inside else line)
            kinds.append("code" if not inside and line.strip() else "blank")
            continue
        text = bytearray()
        i, quote = 0, 0
        while i < len(line):
            two = line[i:i + 2]
            if inside:
                if two == b"*/":
                    inside = False
                    i += 2
                    text += b" "
                else:
                    i += 1
                continue
            char = line[i]
            if quote:
                if char == 0x5C:
                    text += two
                    i += 2
                    continue
                if char == quote:
                    quote = 0
            elif char in (0x22, 0x27):
                quote = char
            elif two == b"//":
                text += b"\n"
                break
            elif two == b"/*":
                inside = True
                i += 2
                continue
            text.append(char)
            i += 1
        bare.append(bytes(text))
        kinds.append("code" if bytes(text).strip() else "blank")
    return bare, kinds, begins
