"""Where code without comments uses a name, sets it, or goes through it. A name may be a path of members (`a->b`)."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import lru_cache

_NOT_BEHIND = frozenset(b"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.>")
_WORD = frozenset(_NOT_BEHIND) - frozenset(b".>")
_VARIABLE = re.compile(rb"(?<![\w.>])([A-Za-z_]\w*)")
_VALUE = re.compile(rb"(?<![\w.>])(?<!&)([A-Za-z_]\w*)\b(?!\s*\()")
_SET = re.compile(rb"(?<![\w.>*])([A-Za-z_]\w*)\s*=(?!=)")
_ASSIGNMENT = re.compile(rb"\s*(\w+)\s*=\s*([^=;][^;]*);\s*")
_COMPARED = re.compile(rb"(?<![\w.>])([A-Za-z_]\w*)\s*[<>]|\breturn\s+([A-Za-z_]\w*)\s*;")
_LOCAL = re.compile(rb"(?<![\w.>])([a-z_]\w*)\b(?!\s*\()")
_NO_LOCAL = re.compile(rb"(?:\.|->|\b(?:struct|union|enum))\s*$")     # a field or a tag: no name of the function's own
_PATH = re.compile(rb"[A-Za-z_]\w*(?:(?:->|\.)\w+)+")
_STEP = re.compile(rb"->|\.")
_SIZED = re.compile(rb"\b(?:sizeof|ARRAY_SIZE)\s*\(\s*[^()]*\b(\w+)\s*\)")


@lru_cache(maxsize=8192)
def variables(line: bytes) -> frozenset[bytes]:
    """Every name that is no member of something; what is called is one of them."""
    return frozenset(_VARIABLE.findall(line))


@lru_cache(maxsize=8192)
def values(line: bytes) -> frozenset[bytes]:
    """Every name that is read or set: no member, nothing that is called, nothing whose address is taken."""
    return frozenset(_VALUE.findall(line))


@lru_cache(maxsize=8192)
def assigned(line: bytes) -> frozenset[bytes]:
    """Every variable that gets a value; what a pointer points to is none."""
    return frozenset(_SET.findall(line))


def compared(text: bytes) -> frozenset[bytes]:
    """Every variable that is asked for being less or more than something, or returned."""
    return frozenset(one or two for one, two in _COMPARED.findall(text))


def locals_of(text: bytes) -> frozenset[bytes]:
    """Every name that may be a variable of the function: no member, no tag, none that is called
    or in capitals. Keywords are some."""
    return frozenset(m[1] for m in _LOCAL.finditer(text)
                     if not _NO_LOCAL.search(text, max(0, m.start() - 10), m.start()))


def sized(text: bytes) -> frozenset[bytes]:
    """Every name whose size is asked for, by `sizeof` or ARRAY_SIZE(), as the last word between the brackets."""
    return frozenset(_SIZED.findall(text))


def paths(text: bytes) -> frozenset[bytes]:
    """Every path of members (`a->b`, `a->b.c`) that stands in `text`, the shorter ones of a long one too."""
    out: set[bytes] = set()
    for path in _PATH.findall(text):
        ends = [m.start() for m in _STEP.finditer(path)][1:]
        out |= {path[:end] for end in (*ends, len(path))}
    return frozenset(out)


def uses(line: bytes, name: bytes) -> bool:
    """Whether the line has `name`, as no member of something else, and does not set it there."""
    return any(not _sets(line, end) for end in _ends(line, name))


def has(line: bytes, name: bytes) -> bool:
    """Whether the line has `name` as no member of something else."""
    return next(_ends(line, name), None) is not None


def value(line: bytes, name: bytes) -> bytes | None:
    """What the line sets `name` to, up to the `;`; None where it does not."""
    for end in _ends(line, name):
        if _sets(line, end):
            return line[end:].lstrip()[1:].split(b";", 1)[0].strip()
    return None


def assignment(line: bytes) -> tuple[bytes, bytes] | None:
    """(variable, value) of a line that is one assignment to a variable and nothing else; None for any other line."""
    match = _ASSIGNMENT.fullmatch(line)
    return (match[1], match[2].strip()) if match is not None else None


def goes_through(line: bytes, name: bytes) -> bool:
    """Whether the line has `name->`."""
    return any(line[end:].lstrip().startswith(b"->") for end in _ends(line, name))


def _ends(line: bytes, name: bytes) -> Iterator[int]:
    """Behind each place where `name` stands as a whole word that is no member."""
    at = line.find(name)
    while at >= 0:
        end = at + len(name)
        if (at == 0 or line[at - 1] not in _NOT_BEHIND) and (end == len(line) or line[end] not in _WORD
                                                             or name[-1] not in _WORD):
            yield end
        at = line.find(name, at + 1)


def _sets(line: bytes, end: int) -> bool:
    rest = line[end:].lstrip()
    return rest[:1] == b"=" and rest[1:2] != b"="
