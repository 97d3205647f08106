"""What stands in place of a match: C that means what the template says, wherever it is put.

Three things go wrong when text is pasted into an expression, and each is handled here: member access
(`&svm->vcpu` in front of `->arch` is `svm->vcpu.arch`), operands that need parentheses, and arguments that
would be evaluated twice or not at all.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from backport.csource.pattern import Element, Hole, Match, Pattern, PatternError, elements, left_operand
from backport.csource.tokens import CLOSER_OF, OPENER_OF, Kind, Token, lex, significant


class Unsafe(Exception):
    """This match cannot be rewritten without a risk to its meaning; the message says which."""


@dataclass(frozen=True, slots=True)
class Template:
    """A compiled replacement; `text` as written."""

    text: str
    pieces: tuple[Element, ...]

    @property
    def names(self) -> frozenset[str]:
        return frozenset(piece.name for piece in self.pieces if piece.name)


def compile_template(text: str, pattern: Pattern) -> Template:
    """Read a replacement for `pattern`; raises PatternError where it uses what the pattern does not bind."""
    pieces = elements(text) if text.strip() else ()
    for piece in pieces:
        if piece.name and piece.name not in pattern.names:
            raise PatternError(f"the replacement uses ${piece.name}, which the pattern does not bind")
    return Template(text.strip(), pieces)


def render(pattern: Pattern, template: Template, match: Match, source: bytes) -> bytes:
    """The bytes that replace source[match.start:match.end]; raises Unsafe.

    Blanks, line breaks and comments between two pieces that the template keeps side by side stay as they are.
    """
    _evaluated_once(pattern, template, match)
    kept = _kept(pattern.pieces, template.pieces)
    out: list[bytes] = []
    for index, piece in enumerate(template.pieces):
        at, before = kept.get(index), kept.get(index - 1)
        if index == 0:
            gap = b""
        elif at is not None and before is not None and at == before + 1:
            gap = source[match.pieces[before][1]:match.pieces[at][0]]
        else:
            gap = piece.space
        text = _piece(template.pieces, index, match)
        if piece.hole is Hole.LITERAL and piece.text in (b"->", b".") and index and template.pieces[index - 1].name:
            base, text = member(out.pop(), piece.text)
            out += [base, gap, text]
            continue
        if not text and piece.hole is Hole.ARGUMENTS and out and out[-1].rstrip() == b",":
            out.pop()                # `f($A, $...REST)` with nothing left: no comma either
            continue
        out += [gap, text]
    result = b"".join(out)
    _no_comment_lost(match, source, result)
    if b"\n" in b"".join(piece.space for piece in template.pieces):
        result = _own_lines(result, match, source)
    return _in_place(result, match, source)


def _own_lines(result: bytes, match: Match, source: bytes) -> bytes:
    """Several statements in place of one: each on its own line, indented as the first; raises Unsafe."""
    begin = source.rfind(b"\n", 0, match.start) + 1
    indent = source[begin:match.start]
    words = significant(lex(source[:match.start]))
    if indent.strip() or not words or words[-1].text not in (b";", b"{", b"}"):
        # behind `if (...)` or `else` only the first of them would be conditional
        raise Unsafe("it takes more than one statement, and there may be room for one only")
    return b"\n".join((indent if i else b"") + line.strip(b" \t") for i, line in enumerate(result.split(b"\n")))


def _piece(pieces: Sequence[Element], index: int, match: Match) -> bytes:
    piece = pieces[index]
    if piece.hole is Hole.LITERAL:
        return piece.text
    if piece.hole is Hole.AFFIX:
        before, _, rest = piece.text.partition(b"${")
        return before + match.texts[piece.name] + rest.partition(b"}")[2]
    text = match.texts[piece.name]
    if piece.hole is Hole.ARGUMENTS:
        return text
    before_text = pieces[index - 1].text if index else b"("
    after_text = pieces[index + 1].text if index + 1 < len(pieces) else b")"
    if after_text in (b"->", b"."):
        return text                  # `member` looks at it
    if before_text in (b"(", b",", b"[", b"=", b";") and after_text in (b")", b",", b"]", b";"):
        return text
    needed = _POSTFIX
    if before_text in (b"(", b",", b"[", b"=", b";") and after_text in _LEVEL:
        needed = _LEVEL[after_text] + 1
    return text if strength(text) >= needed else b"(" + text + b")"


def _kept(pattern: Sequence[Element], template: Sequence[Element]) -> dict[int, int]:
    """Template piece -> the pattern piece it continues (longest common subsequence)."""
    def key(piece: Element) -> tuple[str, bytes]:
        return (piece.name, b"") if piece.hole in (Hole.EXPRESSION, Hole.LEFT, Hole.ARGUMENTS) else ("", piece.text)

    rows, cols = len(pattern), len(template)
    best = [[0] * (cols + 1) for _ in range(rows + 1)]
    for i in range(rows - 1, -1, -1):
        for j in range(cols - 1, -1, -1):
            best[i][j] = (best[i + 1][j + 1] + 1 if key(pattern[i]) == key(template[j])
                          else max(best[i + 1][j], best[i][j + 1]))
    kept: dict[int, int] = {}
    i = j = 0
    while i < rows and j < cols:
        if key(pattern[i]) == key(template[j]):
            kept[j] = i
            i, j = i + 1, j + 1
        elif best[i + 1][j] >= best[i][j + 1]:
            i += 1
        else:
            j += 1
    return kept


def member(base: bytes, access: bytes) -> tuple[bytes, bytes]:
    """(base, access) such that base + access + field is C: `&a->b` and `->` give `a->b` and `.`."""
    words = significant(lex(base))
    if access == b"->" and words and words[0].text == b"&" and _is_postfix(words[1:]):
        return base[words[1].start:words[-1].end], b"."
    if access == b"." and words and words[0].text == b"*" and _is_postfix(words[1:]):
        return base[words[1].start:words[-1].end], b"->"
    if _is_postfix(words):
        if words[0].text == b"(" and _closes(words, 0) == len(words) - 1:
            inner = words[1:-1]
            if inner and inner[0].text in (b"&", b"*") and _is_postfix(inner[1:]):
                return member(base[inner[0].start:inner[-1].end], access)
        return base, access
    return b"(" + base + b")", access


def _is_postfix(words: Sequence[Token]) -> bool:
    return bool(words) and left_operand(words, len(words)) == 0


def _closes(words: Sequence[Token], opening: int) -> int:
    depth = 0
    for i in range(opening, len(words)):
        depth += (words[i].text in CLOSER_OF) - (words[i].text in OPENER_OF)
        if depth == 0:
            return i
    return -1


# C's precedence, loosest first; _UNARY and _POSTFIX are above every binary operator.
_LEVELS: tuple[tuple[bytes, ...], ...] = (
    (b",",), (b"=", b"+=", b"-=", b"*=", b"/=", b"%=", b"&=", b"|=", b"^=", b"<<=", b">>="), (b"?", b":"), (b"||",),
    (b"&&",), (b"|",), (b"^",), (b"&",), (b"==", b"!="), (b"<", b">", b"<=", b">="), (b"<<", b">>"),
    (b"+", b"-"), (b"*", b"/", b"%"))
_LEVEL = {op: level for level, ops in enumerate(_LEVELS) for op in ops}
_UNARY = len(_LEVELS)
_POSTFIX = _UNARY + 1
_PREFIX = frozenset({b"!", b"~", b"&", b"*", b"-", b"+", b"++", b"--", b"sizeof"})


def strength(text: bytes) -> int:
    """How tightly the loosest operator of an expression binds (a level of C's precedence table)."""
    words = significant(lex(text))
    if _is_postfix(words) or (len(words) == 1 and words[0].kind in (Kind.NUMBER, Kind.STRING)):
        return _POSTFIX
    loosest = _UNARY
    depth = 0
    previous: Token | None = None
    for token in words:
        if token.text in CLOSER_OF:
            depth += 1
        elif token.text in OPENER_OF:
            depth -= 1
        elif depth == 0 and token.kind is Kind.PUNCT and token.text in _LEVEL and _is_binary(previous):
            loosest = min(loosest, _LEVEL[token.text])
        previous = token
    return loosest


def _is_binary(previous: Token | None) -> bool:
    return previous is not None and (previous.kind in (Kind.NUMBER, Kind.STRING) or previous.text in (b")", b"]")
                                     or (previous.kind is Kind.NAME and previous.text != b"sizeof"))


_SAFE_BEFORE = frozenset({b"(", b"[", b"{", b",", b";", b"}", b"return", b"=", b"?", b":", b"else", b"case", b"do"})
_SAFE_AFTER = frozenset({b")", b"]", b"}", b",", b";", b"?", b":"})


def _in_place(result: bytes, match: Match, source: bytes) -> bytes:
    """With parentheses where the neighbours of the match would take the result apart."""
    words = significant(lex(result))
    if not words or words[-1].text in (b";", b"}") or any(w.text in (b";", b"{") for w in words):
        return result                # statements
    if words[0].text in (b"->", b"."):
        return result                # a member, behind an expression that stays
    level = strength(result)
    if level >= _POSTFIX:
        return result
    tokens = significant(lex(source))
    before = tokens[match.first - 1] if match.first else None
    after = tokens[match.last] if match.last < len(tokens) else None
    left = _pull(before, level, safe=_SAFE_BEFORE, ambiguous=_PREFIX)
    right = _pull(after, level, safe=_SAFE_AFTER, ambiguous=frozenset())
    return result if left and right else b"(" + result + b")"


def _pull(neighbour: Token | None, level: int, *, safe: frozenset[bytes], ambiguous: frozenset[bytes]) -> bool:
    """True where this neighbour leaves an expression of that strength whole."""
    if neighbour is None:
        return False                 # the fragment ends here: nobody knows what stands there
    text = neighbour.text
    if text in safe:
        return level > _LEVEL[b","] + (1 if text in (b"?", b":") else 0)
    if text in ambiguous:
        return False
    if text in _LEVEL:
        other = _LEVEL[text]
        return level > other or (level == other and text in (b"||", b"&&", b"|", b"&"))
    return False


def _evaluated_once(pattern: Pattern, template: Template, match: Match) -> None:
    uses: dict[str, int] = {}
    for piece in template.pieces:
        if piece.name:
            uses[piece.name] = uses.get(piece.name, 0) + 1
    for piece in pattern.pieces:
        if piece.hole in (Hole.LITERAL, Hole.AFFIX):
            continue
        count = uses.get(piece.name, 0)
        if count != 1 and has_effect(match.texts[piece.name]):
            what = "dropped" if count == 0 else "evaluated more than once"
            raise Unsafe(f"the argument `{match.texts[piece.name].decode('utf-8', 'replace')}` would be {what}")


def has_effect(text: bytes) -> bool:
    """True where evaluating this twice or never could matter: a call, an assignment, ++ or --."""
    words = significant(lex(text))
    for i, token in enumerate(words):
        if token.text in (b"++", b"--", b"{"):
            return True
        if token.kind is Kind.PUNCT and _LEVEL.get(token.text) == 1:
            return True
        if (token.text == b"(" and i and words[i - 1].text != b"sizeof"
                and (words[i - 1].kind is Kind.NAME or words[i - 1].text in (b")", b"]"))):
            # a container cast such as to_svm(vcpu) only computes an address; kernel macros of that shape are many,
            # so they are not guessed at: a rule that duplicates arguments is refused for them
            return True
    return False


def _no_comment_lost(match: Match, source: bytes, result: bytes) -> None:
    before = [t.text for t in lex(source[match.start:match.end]) if t.kind is Kind.COMMENT]
    after = [t.text for t in lex(result) if t.kind is Kind.COMMENT]
    if before != after:
        raise Unsafe("a comment stands inside the call and would be lost")
