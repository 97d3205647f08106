"""Device trees: the path of nodes around a line."""

from __future__ import annotations

import re

from backport.csource.pieces import code
from backport.sections.base import Section, SectionKind, text

_PIECE = re.compile(rb"[{};]|[^{};]+")
_BY_PATH = re.compile(rb"&\{([^{}\n]*)\}")

_ADDRESSED = re.compile(r"(?<![&\w,.+-])[\w,.+-]+@")


def _owns(path: str) -> bool:
    return path.endswith((".dts", ".dtsi", ".dtso"))


def _read(source: bytes) -> list[Section]:
    found: list[Section] = []
    stack: list[tuple[str, int]] = []
    begun, first = b"", 0
    lines = _BY_PATH.sub(rb"&\1", code(source)).split(b"\n")
    for i, line in enumerate(lines):
        if line.lstrip().startswith(b"#"):           # #include, and properties such as #address-cells
            continue
        for piece in _PIECE.findall(line):
            if piece == b"{":
                stack.append((text(begun.rsplit(b":", 1)[-1]), first if begun.strip() else i))
                begun = b""
            elif piece == b"}":
                if stack:
                    found.append(Section(_path(stack), stack[-1][1] + 1, i + 1))
                    stack.pop()
                begun = b""
            elif piece == b";":
                begun = b""
            else:
                first = i if not begun.strip() else first
                begun += piece
    while stack:                     # a fragment, or a file that does not end well
        found.append(Section(_path(stack), stack[-1][1] + 1, len(lines)))
        stack.pop()
    return sorted(found, key=lambda one: (one.start, -one.end))


def _path(stack: list[tuple[str, int]]) -> str:
    names = [name for name, _ in stack]
    return "/".join("" if name == "/" else name for name in names) or "/"


def _key(name: str) -> str:
    """The address tells which device it is; sd@5000 was renamed to mmc@5000 throughout."""
    return _ADDRESSED.sub("@", name)


KIND = SectionKind("device tree", _owns, _read, tail=2, key=_key)
