"""What a cell does to the exit code, as README and docs/behaviour.md promise it."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from backport.boot.record import Booted
from backport.cell import Cell, exit_code
from backport.results.decode import decode
from backport.verdict import Apply, Behaves, Build, Sure

TOP = Path(__file__).resolve().parents[2]


@pytest.mark.parametrize(("cells", "code"), [
    ([], 0), ([Cell("p", "t", Apply.CLEAN, Build.PASS)], 0), ([Cell("p", "t", Apply.ALREADY)], 0),
    ([Cell("p", "t", Apply.CONFLICT)], 1), ([Cell("p", "t", Apply.CLEAN, Build.FAIL)], 1),
    ([Cell("p", "t", Apply.NO_TREE)], 0), ([Cell("p", "t", Apply.NO_TREE, required=True)], 3),
    ([Cell("p", "t", Apply.ERROR)], 3), ([Cell("p", "t", Apply.CLEAN, Build.ERROR)], 3),
    ([Cell("p", "t", Apply.ERROR), Cell("q", "t", Apply.CONFLICT)], 3)])
def test_good_is_0_a_person_1_and_the_environment_3(cells: list[Cell], code: int) -> None:
    assert exit_code(cells) == code


def test_a_boot_ends_as_the_table_of_its_page_says() -> None:
    text = (TOP / "docs/behaviour.md").read_text()
    told = dict(re.findall(r"^\| `([^`]+)` \|.*\| (\d) \|$", text, re.M))
    assert set(told) == {one.value for one in Behaves}
    for verdict, code in told.items():
        booted = decode(Booted, {"verdict": verdict})
        assert exit_code([Cell("p", "t", Apply.CLEAN, Build.PASS, booted=booted)]) == int(code), verdict


def test_review_alone_is_no_fault() -> None:
    assert exit_code([Cell("p", "t", Apply.REWRITTEN, Build.PASS, sure=Sure.REVIEW)]) == 0
