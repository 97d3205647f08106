"""The stable rule that a fix must be in every newer supported tree, read off the cells of one run."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from backport.manifest import Manifest
from backport.patch.stable import series_number
from backport.verdict import Apply, Build, Cell

_SUPPORTED = frozenset({"stable", "longterm"})
_BUILT = frozenset({Build.PASS, Build.NOTHING_TO_BUILD, Build.SKIPPED})


@dataclass(frozen=True, slots=True)
class Newer:
    """One newer supported tree: "has it", "ready in this run", "lacks it", "does not need it" or "cannot know"."""

    tree: str
    series: str
    status: str
    why: str


def newer_trees(manifest: Manifest, tree: str, cells: Sequence[Cell]) -> tuple[Newer, ...]:
    """The newer supported trees of one patch's `cells`, newest first. Trees at their end of life do not count."""
    here = manifest.tree(tree)
    number = series_number(here.series) if here else None
    if here is None or number is None:
        return ()
    by_tree = {cell.tree: cell for cell in cells}
    found = []
    for other in manifest.trees:
        version = series_number(other.series)
        if other.upstream or other.status not in _SUPPORTED or version is None or version <= number:
            continue
        found.append(Newer(other.name, other.series, *_status(by_tree.get(other.name))))
    return tuple(found)


def lacking(newer: Sequence[Newer]) -> tuple[Newer, ...]:
    """Those because of which the tree is marked."""
    return tuple(row for row in newer if row.status in ("lacks it", "ready in this run", "cannot know"))


def warning(newer: Sequence[Newer]) -> str:
    """One line for the cell, "" where every newer tree has it or does not need it."""
    rows = lacking(newer)
    if not rows:
        return ""
    parts = ", ".join(f"{row.series} {row.status}" for row in rows)
    return f"newer supported trees must have it too: {parts}"


def _status(cell: Cell | None) -> tuple[str, str]:
    if cell is None:
        return "cannot know", "not part of this run"
    if cell.apply is Apply.ALREADY:
        return "has it", cell.apply.legend
    if cell.apply is Apply.ABSENT:
        return "does not need it", cell.reason or cell.apply.legend
    if cell.apply is Apply.NO_TREE or cell.apply is Apply.ERROR:
        return "cannot know", cell.reason or cell.apply.legend
    if cell.apply.good and cell.build in _BUILT:
        return "ready in this run", f"{cell.apply}, {cell.build}"
    return "lacks it", f"{cell.apply}, {cell.build}"
