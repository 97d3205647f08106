"""Heads of functions and macros: what they return and take."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache

from backport.csource.calls import parts
from backport.csource.pieces import KEYWORDS, squeeze

_NO_TYPE = re.compile(rb"\b(?:static|extern|inline|__always_inline|noinline|const|__init|__exit|__must_check|"
                      rb"asmlinkage|__maybe_unused|notrace|__cold|__sched)\b")
_INTEGER = re.compile(rb"(?:unsigned|signed|int|long|short|char|_*[us](?:8|16|32|64)|s?size_t|loff_t)+")
_LONG = 400              # bytes of a line that are read
_LINES = 12              # lines of a head that are read
_WORD = re.compile(rb"\w+")
_MACRO = re.compile(rb"#[ \t]*define[ \t]+(\w+)\(([^)]*)\)")
_HEAD = re.compile(rb"([A-Za-z_][\w \t*]*?[\s*])?(\w+)[ \t]*\(")
_TYPE_LINE = re.compile(rb"[A-Za-z_][\w \t*]*")
_OPENING = re.compile(rb"^(.*?\b(\w+)\s*)\(([^()]*)\)\s*\Z", re.DOTALL)
_LAST_WORD = re.compile(rb"\w+\Z")
_NAME_LAST = re.compile(rb"(\w+)\s*(?:\[[^]]*\]\s*)*$")
_NO_WORD = frozenset({b"", b"\t", b" ", b"#", b"}", b"{"})         # begins no declaration: most lines of a file
_VARIABLE = re.compile(rb"[A-Za-z_][^()=;\[]*[\s*](\w+)\s*(?:\[[^]]*\]\s*)*[;=,]|(?:static\s+)?[A-Z][A-Z_]+\((\w+)\b")


@dataclass(frozen=True, slots=True)
class Signature:
    """What a function returns, and the types and names of its parameters; a macro has no types."""

    returns: bytes
    types: tuple[bytes, ...]
    names: tuple[bytes, ...]


def alike(one: Signature, two: Signature) -> bool:
    """Whether each parameter has the type of its partner; an integer may have another width, under the same name."""
    if not one.types or not two.types:       # a macro on one side: only its order can be told
        return True
    return all(
        a == b or (x == y and _INTEGER.fullmatch(squeeze(a)) is not None
                   and _INTEGER.fullmatch(squeeze(b)) is not None)
        for a, b, x, y in zip(one.types, two.types, one.names, two.names, strict=True))


@dataclass(frozen=True, slots=True)
class Opening:
    """The first lines of a function as they stand there: what is before the brackets, the name at its end, and each
    parameter."""

    head: bytes
    name: bytes
    parameters: tuple[bytes, ...]


def opening(text: bytes) -> Opening | None:
    """`text` as the first lines of a function and nothing else, None where it is no such; a parameter that is a
    function pointer makes it none."""
    match = _OPENING.match(text)
    return Opening(match[1], match[2], tuple(match[3].split(b","))) if match is not None else None


def parameter_name(text: bytes) -> bytes:
    """The word that a parameter ends with, b"" where it ends with none."""
    match = _LAST_WORD.search(text)
    return match[0] if match is not None else b""


def is_type_line(line: bytes) -> bool:
    """True for words and stars at the margin: what a function returns, on a line of its own."""
    return _TYPE_LINE.fullmatch(line.rstrip()) is not None


@lru_cache(maxsize=4096)
def heads(text: bytes, name: bytes) -> frozenset[Signature]:
    """Every head of that name at column 0 of `text`, which has no comments."""
    found: set[Signature] = set()
    lines = text.split(b"\n") if name in text else []
    for i, whole in enumerate(lines):
        if name not in whole:
            continue
        line = whole[:_LONG]
        macro = _MACRO.match(line)
        if macro:
            if macro[1] == name:
                found.add(Signature(b"", (), tuple(x.strip() for x in macro[2].split(b","))))
            continue
        match = _HEAD.match(line)
        if match is None or match[2] != name or line[:1] in b" \t#":
            continue
        if match[1] is None and not (i and _TYPE_LINE.fullmatch(lines[i - 1])):
            continue
        rest = b" ".join([line, *(more[:_LONG] for more in lines[i + 1:i + _LINES])])
        one = _head(rest, match.end(), match[1] if match[1] is not None else lines[i - 1])
        if one is not None:
            found.add(one)
    return frozenset(found)


def _head(text: bytes, at: int, returns: bytes) -> Signature | None:
    """The head whose parameters begin at text[at], None for a call or a head that does not end."""
    inside = parts(text, at, len(text))
    if inside.end < 0 or b"{" in text[at:inside.end] or b";" in text[at:inside.end]:
        return None
    params = [_parameter(p) for lo, hi in inside.spans if (p := text[lo:hi]).strip() not in (b"", b"void")]
    return Signature(_tidy(_NO_TYPE.sub(b"", returns)), tuple(t for t, _ in params), tuple(n for _, n in params))


def _parameter(text: bytes) -> tuple[bytes, bytes]:
    """(type, name) of a parameter, without white space; a function pointer is all type."""
    text = _NO_TYPE.sub(b"", text).strip()
    words = _WORD.findall(text)
    match = _NAME_LAST.search(text)
    if match is None or len(words) < 2 or b"(" in text or words[-1] in KEYWORDS:
        return _tidy(text), b""
    return _tidy(text[:match.start(1)] + text[match.end(1):]), match[1]


def _tidy(text: bytes) -> bytes:
    """`text` with single spaces, and none between stars."""
    return b" ".join(text.replace(b"*", b" * ").split()).replace(b"* *", b"**")


def return_kind(text: bytes, name: bytes) -> str:
    """What the function of that name returns, by its text without comments: "nothing", "a pointer", "true or false", "a
    value"; "" where its head cannot be read."""
    match = re.search(rb"([^;{}()]*?)\b%s\s*\(" % re.escape(name), text)
    if match is None or not match[1].strip():
        return ""
    if b"*" in match[1]:
        return "a pointer"
    words = set(match[1].split())
    return "nothing" if b"void" in words else "true or false" if b"bool" in words else "a value"


def file_variables(text: bytes) -> frozenset[bytes]:
    """Names of the variables that are declared at column 0."""
    return frozenset(m[1] or m[2] for line in text.split(b"\n")
                     if line[:1] not in _NO_WORD and (m := _VARIABLE.match(line[:_LONG])))
