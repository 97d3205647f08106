"""How a series stands as a whole, told from the cells that there are.

A cell is recorded the moment it is known, and cannot know what becomes of the patches behind it: what it keeps is its
place in the series, and the result is told when cells are read.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from backport.cell import Cell
from backport.verdict import Apply


@dataclass(frozen=True, slots=True)
class Part:
    """The place of a patch: the series goes by the slug of its first patch; `number` counts from 1."""

    first: str
    number: int
    total: int


def placed(cell: Cell, part: Part | None) -> Cell:
    """`cell` as a part of a series, or of none, whatever it was when it was computed."""
    detail = {name: value for name, value in cell.detail.items() if name != "series"}
    if part is not None:
        detail["series"] = {"first": part.first, "part": part.number, "parts": part.total}
    return replace(cell, detail=detail)


def told(cells: Sequence[Cell]) -> list[Cell]:
    """`cells` of one run, each part of a series with what the series came to in its column: detail["series"] has
    `good`, `text` and `part`."""
    members: dict[tuple[str, str], list[tuple[int, Cell]]] = {}
    for cell in cells:
        if (place := _place(cell)) is not None:
            members.setdefault((cell.column, place["first"]), []).append((place["part"], cell))
    results = {key: series_result([cell for _part, cell in sorted(found, key=lambda one: one[0])],
                                  _place(found[0][1]) or {}) for key, found in members.items()}
    made = []
    for cell in cells:
        place = _place(cell)
        if place is not None:
            good, text = results[cell.column, place["first"]]
            cell = replace(cell, detail={**cell.detail, "series": {"good": good, "text": text, "part": place["part"]}})
        made.append(cell)
    return made


def series_result(cells: Sequence[Cell], place: Mapping[str, Any] | None = None) -> tuple[bool, str]:
    """(whether the whole series is good, one line) for the cells of one series on one tree, in order.

    `place` names how many there should be: a run that was stopped has fewer.
    """
    total = int((place or {}).get("parts", len(cells)))
    good = [cell for cell in cells if cell.apply.good or cell.apply in (Apply.ALREADY, Apply.ABSENT)]
    first = next((cell for cell in cells if cell not in good), None)
    if first is not None:
        return False, f"{len(good)} of {total}; stops at {first.patch}: {first.apply}"
    if len(cells) < total:
        return False, f"{len(good)} of {total}; the others are not known yet"
    return True, f"all {total} patches are in or go in"


def _place(cell: Cell) -> Mapping[str, Any] | None:
    found = cell.detail.get("series")
    return found if isinstance(found, Mapping) and "first" in found else None
