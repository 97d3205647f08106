from __future__ import annotations

from pathlib import Path

from junitparser import Error, Failure, JUnitXml, Skipped

from backport.cell import Cell
from backport.report import junit
from backport.results.store import Results
from backport.verdict import Apply, Build
from tests.support.cells import HOSTILE, TREES, cell, failing, fill, standard


def _read(tmp_path: Path, cells: list[Cell]) -> JUnitXml:
    with Results(tmp_path / "r.sqlite") as results:
        run = fill(results, cells)
        (tmp_path / "r.xml").write_bytes(junit.render(run, results.cells(run)))
    return JUnitXml.fromfile(str(tmp_path / "r.xml"))


def test_suites_are_trees_and_cases_are_patches(tmp_path: Path) -> None:
    suites = list(_read(tmp_path, standard()))
    assert [suite.name for suite in suites] == [tree.name for tree in TREES]
    assert [[case.name for case in suite] for suite in suites] == [[standard()[0].subject]] * 4
    assert [case.result for suite in suites[:3] for case in suite] == [[], [], []]
    assert isinstance(next(iter(suites[3])).result[0], Skipped)


def test_outcomes_are_failures_errors_and_skips(tmp_path: Path) -> None:
    xml = _read(tmp_path, [
        cell("p", "linux-9.2.y", Apply.CONFLICT, reason="line 12 differs"), failing("p", "linux-9.1.y"),
        cell("p", "linux-8.9.y", Apply.CLEAN, Build.BASELINE_BROKEN),
        cell("p", "linux-8.0.y", Apply.NO_TREE, required=True)])
    results = [case.result[0] for suite in xml for case in suite]
    assert [type(result) for result in results] == [Failure, Failure, Error, Error]
    assert results[0].message == "line 12 differs"
    assert "implicit declaration" in results[1].text
    assert (xml.tests, xml.failures, xml.errors, xml.skipped) == (4, 2, 2, 0)


def test_what_xml_forbids_is_shown_as_escape(tmp_path: Path) -> None:
    xml = _read(tmp_path, [cell("p", "linux-9.1.y", Apply.CONFLICT, subject=HOSTILE, reason=HOSTILE, notes=(HOSTILE,))])
    case = next(iter(next(iter(xml))))
    assert case.name.startswith("<script>alert(1)</script> | `x` \\x1b[31mred")
    assert "\\x00" in case.name
    assert "\\xff" in case.system_out
