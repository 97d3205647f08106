"""Are the variables in added lines of the same kind as upstream's?"""

from __future__ import annotations

import re
from collections.abc import Sequence

from backport.adapt.checks.base import Check, Context, Finding, Result, body, named, quote
from backport.adapt.signals import Signal
from backport.csource.functions import enclosing
from backport.csource.pieces import KEYWORDS, code
from backport.csource.tokens import identifiers
from backport.patch.edits import Edit

_UNSIGNED = re.compile(rb"\b(?:unsigned|[us]?u(?:8|16|32|64)|__u\d+|size_t|bool)\b")

_DECLARED = re.compile(rb"((?:struct|enum|union)\s+\w+|\b[A-Za-z_]\w*)(?:\s*\*+\s*|\s+)([A-Za-z_]\w*)\s*(?=[,);=\[])")
_NO_TYPE = frozenset({b"return", b"goto", b"else", b"case", b"sizeof", b"defined", b"do", b"in"})
_SIGNED = frozenset({b"int", b"long", b"ssize_t", b"s8", b"s16", b"s32", b"s64", b"short"})


def ask(context: Context) -> list[Finding]:
    """TYPED: a variable that may be negative, is unsigned or is a pointer on one side only, where it is compared with
    zero or returned; or a name that the patch brings, of another type than upstream's."""
    result, edits = context.result, context.edits
    found = _brought(result, context.hunk, edits)
    for edit in edits:
        added = result.code(edit)
        ours = enclosing(result.source, result.new_line(edit) + 1) if edit.new else None
        theirs = named(result.problem.upstream, ours.name) if ours is not None else None
        if ours is None or theirs is None:
            continue
        here, up = code(body(result.source, ours)), code(theirs)
        for name in sorted(set(identifiers(added)) - KEYWORDS):
            if not re.search(rb"(?<![\w.>])%s\s*(?:<|>=|<=|>)|\breturn\s+%s\s*;" % (name, name), added):
                continue
            a, b = _kind(up, name), _kind(here, name)
            if a and b and a != b:
                found.append(Finding(Signal.TYPED, f"{quote(name)} is {b} in {ours.name}() in this tree, {a} "
                                                   "upstream"))
    return found


def _brought(result: Result, k: int, edits: Sequence[Edit]) -> list[Finding]:
    """A parameter or variable that upstream names anew is named for its type: of another type it wants another name."""
    problem = result.problem
    if problem.edits is None:
        return []
    theirs = _declared(code(b"".join(line for e in problem.edits[k] for line in e.new)))
    found = []
    for edit in edits:
        for name, kind in sorted(_declared(result.code(edit)) - theirs):
            other = sorted(t for n, t in theirs if n == name)
            if other and not problem.target_has(name):
                found.append(Finding(Signal.TYPED, f"{quote(name)} is a {kind.decode()} here, a {other[0].decode()} "
                                                   "upstream"))
    return found


def _declared(text: bytes) -> set[tuple[bytes, bytes]]:
    """(name, last word of its type) of everything that looks declared in `text`."""
    return {(m[2], m[1].split()[-1]) for m in _DECLARED.finditer(text) if m[1] not in _NO_TYPE}


def _kind(text: bytes, name: bytes) -> str:
    """What the only declaration of `name` makes it, "" where it cannot be told."""
    kinds = set()
    for match in re.finditer(rb"(?:^\t+|[(,]\s*)((?:[A-Za-z_]\w*\s+)*[A-Za-z_]\w*[\s*]+)%s\s*(?=[;=,)])" % name, text,
                             re.MULTILINE):
        words = set(match[1].replace(b"*", b" ").split())
        if words & {b"return", b"goto", b"else", b"case", b"sizeof"}:
            continue
        kinds.add("a pointer" if b"*" in match[1] else "unsigned" if _UNSIGNED.search(match[1])
                  else "signed" if words & _SIGNED else "")
    return kinds.pop() if len(kinds) == 1 else ""


CHECK = Check(__name__, __doc__, ask, (Signal.TYPED,))
