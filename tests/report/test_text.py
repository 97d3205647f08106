from __future__ import annotations

from pathlib import Path

import pytest

from backport.cell import Cell
from backport.report.escape import columns
from backport.report.registry import FORMATS, render
from backport.report.text import render as render_text
from backport.results.changes import since
from backport.results.store import Results
from backport.verdict import Apply, Build
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
