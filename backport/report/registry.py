"""Formats by name. A new one is a file in this directory and a line here."""

from __future__ import annotations

import importlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:                    # `--help` names the formats, and does not wait for a record's fields
    from backport.cell import Cell
    from backport.results.changes import Changes
    from backport.results.run import Run


@dataclass(frozen=True, slots=True)
class Format:
    """`module` in backport/report defines `render(run, cells, *, changes=None, width=0) -> str | bytes`."""

    module: str
    suffix: str
    colour: bool = False             # `render` takes colour=True for a terminal
    site: bool = False               # makes a directory: `write(run, cells, directory, ...)` instead of `render`


FORMATS: dict[str, Format] = {
    "text": Format("text", ".txt", colour=True),
    "markdown": Format("markdown", ".md"),
    "json": Format("json", ".json"),
    "junit": Format("junit", ".xml"),
    "html": Format("html", "", site=True),
    "kcidb": Format("kcidb", ".kcidb.json"),
}


def renderer(name: str) -> Any:
    """The module of a format, read only when it is asked for."""
    return importlib.import_module(f"backport.report.{FORMATS[name].module}")


def render(name: str, run: Run, cells: Sequence[Cell], *, changes: Changes | None = None, width: int = 0,
           colour: bool = False) -> bytes:
    """A report as bytes (UTF-8). `width` is that of the terminal, 0 for no limit; `changes` adds a section; `colour`
    is for a format that has some."""
    more = {"colour": True} if colour and FORMATS[name].colour else {}
    made: str | bytes = renderer(name).render(run, cells, changes=changes, width=width, **more)
    return made if isinstance(made, bytes) else made.encode("utf-8", "backslashreplace")
