"""Do the functions that added lines call take the parameters that upstream's take?"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache

from backport.adapt.checks.base import Check, Context, Finding, bare_lines, quote
from backport.adapt.checks.call_arity import CALL
from backport.adapt.signals import Signal
from backport.csource.pieces import KEYWORDS, squeeze

_NO_TYPE = re.compile(rb"\b(?:static|extern|inline|__always_inline|noinline|const|__init|__exit|__must_check|"
                      rb"asmlinkage|__maybe_unused|notrace|__cold|__sched)\b")
_INTEGER = re.compile(rb"(?:unsigned|signed|int|long|short|char|_*[us](?:8|16|32|64)|s?size_t|loff_t)+")
_LONG = 400              # bytes of a line that are read
_WORD = re.compile(rb"\w+")


@dataclass(frozen=True, slots=True)
class Head:
    """What a function returns, and the types and names of its parameters; a macro has no types."""

    returns: bytes
    types: tuple[bytes, ...]
    names: tuple[bytes, ...]


def ask(context: Context) -> list[Finding]:
    """SIGNATURE: as many parameters, but of other types, in another order, or another type of the value that is used.
    Only for functions and macros that both files declare or define; how many there are is arity's question."""
    result, edits = context.result, context.edits
    found = []
    there, here = bare_lines(result.problem.after_source), bare_lines(result.source)
    for edit in edits:
        for match in CALL.finditer(added := result.code(edit)):
            line = added[added.rfind(b"\n", 0, match.start(1)) + 1:]
            if match[1] in KEYWORDS or line[:1] not in b" \t":       # a head at column 0 is no call
                continue
            up, own = head(there, match[1]), head(here, match[1])
            if up is None or own is None or len(up.names) != len(own.names):
                continue
            shown = match[1].decode("utf-8", "replace")
            before = line[:match.start(1) - (len(added) - len(line))].strip()
            if not _alike(up, own) or (up.names != own.names and sorted(up.names) == sorted(own.names)):
                found.append(Finding(Signal.SIGNATURE, f"{shown}() takes {_shown(own)} in this tree, {_shown(up)} "
                                                       "upstream"))
            elif up.returns != own.returns and before and not before.endswith((b";", b"}", b")")):
                found.append(Finding(Signal.SIGNATURE, f"{shown}() returns {quote(own.returns)} in "
                                                       f"this tree, {quote(up.returns)} upstream"))
    return found


def _alike(up: Head, own: Head) -> bool:
    """Whether each parameter has the type of its partner; an integer may have another width, under the same name."""
    if not up.types or not own.types:        # a macro on one side: only its order can be told
        return True
    return all(
        a == b or (x == y and _INTEGER.fullmatch(squeeze(a)) is not None
                   and _INTEGER.fullmatch(squeeze(b)) is not None)
        for a, b, x, y in zip(up.types, own.types, up.names, own.names, strict=True))


def _shown(one: Head) -> str:
    parts = [b" ".join(x for x in pair if x) for pair in zip(one.types or [b""] * len(one.names), one.names,
                                                            strict=True)]
    return "`(" + ", ".join(p.decode("utf-8", "replace") for p in parts) + ")`"


def head(lines: tuple[bytes, ...], name: bytes) -> Head | None:
    """The only head of that name in a file, None where there is none or they differ."""
    found = _heads(lines, name)
    return next(iter(found)) if len(found) == 1 else None


@lru_cache(maxsize=256)
def _heads(lines: tuple[bytes, ...], name: bytes) -> frozenset[Head]:
    heads: set[Head] = set()
    for i, whole in enumerate(lines):
        if name not in whole:
            continue
        line = whole[:_LONG]
        macro = re.match(rb"#[ \t]*define[ \t]+(\w+)\(([^)]*)\)", line)
        if macro:
            if macro[1] == name:
                heads.add(Head(b"", (), tuple(x.strip() for x in macro[2].split(b","))))
            continue
        match = re.match(rb"([A-Za-z_][\w \t*]*?[\s*])?(\w+)[ \t]*\(", line)
        if match is None or match[2] != name or line[:1] in b" \t#" or (match[1] is None and not (i and re.fullmatch(
                rb"[A-Za-z_][\w \t*]*", lines[i - 1]))):
            continue
        text = b" ".join([line, *(more[:_LONG] for more in lines[i + 1:i + 12])])[match.end():]
        depth, end = 1, 0
        while end < len(text) and depth:
            depth += (text[end:end + 1] == b"(") - (text[end:end + 1] == b")")
            end += 1
        if depth or b"{" in text[:end] or b";" in text[:end]:
            continue
        returns = _tidy(_NO_TYPE.sub(b"", match[1] if match[1] is not None else lines[i - 1]))
        params = [_param(p) for p in _commas(text[:end - 1]) if p.strip() not in (b"", b"void")]
        heads.add(Head(returns, tuple(t for t, _ in params), tuple(n for _, n in params)))
    # a prototype may leave names out: the definition has them
    return frozenset(h for h in heads if all(h.names) or not any(all(x.names) for x in heads))


def _param(text: bytes) -> tuple[bytes, bytes]:
    """(type, name) of a parameter, without white space; a function pointer is all type."""
    text = _NO_TYPE.sub(b"", text).strip()
    words = _WORD.findall(text)
    match = re.search(rb"(\w+)\s*(?:\[[^]]*\]\s*)*$", text)
    if match is None or len(words) < 2 or b"(" in text or words[-1] in KEYWORDS:
        return _tidy(text), b""
    return _tidy(text[:match.start(1)] + text[match.end(1):]), match[1]


def _tidy(text: bytes) -> bytes:
    """`text` with single spaces, and none between stars."""
    return b" ".join(text.replace(b"*", b" * ").split()).replace(b"* *", b"**")


def _commas(text: bytes) -> list[bytes]:
    out, depth, start = [], 0, 0
    for i in range(len(text)):
        byte = text[i:i + 1]
        depth += (byte in (b"(", b"[")) - (byte in (b")", b"]"))
        if byte == b"," and not depth:
            out.append(text[start:i])
            start = i + 1
    return [*out, text[start:]]


CHECK = Check(__name__, __doc__, ask, (Signal.SIGNATURE,))
