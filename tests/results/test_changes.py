from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from backport.cell import Cell
from backport.report.text import render_changes
from backport.results.changes import ChangeKind, compare, since
from backport.results.run import PatchInfo
from backport.results.store import Results
from backport.verdict import Apply, Build, Sure
from tests.support.cells import TREES, booted, cell, failing, fill

TREE = "linux-9.1.y"
GOOD = cell("p", TREE)
CONFLICT = cell("p", TREE, Apply.CONFLICT, reason="line 12 differs")
FAIL = failing("p", TREE)
ALREADY = cell("p", TREE, Apply.ALREADY)
ABSENT = cell("p", TREE, Apply.ABSENT)
NO_TREE = cell("p", TREE, Apply.NO_TREE, reason="unreachable")
ERROR = cell("p", TREE, Apply.CLEAN, Build.ERROR, reason="disk full")
REVIEW = cell("p", TREE, Apply.MERGED, sure=Sure.REVIEW)
RESOLVED = cell("p", TREE, Apply.RESOLVED, sure=Sure.REVIEW)
MOVED = replace(RESOLVED, base_commit="f" * 40)          # the same resolution, on a tree that moved


@pytest.fixture
def results(tmp_path: Path) -> Results:
    return Results(tmp_path / "r.sqlite")


def nights(results: Results, *each: Cell | None) -> list[list[ChangeKind]]:
    """What each night would report, for one cell that goes through these verdicts (None: stopped before it)."""
    told = []
    for night in each:
        run = fill(results, [night] if night else [], kind="nightly", finish=night is not None)
        told.append([change.kind for change in since(results, run).items])
    return told[1:]


@pytest.mark.parametrize(("before", "after", "kind"), [
    (GOOD, GOOD, None), (GOOD, CONFLICT, ChangeKind.BROKEN), (GOOD, FAIL, ChangeKind.BROKEN),
    (ALREADY, CONFLICT, ChangeKind.BROKEN),
    (CONFLICT, GOOD, ChangeKind.FIXED), (FAIL, REVIEW, ChangeKind.FIXED), (FAIL, ABSENT, ChangeKind.FIXED),
    (GOOD, ALREADY, ChangeKind.LANDED), (FAIL, ALREADY, ChangeKind.LANDED), (REVIEW, ALREADY, ChangeKind.LANDED),
    (ALREADY, ALREADY, None),
    (GOOD, NO_TREE, ChangeKind.LOST), (NO_TREE, GOOD, ChangeKind.REACHED), (NO_TREE, NO_TREE, None),
    (NO_TREE, CONFLICT, ChangeKind.REACHED),
    (GOOD, ERROR, ChangeKind.UNKNOWN), (ERROR, ERROR, None), (ERROR, GOOD, ChangeKind.CHANGED),
    (CONFLICT, FAIL, ChangeKind.WORSE), (FAIL, FAIL, None), (FAIL, failing("p", TREE, "another"), ChangeKind.WORSE),
    (GOOD, REVIEW, ChangeKind.CHANGED), (GOOD, cell("p", TREE, Apply.OFFSET), None), (CONFLICT, CONFLICT, None),
    (CONFLICT, RESOLVED, ChangeKind.FIXED), (RESOLVED, RESOLVED, None), (RESOLVED, MOVED, ChangeKind.REUSED),
    (MOVED, CONFLICT, ChangeKind.BROKEN),
])
def test_two_nights(results: Results, before: Cell, after: Cell, kind: ChangeKind | None) -> None:
    assert nights(results, before, after) == [[kind] if kind else []]


def shown(verdict: str, reason: str = "why") -> Cell:
    return cell("p", TREE, detail={"behaviour": booted(verdict, reason=reason)})


@pytest.mark.parametrize(("before", "after", "kind"), [
    (shown("proved"), shown("proved"), None), (shown("proved"), shown("no effect"), ChangeKind.BROKEN),
    (shown("no effect"), shown("proved"), ChangeKind.FIXED), (shown("no effect"), shown("broke"), ChangeKind.WORSE),
    (shown("broke"), shown("broke"), None), (shown("broke"), shown("broke", "another"), ChangeKind.WORSE),
    (shown("proved"), shown("error"), ChangeKind.UNKNOWN), (shown("error"), shown("error"), None),
    (shown("proved"), shown("not testable here"), ChangeKind.CHANGED), (GOOD, shown("proved"), ChangeKind.CHANGED),
])
def test_what_boots_is_told_apart(results: Results, before: Cell, after: Cell, kind: ChangeKind | None) -> None:
    assert nights(results, before, after) == [[kind] if kind else []]


def test_a_boot_that_failed_by_itself_neither_hides_a_break_nor_tells_it_again(results: Results) -> None:
    assert nights(results, shown("proved"), shown("error"), shown("broke"), shown("error"), shown("broke")) == [
        [ChangeKind.UNKNOWN], [ChangeKind.BROKEN], [ChangeKind.UNKNOWN], []]
    run = fill(results, [shown("broke", "the kernel dies")], kind="nightly")
    [change] = since(results, run).items
    assert change.errors == ("boot: broke: the kernel dies",)


