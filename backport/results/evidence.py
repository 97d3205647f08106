"""Reading `Cell.detail`: what a report or a comparison wants, from whatever is there.

The detail grows with the tool and old runs lack the newer keys, so nothing here fails on a missing or odd value.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from backport.verdict import Cell


@dataclass(frozen=True, slots=True)
class Diagnostic:
    """One new message of the compiler, linker or objtool; `line` 0 where it has none."""

    severity: str
    text: str
    path: str = ""
    line: int = 0

    def __str__(self) -> str:
        place = f"{self.path}:{self.line}: " if self.path and self.line else f"{self.path}: " if self.path else ""
        return f"{place}{self.severity}: {self.text}" if self.severity else f"{place}{self.text}"


def mapping(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def sequence(value: object) -> list[Any]:
    return list(value) if isinstance(value, list | tuple) else []


def text(value: object) -> str:
    return value if isinstance(value, str) else "" if value is None else str(value)


def number(value: object) -> int:
    return value if isinstance(value, int) else 0


def build(cell: Cell) -> Mapping[str, Any]:
    return mapping(cell.detail.get("build"))


def hunks(cell: Cell) -> list[Mapping[str, Any]]:
    return [item for item in sequence(cell.detail.get("hunks")) if isinstance(item, Mapping)]


def evidence(cell: Cell) -> list[str]:
    return [text(item) for item in sequence(cell.detail.get("evidence")) if item]


def diagnostics(cell: Cell) -> list[Diagnostic]:
    """The new messages, each once, in the order in which the compiler gave them."""
    found: dict[Diagnostic, None] = {}
    for item in sequence(build(cell).get("diagnostics")):
        if isinstance(item, Mapping):
            said = Diagnostic(
                severity=text(item.get("severity") or item.get("kind")),
                text=text(item.get("text") or item.get("message")),
                path=text(item.get("path") or item.get("file")), line=number(item.get("line")))
        else:
            said = Diagnostic("", text(item))
        if said.text:
            found[said] = None
    return list(found)
