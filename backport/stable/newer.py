"""The stable rule that a fix must be in every newer supported tree, read off the cells of one run.

Computed when it is shown and never stored: the cell of 5.10 says nothing new when 6.1 takes the fix a day later.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from backport.cell import Cell, one_a_tree
from backport.manifest import Manifest
from backport.patch.stable import series_number
from backport.results.run import Run
from backport.verdict import Apply, Build

_SUPPORTED = frozenset({"stable", "longterm"})
_BUILT = frozenset({Build.PASS, Build.NOTHING_TO_BUILD, Build.SKIPPED})
Supported = Sequence[tuple[str, str]]          # (name, series), newest first


@dataclass(frozen=True, slots=True)
class Newer:
    """One newer supported tree: "has it", "ready in this run", "lacks it", "does not need it" or "unknown"."""

    tree: str
    series: str
    status: str
    why: str


def supported(manifest: Manifest) -> tuple[tuple[str, str], ...]:
    """The trees that a fix must not be missing from. Trees at their end of life and upstream do not count."""
    return tuple((tree.name, tree.series) for tree in manifest.trees
                 if not tree.upstream and tree.status in _SUPPORTED)


def newer_trees(manifest: Manifest, tree: str, cells: Sequence[Cell]) -> tuple[Newer, ...]:
    """The newer supported trees of one patch's `cells`, newest first."""
    here = manifest.tree(tree)
    return newer_than(supported(manifest), here.series, cells) if here else ()


def newer_than(trees: Supported, series: str, cells: Sequence[Cell]) -> tuple[Newer, ...]:
    """Those of `trees` that are newer than `series`, newest first, by one patch's `cells`."""
    number = series_number(series)
    if number is None:
        return ()
    by_tree = {cell.tree: cell for cell in one_a_tree(cells)}
    return tuple(Newer(name, other, *_status(by_tree.get(name))) for name, other in trees
                 if (version := series_number(other)) is not None and version > number)


def lacking(newer: Sequence[Newer]) -> tuple[Newer, ...]:
    """Those because of which the tree is marked."""
    return tuple(row for row in newer if row.status in ("lacks it", "ready in this run", "unknown"))


def warning(newer: Sequence[Newer]) -> str:
    """One line for the cell, "" where every newer tree has it or does not need it."""
    rows = lacking(newer)
    if not rows:
        return ""
    by_status: dict[str, list[str]] = {}
    for row in rows:
        told = row.status == "unknown" and row.why in (_NOT_TRIED, "not in the store")
        status = f"{row.status}: {row.why}" if told else row.status
        by_status.setdefault(status, []).append(row.series)
    parts = "; ".join(f"{', '.join(series)} ({status})" for status, series in by_status.items())
    return f"newer supported trees must have it too: {parts}"


def marked(run: Run, cells: Sequence[Cell]) -> tuple[Cell, ...]:
    """`cells` of a run with that line among the notes of each tree that would have the fix before a newer one.

    Where all newer ones are ready in the same run there is nothing to say: they go out together.
    """
    if not run.supported:
        return tuple(cells)
    series = {tree.name: tree.series for tree in run.trees} | dict(run.supported)
    by_patch: dict[str, list[Cell]] = {}
    for cell in cells:
        by_patch.setdefault(cell.patch, []).append(cell)
    return tuple(_marked(cell, newer_than(run.supported, series.get(cell.tree, ""), by_patch[cell.patch]))
                 for cell in cells)


def _marked(cell: Cell, newer: Sequence[Newer]) -> Cell:
    if not (cell.apply.good or cell.apply is Apply.ALREADY) \
            or not any(row.status in ("lacks it", "unknown") for row in newer):
        return cell
    return replace(cell, notes=(*cell.notes, warning(newer)))


_NOT_TRIED = "not part of this run"


def _status(cell: Cell | None) -> tuple[str, str]:
    if cell is None:
        return "unknown", _NOT_TRIED
    if cell.apply is Apply.ALREADY:
        return "has it", cell.apply.legend
    if cell.apply is Apply.ABSENT:
        return "does not need it", cell.reason or cell.apply.legend
    if cell.apply is Apply.NO_TREE or cell.apply is Apply.ERROR:
        return "unknown", cell.reason or cell.apply.legend
    if cell.elsewhere:
        return "lacks it", f"tried without a build: {cell.apply}"
    if cell.apply.good and cell.build in _BUILT:
        return "ready in this run", f"{cell.apply}, {cell.build}"
    return "lacks it", f"{cell.apply}, {cell.build}"
