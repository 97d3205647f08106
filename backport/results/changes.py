"""What is different between two runs: the only thing that a nightly reader wants to see.

A cell is compared with the last verdict that said something about the patch: a night in which a host was down
or the compiler crashed neither hides that a tree broke nor tells it a second time when it is back.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum

from backport.cell import Cell, exit_code
from backport.results.run import Run
from backport.results.store import Results
from backport.verdict import Apply, Behaves, Build

_BUILT = (Build.PASS, Build.SKIPPED)

CellName = tuple[str, str]              # (patch slug, column: a tree, or a tree/configuration)


class ChangeKind(StrEnum):
    """What happened to a cell since the last time; in the order in which a report shows them."""

    BROKEN = "newly broken"
    WORSE = "new errors"
    FIXED = "fixed"
    LANDED = "now in the tree"
    REACHED = "newly reachable"
    LOST = "no longer reachable"
    UNKNOWN = "could not be checked"
    ADDED = "new patch"
    VANISHED = "vanished"
    REUSED = "resolution used again"
    CHANGED = "changed"

    @property
    def sign(self) -> str:
        """One character in front of a line, as the kernel's build reports have it."""
        return {ChangeKind.BROKEN: "+", ChangeKind.WORSE: "+", ChangeKind.FIXED: "-"}.get(self, " ")


@dataclass(frozen=True, slots=True)
class Change:
    kind: ChangeKind
    patch: str
    tree: str                        # its column: linux-6.1.y, linux-6.1.y/kvm-min
    before: Cell | None = None
    after: Cell | None = None
    errors: tuple[str, ...] = ()     # messages of `after` that `before` did not have


@dataclass(frozen=True, slots=True)
class Changes:
    """All changes between two runs. `landed` are patches that every tree has now, with no tree left that needs them."""

    items: tuple[Change, ...] = ()
    landed: tuple[str, ...] = ()     # slugs to drop from patches/
    errors: Mapping[str, tuple[CellName, ...]] = field(default_factory=dict)  # without_line(error) -> where it is new

    def __bool__(self) -> bool:
        return bool(self.items)

    def of(self, kind: ChangeKind) -> tuple[Change, ...]:
        return tuple(change for change in self.items if change.kind is kind)


def conclusive(cell: Cell) -> bool:
    """True where the cell says something about the patch; an error or an unreachable tree says nothing."""
    return (cell.apply not in (Apply.NO_TREE, Apply.ERROR) and cell.build is not Build.ERROR
            and cell.behaviour is not Behaves.ERROR)


def known_before(results: Results, run: Run, *,
                 told: int | None = None) -> tuple[dict[CellName, Cell], dict[CellName, Cell]]:
    """(cells of the last run of this kind and manifest before `run`, last conclusive cell of each of their places).

    Only runs that came to their end count: one that was stopped has told nobody what it found. `told` is the
    newest run whose changes were told.
    """
    newest = run.id if told is None else min(run.id, told + 1)
    earlier = results.latest(kind=run.kind, before=newest, finished=True, manifest=run.manifest)
    if earlier is None:
        return {}, {}
    last = {(cell.patch, cell.column): cell for cell in results.cells(earlier)}
    known: dict[CellName, Cell] = {}
    for place, cell in last.items():
        verdict = cell if conclusive(cell) else results.last_verdict(
            *place, kind=run.kind, before=earlier.id, manifest=run.manifest)
        if verdict is not None:
            known[place] = verdict
    return last, known


def since(results: Results, run: Run, earlier: Run | None = None, *, told: int | None = None) -> Changes:
    """Changes of `run` against one `earlier` run, or against all that was known (and `told`) before it."""
    now = results.cells(run)
    if earlier is not None:
        last = {(cell.patch, cell.column): cell for cell in results.cells(earlier)}
        known = {place: cell for place, cell in last.items() if conclusive(cell)}
    else:
        last, known = known_before(results, run, told=told)
    complete = run.state == "finished"
    return compare(last, known, now, patches=[patch.slug for patch in run.patches] if complete else None,
                   trees=[tree.column for tree in run.trees] if complete else None)


def compare(last: Mapping[CellName, Cell], known: Mapping[CellName, Cell], now: Iterable[Cell], *,
            patches: Sequence[str] | None = None, trees: Sequence[str] | None = None) -> Changes:
    """The changes from `last` and `known` (see known_before) to `now`.

    `patches` and `trees` are what the run set out to cover; a place outside of them has vanished. None (a run
    that was stopped) means that nothing may be said to have vanished.
    """
    cells = {(cell.patch, cell.column): cell for cell in now}
    old_patches = {patch for patch, _tree in last}
    items: list[Change] = []
    for place, cell in cells.items():
        kind = _kind(last.get(place), known.get(place), cell, new_patch=place[0] not in old_patches)
        if kind is None:
            continue
        before = known.get(place) or last.get(place)
        items.append(Change(kind, *place, before, cell, _new_errors(before, cell)))
    if patches is not None and trees is not None:
        items += [Change(ChangeKind.VANISHED, *place, cell, None) for place, cell in last.items()
                  if place not in cells and cell.apply is not Apply.NO_TREE     # that one was never tested
                  and (place[0] not in patches or place[1] not in trees)]
    order = list(ChangeKind)
    items.sort(key=lambda change: order.index(change.kind))
    errors: dict[str, list[CellName]] = {}
    for change in items:
        for line in dict.fromkeys(map(without_line, change.errors)):
            errors.setdefault(line, []).append((change.patch, change.tree))
    return Changes(tuple(items), _landed(items, cells), {line: tuple(places) for line, places in errors.items()})


