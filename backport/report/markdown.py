"""The matrix as Markdown for a CI job summary or a merge request: short, with the long parts folded away."""

from __future__ import annotations

from collections.abc import Sequence

from backport.cell import Cell
from backport.report.escape import line, markdown, markdown_block, markdown_html
from backport.report.matrix import (
    Matrix,
    headline,
    in_order,
    legend,
    matrix,
    noteworthy,
    tried_without,
    unreachable,
    words,
)
from backport.report.text import render_changes
from backport.results.changes import Changes
from backport.results.run import Run

# what GitHub takes in a job summary is 1 MiB; stay well below and say what was left out
LIMIT = 900_000


def render(run: Run, cells: Sequence[Cell], *, changes: Changes | None = None, width: int = 0) -> str:
    """The report; never longer than LIMIT bytes, and it says where it had to stop."""
    grid = matrix(run, cells)
    parts = ["## Backport matrix\n", markdown(headline(grid)) + "\n"]
    if changes is not None:
        parts.append("### Changes\n\n" + (markdown_block(render_changes(changes)) if changes else "Nothing changed.\n"))
    parts.append(_table(grid))
    parts.append("".join(f"- **{word}**: {markdown(meaning)}\n" for word, meaning in legend(cells)))
    parts.append(_notes(grid))
    return _limited([part for part in parts if part])


def _limited(parts: Sequence[str]) -> str:
    made, size = [], 0
    for number, part in enumerate(parts):
        if size + len(part.encode("utf-8", "replace")) > LIMIT:
            kept = part.encode("utf-8", "replace")[: LIMIT - size].decode("utf-8", "ignore")
            # whole lines only: half a table row or an open fence would swallow what follows
            if number == 2 or part.startswith("| "):
                made.append(kept.rpartition("\n")[0] + "\n")
            made.append("\nThe rest does not fit here; `backport show` prints it.\n")
            break
        made.append(part)
        size += len(part.encode("utf-8", "replace")) + 1
    return "\n".join(made)


def _table(grid: Matrix) -> str:
    if not grid.patches or not grid.trees:
        return ""
    rows = [["Patch", *(f"{markdown(tree.short)}<br>{markdown(tree.version)}" if tree.version else markdown(tree.short)
                        for tree in grid.trees)]]
    rows.append(["---"] * len(rows[0]))
    for patch in (one for part in in_order(grid) for one in part):
        row = [markdown(patch.subject or patch.slug)]
        for tree in grid.trees:
            cell = grid.at(patch, tree)
            row.append(", ".join(words(cell)) if cell else "–")
        rows.append(row)
    return "".join(f"| {' | '.join(row)} |\n" for row in rows)


def _notes(grid: Matrix) -> str:
    out = []
    for patch, groups in noteworthy(grid):
        out.append(f"\n<details><summary>{markdown_html(patch.subject or patch.slug)}: notes</summary>\n\n")
        for trees, cell, texts in groups:
            names = ", ".join(markdown(tree.short) for tree in trees)
            out.append(f"- {names}: {', '.join(word for word in words(cell) if word != 'cached')}\n")
            out += [f"  - {markdown(text)}\n" for text in texts]
            found = cell.diagnostics
            if found:
                block = markdown_block("\n".join(line(item.brief) for item in found[:20]))
                out.append("\n" + "".join(f"    {row}\n" for row in block.splitlines()) + "\n")
        out.append("\n</details>\n")
    out += [f"\n{markdown(tree.short)}: {markdown(text)}\n" for tree, text in tried_without(grid)]
    missing = unreachable(grid)
    if missing:
        out.append("\nTrees not available:\n\n")
        out += [f"- {markdown(tree.short)}: {markdown(reason)}\n" for tree, reason in missing]
    return "".join(out)
