"""The names that lines of C bring with them: macros, functions, variables, members, enumerators, typedefs, labels.

For pieces of a diff: what stands above and below is mostly unknown, so a name counts as declared where nothing says
that it is only used.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from backport.csource.tokens import CLOSER_OF, OPENER_OF, Kind, Token, lex, significant

_NO_TYPE = frozenset(b"return goto else case sizeof typeof defined do default break continue in".split())
_ENDS = frozenset({b";", b",", b"=", b"[", b")", b"(", b"{", b":", b""})
# these use a name, or say something about the file
_USES = (b"EXPORT_", b"MODULE_", b"BUILD_", b"WARN", b"BUG")
_MAKES = (b"DEFINE_", b"DECLARE_", b"LIST_HEAD", b"CLASS", b"SYSCALL_DEFINE", b"COMPAT_SYSCALL_DEFINE")


@dataclass(slots=True)
class _Place:
    """What is known of the place between two tokens: the tokens of the statement so far, without those in brackets,
    and what each open bracket is (b"(" or b"[", else what a brace opens: "enum", "init", "block")."""

    floor: int = 0                   # the first token behind the last directive
    before: list[bytes] = field(default_factory=list)
    open: list[str] = field(default_factory=list)


def declared(source: bytes, lines: frozenset[int]) -> set[bytes]:
    """The names that the 0-based `lines` of `source` declare."""
    tokens = significant(lex(source))
    rows = _rows(source, tokens)
    found: set[bytes] = set()
    made: set[bytes] = set()         # arguments of a macro that makes names of them: `DEVICE_ATTR_RO(x)`
    place = _Place()
    n = 0
    while n < len(tokens):
        token = tokens[n]
        if token.kind is Kind.DIRECTIVE:
            end = _directive_end(source, tokens, n)
            if token.text[1:].strip() == b"define" and n + 1 < end and rows[n + 1] in lines:
                found |= _macro(tokens[n + 1:end])
            n = place.floor = end
            continue
        if token.kind is Kind.NAME and rows[n] in lines:
            if _makes(source, token, tokens[n + 1:n + 2], place):
                made |= _arguments(tokens[n + 1:])
            elif _is_declared(tokens, rows, n, place):
                found.add(token.text)
        _step(tokens, n, place)
        n += 1
    names = {t.text for t, row in zip(tokens, rows, strict=True) if t.kind is Kind.NAME and row in lines}
    return found | made | {name for name in names
                           if any(name.endswith(b"_" + one) or name.startswith(one + b"_") for one in made)}


def _is_declared(tokens: Sequence[Token], rows: Sequence[int], n: int, place: _Place) -> bool:
    """Whether the name tokens[n] is declared where it stands: by what is before and behind it, and around it."""
    after = tokens[n + 1].text if n + 1 < len(tokens) else b""
    before = [t.text for t in tokens[max(place.floor, n - 4):n]]
    while before and before[-1] == b"*":
        before.pop()
    stars = n > 0 and tokens[n - 1].text == b"*"
    last = before[-1] if before else b""
    if last and _is_name(last) and last not in _NO_TYPE and after in _ENDS and tokens[n].text not in _NO_TYPE:
        # a product with a call looks like a function that returns a pointer, but for what stands before it
        return not (stars and after == b"(") or all(_is_name(text) or text == b"*" for text in place.before)
    if last == b"}" and after in (b";", b",", b"=", b"["):
        return True                  # } name;
    if stars and last == b"(" and after in (b")", b"["):
        return True                  # (*name)(
    if after == b":" and not place.before and not (place.open and place.open[-1] == "enum"):
        return True                  # a label
    if last == b"," and len(place.before) > 2 and _is_name(place.before[0]) and place.before[0] not in _NO_TYPE \
            and (_is_name(place.before[1]) or place.before[1] == b"*") and not (place.open and place.open[-1] in "(["):
        return after in _ENDS        # a further declarator
    return _enumerator(tokens, rows, n, place)


def _enumerator(tokens: Sequence[Token], rows: Sequence[int], n: int, place: _Place) -> bool:
    if place.open:
        return place.open[-1] == "enum" and (n == 0 or tokens[n - 1].text in (b"{", b","))
    if place.before or (n > 0 and rows[n - 1] == rows[n]):
        return False
    for i in range(n + 1, len(tokens)):      # alone on its line, with a value or without
        text = tokens[i].text
        if text in (b",", b"}"):
            return text == b"}" or i + 1 == len(tokens) or rows[i + 1] > rows[i]
        if text == b";" or (i == n + 1 and text != b"="):
            return False
    return False


def _step(tokens: Sequence[Token], n: int, place: _Place) -> None:
    """`place` behind tokens[n]."""
    text = tokens[n].text
    if text in CLOSER_OF:
        if text == b"{":
            last = place.before[-1] if place.before else b""
            inner = bool(place.open) and place.open[-1] == "init"
            kind = "enum" if b"enum" in place.before else "init" if last in (b"=", b",") or inner else "block"
            place.open.append(kind)
            if kind != "init":
                place.before = []
        else:
            place.open.append(text.decode())
    elif text in OPENER_OF:
        kind = place.open.pop() if place.open else ""
        if text == b"}" and kind != "init":
            place.before = []
        elif text in (b")", b"]") and not place.open:
            place.before.append(text)
    elif text == b";" or (text == b":" and len(place.before) == 1) or (text == b"," and (
            place.open[-1:] == ["enum"]
            or (not place.open and (len(place.before) == 1 or place.before[1:2] == [b"="])))):
        place.before = []
    elif not place.open or place.open[-1] in ("block", "enum"):
        place.before.append(text)


def _makes(source: bytes, token: Token, after: Sequence[Token], place: _Place) -> bool:
    """True for a macro that declares what its arguments name."""
    if not after or after[0].text != b"(" or not token.text.isupper() or token.text.startswith(_USES):
        return False
    first = not place.before or all(_is_name(text) for text in place.before)
    at_margin = token.start == 0 or source[token.start - 1:token.start] == b"\n" or place.before[:1] == [b"static"]
    return first and (at_margin or token.text.startswith(_MAKES))


def _arguments(tokens: Sequence[Token]) -> set[bytes]:
    """The arguments of a call that are one name each, from its opening bracket on."""
    depth, found = 0, set()
    for n, token in enumerate(tokens):
        depth += (token.text in CLOSER_OF) - (token.text in OPENER_OF)
        if not depth:
            break
        if (token.kind is Kind.NAME and depth == 1 and tokens[n - 1].text in (b"(", b",", b"*")) \
                or (token.kind is Kind.NAME and depth == 1 and tokens[n - 1].kind is Kind.NAME):
            found.add(token.text)
    return found


def _macro(tokens: Sequence[Token]) -> set[bytes]:
    """A macro's name and its parameters."""
    found = {tokens[0].text}
    if len(tokens) > 1 and tokens[1].text == b"(" and tokens[1].start == tokens[0].end:
        for token in tokens[2:]:
            if token.text == b")":
                break
            if token.kind is Kind.NAME:
                found.add(token.text)
    return found


def _directive_end(source: bytes, tokens: Sequence[Token], n: int) -> int:
    """The first token behind the line of the directive tokens[n], continued lines included."""
    end = source.find(b"\n", tokens[n].end)
    while end > 0 and source[:end].rstrip(b"\r").endswith(b"\\"):
        end = source.find(b"\n", end + 1)
    last = n + 1
    while last < len(tokens) and (end < 0 or tokens[last].start < end):
        last += 1
    return last


def _rows(source: bytes, tokens: Sequence[Token]) -> list[int]:
    rows, row, at = [], 0, 0
    for token in tokens:
        row += source.count(b"\n", at, token.start)
        at = token.start
        rows.append(row)
    return rows


def _is_name(text: bytes) -> bool:
    return text[:1].isalpha() or text[:1] == b"_"
