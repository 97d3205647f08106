"""C as a flat list of tokens that add up to the input, byte for byte.

A hunk is a fragment: its braces do not balance, an `if` may be cut in the middle, and a parser that must build
a tree recovers by guessing. The lexical grammar of C has no such trouble: where comments, literals and names
begin and end is decided from left to right. So matching works on this list, and the grammar (grammar.py) is
asked for a second opinion. The one thing a fragment can hide is that it begins inside a comment; see `lex`.
"""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Iterator
from enum import Enum
from typing import NamedTuple

from backport.bounded import by_content


class Kind(Enum):
    SPACE = "space"                  # blanks, newlines, form feeds, spliced lines
    COMMENT = "comment"
    STRING = "string"                # "..." and '...' with their prefix; an unclosed one ends with its line
    DIRECTIVE = "directive"          # `#` and the name behind it; the rest of the line are ordinary tokens
    NAME = "name"                    # identifiers and keywords
    NUMBER = "number"                # pp-number
    PUNCT = "punct"
    OTHER = "other"                  # one byte that C has no use for


TRIVIA = frozenset({Kind.SPACE, Kind.COMMENT})


class Token(NamedTuple):
    """`text` is source[start:end]; offsets are bytes."""

    kind: Kind
    text: bytes
    start: int
    end: int


_SPACE = rb"(?:[ \t\r\n\f\v]|\\\r?\n)+"
_RULES = (
    (Kind.SPACE, _SPACE),
    (Kind.COMMENT, rb"/\*.*?\*/|/\*.*\Z|//(?:\\\r?\n|[^\n])*"),
    (Kind.STRING, rb'(?:L|u8|u|U)?"(?:\\.|[^"\\\n])*(?:"|(?=\n)|\Z)'
                  rb"|(?:L|u8|u|U)?'(?:\\.|[^'\\\n])*(?:'|(?=\n)|\Z)"),
    (Kind.NAME, rb"[A-Za-z_\x80-\xff$][A-Za-z0-9_\x80-\xff$]*"),
    (Kind.NUMBER, rb"\.?[0-9](?:[eEpP][+-]|[A-Za-z0-9_.])*"),
    (Kind.PUNCT, rb"\.\.\.|<<=|>>=|->|\+\+|--|<<|>>|<=|>=|==|!=|&&|\|\||[-+*/%&|^]=|##|[-+*/%&|^~!<>=?:;,.(){}\[\]#]"),
    (Kind.OTHER, rb"."),
)
_ORDER = (Kind.OTHER, *(kind for kind, _rule in _RULES))      # by the number of the group
# what may hide a comment, and comments; all begin with one of three characters, so that the search is fast
_HIDING = re.compile(rb"""(/\*.*?\*/|/\*.*\Z|//(?:\\\r?\n|[^\n])*)|"(?:\\.|[^"\\\n])*(?:"|(?=\n)|\Z)"""
                     rb"""|'(?:\\.|[^'\\\n])*(?:'|(?=\n)|\Z)""", re.DOTALL)
_LEXER = re.compile(b"|".join(b"(?P<%s>%s)" % (kind.value.encode(), rule) for kind, rule in _RULES), re.DOTALL)


@by_content(1 << 20)              # a token is fifty times its text
def lex(source: bytes) -> tuple[Token, ...]:
    """Every token of `source`, in order: the concatenation of their texts is `source`. Never raises.

    A fragment that begins inside a block comment is recognised by a `*/` that nothing opened, or by its first
    lines being laid out as the kernel lays out the inside of a comment (` * text`); that part is one COMMENT.
    The layout test takes a line that begins with a multiplication or a dereference behind blanks for a comment
    as well: then nothing is matched there, which is the safe side.
    """
    inside = _comment_prefix(source)
    tokens: list[Token] = []
    if inside:
        tokens.append(Token(Kind.COMMENT, source[:inside], 0, inside))
    at = inside
    while at < len(source):
        for match in _LEXER.finditer(source, at):        # OTHER takes any byte: they stand end to end
            text = match[0]
            if text == b"#" and _first_of_line(tokens):
                break
            end = match.end()
            tokens.append(Token(_ORDER[match.lastindex or 0], text, at, end))
            at = end
        else:
            break
        directive = _DIRECTIVE.match(source, at)
        assert directive is not None
        tokens.append(Token(Kind.DIRECTIVE, directive[0], at, directive.end()))
        at = directive.end()
    return tuple(tokens)


