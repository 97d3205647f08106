"""What the machine code says, for people: this tree's functions beside those that upstream's own patch changes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from backport.cell import Cell
from backport.report import cell as cell_report
from backport.report import html
from backport.report.proof import built_with, code_effect
from backport.results.store import Results
from tests.support.cells import cell, fill


def made(changes: dict[str, Any], upstream: dict[str, Any] | None = None, **build: Any) -> Cell:
    functions = [{"name": name, "object": "toys/toy.o", "kind": "changed"} for name in changes.get("names", [])]
    detail: dict[str, Any] = {"build": {"changes": {"functions": functions, **changes}, **build}}
    if upstream is not None:
        detail["functions"] = {"here": changes.get("names", []), "upstream": upstream}
    return cell("toy-fix", "linux-8.9.y", detail=detail)


UPSTREAM = {"tree": "upstream 9.2.8", "functions": ["toy_run", "toy_stop"], "reason": ""}


@pytest.mark.parametrize(("one", "here", "there"), [
    (made({"names": ["toy_run", "toy_stop"]}, UPSTREAM), "toy_run, toy_stop", "the same: toy_run, toy_stop"),
    (made({"names": ["toy_run"]}, UPSTREAM), "toy_run", "toy_run, toy_stop"),
    (made({"names": [], "nothing": True}, UPSTREAM), "no machine code at all: the patch has no effect in this tree",
     "toy_run, toy_stop"),
    (made({"names": [], "data": ["toys/toy.o: .data.table"]}, {**UPSTREAM, "functions": []}), "data only", "none"),
    (made({"names": ["toy_run"]}, {**UPSTREAM, "functions": [], "reason": "its build is `fail`"}), "toy_run",
     "not known: its build is `fail`"),
    (made({"names": [], "reason": "only 64-bit objects are compared"}, UPSTREAM),
     "not compared: only 64-bit objects are compared", "toy_run, toy_stop"),
])
def test_both_sides_are_told_and_never_called_the_same_when_they_are_not(one: Cell, here: str, there: str) -> None:
    told = dict(code_effect(one))
    assert told["This tree"] == here
    assert told["Upstream's patch, upstream 9.2.8"] == there


def test_a_cell_without_comparison_says_nothing() -> None:
    assert code_effect(cell("toy-fix", "linux-8.9.y")) == []


def test_the_page_and_the_text_show_both_sides_and_what_it_was_built_with(tmp_path: Path) -> None:
    one = made({"names": ["toy_run"], "functions": [
        {"name": "toy_run", "object": "toys/toy.o", "kind": "changed", "old_size": 120, "new_size": 131}],
        "inlined": {"toy_clamp": ["toy_run"]}}, UPSTREAM, config="toy_defconfig + kvm-min", compiler="gcc 12",
        fixes=["toy-gcc15.patch"], sandbox="bubblewrap", unproved=["a macro"],
        uncompiled=[{"path": "toys/toy.c", "line": 3, "why": "off"}],
        new=[{"level": "warning", "path": "toys/toy.c", "line": 31, "text": "unused", "detail": ["  31 | int left;"]}])
    assert ("Build fixes", "toy-gcc15.patch (on both sides)") in built_with(one)
    with Results(tmp_path / "r.sqlite") as results:
        run = fill(results, [one])
        text = cell_report.render(run, one)
        index = html.write(run, [one], tmp_path / "site")
    page = next((index.parent / "patches").iterdir()).read_text()
    for words in ("toy_run, toy_stop", "toy_clamp() went into toy_run", "toy-gcc15.patch (on both sides)",
                  "toys/toy.c:3: off", "a macro", "+11 bytes (120 to 131)", "31 | int left;", "bubblewrap"):
        assert words in text, words
        assert words in page, words
    assert ">> toys/toy.c:31: warning: unused" in text
