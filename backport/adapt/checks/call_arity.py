"""Do added calls have as many arguments as this tree's own calls of the same function?"""

from __future__ import annotations

import re

from backport.adapt.checks.base import Check, Context, Finding, Result
from backport.adapt.revisions import Problem
from backport.adapt.signals import Signal
from backport.csource.pieces import KEYWORDS, code

VARIES = -1              # as many arguments as a format string asks for
_REACH = 2000            # bytes of a call that are read
_MARKS = re.compile(rb"[()\[\]{},\"]")
CALL = re.compile(rb"(?<![\w.>])([A-Za-z_]\w*)\s*\(")


def ask(context: Context) -> list[Finding]:
    """Calls in added lines with a number of arguments that no other call or definition in this file has."""
    result, edits = context.result, context.edits
    problem = result.problem
    found = []
    for edit in edits:
        for name, count in calls(result.code(edit)):
            here = {n for other, n in _file_calls(result) if other == name}
            if not here or count in here or VARIES in here or count == VARIES:
                continue
            upstream = {n for other, n in _upstream_calls(problem) if other == name}
            if count in upstream:
                found.append(Finding(Signal.ARITY, f"{name.decode()}() takes {_list(here)} arguments in this tree, "
                                                   f"the added call has {count}"))
    return found


def _list(counts: set[int]) -> str:
    return " or ".join(str(n) for n in sorted(counts))


def _file_calls(result: Result) -> frozenset[tuple[bytes, int]]:
    if result.calls is None:
        text = code(b"".join(line for i, line in enumerate(result.lines) if i not in result.added))
        result.calls = frozenset(calls(text))
    return result.calls


def _upstream_calls(problem: Problem) -> frozenset[tuple[bytes, int]]:
    if "upstream_calls" not in problem.seeds:
        problem.seeds["upstream_calls"] = frozenset(calls(code(problem.preimage or b"")))
    found: frozenset[tuple[bytes, int]] = problem.seeds["upstream_calls"]
    return found


def calls(text: bytes) -> list[tuple[bytes, int]]:
    """(name, number of arguments) of everything in `text` that looks like a call; comments and strings blanked.

    VARIES for a call with a string among its arguments: mostly a format, and those take any number.
    """
    out = []
    for match in CALL.finditer(text):
        if match[1] in KEYWORDS:
            continue
        depth, count, end, varies = 1, 1, -1, False
        for mark in _MARKS.finditer(text, match.end(), match.end() + _REACH):
            byte = mark[0]
            if byte in b"([{":
                depth += 1
            elif byte in b")]}":
                depth -= 1
                if depth == 0:
                    end = mark.start()
                    break
            elif depth == 1 and byte == b",":
                count += 1
            elif depth == 1:
                varies = True
        if end < 0:
            continue
        inside = text[match.end():end].strip()
        if varies or inside.rsplit(b",", 1)[-1].strip() == b"...":
            count = VARIES
        elif inside in (b"", b"void"):
            count = 0
        out.append((match[1], count))
    return out


CHECK = Check(__name__, __doc__, ask, (Signal.ARITY,))
