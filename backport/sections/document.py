"""Documents in reStructuredText, and older texts that are written like it: what stands under one title."""

from __future__ import annotations

import re

from backport.sections.base import Section, SectionKind, last_text, text

_LINE = re.compile(rb"([=\-~^\"'`*+#:.<>_])\1{2,}[ \t\r]*$")


def _owns(path: str) -> bool:
    return path.endswith((".rst", ".txt"))


def _read(source: bytes) -> list[Section]:
    lines = source.split(b"\n")
    titles: list[tuple[int, int, bytes]] = []        # first line, line of the text, how it is marked
    for i in range(len(lines) - 1):
        under = _LINE.match(lines[i + 1])
        if under is None or not lines[i].strip() or _LINE.match(lines[i]):
            continue
        over = i > 0 and _LINE.match(lines[i - 1]) is not None and lines[i - 1].strip() == lines[i + 1].strip()
        if over or (lines[i][:1].strip() and (i == 0 or not lines[i - 1].strip())):
            titles.append((i - 1 if over else i, i, under[1] + (b"^" if over else b"")))
    found: list[Section] = []
    marks: list[bytes] = []                          # the levels, in the order in which they first come
    above: list[str] = []
    for n, (start, at, mark) in enumerate(titles):
        if mark not in marks:
            marks.append(mark)
        level = marks.index(mark)
        above = [*above[:level], text(lines[at])]
        stop = titles[n + 1][0] if n + 1 < len(titles) else len(lines)
        found.append(Section(above[-1], start + 1, last_text(lines, start, stop), "in " + above[-2] if level and
                             len(above) > 1 else ""))
    return found


KIND = SectionKind("document", _owns, _read, headed=False)
