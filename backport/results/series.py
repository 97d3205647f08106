"""How a series stands as a whole, told from the cells that there are.

A cell is recorded the moment it is known, and cannot know what becomes of the patches behind it: what it keeps is its
place in the series, and the result is told when cells are read.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from backport.cell import Cell, Part, SeriesResult
from backport.verdict import Apply


def placed(cell: Cell, part: Part | None) -> Cell:
    """`cell` as a part of a series, or of none, whatever it was when it was computed."""
    return replace(cell, part=part, series=None)


def with_results(cells: Sequence[Cell]) -> list[Cell]:
    """`cells` of one run, each part of a series with what the series came to in its column."""
    members: dict[tuple[str, str], list[tuple[int, Cell]]] = {}
    for cell in cells:
        if cell.part is not None:
            members.setdefault((cell.column, cell.part.first), []).append((cell.part.number, cell))
    results = {key: series_result([cell for _part, cell in sorted(found, key=lambda one: one[0])])
               for key, found in members.items()}
    return [replace(cell, series=SeriesResult(*results[cell.column, cell.part.first], cell.part.number))
            if cell.part is not None else cell for cell in cells]


def series_result(cells: Sequence[Cell]) -> tuple[bool, str]:
    """(whether the whole series is good, one line) for the cells of one series on one tree, in order.

    The first cell's part says how many there should be: a run that was stopped has fewer.
    """
    total = cells[0].part.total if cells and cells[0].part is not None else len(cells)
    good = [cell for cell in cells if cell.apply.good or cell.apply in (Apply.ALREADY, Apply.ABSENT)]
    first = next((cell for cell in cells if cell not in good), None)
    if first is not None:
        return False, f"{len(good)} of {total}; stops at {first.patch}: {first.apply}"
    if len(cells) < total:
        return False, f"{len(good)} of {total}; the others are not known yet"
    return True, f"all {total} patches are in the tree or apply"