def test_a_break_is_told_once_even_with_a_night_in_between_that_says_nothing(results: Results) -> None:
    assert nights(results, GOOD, FAIL, ERROR, FAIL, FAIL, NO_TREE, FAIL) == [
        [ChangeKind.BROKEN], [ChangeKind.UNKNOWN], [], [], [ChangeKind.LOST], [ChangeKind.REACHED]]


def test_a_break_is_told_although_the_night_before_said_nothing(results: Results) -> None:
    assert nights(results, GOOD, ERROR, FAIL) == [[ChangeKind.UNKNOWN], [ChangeKind.BROKEN]]
    assert nights(results, GOOD, NO_TREE, FAIL)[-1] == [ChangeKind.BROKEN]


def test_a_night_that_was_stopped_makes_nothing_vanish_and_nothing_new(results: Results) -> None:
    assert nights(results, GOOD, None, GOOD, None, FAIL, FAIL) == [[], [], [], [ChangeKind.BROKEN], []]


def test_a_moved_message_is_not_a_new_one() -> None:
    before = {("p", TREE): failing("p", TREE)}
    moved = failing("p", TREE)
    assert moved.built is not None
    moved = replace(moved, built=replace(moved.built, new=(replace(moved.built.new[0], line=99),)))
    assert not compare(before, before, [moved])


def test_a_removed_patch_is_one_line(results: Results) -> None:
    applies = (Apply.CLEAN, Apply.OFFSET, Apply.ALREADY, Apply.NO_TREE)
    fill(results, [cell("p", tree.name, apply) for tree, apply in zip(TREES, applies, strict=True)])
    run = fill(results, [cell("q", TREE)], patches=[PatchInfo("q", "another")])
    assert "No longer tested:\n  9.2.y, 9.1.y, 8.9.y: subject of p: gone\n" in render_changes(since(results, run))


def test_a_new_patch_is_new_and_a_removed_one_vanishes(results: Results) -> None:
    fill(results, [GOOD])
    run = fill(results, [cell("q", TREE)])
    assert [(change.kind, change.patch) for change in since(results, run).items] == [
        (ChangeKind.ADDED, "q"), (ChangeKind.VANISHED, "p")]


def test_a_new_patch_that_does_not_apply_is_broken(results: Results) -> None:
    fill(results, [cell("q", TREE)])
    found = since(results, fill(results, [cell("q", TREE), CONFLICT]))
    assert [change.kind for change in found.items] == [ChangeKind.BROKEN]


def test_a_patch_is_to_be_dropped_when_no_tree_needs_it_any_more(results: Results) -> None:
    def night(*applies: Apply) -> tuple[str, ...]:
        run = fill(results, [cell("p", tree.name, apply) for tree, apply in zip(TREES, applies, strict=False)])
        return since(results, run).landed
    assert night(Apply.CLEAN, Apply.CLEAN, Apply.CLEAN) == ()
    assert night(Apply.ALREADY, Apply.CLEAN, Apply.ABSENT) == ()
    assert night(Apply.ALREADY, Apply.ALREADY, Apply.ABSENT, Apply.NO_TREE) == ("p",)
    assert night(Apply.ALREADY, Apply.ALREADY, Apply.ABSENT, Apply.NO_TREE) == ()  # told once


def test_a_patch_is_not_dropped_while_a_required_tree_cannot_be_asked(results: Results) -> None:
    fill(results, [cell("p", "linux-9.2.y"), cell("p", TREE, required=True)])
    run = fill(results, [cell("p", "linux-9.2.y", Apply.ALREADY), cell("p", TREE, Apply.NO_TREE, required=True)])
    assert since(results, run).landed == ()


def test_each_error_line_once_with_all_its_places(results: Results) -> None:
    fill(results, [cell("p", tree.name) for tree in TREES])
    run = fill(results, [failing("p", tree.name, at=10 + number) for number, tree in enumerate(TREES)])
    changes = since(results, run)
    assert list(changes.errors.values()) == [tuple(("p", tree.name) for tree in TREES)]
    assert render_changes(changes).count("implicit declaration") == 1    # its line differs from tree to tree


def test_against_a_chosen_run(results: Results) -> None:
    first = fill(results, [GOOD])
    fill(results, [FAIL])
    third = fill(results, [FAIL])
    assert not since(results, third)
    assert [change.kind for change in since(results, third, first).items] == [ChangeKind.BROKEN]


def test_a_run_at_the_shell_is_no_night(results: Results) -> None:
    fill(results, [GOOD], kind="nightly")
    fill(results, [FAIL], kind="run")
    found = since(results, fill(results, [FAIL], kind="nightly"))
    assert [change.kind for change in found.items] == [ChangeKind.BROKEN]
