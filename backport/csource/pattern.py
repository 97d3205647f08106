"""C with holes in it, matched against a list of tokens.

    kvm_is_exception_pending($VCPU)              a call; $VCPU is any argument expression
    static_call(kvm_x86_${OP})($...ARGS)         ${OP} is the rest of a name, $...ARGS any number of arguments
    kzalloc_obj($TYPE)                           a name that begins with TYPE may also be a type: `struct page *`
    $VCPU->arch.exception.vector                 $VCPU is the postfix expression on the left
    exception.vector                             the same field under any structure
    KVM_REQ_OLD                                  a name, wherever it stands, but not as a member of a structure

A call is matched by C's own grammar of arguments: an argument ends at the comma or bracket that no inner
bracket encloses. Names match as whole tokens, never inside another name, a comment or a literal.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from enum import Enum

from backport.bounded import by_content
from backport.csource.tokens import CLOSER_OF, OPENER_OF, Kind, Token, lex, significant


class PatternError(ValueError):
    """The text is no pattern; the message says why."""


class Hole(Enum):
    LITERAL = "literal"              # a token as it stands
    EXPRESSION = "expression"        # $X: one argument or operand
    ARGUMENTS = "arguments"          # $...X: the rest of an argument list, perhaps nothing
    AFFIX = "affix"                  # pre_${X}_post: part of a name
    LEFT = "left"                    # $X at the beginning, in front of -> or . : a postfix expression


@dataclass(frozen=True, slots=True)
class Element:
    """One piece of a pattern or template. `text` is the literal token; `name` the metavariable's."""

    hole: Hole
    text: bytes = b""
    name: str = ""
    affix: re.Pattern[bytes] | None = None
    space: bytes = b""               # the blanks that stand in front of it, as written


@dataclass(frozen=True, slots=True)
class Match:
    """One occurrence: tokens[first:last] of the source. `spans` are byte ranges of the source by metavariable.

    `pieces` has one byte range for each element of the pattern, so that what stands between two pieces can be
    kept where the replacement keeps both.
    """

    first: int
    last: int
    start: int
    end: int
    spans: dict[str, tuple[int, int]] = field(default_factory=dict)
    texts: dict[str, bytes] = field(default_factory=dict)
    pieces: tuple[tuple[int, int], ...] = ()


_HOLE = re.compile(rb"\$\.\.\.([A-Z][A-Z0-9_]*)|\$([A-Z][A-Z0-9_]*)|[A-Za-z0-9_]*\$\{([A-Z][A-Z0-9_]*)\}[A-Za-z0-9_]*")


def elements(text: str) -> tuple[Element, ...]:
    """The pieces of a pattern or a template; raises PatternError."""
    source = text.strip().encode()
    out: list[Element] = []
    at = 0
    space = b""
    while at < len(source):
        hole = _HOLE.match(source, at)
        if hole is not None:
            out.append(_hole(hole, space))
            at, space = hole.end(), b""
            continue
        token = lex(source[at:])[0]
        # `kvm_x86_${OP}`: the lexer takes `$` for part of a name, the hole in the middle of it is found above
        if token.kind is Kind.SPACE:
            space = token.text
        elif token.kind in (Kind.COMMENT, Kind.DIRECTIVE, Kind.OTHER) or b"$" in token.text:
            raise PatternError(f"{token.text.decode('utf-8', 'replace')!r} cannot stand in a pattern")
        else:
            out.append(Element(Hole.LITERAL, token.text, space=space))
            space = b""
        at += len(token.text)
    if not out:
        raise PatternError("empty pattern")
    return tuple(out)


def _hole(match: re.Match[bytes], space: bytes) -> Element:
    if match[1]:
        return Element(Hole.ARGUMENTS, match[0], match[1].decode(), space=space)
    if match[2]:
        return Element(Hole.EXPRESSION, match[0], match[2].decode(), space=space)
    before, _, rest = match[0].partition(b"${")
    after = rest.partition(b"}")[2]
    return Element(Hole.AFFIX, match[0], match[3].decode(),
                   re.compile(re.escape(before) + rb"(\w+)" + re.escape(after)), space)


@dataclass(frozen=True, slots=True)
class Pattern:
    """A compiled pattern; `text` as written."""

    text: str
    pieces: tuple[Element, ...]

    @property
    def names(self) -> frozenset[str]:
        """The metavariables it binds."""
        return frozenset(piece.name for piece in self.pieces if piece.name)

    @property
    def fixed(self) -> frozenset[bytes]:
        """Names that must be in a text for the pattern to match: a cheap test before the search."""
        return frozenset(p.text for p in self.pieces if p.hole is Hole.LITERAL and p.text[:1].isalpha())


