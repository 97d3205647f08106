"""Macros and inline functions of one expression, and a call of one written out.

What is pasted must mean what the call means: an argument that is used twice may have no effect of its own, and
operands keep the brackets that they need.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from backport.csource.tokens import CLOSER_OF, OPENER_OF, Kind, Token, lex, significant

_COLUMNS = 80
_TAB = 8
_EFFECT = frozenset({b"++", b"--", b"=", b"+=", b"-=", b"*=", b"/=", b"%=", b"&=", b"|=", b"^=", b"<<=", b">>="})
_TIGHT = frozenset({b"->", b".", b"[", b"]", b"(", b")"})
_BINARY = frozenset({b"-", b"+", b"*", b"/", b"%", b"&", b"|", b"^", b"&&", b"||", b"<", b">", b"<=", b">=", b"==",
                     b"!=", b"<<", b">>", b"?", b":"})


@dataclass(frozen=True, slots=True)
class OneLiner:
    """`name(parameters)` stands for `body`, the tokens of one expression."""

    name: bytes
    parameters: tuple[bytes, ...]
    body: tuple[bytes, ...]


def definition(source: bytes, name: str) -> OneLiner | None:
    """The only definition of macro `name` in `source`, where it is one expression of its parameters; None otherwise."""
    found = [match for match in re.finditer(
        rb"^[ \t]*#[ \t]*define[ \t]+%s\(([^()\n]*)\)((?:[^\n\\]|\\\r?\n|\\.)*)" % re.escape(name.encode()), source,
        re.MULTILINE)]
    if len(found) != 1:
        return None
    parameters = tuple(part.strip() for part in found[0][1].split(b","))
    body = tuple(token.text for token in significant(lex(found[0][2])))
    if not body or not all(re.fullmatch(rb"[A-Za-z_]\w*", one) for one in parameters) \
            or {b"{", b"}", b";", b"#", b"##", b","} & set(body) or set(body) & _EFFECT:
        return None
    return OneLiner(name.encode(), parameters, body)


def written_out(line: bytes, one: OneLiner) -> bytes | None:
    """`line` with its only call of `one` written out, broken behind the outermost operator where it gets too long. None
    where it has no such call, or where it would mean something else."""
    tokens = [token for token in significant(lex(line))]
    at = [n for n, token in enumerate(tokens) if token.text == one.name and token.kind is Kind.NAME]
    if len(at) != 1 or at[0] + 1 >= len(tokens) or tokens[at[0] + 1].text != b"(":
        return None
    first = at[0]
    last = _closing(tokens, first + 1)
    if last is None:
        return None
    given = _arguments(tokens[first + 2:last])
    if len(given) != len(one.parameters):
        return None
    values = dict(zip(one.parameters, given, strict=True))
    if any(not value or (one.body.count(name) != 1 and not _pure(value)) for name, value in values.items()):
        return None
    before = tokens[first - 1].text if first else b""
    after = tokens[last + 1].text if last + 1 < len(tokens) else b""
    alone = before in (b"return", b"=", b"(", b",") and after in (b";", b")", b",")
    body = list(one.body)
    if alone and body[0] == b"(" and _closes(body) == len(body) - 1:
        body = body[1:-1]
    elif not alone and not (body[0] == b"(" and _closes(body) == len(body) - 1):
        return None
    return _laid_out(line[:tokens[first].start], _pasted(body, values), line[tokens[last].end:])


def _closing(tokens: Sequence[Token], start: int) -> int | None:
    depth = 0
    for n in range(start, len(tokens)):
        depth += (tokens[n].text in CLOSER_OF) - (tokens[n].text in OPENER_OF)
        if depth == 0:
            return n
    return None


def _closes(body: Sequence[bytes]) -> int:
    """The bracket that closes body[0], -1 where none does."""
    depth = 0
    for n, text in enumerate(body):
        depth += (text in CLOSER_OF) - (text in OPENER_OF)
        if depth == 0:
            return n
    return -1


def _arguments(tokens: Sequence[Token]) -> list[tuple[bytes, ...]]:
    out: list[list[bytes]] = [[]]
    depth = 0
    for token in tokens:
        depth += (token.text in CLOSER_OF) - (token.text in OPENER_OF)
        if token.text == b"," and depth == 0:
            out.append([])
        else:
            out[-1].append(token.text)
    return [tuple(part) for part in out]


def _pure(value: Sequence[bytes]) -> bool:
    """Whether the expression may be evaluated any number of times: no call, no assignment."""
    calls = any(text == b"(" and n and re.fullmatch(rb"[A-Za-z_]\w*|[)\]]", value[n - 1])
                for n, text in enumerate(value))
    return not calls and not set(value) & _EFFECT


def _simple(value: Sequence[bytes]) -> bool:
    """Whether the expression needs no brackets: a name, a number, a member of something."""
    return all(re.fullmatch(rb"\w+|->|\.|\[|\]", text) for text in value)


def _pasted(body: Sequence[bytes], values: Mapping[bytes, tuple[bytes, ...]]) -> list[bytes]:
    """The tokens of the body with the arguments in it, `(x)` without its brackets where x needs none."""
    out: list[bytes] = []
    n = 0
    while n < len(body):
        value = values.get(body[n])
        bracketed = body[n] == b"(" and n + 2 < len(body) and body[n + 1] in values and body[n + 2] == b")" \
            and not (n and re.fullmatch(rb"\w+", body[n - 1]))
        if bracketed and _simple(values[body[n + 1]]):
            out += values[body[n + 1]]
            n += 3
            continue
        if value is not None and n and (body[n - 1] in (b"->", b".")):
            value = None             # a member of the parameter's name
        out += [body[n]] if value is None else value if _simple(value) or (
            n and body[n - 1] == b"(" and body[n + 1:n + 2] == [b")"]) else (b"(", *value, b")")
        n += 1
    return out


def _laid_out(head: bytes, tokens: Sequence[bytes], tail: bytes) -> bytes:
    depth, text = 0, b""
    breaks: list[int] = []
    for n, token in enumerate(tokens):
        depth -= token in OPENER_OF
        binary = token in _BINARY and n > 0 and tokens[n - 1] not in _BINARY and tokens[n - 1] != b"("
        if binary:
            text += b" " + token + b" "
            if depth == 0:
                breaks.append(len(text))
        else:
            text += token
        depth += token in CLOSER_OF
    line = head + text + tail
    if len(line.expandtabs(_TAB).rstrip()) <= _COLUMNS or not breaks:
        return line
    indent = head[:len(head) - len(head.lstrip())]
    at = breaks[-1]
    return head + text[:at].rstrip() + b"\n" + indent + b"\t" + text[at:] + tail
