"""Who uses a function's name in one file: calls, calls through a member or an array, tables that list it.

Read by layout, outside comments and strings, so that macros and half an `#ifdef` are no trouble. What is built by
token pasting is not seen.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from enum import Enum

from backport.csource.functions import Function
from backport.csource.source import Source

_CALL = re.compile(rb"(?<![\w.>])([A-Za-z_]\w*)\s*\(")
_THROUGH = re.compile(rb"(\w+)\s*(?:\[[^]]*\]\s*)?(?:->|\.)(\w+)\s*\(")
_INDEXED = re.compile(rb"(?<![\w.>])(\w+)\s*\[[^\]]+\]\s*\(")
_STATIC = re.compile(rb"\b(\w+)\s*\((?=\s*(\w+))")
_ENTRY = re.compile(rb"^\s*\[[^\]]+\]\s*=\s*&?([A-Za-z_]\w*)\s*,?\s*$")
_ARRAY = re.compile(rb"^[A-Za-z_].*?\b(\w+)\s*(?:\[[^\]]*\])+\s*(?:\)\s*\([^;]*)?=\s*\{\s*$")
_MEMBER = re.compile(rb"\.(\w+)\s*=\s*&?([A-Za-z_]\w*)\s*[,}\n]")
_TABLE = re.compile(rb"^(?:[A-Za-z_][\w\s]*?\b)?struct\s+(\w+)\s+\*?\w+[^;()]*=\s*\{?\s*$")
_FIELD = re.compile(rb"^\s+(?:const\s+)?struct\s+(\w+)\s+[*\s]*(?:const\s+)?(\w+)\s*(?:\[[^\]]*\]\s*)*;", re.M)
_GLOBAL = re.compile(rb"^(?:(?:static|extern|const|__\w+)\s+)*struct\s+(\w+)\s+\*?(\w+)\b[^(){};\n]*[;=]", re.M)
_DEFINE = re.compile(rb"^#\s*define\s+(\w+)\(", re.M)
_NOT_CALLED = frozenset(b"if for while switch return sizeof typeof do else case defined __attribute__".split())


class How(Enum):
    """In which way a name is used."""

    CALL = "name(...)"
    THROUGH = "receiver->name(...)"
    STATIC = "static_call(name)"         # by one of the macros that the reader was told of
    INDEXED = "name[...](...)"
    MEMBER = ".key = name"               # in a table of struct `holder`
    LISTED = "[...] = name"              # in the array `holder`


@dataclass(frozen=True, slots=True)
class Reference:
    """A use of `name` on 1-based `line` of `function` ("" at file level). `key`: the member of a table, the macro of a
    static call, the receiver of a call through a member; `holder` as `how` says; `types`: the structs that the function
    declares the receiver of."""

    how: How
    name: str
    line: int
    function: str = ""
    key: str = ""
    holder: str = ""
    types: frozenset[str] = frozenset()


class References:
    """What one file says of the functions that it uses and defines."""

    def __init__(self, data: bytes) -> None:
        self._source = Source.of(data)

    @property
    def code(self) -> bytes:
        """Its code: comments and what is inside strings are blanks."""
        return self._source.bare

    @property
    def lines(self) -> tuple[bytes, ...]:
        """The lines of its code."""
        return self._source.bare_lines

    @property
    def functions(self) -> tuple[Function, ...]:
        return self._source.functions

    @property
    def macros(self) -> list[tuple[str, int, int]]:
        """(name, 1-based first line, last line) of every macro with arguments."""
        found = []
        for match in _DEFINE.finditer(self.code):
            first = last = self.code.count(b"\n", 0, match.start()) + 1
            while last < len(self.lines) and self.lines[last - 1].rstrip().endswith(b"\\"):
                last += 1
            found.append((match[1].decode("ascii"), first, last))
        return found

    @property
    def structs(self) -> list[tuple[bytes, str]]:
        """(name, its struct type) of every member and every variable of the file that is one of a struct."""
        return [(match[2], match[1].decode("ascii"))
                for match in (*_FIELD.finditer(self.code), *_GLOBAL.finditer(self.code))]

    def uses(self, static_calls: Collection[str]) -> Iterator[Reference]:
        """Every use of a name, in order of lines; `static_calls`: macros whose first argument is what they call."""
        struct = array = ""                      # the table that the lines belong to
        for number, text, function in self._held():
            if function is None:
                opened, listed = _TABLE.match(text), _ARRAY.match(text)
                if opened is not None or listed is not None:
                    struct = opened[1].decode("ascii") if opened is not None else ""
                    array = listed[1].decode("ascii") if listed is not None else ""
                elif text.startswith(b"}"):
                    struct = array = ""
            else:
                struct = array = ""
                yield from self._calls(number, text, function, static_calls)
            entry = _ENTRY.match(text) if array else None
            if entry is not None:
                yield Reference(How.LISTED, entry[1].decode("ascii"), number, holder=array)
            for match in _MEMBER.finditer(text + b"\n"):
                yield Reference(How.MEMBER, match[2].decode("ascii"), number, key=match[1].decode("ascii"),
                                holder=struct)

    def _held(self) -> Iterator[tuple[int, bytes, Function | None]]:
        """(1-based number, code, function) of each line."""
        at = 0
        functions = self.functions
        for number, text in enumerate(self.lines, 1):
            while at < len(functions) and functions[at].end < number:
                at += 1
            inside = at < len(functions) and functions[at].start <= number
            yield number, text, functions[at] if inside else None

    def _calls(self, number: int, text: bytes, function: Function,
               static_calls: Collection[str]) -> Iterator[Reference]:
        for match in _INDEXED.finditer(text):
            yield Reference(How.INDEXED, match[1].decode("ascii"), number, function.name)
        for match in _CALL.finditer(text):
            name = match[1].decode("ascii")
            if match[1] not in _NOT_CALLED and (number > function.body or name != function.name):
                yield Reference(How.CALL, name, number, function.name)
        for match in _STATIC.finditer(text):
            macro = match[1].decode("ascii")
            if macro in static_calls:
                yield Reference(How.STATIC, match[2].decode("ascii"), number, function.name, key=macro)
        for match in _THROUGH.finditer(text):
            yield Reference(How.THROUGH, match[2].decode("ascii"), number, function.name, key=match[1].decode("ascii"),
                            types=self._declared(match[1], function, number))

    def _declared(self, receiver: bytes, function: Function, line: int) -> frozenset[str]:
        """The struct types that the function declares `receiver` of, above the line."""
        above = b"\n".join(self.lines[function.start - 1:line])
        return frozenset(name.decode("ascii") for name in re.findall(
            rb"\bstruct\s+(\w+)\b[^;(){}]*?\b" + re.escape(receiver) + rb"\s*(?:[,;=)\[]|$)", above))