def compile_pattern(text: str) -> Pattern:
    """Read a pattern; raises PatternError where it is ambiguous or anchored on nothing."""
    pieces = list(elements(text))
    if pieces[0].hole is Hole.EXPRESSION:
        if len(pieces) < 2 or pieces[1].text not in (b"->", b"."):
            raise PatternError("a pattern may begin with a metavariable only in front of `->` or `.`")
        pieces[0] = Element(Hole.LEFT, pieces[0].text, pieces[0].name)
    if not any(p.hole is Hole.AFFIX or (p.hole is Hole.LITERAL and re.match(rb"[A-Za-z_]", p.text)) for p in pieces):
        raise PatternError("a pattern needs at least one name to look for")
    seen: set[str] = set()
    depth: list[bytes] = []
    for before, piece, after in zip([None, *pieces[:-1]], pieces, [*pieces[1:], None], strict=True):
        if piece.name in seen:
            raise PatternError(f"${piece.name} stands twice: say with `where` what must be equal")
        seen |= {piece.name} - {""}
        if piece.text in CLOSER_OF and piece.hole is Hole.LITERAL:
            depth.append(CLOSER_OF[piece.text])
        elif piece.text in OPENER_OF and piece.hole is Hole.LITERAL and (not depth or depth.pop() != piece.text):
            raise PatternError("brackets do not balance")
        if piece.hole in (Hole.EXPRESSION, Hole.ARGUMENTS):
            if before is None or before.text not in (b"(", b",", b"[", b"="):
                raise PatternError(f"{piece.text.decode()} must stand behind `(`, `,`, `[` or `=`")
            if after is None or after.text not in (b")", b",", b"]", b";") or (
                    piece.hole is Hole.ARGUMENTS and after.text != b")"):
                raise PatternError(f"nothing says where {piece.text.decode()} ends")
    if depth:
        raise PatternError("brackets do not balance")
    return Pattern(text.strip(), tuple(pieces))


def find(pattern: Pattern, source: bytes) -> Iterator[Match]:
    """Every occurrence in `source` that is an expression (not a declaration), from left to right, not overlapping.

    Occurrences inside the arguments of another occurrence are not reported: rewrite, then search again.
    """
    if any(name not in source for name in pattern.fixed):
        return
    words = _words(source)
    end = 0
    for at in _starts(pattern, words):
        match = _match_at(pattern, source, words, at) if at >= end else None
        if match is not None and match.last > at:
            yield match
            end = match.last


@by_content(768 << 10)
def _words(source: bytes) -> tuple[Token, ...]:
    return significant(lex(source))


def _starts(pattern: Pattern, words: Sequence[Token]) -> list[int]:
    """Where a match may begin, by its first piece that is a token."""
    first = pattern.pieces[1] if pattern.pieces[0].hole is Hole.LEFT else pattern.pieces[0]
    if first.affix is not None:
        fits = first.affix.fullmatch
        return [i for i, word in enumerate(words) if word.kind is Kind.NAME and fits(word.text)]
    text = first.text
    return [i for i, word in enumerate(words) if word.text == text]


def _match_at(pattern: Pattern, source: bytes, words: Sequence[Token], at: int) -> Match | None:
    """The match that begins at words[at], the `->` where the pattern begins with what is left of one. Each piece takes
    its words in turn: a literal or an affix one, an argument all up to the piece behind it."""
    pieces = pattern.pieces
    spans: dict[str, tuple[int, int]] = {}
    texts: dict[str, bytes] = {}
    ranges: list[tuple[int, int]] = []
    first = at
    rest = pieces
    if pieces[0].hole is Hole.LEFT:
        # `at` is the `->` behind it: walk back over the postfix expression
        if words[at].text != pieces[1].text:
            return None
        begin = left_operand(words, at)
        if begin is None:
            return None
        first = begin
        ranges.append((words[begin].start, words[at - 1].end))
        _bind(pieces[0].name, ranges[0], source, spans, texts)
        rest = pieces[1:]
    elif (_is_name(pieces[0]) and at and words[at - 1].text in (b".", b"->")
          and (len(pieces) == 1 or pieces[1].text == b"(")):
        return None                  # a member that is called like the function
    i = at
    call = len(pieces) > 1 and pieces[0].hole is not Hole.LEFT and pieces[1].text == b"("
    for index, piece in enumerate(rest):
        if piece.hole is Hole.LITERAL:
            if i >= len(words) or words[i].text != piece.text or words[i].kind is Kind.STRING:
                return None
            ranges.append((words[i].start, words[i].end))
            i += 1
        elif piece.hole is Hole.AFFIX:
            found = piece.affix.fullmatch(words[i].text) if piece.affix and i < len(words) else None
            if found is None or words[i].kind is not Kind.NAME:
                return None
            ranges.append((words[i].start, words[i].end))
            texts[piece.name] = found[1]
            spans[piece.name] = ranges[-1]
            i += 1
        else:
            stop = rest[index + 1].text
            end = _argument_end(words, i, stop, all_of_them=piece.hole is Hole.ARGUMENTS)
            if end is None or (end == i and piece.hole is Hole.EXPRESSION):
                return None
            if not piece.name.startswith("TYPE") and _is_parameter(words[i:end]):
                return None
            span = (words[i].start, words[end - 1].end) if end > i else (words[i].start, words[i].start)
            ranges.append(span)
            _bind(piece.name, span, source, spans, texts)
            i = end
    if any(token.kind is Kind.DIRECTIVE for token in words[first:i]):
        return None                  # an #ifdef inside the arguments: which of them hold is not ours to say
    if call and _declares(words, first, source):
        return None
    return Match(first, i, words[first].start, words[i - 1].end, spans, texts, tuple(ranges))


