"""`#include` lines, and the block of them at the top of a file."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from backport.csource.pieces import code, squeeze

_INCLUDE = re.compile(rb"^[ \t]*#[ \t]*include\b[ \t]*(?:<([^>\n]+)>|\"([^\"\n]+)\")?", re.MULTILINE)
# whatever a compiler, an assembler or dtc opens by name
_OPENED = re.compile(rb'(?:#\s*include(?:_next)?|__has_include(?:_next)?\s*\(|\.incbin|/include/|#\s*embed)\s*'
                     rb'["<]([^">\n]+)[">]')
_COMPUTED = re.compile(rb"^\s*#\s*include(?:_next)?\s+[A-Za-z_]", re.MULTILINE)
# a comment that opens or ends may hide a directive or bring one back
_STEERING = re.compile(rb"#|\\$|/\*|\*/|incbin|/include/")
_DIRECTIVE = re.compile(rb"[ \t]*#[ \t]*(\w*)(.*)", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Top:
    """The lines above the first declaration of a file: `end` of them, and for each 0-based line that includes a file
    the conditions (`#if` and what follows it) that it stands under, outermost first."""

    end: int
    includes: dict[int, tuple[bytes, ...]]


def included(source: bytes) -> list[str]:
    """The headers that `source` includes, as they are written there; not those that a macro names."""
    return [(match[1] or match[2]).decode("utf-8", "replace") for match in _INCLUDE.finditer(source)
            if match[1] or match[2]]


def opened_files(source: bytes) -> tuple[tuple[str, ...], bool]:
    """(names that a compiler, an assembler or dtc may open for `source`, does an `#include` compute one)."""
    return tuple({name.decode("utf-8", "replace") for name in _OPENED.findall(source)}), bool(_COMPUTED.search(source))


def steers(line: bytes) -> bool:
    """Whether a change of this line may make another file be read: it is, or hides, one for the preprocessor."""
    return _STEERING.search(line) is not None


def is_include(line: bytes) -> bool:
    """True for a line that includes a file."""
    return _INCLUDE.match(line) is not None


def top(lines: Sequence[bytes]) -> Top:
    """The top of a file, by its lines."""
    source = b"".join(lines)
    bare = code(source).split(b"\n")
    found: dict[int, tuple[bytes, ...]] = {}
    under: list[bytes] = []
    last = 0                         # the line behind the last directive that belongs to the top
    continued = False
    for n, line in enumerate(lines):
        text = bare[n]
        match = _DIRECTIVE.match(text)
        if continued:
            continued = text.rstrip().endswith(b"\\")
        elif match is not None:
            continued = text.rstrip().endswith(b"\\")
            if match[1] in (b"if", b"ifdef", b"ifndef"):
                under.append(squeeze(match[0]))
            elif match[1] in (b"else", b"elif") and under:
                under[-1] += squeeze(match[0])
            elif match[1] == b"endif" and under:
                under.pop()
            elif is_include(line):
                found[n] = tuple(under)
            last = n + 1
        elif text.strip():
            return Top(n, found)
    return Top(last, found)
