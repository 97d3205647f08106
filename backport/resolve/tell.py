"""What `backport pick` says: one patch after the other, on stderr."""

from __future__ import annotations

import textwrap
from collections.abc import Callable, Iterable

from backport.carry import Carried
from backport.report.escape import line, visible
from backport.verdict import Sure

Say = Callable[[str], None]
_INDENT = "      "


def wrapped(text: str, width: int = 100) -> str:
    """One fact, indented below the patch that it is about."""
    return textwrap.fill(line(text), width, initial_indent=_INDENT, subsequent_indent=_INDENT + "  ",
                         break_long_words=False, break_on_hyphens=False)


def block(text: str) -> str:
    """Lines of code, indented and never wrapped."""
    return "\n".join(f"{_INDENT}  {visible(row)}".rstrip() for row in text.rstrip("\n").split("\n"))


def outcome(carried: Carried) -> Iterable[str]:
    """The verdict, and what a person has to know before they sign."""
    sure = ", read it before you sign" if carried.outcome.good and carried.sure is Sure.REVIEW else ""
    yield wrapped(f"{carried.outcome}{sure}: {carried.reason or carried.outcome.legend}")
    for note in carried.notes:
        yield wrapped(f"- {note}")
