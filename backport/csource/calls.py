"""Calls in code without comments (`pieces.code`): names, arguments, and what is done to a member."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from backport.csource.pieces import KEYWORDS, squeeze

VARIES = -1              # as many arguments as a format string asks for
_REACH = 2000            # bytes of a call that are read
_MARKS = re.compile(rb"[()\[\]{},\"]")
_CALL = re.compile(rb"(?<![\w.>])([A-Za-z_]\w*)\s*\(")
_MEMBER = re.compile(rb"(?:->|(?<![\d.])\.)\s*([A-Za-z_]\w*)")
_OF_MEMBER = re.compile(rb"(?<![\w.>])([a-z_]\w*)\s*\(\s*(?:&\s*)?(?:[\w\]\[]+(?:->|\.))+(\w+)\s*[,)]")
# each begins at the begin of a word, and looks at no more than a call may have: a line is read once
_CHECKED = re.compile(rb"(?<![\w.>-])([\w.>-]+)\s*=\s*(\w+)\s*\([^;{}]{0,2000}\);"
                      rb"\s*if\s*\(\s*(IS_ERR\w*\s*\(|!)\s*([\w.>-]+)")
_DENIED = re.compile(rb"!\s*(?=([A-Za-z_]\w*)\s*\()")
_NO_NAME = frozenset({b"NULL", b"true", b"false"})


@dataclass(frozen=True, slots=True)
class Parts:
    """What stands between the outermost commas of text[lo:]: `spans` of it, where it `end`s (the bracket that closes
    more than it opens, -1 for none), and whether a string stands outside of inner brackets."""

    spans: tuple[tuple[int, int], ...]
    end: int
    quoted: bool


def parts(text: bytes, lo: int, hi: int) -> Parts:
    """The one splitter at commas: of arguments, parameters, enumerators and initialisers."""
    spans, depth, start, quoted = [], 0, lo, False
    for mark in _MARKS.finditer(text, lo, hi):
        byte = mark[0]
        if byte in b"([{":
            depth += 1
        elif byte in b")]}":
            depth -= 1
            if depth < 0:
                spans.append((start, mark.start()))
                return Parts(tuple(spans), mark.start(), quoted)
        elif not depth and byte == b",":
            spans.append((start, mark.start()))
            start = mark.end()
        elif not depth:
            quoted = True
    spans.append((start, hi))
    return Parts(tuple(spans), -1, quoted)


def call_heads(text: bytes) -> Iterator[tuple[bytes, int, int]]:
    """(name, where it begins, where its arguments begin) of all that looks like a call; no keyword, no member."""
    for match in _CALL.finditer(text):
        if match[1] not in KEYWORDS:
            yield match[1], match.start(1), match.end()


def has_call(text: bytes, name: bytes) -> bool:
    """Whether `text` has what looks like a call, or the head, of that name."""
    return name in text and any(one == name for one, _, _ in call_heads(text))


def calls(text: bytes) -> list[tuple[bytes, int]]:
    """(name, number of arguments) of everything in `text` that looks like a call.

    VARIES for a call with a string among its arguments: mostly a format, and those take any number.
    """
    out = []
    for name, _, at in call_heads(text):
        inside = parts(text, at, at + _REACH)
        if inside.end < 0:
            continue
        last = text[slice(*inside.spans[-1])].strip()
        if inside.quoted or last == b"...":
            count = VARIES
        elif len(inside.spans) == 1 and last in (b"", b"void"):
            count = 0
        else:
            count = len(inside.spans)
        out.append((name, count))
    return out


def denied(text: bytes) -> list[bytes]:
    """The names of the calls right behind a `!`, in order."""
    return _DENIED.findall(text)


def undenied(text: bytes) -> bytes:
    """`text` without the `!` before its calls."""
    return _DENIED.sub(b"", text)


def senses(text: bytes, name: bytes) -> tuple[int, int]:
    """How many calls of `name` are in `text`, and how many of them right behind a `!`. What begins at the margin is the
    function itself, or a prototype."""
    every = [start for one, start, _ in call_heads(text) if one == name
             and text[text.rfind(b"\n", 0, start) + 1:][:1] in (b" ", b"\t")]
    return len(every), sum(text[max(0, start - 80):start].rstrip().endswith(b"!") for start in every)


def doubled(text: bytes) -> frozenset[tuple[bytes, bytes]]:
    """(called, argument) for every argument with a name in it that stands twice in one call."""
    out = set()
    for name, _, at in call_heads(text):
        inside = parts(text, at, min(len(text), at + _REACH))
        seen = set()
        for lo, hi in inside.spans if inside.end >= 0 else ():
            one = squeeze(text[lo:hi])
            if len(one) > 3 and not one.isdigit() and one in seen and one not in _NO_NAME:
                out.add((name, one))
            seen.add(one)
    return frozenset(out)


def every_member(text: bytes) -> list[bytes]:
    """Every name behind `->` or `.`, in order."""
    return _MEMBER.findall(text)


def member_names(text: bytes) -> frozenset[bytes]:
    """Every name behind `->` or `.`, once."""
    return frozenset(every_member(text))


def used(text: bytes) -> frozenset[bytes]:
    """Every member, and every name that looks like a call."""
    return member_names(text) | {name for name, _, _ in call_heads(text)}


def of_members(text: bytes) -> frozenset[tuple[bytes, bytes]]:
    """(called, member) for every call whose first argument is a member of something."""
    return frozenset((match[1], match[2]) for match in _OF_MEMBER.finditer(text))


def checked(text: bytes) -> frozenset[tuple[bytes, bytes]]:
    """(called, b"!" or b"IS_ERR") for every value that is compared with NULL, or tested for an error pointer, by the
    next statement."""
    return frozenset((match[2], match[3][:6]) for match in _CHECKED.finditer(text) if match[1] == match[4])
