"""The matrix as rows and columns, the same for every format: names, words of a cell, legend, notes, summary."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import cached_property

from backport.cell import BAD_BEHAVIOUR, BAD_BUILD, TRIED_WITHOUT, Cell, exit_code
from backport.results.run import PatchInfo, Run, TreeInfo
from backport.stable.newer import marked
from backport.verdict import Apply, Behaves, Build, Sure


@dataclass(frozen=True)
class Matrix:
    """A run's cells in their places. `trees` are newest first, as the run planned them."""

    run: Run
    patches: tuple[PatchInfo, ...]
    trees: tuple[TreeInfo, ...]
    cells: tuple[Cell, ...]

    @cached_property
    def _places(self) -> dict[tuple[str, str], Cell]:
        return {(cell.patch, cell.column): cell for cell in self.cells}

    def at(self, patch: PatchInfo | str, tree: TreeInfo | str) -> Cell | None:
        """The cell of a place, None where the run has not got there."""
        slug = patch if isinstance(patch, str) else patch.slug
        return self._places.get((slug, tree if isinstance(tree, str) else tree.column))

    @property
    def total(self) -> int:
        return max(len(self.patches) * len(self.trees), len(self.cells))


def matrix(run: Run, cells: Sequence[Cell]) -> Matrix:
    """Put `cells` in their places; patches and trees that the run did not announce come behind, as met.

    The cells of the result also say which newer trees lack the fix, as far as this run knows.
    """
    cells = marked(run, cells)
    patches = {patch.slug: patch for patch in run.patches}
    trees = {tree.column: tree for tree in run.trees}
    for cell in cells:
        row = patches.setdefault(cell.patch, PatchInfo(cell.patch))
        if not row.subject and cell.subject:
            patches[cell.patch] = replace(row, subject=cell.subject)
        column = trees.setdefault(cell.column, TreeInfo(cell.tree, required=cell.required, config=cell.config))
        if not column.version and cell.base_version:
            trees[cell.column] = replace(column, version=cell.base_version, commit=cell.base_commit)
        elif not column.version and not column.reason and cell.apply is Apply.NO_TREE:
            trees[cell.column] = replace(column, reason=cell.reason)
    return Matrix(run, tuple(patches.values()), tuple(trees.values()), tuple(cells))


# outcomes that say by themselves that somebody has to look
_NEEDS_A_PERSON = frozenset({Apply.CONFLICT, Apply.SUSPECT, Apply.INVALID, Apply.NO_TREE, Apply.ERROR})


def words(cell: Cell) -> tuple[str, ...]:
    """The verdict as words: `rewritten`, `pass`, `review`. Build words only where there was something to build."""
    said: list[str] = [cell.apply.value]
    if cell.apply.good or cell.build is not Build.SKIPPED:
        said.append(cell.build.value)
    if cell.behaviour:
        said.append(f"boot: {cell.behaviour}")
    if cell.sure is Sure.REVIEW and cell.apply not in _NEEDS_A_PERSON:
        said.append(cell.sure.value)
    if cell.cached:
        said.append("cached")
    return tuple(said)


SURE_LEGEND = {
    "review": "the adapted patch is a proposal: read it before you use it",
    "cached": "nothing that could change the answer has changed since an earlier run",
}


def legend(cells: Sequence[Cell]) -> list[tuple[str, str]]:
    """(word, meaning) for the words that occur, in the order of the vocabulary."""
    used = {word for cell in cells for word in words(cell)}
    rows = [(member.value, member.legend) for member in (*Apply, *Build) if member.value in used]
    if any(cell.build is Build.ERROR for cell in cells) and not any(cell.apply is Apply.ERROR for cell in cells):
        rows = [row for row in rows if row[1] != Apply.ERROR.legend]
    seen: dict[str, str] = {}
    for word, meaning in rows:
        seen[word] = f"{seen[word]}; {meaning}" if word in seen and meaning not in seen[word] else meaning
    boots = [(f"boot: {member}", member.legend) for member in Behaves if f"boot: {member}" in used]
    return [*seen.items(), *boots, *((word, meaning) for word, meaning in SURE_LEGEND.items() if word in used)]


