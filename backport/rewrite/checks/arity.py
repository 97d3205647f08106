"""Do added calls have as many arguments as this tree's own calls of the same function?"""

from __future__ import annotations

import re
from collections.abc import Sequence

from backport.csource.pieces import KEYWORDS, code
from backport.rewrite.checks.base import Doubt, Names, Result
from backport.rewrite.problem import Problem
from backport.rewrite.render import Edit
from backport.rewrite.signals import Signal

VARIES = -1              # as many arguments as a format string asks for
CALL = re.compile(rb"(?<![\w.>])([A-Za-z_]\w*)\s*\(")


def check(result: Result, k: int, edits: Sequence[Edit], names: Names) -> list[Doubt]:
    """Calls in added lines with a number of arguments that no other call or definition in this file has."""
    problem = result.problem
    found = []
    for edit in edits:
        for name, count in calls(result.code(edit)):
            here = {n for other, n in _file_calls(result) if other == name}
            if not here or count in here or VARIES in here or count == VARIES:
                continue
            upstream = {n for other, n in _upstream_calls(problem) if other == name}
            if count in upstream:
                found.append(Doubt(Signal.ARITY, f"{name.decode()}() takes {_list(here)} arguments in this tree, "
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
        depth, count, at, empty = 1, 1, match.end(), True
        varies = False
        while at < len(text) and depth and at - match.end() < 2000:
            byte = text[at:at + 1]
            if byte in b"([{":
                depth += 1
            elif byte in b")]}":
                depth -= 1
            elif byte == b"," and depth == 1:
                count += 1
            if depth and not byte.isspace():
                empty = False
                varies = varies or (byte == b'"' and depth == 1)
            at += 1
        if depth == 0:
            if varies or text[match.end():at - 1].split(b",")[-1].strip() == b"...":
                count = VARIES
            elif empty or text[match.end():at - 1].strip() == b"void":
                count = 0
            out.append((match[1], count))
    return out
