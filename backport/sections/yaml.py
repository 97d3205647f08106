"""YAML, as device tree bindings are written in: the path of keys around a line."""

from __future__ import annotations

import re

from backport.sections.base import Section, SectionKind, last_text, text

_KEY = re.compile(rb"([ ]*(?:- +)*)([\"']?[^\s#\"'][^\"'#]*?[\"']?):(?:[ \t]|\r?$)")


def _read(source: bytes) -> list[Section]:
    lines = source.split(b"\n")
    found: list[Section] = []
    stack: list[tuple[int, str, int]] = []           # column, key, first line
    scalar = -1                      # the column of the key whose block of text goes on

    def close(column: int, at: int) -> None:
        while stack and stack[-1][0] >= column:
            start = stack[-1][2]
            found.append(Section("/".join(key for _, key, _ in stack), start + 1, last_text(lines, start, at)))
            stack.pop()

    for i, line in enumerate(lines):
        if not line.strip() or line.lstrip().startswith(b"#"):
            continue
        column = len(line) - len(line.lstrip(b" "))
        if 0 <= scalar < column:
            continue
        scalar = -1
        match = _KEY.match(line)
        if match is None:
            close(column, i)
            continue
        if b"-" in match[1]:
            close(column + 1, i)     # an item begins; what the list itself belongs to goes on
        inner = len(match[1])
        close(inner, i)
        stack.append((inner, text(match[2]), i))
        if re.search(rb":[ \t]*[|>][-+0-9]*[ \t\r]*$", line):
            scalar = inner
    close(0, len(lines))
    return sorted(found, key=lambda one: (one.start, -one.end))


KIND = SectionKind("YAML", lambda path: path.endswith((".yaml", ".yml")), _read)