def _kind(last: Cell | None, known: Cell | None, now: Cell, *, new_patch: bool) -> ChangeKind | None:
    if not conclusive(now):
        return _kind_of_nothing(last, known, now)
    if known is None:
        # never had a verdict: a new patch, a new tree, or a tree that was not available until now
        if last is not None and last.apply is Apply.NO_TREE:
            return ChangeKind.REACHED
        if exit_code([now]):
            return ChangeKind.BROKEN
        return ChangeKind.ADDED if new_patch or last is None else ChangeKind.CHANGED
    bad, was_bad = exit_code([now]) != 0, exit_code([known]) != 0
    if now.apply is Apply.ALREADY and known.apply is not Apply.ALREADY:
        return ChangeKind.LANDED
    if bad and not was_bad:
        return ChangeKind.BROKEN
    if bad and was_bad:
        if _new_errors(known, now) or _verdict(now) != _verdict(known):
            return ChangeKind.WORSE
        return ChangeKind.REACHED if _back(last) else None
    if was_bad:
        return ChangeKind.FIXED
    if _back(last):
        return ChangeKind.REACHED
    if _told_apart(now) != _told_apart(known):
        return ChangeKind.CHANGED
    return ChangeKind.REUSED if by_hand(now) and by_hand(known) and now.base_commit != known.base_commit else None


def by_hand(cell: Cell) -> bool:
    """Whether a person's resolution is in it: for this tree, or carried here from a newer one."""
    forms = cell.adaptation.donors if cell.adaptation is not None else ()
    return cell.apply is Apply.RESOLVED or any(form.kind == "resolution" and form.stands == "used" for form in forms)


def _told_apart(cell: Cell) -> tuple[str, ...]:
    """What a good cell is told apart by: that lines above the hunk came or went is no news."""
    apply = Apply.OFFSET if cell.apply is Apply.CLEAN else cell.apply
    return (apply, cell.build, cell.sure, cell.behaviour or "")


def _verdict(cell: Cell) -> tuple[str, ...]:
    return (cell.apply, cell.build, cell.behaviour or "")


def _kind_of_nothing(last: Cell | None, known: Cell | None, now: Cell) -> ChangeKind | None:
    """Kind for a cell that says nothing about the patch: told the first time, not again while it lasts."""
    if last is not None and not conclusive(last) and _verdict(last) == _verdict(now):
        return None
    if now.apply is Apply.NO_TREE:
        return ChangeKind.LOST if known is not None or last is not None or now.required else None
    return ChangeKind.UNKNOWN


def _back(last: Cell | None) -> bool:
    return last is not None and last.apply is Apply.NO_TREE


def error_lines(cell: Cell) -> tuple[str, ...]:
    """What stands for the trouble of a cell: the new messages, or the reason where there are none."""
    found = tuple(item.brief for item in cell.diagnostics)
    if found or not exit_code([cell]):
        return found
    if cell.apply.good and cell.build in _BUILT and cell.booted is not None:     # then the boot went wrong
        return (f"boot: {cell.booted.verdict}: {cell.booted.reason}",)
    return (cell.reason,) if cell.reason else ()


def _new_errors(before: Cell | None, now: Cell) -> tuple[str, ...]:
    had = {without_line(line) for line in error_lines(before)} if before is not None else set()
    return tuple(line for line in error_lines(now) if without_line(line) not in had)


def without_line(line: str) -> str:
    """The message without numbers: the same warning moves when the file above it grows, and from tree to tree."""
    return "".join(character for character in line if not character.isdigit())


def _landed(items: Sequence[Change], cells: Mapping[CellName, Cell]) -> tuple[str, ...]:
    """Patches that landed just now and that no tree needs any more: to be dropped from patches/."""
    fresh = dict.fromkeys(change.patch for change in items if change.kind is ChangeKind.LANDED)
    return tuple(patch for patch in fresh
                 if not any(_needed(cell) for place, cell in cells.items() if place[0] == patch))


def _needed(cell: Cell) -> bool:
    """True where the tree may want the patch still; one that nobody requires and nobody can reach does not count."""
    return cell.apply not in (Apply.ALREADY, Apply.ABSENT) and (cell.apply is not Apply.NO_TREE or cell.required)
