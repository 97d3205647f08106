"""The matrix as plain words for a terminal or a mail; a terminal may show some of them in colour."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence

from tabulate import tabulate

from backport.cell import Cell
from backport.report.colour import marked, painted
from backport.report.escape import columns, cut, line, wrap
from backport.report.matrix import (
    Matrix,
    headline,
    in_order,
    legend,
    matrix,
    next_step,
    noteworthy,
    tried_without,
    unreachable,
    words,
)
from backport.results.changes import Change, ChangeKind, Changes, without_line
from backport.results.run import PatchInfo, Run, TreeInfo

_SUBJECT_MIN, _SUBJECT_MAX = 24, 72


_FOLDED = 3                          # rows that need nothing and are worth a line instead of a table's


def render(run: Run, cells: Sequence[Cell], *, changes: Changes | None = None, width: int = 0,
           colour: bool = False) -> str:
    """The whole report. `width` 0 means as wide as it gets (a file, a pipe)."""
    grid = matrix(run, cells)
    parts = [wrap(headline(grid), width, rest="  ")]
    rows, nothing = in_order(grid)
    if len(nothing) < _FOLDED:
        rows, nothing = [*rows, *nothing], []
    if rows and grid.trees:
        parts.append(_table(grid, width, rows))
    if nothing:
        parts.append(wrap(_folded(grid, nothing), width, rest="  "))
    parts += [part for part in (_legend(grid, width), _notes(grid, width)) if part]
    if changes is not None:
        parts.append(render_changes(changes, width=width) or "Nothing changed.\n")
    return painted("\n".join(parts), colour=colour)


def _folded(grid: Matrix, rows: Sequence[PatchInfo]) -> str:
    """One sentence for the patches that need nothing on any tree."""
    cells = [cell for patch in rows for tree in grid.trees if (cell := grid.at(patch, tree)) is not None]
    counts = Counter(str(cell.apply) for cell in cells)
    words = ", ".join(f"{counts[word]} {word}" for word in ("already", "absent", "no-tree") if counts[word])
    return f"{len(rows)} more patches need nothing on any tree: {words} (`backport show -f markdown` lists them)"


def _table(grid: Matrix, width: int, shown: Sequence[PatchInfo]) -> str:
    """The patches `shown` as rows, trees as columns. Where the terminal is too narrow for the words of a cell on one
    line they stand below each other, and where that is too wide still, the trees go into several tables."""
    if not width:
        return _columns(grid, shown, grid.trees, _SUBJECT_MAX, stacked=False)
    for stacked in (False, True):
        for subject in (_SUBJECT_MAX, 48, 36, _SUBJECT_MIN):
            made = _columns(grid, shown, grid.trees, subject, stacked=stacked)
            if _fits(made, width):
                return made
    tables, rest = [], list(grid.trees)
    while rest:
        count = len(rest)
        while count > 1 and not _fits(_columns(grid, shown, rest[:count], _SUBJECT_MIN, stacked=True), width):
            count -= 1
        tables.append(_columns(grid, shown, rest[:count], _SUBJECT_MIN, stacked=True))
        rest = rest[count:]
    return "\n".join(tables)


def _fits(made: str, width: int) -> bool:
    return all(columns(row) <= width for row in made.splitlines())


def _columns(grid: Matrix, patches: Sequence[PatchInfo], trees: Sequence[TreeInfo], subject: int, *,
             stacked: bool) -> str:
    join = ",\n" if stacked else ", "
    rows = []
    for patch in patches:
        row = [_subject(patch, subject)]
        for tree in trees:
            cell = grid.at(patch, tree)
            row.append(join.join(map(marked, words(cell))) if cell else "-")
        rows.append(row)
    head = ["patch", *(_tree_head(tree) for tree in trees)]
    made = tabulate(rows, head, tablefmt="simple", disable_numparse=True)
    return "\n".join(row.rstrip() for row in made.splitlines()) + "\n"


def _subject(patch: PatchInfo, width: int) -> str:
    return cut(line(patch.subject) or line(patch.slug), width)


def _tree_head(tree: TreeInfo) -> str:
    name = line(tree.short)
    return f"{name}\n{line(tree.version)}" if tree.version not in ("", tree.short) else name


def _legend(grid: Matrix, width: int) -> str:
    rows = legend(grid.cells)
    wide = max((len(word) for word, _meaning in rows), default=0)
    return "".join(wrap(meaning, width, first=f"  {word.ljust(wide)}  ", rest=" " * (wide + 4))
                   for word, meaning in rows)


def _notes(grid: Matrix, width: int) -> str:
    out = []
    for patch, groups in noteworthy(grid):
        out.append(wrap(line(patch.subject) or line(patch.slug), width, rest="  "))
        for trees, cell, texts in groups:
            names = ", ".join(line(tree.short) for tree in trees)
            out.append(wrap(f"{names}: {_words(cell, marked)}", width, first="  ", rest="    "))
            for text in texts:
                out.append(wrap(line(text), width, first="    ", rest="    "))
            if step := next_step(patch, cell):
                out.append(f"    next: {line(step)}\n")
    out += [wrap(f"{line(tree.short)}: {line(text)}", width, rest="  ") for tree, text in tried_without(grid)]
    missing = unreachable(grid)
    if missing:
        out.append("Trees not available:\n")
        out += [wrap(f"{line(tree.short)}: {line(reason)}", width, first="  ", rest="    ") for tree, reason in missing]
    return "".join(out)


# --- changes

TITLES = {
    ChangeKind.BROKEN: "Newly broken", ChangeKind.WORSE: "Broken already, with new errors", ChangeKind.FIXED: "Fixed",
    ChangeKind.LANDED: "Now in the tree", ChangeKind.REACHED: "Newly reachable tree",
    ChangeKind.LOST: "Tree no longer reachable",
    ChangeKind.UNKNOWN: "Could not be checked", ChangeKind.ADDED: "New", ChangeKind.VANISHED: "No longer tested",
    ChangeKind.REUSED: "Resolved by hand before, and used again on a tree that moved",
    ChangeKind.CHANGED: "Changed otherwise",
}


def render_changes(changes: Changes, *, width: int = 0) -> str:
    """Only what changed, "" where nothing did; each error line stands once, below the first cell that shows it."""
    out: list[str] = []
    shown: set[str] = set()
    for kind in ChangeKind:
        items = changes.of(kind)
        if not items:
            continue
        out.append(("\n" if out else "") + f"{TITLES[kind]}:\n")
        groups: dict[tuple[str, str], list[Change]] = {}
        for change in items:
            groups.setdefault((change.patch, _change(change)), []).append(change)
        for (_patch, what), same in groups.items():
            trees = ", ".join(_place(change) for change in same)
            out.append(wrap(f"{trees}: {what}", width, first=f"{kind.sign} ", rest="    "))
            for error in dict.fromkeys(error for change in same for error in change.errors):
                if without_line(error) not in shown:
                    shown.add(without_line(error))
                    own = {(change.patch, change.tree) for change in same}
                    elsewhere = [place for place in changes.errors.get(without_line(error), ())
                                 if place not in own]
                    more = f"  [also in {_places(elsewhere)}]" if elsewhere else ""
                    out.append(wrap(line(error) + more, width, first="      ", rest="        "))
    if changes.landed:
        out.append("\nIn every available tree; drop from patches/:\n")
        out += [f"  {line(slug)}\n" for slug in changes.landed]
    return "".join(out)


def _place(change: Change) -> str:
    version = change.after.base_version if change.after is not None else ""
    return line(change.tree.removeprefix("linux-")) + (f" ({line(version)})" if version else "")


def _change(change: Change) -> str:
    """What happened to the patch, without the tree: trees in which the same happened share a line."""
    cell = change.after or change.before
    subject = line(cell.subject) if cell and cell.subject else line(change.patch)
    if change.after is None:
        return f"{subject}: gone"    # one line a patch: what it was on each tree is in the report of the night before
    was = f" (was {_words(change.before)})" if change.before is not None else ""
    return f"{subject}: {_words(change.after)}{was}"


def _words(cell: Cell, dress: Callable[[str], str] = str) -> str:
    return ", ".join(dress(word) for word in words(cell) if word != "cached")


def _places(places: Sequence[tuple[str, str]]) -> str:
    trees = dict.fromkeys(tree.removeprefix("linux-") for _patch, tree in places)
    return line(", ".join(trees)) if len({patch for patch, _tree in places}) == 1 else f"{len(places)} more cells"
