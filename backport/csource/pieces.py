"""Words and marks of a piece of C, lossless: joining them gives the bytes back. Comments are split into words too.

A regular expression and no grammar, because pieces of a diff are no translation unit: half a comment, half an
`#ifdef`, a macro that opens a block. Whatever is no token of C (a stray quote, a byte of Latin-1) is one token
by itself.
"""

from __future__ import annotations

import re

_TOKEN = re.compile(
    rb"[A-Za-z_$]\w*"
    rb"|\.?[0-9](?:[eEpP][+-]|[A-Za-z0-9_.])*"
    rb'|"(?:\\.|[^"\\\n]){0,2000}"'    # one that does not end is looked at from each of its quotes
    rb"|'(?:\\.|[^'\\\n]){1,2000}'"
    rb"|[ \t\r\f\v]+|\n"
    rb"|/\*|\*/|//"
    rb"|<<=|>>=|\.\.\.|->|\+\+|--|<<|>>|<=|>=|==|!=|&&|\|\||[-+*/%&|^]=|##"
    rb"|.",
    re.DOTALL,
)
_WORD = re.compile(rb"[A-Za-z0-9_\x80-\xff$]+|->|\+\+|--|<<|>>|<=|>=|==|!=|&&|\|\||[^\s]")
_LETTER = re.compile(rb"[A-Za-z_]")
_NAME = re.compile(rb"[A-Za-z_]\w")
_LITERAL = re.compile(rb'"(?:[^"\\]|\\.)*"?|\'(?:[^\'\\]|\\.)*\'?')
_BARE = re.compile(rb"[A-Za-z_$]\w*|\d\w*|[^\s\w]")

KEYWORDS = frozenset(b"""auto break case char const continue default do double else enum extern float for goto if
inline int long register restrict return short signed sizeof static struct switch typedef union unsigned void
volatile while bool true false NULL defined define include ifdef ifndef endif undef elif u8 u16 u32 u64 s8 s16 s32
s64""".split())


def tokens(source: bytes) -> list[bytes]:
    """Every token of `source`, white space and newlines included."""
    return _TOKEN.findall(source)


def solid(source: bytes) -> list[bytes]:
    """The tokens of `source` that are no white space."""
    return [token for token in tokens(source) if token.strip()]


def bare(source: bytes) -> list[bytes]:
    """Words and single punctuation marks, white space dropped: for counting what two pieces share."""
    return _BARE.findall(source)


def words(source: bytes) -> tuple[list[bytes], list[int]]:
    """The words and marks of `source`, those of comments too, and the bytes between them: before the first one, between
    each two, and behind the last one."""
    return _WORD.findall(source), list(map(len, _WORD.split(source)))


def has_letter(text: bytes) -> bool:
    """True for text with a name in it, of one letter if need be."""
    return _LETTER.search(text) is not None


def has_long_name(text: bytes) -> bool:
    """True for text with a name of two bytes or more."""
    return _NAME.search(text) is not None


def squeeze(line: bytes) -> bytes:
    """`line` without any white space: two lines that differ in nothing else are the same line."""
    return b"".join(line.split())


def squeezed_lines(source: bytes) -> list[bytes]:
    """squeeze() of each line of a file, in the time of a search; of a line of white space without its end too."""
    lines = source.translate(None, b" \t\v\f\r").split(b"\n")
    return lines[:-1] if not source or source.endswith(b"\n") else lines


def code(source: bytes) -> bytes:
    """`source` with comments and the insides of strings blanked out, newlines kept; same length."""
    out = COMMENT_OR_STRING.sub(_blank, source)
    assert len(out) == len(source)
    return out


def without_literals(line: bytes) -> bytes:
    """A line of code without its literals. One that is not closed ends with the line: looking for its end from each
    quote takes the square of a line."""
    return _LITERAL.sub(b"", line)


# one of them, closed or to the end; the inside of a literal bounded, so that a quote alone costs no square
COMMENT_OR_STRING = re.compile(rb"""/\*.*?(?:\*/|\Z)|//[^\n]*|"(?:\\.|[^"\\\n]){0,2000}"|'(?:\\.|[^'\\\n]){1,2000}'""",
                               re.DOTALL)
_BLANKS = bytes(byte if byte == ord("\n") else ord(" ") for byte in range(256))


def _blank(match: re.Match[bytes]) -> bytes:
    text = match[0]
    if text[:1] in (b'"', b"'"):         # the quotes stay: an argument that is a string is still an argument
        return text[:1] + blanks(text[1:-1]) + text[-1:]
    return blanks(text)


def blanks(text: bytes) -> bytes:
    """`text` with a blank for every byte that is no newline."""
    return text.translate(_BLANKS)