def in_comment(source: bytes, offset: int) -> bool:
    """Whether a comment of `source`, as `lex` reads it, begins before `offset` and ends behind it. Reads only what may
    hide one: of a large file `lex` would make a hundred thousand tokens for this."""
    starts, ends = _comments(source)
    at = bisect_left(starts, offset) - 1                 # the last one that begins before it
    return at >= 0 and offset < ends[at]


@by_content(2 << 20)
def _comments(source: bytes) -> tuple[list[int], list[int]]:
    """Where the comments begin and end, in order."""
    inside = _comment_prefix(source)
    spans = [(0, inside)] if inside else []
    spans += [match.span() for match in _HIDING.finditer(source, inside) if match[1] is not None]
    return [start for start, _end in spans], [end for _start, end in spans]


_DIRECTIVE = re.compile(rb"#[ \t]*\w*")


def _first_of_line(before: list[Token]) -> bool:
    """True where a `#` behind `before` opens a directive; elsewhere it is the stringification operator."""
    for token in reversed(before):
        if token.kind is Kind.SPACE:
            if b"\n" in token.text.replace(b"\\\n", b"").replace(b"\\\r\n", b""):
                return True
        elif token.kind is not Kind.COMMENT:
            return False
    return True


_OPENING = re.compile(rb'/\*|\*/|//[^\n]*|"(?:\\.|[^"\\\n])*"?|\'(?:\\.|[^\'\\\n])*\'?', re.DOTALL)
_INSIDE = re.compile(rb"(?:[ \t]+\*(?:[ \t][^\n]*)?(?:\n|\Z))+")


def _comment_prefix(source: bytes) -> int:
    """How many bytes at the beginning belong to a comment that began before `source`."""
    # A quote in the prose of a comment ("doesn't") must not hide the `*/`, so the first `*/` is looked for in
    # the raw text, and believed where no `/*` stands before it.
    close = source.find(b"*/")
    if close >= 0 and source.find(b"/*", 0, close) < 0 and not _in_literal(source, close):
        return close + 2
    match = _INSIDE.match(source)
    return match.end() if match else 0


def _in_literal(source: bytes, at: int) -> bool:
    """True where a string literal or `//` comment on the same line holds `at`."""
    begin = source.rfind(b"\n", 0, at) + 1
    return any(m.start() + begin <= at < m.end() + begin and m[0][:1] in (b'"', b"/") and m[0][:2] != b"/*"
               for m in _OPENING.finditer(source[begin:at + 2]))


_LITERAL = rb'"(?:[^"\\\n]++|\\.)*+"?' rb"|'(?:[^'\\\n]++|\\.)*+'?"
# possessive: stretches of a comment are passed at memory speed, and nothing that was passed is tried again
_COMMENT = rb"/\*[^*]*+(?:\*(?!/)[^*]*+)*+(?:\*/|\Z)|//(?:[^\n\\]++|\\\r?\n|\\)*+"
_SKIPPED = re.compile(b"(%s|%s)" % (_COMMENT, _LITERAL), re.DOTALL)
# what stands behind these is no code; the prefix of a literal is none of its own
_APART = rb"#[ \t]*(?:include|error|warning|pragma)\b[^\n]*|(?:L|u8|u|U)(?=[\"'])"
_WORDS = re.compile(rb"([A-Za-z_\x80-\xff$][A-Za-z0-9_\x80-\xff$]*)|\.?[0-9](?:[eEpP][+-]|[A-Za-z0-9_.])*")
_NAMES = re.compile(b"|".join((_COMMENT, _LITERAL, _APART, _WORDS.pattern)), re.DOTALL)
_MENTIONED = re.compile(rb"(?<![\w/.-])([A-Za-z]\w*_\w+|[A-Za-z_]\w+(?=\(\)))(?![\w/.-])")
_NAME = re.compile(rb"[A-Za-z_\x80-\xff$][A-Za-z0-9_\x80-\xff$]*")
_ONLY_WORDS = bytes(char if char >= 128 or chr(char).isalnum() or char in b"_$" else 32 for char in range(256))


