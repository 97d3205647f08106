"""What `backport pick` says: one patch after the other, on stderr."""

from __future__ import annotations

import shutil
import textwrap
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING

from backport.report.escape import line, visible
from backport.verdict import Sure

if TYPE_CHECKING:                    # the first words come before the engine is read
    from backport.carry import Carried

Say = Callable[[str], None]
_INDENT = "      "


def width() -> int:
    """Columns for prose: those of the terminal (or $COLUMNS), 100 at the most."""
    return max(40, min(shutil.get_terminal_size((100, 24)).columns, 100))


def wrapped(text: str, indent: str = _INDENT) -> str:
    """One fact, indented below the patch that it is about."""
    return textwrap.fill(line(text), width(), initial_indent=indent, subsequent_indent=indent + "  ",
                         break_long_words=False, break_on_hyphens=False)


def block(text: str) -> str:
    """Lines of code, indented and never wrapped."""
    return "\n".join(f"{_INDENT}  {visible(row)}".rstrip() for row in text.rstrip("\n").split("\n"))


def outcome(carried: Carried) -> Iterable[str]:
    """The verdict, and what a person has to know before they sign."""
    sure = ", read it before you sign" if carried.outcome.good and carried.sure is Sure.REVIEW else ""
    yield wrapped(f"{carried.outcome}{sure}: {carried.reason or carried.changelog or carried.outcome.legend}")
    for note in carried.notes:
        yield wrapped(f"- {note}")
