"""JUnit XML for CI systems: a suite is a column, a case is a patch on it."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from collections import Counter
from collections.abc import Sequence
from datetime import UTC, datetime

from backport.cell import Cell, exit_code
from backport.report.escape import xml
from backport.report.matrix import Matrix, matrix, said, words
from backport.results.changes import Changes
from backport.results.run import Run, TreeInfo
from backport.verdict import Apply


def render(run: Run, cells: Sequence[Cell], *, changes: Changes | None = None, width: int = 0) -> bytes:
    """One document. What says nothing about the patch is an `error`, a tree that nobody requires is `skipped`."""
    grid = matrix(run, cells)
    root = ET.Element("testsuites", name=f"backport run {run.id}")
    totals: Counter[str] = Counter()
    seconds = 0.0
    for tree in grid.trees:
        suite, counts, took = _suite(grid, tree)
        if counts["tests"]:
            root.append(suite)
            totals += counts
            seconds += took
    _count(root, totals, seconds)
    ET.indent(root)
    data: bytes = ET.tostring(root, encoding="utf-8", xml_declaration=True)
    return data + b"\n"


def _suite(grid: Matrix, tree: TreeInfo) -> tuple[ET.Element, Counter[str], float]:
    suite = ET.Element("testsuite", name=xml(tree.column),
                       timestamp=datetime.fromtimestamp(grid.run.started, UTC).strftime("%Y-%m-%dT%H:%M:%S"))
    properties = ET.SubElement(suite, "properties")
    for name, value in (("version", tree.version), ("commit", tree.commit), ("source", tree.source),
                        ("config", tree.config)):
        if value:
            ET.SubElement(properties, "property", name=name, value=xml(value))
    counts: Counter[str] = Counter()
    seconds = 0.0
    for patch in grid.patches:
        cell = grid.at(patch, tree)
        if cell is None:
            continue
        case = ET.SubElement(suite, "testcase", name=xml(patch.subject or patch.slug),
                             classname=xml(f"{tree.column}.{patch.slug}"), time=f"{cell.seconds:.3f}")
        counts["tests"] += 1
        seconds += cell.seconds
        kind = _verdict(case, cell)
        if kind:
            counts[kind] += 1
        ET.SubElement(case, "system-out").text = xml(_output(cell))
    _count(suite, counts, seconds)
    return suite, counts, seconds


def _count(element: ET.Element, counts: Counter[str], seconds: float) -> None:
    for name in ("tests", "failures", "errors", "skipped"):
        element.set(name, str(counts[name]))
    element.set("time", f"{seconds:.3f}")


def _verdict(case: ET.Element, cell: Cell) -> str:
    """Add what is wrong with the cell, if anything; returns the counter that it belongs to."""
    message = xml(cell.reason or ", ".join(words(cell)))
    kind = ", ".join(word for word in (cell.apply.value, cell.build.value if cell.apply.good else "") if word)
    if cell.apply is Apply.NO_TREE and not cell.required:
        ET.SubElement(case, "skipped", message=message)
        return "skipped"
    code = exit_code([cell])
    if code == 0:
        return ""
    element = ET.SubElement(case, "failure" if code == 1 else "error", message=message, type=kind)
    element.text = xml("\n".join([*(one.brief for one in cell.diagnostics), *cell.evidence]))
    return "failures" if code == 1 else "errors"


def _output(cell: Cell) -> str:
    rows = [", ".join(words(cell)), *said(cell), *(one.brief for one in cell.diagnostics)]
    if cell.command:
        rows.append(f"reproduce with: {cell.command}")
    if cell.log:
        rows.append(f"log: {cell.log}")
    return "\n".join(rows)