def said(cell: Cell) -> list[str]:
    """What there is to say about a cell in words: the reason, how to fix it, then the notes, each once."""
    hint = cell.built.hint if cell.built is not None else ""
    return [one for one in dict.fromkeys((cell.reason, hint, *cell.notes)) if one.strip()]


def unreachable(grid: Matrix) -> list[tuple[TreeInfo, str]]:
    """The trees that are not available, with the reason: once, not under every patch."""
    return [(tree, tree.reason) for tree in grid.trees if tree.reason]


def _plain_success(cell: Cell) -> bool:
    """A cell that a reader has nothing to do about: how many lines the hunks moved stands on its own page."""
    return cell.apply in (Apply.CLEAN, Apply.OFFSET) and cell.sure is Sure.CERTAIN and not cell.notes \
        and not exit_code([cell])


def urgency(cell: Cell) -> int:
    """How soon somebody has to look: 0 needs a person, 1 the machine failed, 2 to be read, 3 good, 4 needs nothing."""
    if cell.apply in (Apply.ALREADY, Apply.ABSENT) and cell.sure is Sure.CERTAIN:
        return 4
    if cell.apply is Apply.NO_TREE:
        return 1 if cell.required else 4
    place = column(cell)
    if place in ("conflict", "fail", "warn"):
        return 0
    return 1 if place == "other" else 2 if cell.sure is Sure.REVIEW else 3


def in_order(grid: Matrix) -> tuple[list[PatchInfo], list[PatchInfo]]:
    """(the patches to look at, those with the most urgent cell first; those that need nothing on any tree).

    Within one urgency the order is that of the run: a series stays together.
    """
    def worst(patch: PatchInfo) -> int:
        return min((urgency(cell) for tree in grid.trees if (cell := grid.at(patch, tree)) is not None), default=0)

    rows = sorted(grid.patches, key=worst)
    return [patch for patch in rows if worst(patch) < 4], [patch for patch in rows if worst(patch) == 4]


def noteworthy(grid: Matrix) -> list[tuple[PatchInfo, list[tuple[list[TreeInfo], Cell, list[str]]]]]:
    """Reasons and notes by patch, the most urgent first; trees with the same verdict and words share one entry.

    A cell that needs nothing has no entry: why is on its own page, and in `backport show --cell`. What a queue was
    tried without is said once (see `tried_without`).
    """
    found = []
    for patch in in_order(grid)[0]:
        groups: dict[tuple[tuple[str, ...], tuple[str, ...]], tuple[list[TreeInfo], Cell, list[str]]] = {}
        for tree in grid.trees:
            cell = grid.at(patch, tree)
            if cell is None or _plain_success(cell) or (cell.apply is Apply.NO_TREE and tree.reason) \
                    or urgency(cell) == 4:
                continue
            texts = [text for text in said(cell) if not text.startswith(TRIED_WITHOUT)]
            if not texts:
                continue
            groups.setdefault((words(cell), tuple(texts)), ([], cell, texts))[0].append(tree)
        if groups:
            found.append((patch, sorted(groups.values(), key=lambda group: urgency(group[1]))))
    return found


def tried_without(grid: Matrix) -> list[tuple[TreeInfo, str]]:
    """What the last patches of a queue were tried without, a sentence for each tree that lacks some: every patch
    behind the first conflict says so in its own cell."""
    found = []
    for tree in grid.trees:
        texts = [text for patch in grid.patches if (cell := grid.at(patch, tree)) is not None
                 for text in cell.notes if text.startswith(TRIED_WITHOUT)]
        if texts:
            found.append((tree, f"{len(texts)} later patch{'es' if len(texts) > 1 else ''} {texts[-1]}"))
    return found