def code_only(source: bytes) -> bytes:
    """A whole file with a blank for every comment and literal: fast, for looking a name up."""
    return _SKIPPED.sub(b" ", source)


def identifiers(source: bytes, *, comments: bool = False) -> list[bytes]:
    """The names (keywords are some) of a piece of C in their order, as `lex` tells them: none out of a number
    (`0x9fd3b1c7`, `1UL`), a comment, a literal, or what stands behind `#include` and `#error`. `comments`: those in
    comments and literals as well. Names that are not ASCII, which the kernel has none of, are left out. Never raises.
    """
    if comments:
        words = source.translate(_ONLY_WORDS).split()
        return [word for word in words if not 48 <= word[0] <= 57 and word.isascii()]
    start = _comment_prefix(source)
    return [name for name in _NAMES.findall(source[start:] if start else source) if name and name.isascii()]


def mentioned(text: bytes) -> frozenset[bytes]:
    """What is an identifier for sure in prose, a comment's say: a call (`f()`), a word with an underscore inside."""
    return frozenset(_MENTIONED.findall(text))


def located(source: bytes) -> Iterator[tuple[int, bytes]]:
    """(0-based line, name) of each of the `identifiers` of `source`."""
    at = _comment_prefix(source)
    line = source.count(b"\n", 0, at)
    for match in _NAMES.finditer(source, at):
        if match[1] is not None and match[1].isascii():
            line += source.count(b"\n", at, match.start())
            at = match.start()
            yield line, match[1]


def vocabulary(source: bytes) -> tuple[set[bytes], set[bytes]]:
    """(the names of a whole file, the words of its comments and literals), in half the time of `identifiers`: for
    reading a tree. Words that begin with a digit, the prefix of a wide string and the parts of an included header's
    path are among them: `is_identifier` tells the first."""
    code, rest = (b" ".join(parts) for parts in apart(source))
    return set(code.translate(_ONLY_WORDS).split()), set(rest.translate(_ONLY_WORDS).split())


def apart(source: bytes) -> tuple[list[bytes], list[bytes]]:
    """(the stretches of code of a whole file, the comments and literals between them). A pattern is tried at each byte
    when it is searched for; here the next place where one can begin is found at memory speed."""
    size, find = len(source), source.find
    code: list[bytes] = []
    skipped: list[bytes] = []
    at = end = 0
    slash = double = single = -1
    while True:
        if slash < end:
            slash = find(b"/", end)
            slash = slash if slash >= 0 else size
        if double < end:
            double = find(b'"', end)
            double = double if double >= 0 else size
        if single < end:
            single = find(b"'", end)
            single = single if single >= 0 else size
        begin = min(slash, double, single)
        if begin == size:
            return [*code, source[at:]], skipped
        end = begin + 1                                  # of a division, say
        if match := _SKIPPED.match(source, begin):
            end = match.end()
            code.append(source[at:begin])
            skipped.append(source[begin:end])
            at = end


def whole_word(name: bytes) -> re.Pattern[bytes]:
    """What finds `name` as a word, and as no part of a longer one."""
    return re.compile(rb"(?<![A-Za-z0-9_$])%s(?![A-Za-z0-9_$])" % re.escape(name))


def is_identifier(text: bytes) -> bool:
    """True where `text` is one name and nothing else."""
    return _NAME.fullmatch(text) is not None


def significant(tokens: tuple[Token, ...]) -> tuple[Token, ...]:
    """Without blanks and comments."""
    return tuple(token for token in tokens if token.kind not in TRIVIA)


CLOSER_OF = {b"(": b")", b"[": b"]", b"{": b"}"}
OPENER_OF = {close: opening for opening, close in CLOSER_OF.items()}
