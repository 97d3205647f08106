"""How a case of the table is written, and how a check is asked about it.

Each case is two small diffs: what upstream does to its file, and what is about to be done to this tree's. They differ
in the one thing that the check is for, or they do not.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from backport.adapt.checks.base import Check, Context, Finding, Names, Result
from backport.adapt.revisions import Problem
from backport.adapt.signals import Signal
from backport.patch.edits import Edit
from backport.patch.parse import parse
from tests.support.adapting import file_diff


@dataclass(frozen=True)
class Case:
    """`signal` is None where the check has nothing to say; `words` stand in what it says otherwise.

    `missing` and `missing_upstream` are names that the two trees do not have, anywhere.
    """

    check: str
    why: str
    upstream: str
    tree: str
    signal: Signal | None = None
    words: str = ""
    missing: tuple[str, ...] = ()
    missing_upstream: tuple[str, ...] = ()
    path: str = "drivers/unit.c"
    crlf: bool = False               # this tree's lines end so


class Index:
    """A tree that has every name but some."""

    def __init__(self, missing: Collection[str]) -> None:
        self._missing = missing

    def contains(self, identifier: str) -> bool:
        return identifier not in self._missing

    def defines(self, name: str) -> bool:
        return name not in self._missing


def read(text: str, *, crlf: bool = False) -> tuple[bytes, bytes, list[Edit]]:
    """(before, after, edits) of a diff whose lines begin with a blank, `-` or `+`."""
    before: list[bytes] = []
    after: list[bytes] = []
    edits: list[Edit] = []
    new: list[bytes] = []
    start: int | None = None
    for row in [*text.strip("\n").split("\n"), None]:
        kind = " " if not row else row[0]
        assert kind in " +-", row
        if row is None or kind == " ":
            if start is not None:
                edits.append(Edit(start, len(before), tuple(new)))
            start, new = None, []
        elif start is None:
            start = len(before)
        if row is not None:
            line = row[1:].encode() + (b"\r\n" if crlf else b"\n")
            if kind != "+":
                before.append(line)
            if kind != "-":
                after.append(line)
            if kind == "+":
                new.append(line)
    return b"".join(before), b"".join(after), edits


def ask(check: Check, case: Case) -> list[Finding]:
    """What the check says of this case."""
    before, after, _ = read(case.upstream)
    target, _, edits = read(case.tree, crlf=case.crlf)
    hunks = parse(file_diff(case.path, before, after)).files[0].hunks
    assert len(hunks) == 1, "write the case shorter: its changes are one hunk"
    problem = Problem(hunks, target, before, path=case.path, upstream_path=case.path)
    names = Names(Index(case.missing), Index(case.missing_upstream))
    return list(check.ask(Context(Result(problem, edits), 0, edits, names)))
