"""The functions of a file, by its bytes (backport.csource.source)."""

from __future__ import annotations

from backport.csource.layout import Function
from backport.csource.source import Source

__all__ = ["Function", "enclosing", "functions"]


def functions(source: bytes) -> tuple[Function, ...]:
    """Every function that `source` defines, in order of lines."""
    return Source.of(source).functions


def enclosing(source: bytes, line: int) -> Function | None:
    """The function that holds 1-based `line` (its signature counts), None at file level."""
    return Source.of(source).enclosing(line)