def next_step(patch: PatchInfo, cell: Cell) -> str:
    """The command that goes on from a conflict; "" where there is none, or where nobody knows the file."""
    if cell.apply is not Apply.CONFLICT or not patch.source or any(mark in patch.source for mark in "\n:'\\"):
        return ""
    name = f"'{patch.source}'" if " " in patch.source else patch.source
    return f"backport resolve {name} --tree {cell.tree.removeprefix('linux-').removesuffix('.y')}"


@dataclass(frozen=True, slots=True)
class Tally:
    """Counts for one line: every cell is in exactly one of the five."""

    ok: int = 0
    warn: int = 0
    fail: int = 0
    conflict: int = 0
    other: int = 0                   # no-tree, error, baseline-broken: says nothing about the patch

    @property
    def done(self) -> int:
        return self.ok + self.warn + self.fail + self.conflict + self.other

    def plus(self, cell: Cell) -> Tally:
        name = column(cell)
        return replace(self, **{name: getattr(self, name) + 1})

    def __str__(self) -> str:
        text = f"{self.ok} ok {self.warn} warn {self.fail} fail {self.conflict} conflict"
        return f"{text} {self.other} other" if self.other else text


def column(cell: Cell) -> str:
    """The Tally field that counts this cell."""
    return _column(cell.apply, cell.build, cell.behaviour)


def _column(apply: Apply, build: Build, behaviour: Behaves | None) -> str:
    if apply in (Apply.NO_TREE, Apply.ERROR):
        return "other"
    if apply in (Apply.CONFLICT, Apply.SUSPECT, Apply.INVALID):
        return "conflict"
    if build in (Build.ERROR, Build.BASELINE_BROKEN) or behaviour is Behaves.ERROR:
        return "other"
    if build is Build.WARN:
        return "warn"
    return "fail" if build in BAD_BUILD or behaviour in BAD_BEHAVIOUR else "ok"


def tally(cells: Sequence[Cell]) -> Tally:
    return tally_of([(cell.apply, cell.build, cell.behaviour, 1) for cell in cells])


def tally_of(counts: Iterable[tuple[Apply, Build, Behaves | None, int]]) -> Tally:
    """As tally(), of cells that were counted by outcome, build and behaviour."""
    found: Counter[str] = Counter()
    for apply, build, behaviour, count in counts:
        found[_column(apply, build, behaviour)] += count
    return Tally(**{name: found[name] for name in ("ok", "warn", "fail", "conflict", "other")})


def when(seconds: float | None) -> str:
    """A time as people and machines read it, in UTC."""
    return "" if seconds is None else datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%d %H:%M:%S UTC")


def duration(seconds: float) -> str:
    """3 s, 2 min 5 s, 1 h 4 min."""
    whole = round(seconds)
    if seconds < 10:
        return f"{seconds:.1f} s"
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60} s"
    return f"{whole // 3600} h {whole % 3600 // 60} min"


def headline(grid: Matrix) -> str:
    """One line: what ran, when, how far it got and how it ended."""
    return status_line(grid.run, tally(grid.cells), sum(cell.cached for cell in grid.cells), grid.total)


def status_line(run: Run, counts: Tally, cached: int, total: int = 0) -> str:
    """headline(), for a run whose cells were only counted; `total` is how many it is to have, where that is known."""
    total = max(total, run.total, counts.done)
    name = f"Night {run.id}" if run.kind == "nightly" else f"Run {run.id}"
    parts = [f"{name}, {when(run.started)}", f"{counts.done} of {total} cells" if counts.done < total
             else f"{total} cell{'s' * (total != 1)}"]
    if cached:
        parts.append(f"{cached} cached")
    parts.append(str(counts))
    if run.state == "finished" and run.finished is not None:
        parts.append(duration(run.finished - run.started))
    else:
        parts.append(run.state)
    return "; ".join(parts)
