"""The part of a file that a line belongs to, for every kind of file that can be read: a function or a table of C, an
entry of Kconfig, a routine of assembly, an entry of MAINTAINERS, what stands under a title, a node, a rule.

A hunk that fits in the next entry is as wrong there as in the next function. Callers ask by path and need not know
which reader answers. A further kind of file is one module here and one name in KINDS.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Sequence
from functools import lru_cache

from backport.bounded import by_content
from backport.csource import scopes
from backport.csource.functions import Function, functions
from backport.csource.functions import enclosing as function_around
from backport.csource.source import Source
from backport.sections import assembly, devicetree, document, entries, kconfig, make, scripts, yaml
from backport.sections.base import Section, SectionKind, alike, plain, told_apart

__all__ = ["KINDS", "Section", "around", "every", "has", "headed", "insertion_scope", "is_c", "known", "named", "outer",
           "plain", "readable", "same", "same_end", "scope"]

_PART = re.compile(r"(?:\$?\([^)]*\)|[^/])+")        # the `/` of `$(obj)/x` is none between two sections

# the first that owns a path reads it
KINDS: tuple[SectionKind, ...] = (
    kconfig.KIND, assembly.KIND, entries.MAINTAINERS, entries.ABI, entries.PARAMETERS, devicetree.KIND, make.KIND,
    yaml.KIND, scripts.PYTHON, scripts.SHELL, scripts.PERL, scripts.RUST, document.KIND)


def is_c(path: str) -> bool:
    """True where the C reader answers: C files, and every kind that has no reader of its own."""
    return _kind(path) is None


def readable(path: str) -> bool:
    """True where the section of a line means something in this file."""
    return _kind(path) is not None or path.endswith((".c", ".h", ".S"))


def headed(path: str) -> bool:
    """True where the header of a hunk is a line of the section that the hunk begins in."""
    kind = _kind(path)
    return kind is None or kind.headed


def scope(source: bytes, line: int, path: str) -> str:
    """The name of what holds 1-based `line`, "" where nothing does: "name()" for a function of C."""
    kind = _kind(path)
    if kind is None:
        return scopes.scope(source, line)
    found = _innermost(kind, source, line)
    return found.name if found is not None else ""


def insertion_scope(source: bytes, after: int, added: Sequence[bytes], path: str) -> str:
    """The scope of the lines `added` once they stand behind 1-based line `after` (0: at the top).

    Elsewhere than in C they are looked at where they stand then: a whole new entry is its own section, and a line at
    the very end of an entry belongs to it.
    """
    kind = _kind(path)
    if kind is None:
        return scopes.insertion_scope(source, after)
    first = next((n for n, line in enumerate(added) if line.strip()), 0)
    lines = source.split(b"\n")
    text = [line.rstrip(b"\n") for line in added]
    result = b"\n".join([*lines[:after], *text, *lines[after:]])
    found = _innermost(kind, result, after + first + 1)
    return found.name if found is not None else ""


def around(source: bytes, line: int, path: str) -> Function | Section | None:
    """The function or section that holds 1-based `line`; None at file level (and in a table of C)."""
    kind = _kind(path)
    return function_around(source, line) if kind is None else _innermost(kind, source, line)


def every(source: bytes, path: str) -> Sequence[Function | Section]:
    """All functions or sections, in order of their first lines."""
    kind = _kind(path)
    return functions(source) if kind is None else _read(kind, source)


def named(source: bytes, name: str, path: str) -> Sequence[Function | Section]:
    """All functions or sections of that name, in order of their first lines."""
    kind = _kind(path)
    if kind is None:
        return Source.of(source).functions_named(name)
    return [one for one in _read(kind, source) if one.name == name]


def known(source: bytes, path: str) -> frozenset[str]:
    """Every scope that the file has by name."""
    kind = _kind(path)
    if kind is None:
        return frozenset(f"{f.name}()" for f in functions(source)) | {b.name for b in scopes.blocks(source)}
    return frozenset(one.name for one in _read(kind, source))


def same(here: str, upstream: str, path: str, target: bytes) -> bool:
    """True where `here`, a scope of `target`, is upstream's: by its name, or by the end of its path in a kind of file
    whose outer parts are called otherwise in other trees, as far as `target` has no such path itself."""
    kind = _kind(path)
    key = kind.key if kind is not None else str
    here, upstream = key(here), key(upstream)
    if alike(here, upstream):
        return True
    if kind is None or not kind.tail or not here or not upstream or has(target, upstream, path):
        return False
    return alike(_tail(here, kind.tail), _tail(upstream, kind.tail))


def same_end(here: str, told: str) -> bool:
    """True where `told`, which a hunk alone says, is `here`, or a part of its path: a hunk shows some of the sections
    around a line, and not each of them."""
    if alike(here, told):
        return True
    parts = iter(_PART.findall(plain(here)))
    return all(any(part == wanted for part in parts) for wanted in _PART.findall(plain(told)))


def has(source: bytes, name: str, path: str) -> bool:
    """True where the file has a scope of that name."""
    kind = _kind(path)
    wanted = kind.key(name) if kind is not None else name
    return any(alike(one, wanted) for one in _keys(source, path).get(plain(wanted), ()))


@by_content(8 << 20)
def _keys(source: bytes, path: str) -> dict[str, list[str]]:
    """The scopes of a file as `alike` compares them, by what two of them must have in common."""
    kind = _kind(path)
    found: dict[str, list[str]] = {}
    for one in known(source, path):
        name = kind.key(one) if kind is not None else one
        found.setdefault(plain(name), []).append(name)
    return found


def outer(name: str) -> str:
    """The path around the innermost section of a path, "" where there is none."""
    return "/".join(_PART.findall(name)[:-1])


def _tail(name: str, parts: int) -> str:
    return "/".join(_PART.findall(name)[-parts:])


@lru_cache(maxsize=1024)
def _kind(path: str) -> SectionKind | None:
    return next((kind for kind in KINDS if kind.owns(path)), None)


@by_content(2 << 20)
def _read(kind: SectionKind, source: bytes) -> tuple[Section, ...]:
    found = kind.read(source)
    return told_apart(found) if kind.numbered else tuple(found)


@by_content(2 << 20)
def _starts(kind: SectionKind, source: bytes) -> tuple[int, ...]:
    return tuple(one.start for one in _read(kind, source))


def _innermost(kind: SectionKind, source: bytes, line: int) -> Section | None:
    table = _read(kind, source)
    for i in range(bisect_right(_starts(kind, source), line) - 1, -1, -1):
        if table[i].end >= line:
            return table[i]
    return None
