from __future__ import annotations

import itertools
import re
from dataclasses import replace
from pathlib import Path

import pytest

from backport.cell import Cell, exit_code
from backport.report.cell import _evidence
from backport.report.escape import columns
from backport.report.matrix import column, headline, matrix, next_step, status_line, tally, tally_of, urgency
from backport.report.registry import FORMATS, render
from backport.report.text import render as render_text
from backport.results.changes import since
from backport.results.run import PatchInfo, Run, TreeInfo
from backport.results.store import Results
from backport.verdict import Apply, Build, Sure
from tests.support.cells import HOSTILE, TREES, cell, failing, fill, rewritten, standard


@pytest.fixture
def results(tmp_path: Path) -> Results:
    return Results(tmp_path / "r.sqlite")


def _text(results: Results, cells: list[Cell], width: int = 0, **more: object) -> str:
    run = fill(results, cells)
    return render_text(run, results.cells(run), width=width, **more)  # type: ignore[arg-type]


def test_the_matrix_in_plain_words(results: Results) -> None:
    rows = _text(results, standard()).splitlines()
    head, version, _rule, row = rows[2:6]
    assert head.split() == ["patch", "9.2.y", "9.1.y", "8.9.y", "8.0.y"]
    assert version.split() == ["9.2.8", "9.1.107", "8.9.262"]
    assert row == ("toy: Check for injected marbles before queuing  "
                   "already  offset, pass  rewritten, pass, review  no-tree")
    # each word stands below its tree
    for tree, word in (("9.2.y", "already"), ("9.1.y", "offset"), ("8.9.y", "rewritten"), ("8.0.y", "no-tree")):
        assert head.index(tree) == row.index(word)


def test_the_legend_explains_exactly_the_words_that_occur(results: Results) -> None:
    text = _text(results, standard())
    legend = text.split("\n\n")[2]
    words = [row.split()[0] for row in legend.splitlines()]
    assert words == ["offset", "rewritten", "already", "no-tree", "pass", "review"]


def test_reason_and_notes_stand_below_once_for_trees_that_share_them(results: Results) -> None:
    text = _text(results, [cell("p", tree.name, Apply.CONFLICT, reason="line 12 differs") for tree in TREES])
    assert text.count("line 12 differs") == 1
    assert "  9.2.y, 9.1.y, 8.9.y, 8.0.y: conflict\n    line 12 differs\n" in text


@pytest.mark.parametrize("width", [40, 60, 80, 100, 132, 200])
def test_no_line_is_wider_than_the_terminal(results: Results, width: int) -> None:
    cells = [*standard(), *(cell(f"p{number}", tree.name, subject=f"日本語 {number} " * 9, reason="because " * 40)
                            for number in range(3) for tree in TREES)]
    text = _text(results, cells, width)
    assert max(map(columns, text.splitlines())) <= width
    for tree in TREES:
        assert f"{tree.short}" in text
    assert text.count("rewritten") >= 2


def test_a_cell_that_is_not_there_yet_is_a_dash(results: Results) -> None:
    run = fill(results, standard()[:1], finish=False)
    text = render_text(run, results.cells(run))
    assert "1 of 4 cells" in text
    assert "running" in text.splitlines()[0]
    assert text.splitlines()[5].split()[-3:] == ["-", "-", "-"]


def test_cached_is_said_beside_the_outcome(results: Results) -> None:
    run = results.begin(trees=TREES)
    results.record(run, rewritten(cached=True))
    text = render_text(run, results.cells(run))
    assert "rewritten, pass, review, cached" in text


@pytest.mark.parametrize("form", sorted(FORMATS))
def test_no_format_lets_a_control_character_through(results: Results, form: str) -> None:
    if FORMATS[form].site:
        return
    cells = [cell("p", tree.name, Apply.CONFLICT, subject=HOSTILE, reason=HOSTILE, notes=(HOSTILE,), command=HOSTILE)
             for tree in TREES] + [failing("q", "linux-9.1.y", HOSTILE, subject=HOSTILE)]
    run = fill(results, cells)
    data = render(form, run, results.cells(run), changes=since(results, run))
    text = data.decode("utf-8")  # and no lone surrogate
    for character in text:
        assert character in "\n\t" or character.isprintable(), f"{character!r} in {form}"
    assert "‮" not in text


@pytest.mark.parametrize("form", sorted(FORMATS))
def test_every_format_takes_an_empty_run_and_a_cell_with_odd_detail(results: Results, form: str) -> None:
    if FORMATS[form].site:
        return
    run = results.begin()
    assert render(form, run, [])
    odd = cell("p", "t", Apply.CLEAN, Build.WARN, detail={
        "hunks": "none", "build": None, "evidence": 7, "functions": [], "nomination": "", "history": {}})
    assert render(form, run, [odd])
    build = {"new": ["plain", {"text": "x", "line": "?"}, 5]}
    assert render(form, run, [cell("p", "t", detail={"build": build})])


def test_changes_tell_each_error_once_and_only_what_changed(results: Results) -> None:
    fill(results, [cell("p", "linux-9.1.y"), cell("p", "linux-8.9.y"), cell("q", "linux-9.1.y")])
    run = fill(results, [failing("p", "linux-9.1.y"), failing("p", "linux-8.9.y"), cell("q", "linux-9.1.y")])
    from backport.report.text import render_changes
    text = render_changes(since(results, run))
    assert text == (
        "Newly broken:\n"
        "+ 9.1.y (9.9.9), 8.9.y (9.9.9): subject of p: clean, fail (was clean, pass)\n"
        "      toys/toy.c:12: error: implicit declaration of function 'gone'\n")