def _bind(name: str, span: tuple[int, int], source: bytes, spans: dict[str, tuple[int, int]],
          texts: dict[str, bytes]) -> None:
    spans[name] = span
    texts[name] = source[span[0]:span[1]]


def _is_name(piece: Element) -> bool:
    return piece.hole is Hole.AFFIX or (piece.hole is Hole.LITERAL and re.match(rb"[A-Za-z_]", piece.text) is not None)


def _argument_end(words: Sequence[Token], begin: int, stop: bytes, *, all_of_them: bool) -> int | None:
    """Index of the token that ends the argument(s) at `begin`, None where it is not in the fragment or not `stop`."""
    depth: list[bytes] = []
    for i in range(begin, len(words)):
        token = words[i]
        if token.kind is Kind.PUNCT:
            if not depth and (token.text in (b")", b"]", b"}", b";") or (token.text == b"," and not all_of_them)):
                return i if token.text == stop else None
            if token.text in CLOSER_OF:
                depth.append(CLOSER_OF[token.text])
            elif token.text in OPENER_OF:
                if not depth or depth.pop() != token.text:
                    return None
            elif token.text == b";" and b"}" not in depth:
                return None          # a statement ends inside brackets: this is no C, or the hunk cut something
    return None


_TYPE_WORDS = frozenset({b"struct", b"union", b"enum", b"const", b"volatile", b"unsigned", b"signed", b"void",
                         b"bool", b"char", b"short", b"int", b"long", b"float", b"double", b"u8", b"u16", b"u32",
                         b"u64", b"s8", b"s16", b"s32", b"s64", b"gpa_t", b"gfn_t", b"gva_t", b"hpa_t", b"size_t"})
_BEFORE_EXPRESSION = frozenset({b"return", b"else", b"do", b"case", b"goto", b"sizeof", b"typeof", b"in"})


def _is_parameter(words: Sequence[Token]) -> bool:
    """True where this is `struct kvm_vcpu *vcpu`: a parameter of a declaration, not an argument."""
    depth = 0
    previous: Token | None = None
    for token in words:
        if token.text in CLOSER_OF:
            depth += 1
        elif token.text in OPENER_OF:
            depth -= 1
        elif depth == 0:
            if token.text in _TYPE_WORDS:
                return True
            if (previous is not None and previous.kind is Kind.NAME and token.kind is Kind.NAME
                    and previous.text not in _BEFORE_EXPRESSION):
                return True
        previous = token
    return bool(words) and words[-1].text == b"*"


def _declares(words: Sequence[Token], first: int, source: bytes) -> bool:
    """True where a type or `#define` stands in front of the name: a prototype, or the head of a definition."""
    if not first:
        return False
    before = words[first - 1]
    if before.kind is Kind.DIRECTIVE:
        return before.text.endswith(b"define")
    if before.kind is not Kind.NAME or before.text in _BEFORE_EXPRESSION:
        return False
    # `#ifdef CONFIG_KVM_HYPERV` and then the call: that name is no type, its line is another one
    line = source[source.rfind(b"\n", 0, before.start) + 1:before.start]
    return not (line.lstrip().startswith(b"#") and b"\n" in source[before.end:words[first].start])


_KEYWORDS = frozenset({b"return", b"else", b"do", b"case", b"goto", b"sizeof", b"if", b"while", b"for", b"switch"})


def left_operand(words: Sequence[Token], end: int) -> int | None:
    """Index of the first token of the postfix expression that ends in front of words[end], None where there is none."""
    i = end - 1
    while i >= 0:
        token = words[i]
        if token.text in (b")", b"]"):
            opening = _opening(words, i)
            if opening is None:
                return None
            before = words[opening - 1] if opening else None
            applied = before is not None and (
                (before.kind is Kind.NAME and before.text not in _KEYWORDS) or before.text in (b")", b"]"))
            if token.text == b"]" and not applied:
                return None
            if not applied:
                return opening       # (expr)
            i = opening - 1
            continue
        if token.kind is not Kind.NAME or token.text in _KEYWORDS:
            return None
        if i and words[i - 1].text in (b".", b"->"):
            i -= 2
            continue
        return i
    return None


def _opening(words: Sequence[Token], close: int) -> int | None:
    depth: list[bytes] = []
    for i in range(close, -1, -1):
        text = words[i].text if words[i].kind is Kind.PUNCT else b""
        if text in OPENER_OF:
            depth.append(OPENER_OF[text])
        elif text in CLOSER_OF:
            if depth.pop() != text:
                return None
            if not depth:
                return i
    return None
