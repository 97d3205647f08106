"""The result of a series is told from the cells that a run has, never kept in one of them."""

from __future__ import annotations

from pathlib import Path

from backport.cell import Cell, Part, SeriesResult
from backport.results.run import PatchInfo, TreeInfo
from backport.results.series import placed, with_results
from backport.results.store import Results
from backport.verdict import Apply


def part(number: int, apply: Apply = Apply.CLEAN, tree: str = "linux-9.1.y", total: int = 3) -> Cell:
    return placed(Cell(f"p{number}", tree, apply), Part("p1", number, total))


def texts(*cells: Cell) -> list[tuple[bool, str, int]]:
    return [(one.good, one.text, one.part) for cell in with_results(cells) if (one := cell.series) is not None]


def test_a_whole_series_is_good() -> None:
    assert texts(part(3), part(1), part(2, Apply.ALREADY)) == [
        (True, "all 3 patches are in the tree or apply", number) for number in (3, 1, 2)]


def test_the_first_that_stops_it_is_named_whatever_came_first() -> None:
    assert set(texts(part(3, Apply.CONFLICT), part(2, Apply.SUSPECT), part(1))) == {
        (False, "1 of 3; stops at p2: suspect", number) for number in (1, 2, 3)}


def test_a_run_that_was_stopped_does_not_call_a_series_whole() -> None:
    assert texts(part(1), part(2)) == [(False, "2 of 3; the others are not known yet", number) for number in (1, 2)]


def test_trees_and_single_patches_are_apart() -> None:
    alone = Cell("x", "linux-9.1.y", Apply.CONFLICT, traceback="a")
    assert with_results([alone]) == [alone]
    assert placed(part(1), None).part is None
    assert texts(part(1, total=1), part(1, Apply.CONFLICT, "linux-9.2.y", 1)) == [
        (True, "all 1 patches are in the tree or apply", 1), (False, "0 of 1; stops at p1: conflict", 1)]


def test_every_reader_of_a_run_sees_what_is_known_then(tmp_path: Path) -> None:
    with Results(tmp_path / "r.sqlite") as results:
        run = results.begin(patches=[PatchInfo(f"p{number}") for number in (1, 2)], trees=[TreeInfo("linux-9.1.y")])
        results.record(run, part(1, total=2), key="k1")
        assert [cell.series and cell.series.text for cell in results.cells(run)] == [
            "1 of 2; the others are not known yet"]
        results.record(run, part(2, Apply.CONFLICT, total=2), key="k2")
        assert {cell.series and cell.series.text for cell in results.cells(run)} == {"1 of 2; stops at p2: conflict"}
        first = results.cell(run, "p1", "linux-9.1.y")
        assert first is not None
        assert first.series == SeriesResult(False, "1 of 2; stops at p2: conflict", 1)