# what has to be read comes first, and what needs nothing is folded

def queue(results: Results) -> tuple[Run, list[Cell]]:
    """Nine patches that are there already, one that needs reading, one in conflict; in that order."""
    trees = ("linux-9.1.y", "linux-9.2.y")
    cells = [cell(f"there-{number}", tree, Apply.ALREADY, reason="the reverse of the patch applies")
             for number in range(9) for tree in trees]
    cells += [cell("read", tree, Apply.MERGED, sure=Sure.REVIEW, notes=("a line differs",)) for tree in trees]
    cells += [cell("stuck", trees[0], Apply.CONFLICT, reason="a.c: no sure place"),
              cell("stuck", trees[1], Apply.ALREADY, reason="the reverse of the patch applies")]
    run = fill(results, cells)
    patches = tuple(replace(patch, source=f"patches/{patch.slug}.patch") for patch in run.patches)
    return replace(run, patches=patches), cells


def test_a_queue_that_is_there_already_is_one_line_and_the_conflict_comes_first(results: Results) -> None:
    made = render_text(*queue(results), width=80)
    table = made.partition("\n\n")[2]
    assert table.index("stuck") < table.index("read")
    assert "there-" not in made
    assert "9 more patches need nothing on any tree: 18 already" in " ".join(made.split())
    assert "the reverse of the patch applies" not in made
    assert "    next: backport resolve patches/stuck.patch --tree 9.1\n" in made
    assert all(len(row) <= 80 for row in made.splitlines())


def test_what_a_queue_was_tried_without_stands_once_a_tree(results: Results) -> None:
    cells = [cell("lost", "linux-9.1.y", Apply.CONFLICT, Build.SKIPPED, reason="no sure place")]
    cells += [cell(f"later-{n}", "linux-9.1.y", Apply.CLEAN, notes=("tried without lost, which did not apply",))
              for n in range(3)]
    cells.append(cell("last", "linux-9.1.y", Apply.CLEAN, sure=Sure.REVIEW,
                      notes=("read it", "tried without lost, which did not apply")))
    run = fill(results, cells)
    text = render_text(run, results.cells(run))
    assert text.count("tried without") == 1
    assert "9.1.y: 4 later patches tried without lost, which did not apply\n" in text
    assert "    read it\n" in text
    assert "later-0\n  9.1.y" not in text


def test_colour_changes_no_character_and_marks_what_is_to_be_read(results: Results) -> None:
    cells = [*standard(), cell("red", "linux-9.1.y", Apply.CONFLICT, Build.SKIPPED, reason="no sure place",
                               subject="a \u2061trap\u2064 and a conflict")]
    run = fill(results, cells)
    for width in (0, 60, 80):
        plain, painted = (render_text(run, results.cells(run), width=width, colour=wanted) for wanted in (False, True))
        assert re.sub(r"\x1b\[\d+m", "", painted) == plain
        assert "\x1b[31mconflict\x1b[0m" in painted
        assert "\x1b[31mtrap" not in painted                    # nobody paints who is not asked
        assert not set("\u2061\u2062\u2063\u2064") & set(plain)


def test_a_conflict_whose_file_nobody_knows_has_no_next_command() -> None:
    stuck = cell("stuck", "linux-9.1.y", Apply.CONFLICT)
    for source in ("", "mail.mbox:3", "commit 1234: x", "a\nb"):
        assert next_step(PatchInfo("stuck", source=source), stuck) == ""
    assert next_step(PatchInfo("stuck", source="my patches/x.patch"), stuck) == (
        "backport resolve 'my patches/x.patch' --tree 9.1")


@pytest.mark.parametrize(("one", "level"), [
    (cell("p", "t", Apply.CONFLICT), 0), (cell("p", "t", Apply.CLEAN, Build.FAIL), 0),
    (cell("p", "t", Apply.ERROR), 1), (cell("p", "t", Apply.MERGED, sure=Sure.REVIEW), 2),
    (cell("p", "t", Apply.ALREADY, sure=Sure.REVIEW), 2), (cell("p", "t"), 3), (cell("p", "t", Apply.ALREADY), 4),
    (cell("p", "t", Apply.NO_TREE), 4), (cell("p", "t", Apply.NO_TREE, required=True), 1)])
def test_how_soon_somebody_has_to_look(one: Cell, level: int) -> None:
    assert urgency(one) == level


def test_evidence_of_a_cell_keeps_its_lines() -> None:
    assert _evidence("a.c:3 has\n\tint a;\n\x1b[31mint b;") == "  a.c:3 has\n    \tint a;\n    \\x1b[31mint b;\n"


def test_the_line_of_a_run_is_the_same_counted_as_read(tmp_path: Path) -> None:
    """`show --runs` opens no cell: fifty nights of five thousand took 47 s."""
    cells = [Cell(f"p{n}", "t", apply, build, cached=n % 2 == 0)
             for n, (apply, build) in enumerate(itertools.product(Apply, Build))]
    with Results(tmp_path / "r.sqlite") as results:
        run = results.begin(patches=[PatchInfo(cell.patch) for cell in cells], trees=[TreeInfo("t")])
        for cell in cells:
            results.record(run, cell)
        counts = results.counts(run)
        line = status_line(run, tally_of([(a, b, c, count) for a, b, c, _cached, count in counts]),
                           sum(count for *_said, cached, count in counts if cached))
        assert line == headline(matrix(run, results.cells(run)))
    assert tally(cells).done == len(cells)
    judged = [cell for cell in cells if column(cell) in ("ok", "fail")]
    assert all(column(cell) == ("fail" if exit_code([cell]) else "ok") for cell in judged)
