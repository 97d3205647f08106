from __future__ import annotations

import base64
import json
from pathlib import Path

import jsonschema
import pytest

from backport.report import json as report
from backport.results.changes import Kind, since
from backport.results.store import Results
from backport.verdict import Apply, Build, Sure
from tests.results.made import HOSTILE, cell, failing, fill, rewritten, standard


def _validate(text: str) -> dict[str, object]:
    told: dict[str, object] = json.loads(text)
    jsonschema.Draft202012Validator.check_schema(report.schema())
    jsonschema.validate(told, report.schema())
    return told


def test_a_run_with_changes_is_valid(tmp_path: Path) -> None:
    with Results(tmp_path / "r.sqlite") as results:
        fill(results, standard())
        run = fill(results, [failing("toy-fix", "linux-9.1.y"), rewritten(subject=HOSTILE, adapted=b"\xff")])
        told = _validate(report.render(run, results.cells(run), changes=since(results, run)))
    cells = told["cells"]
    assert isinstance(cells, list)
    assert cells[1]["subject"] == HOSTILE
    assert base64.b64decode(cells[1]["adapted"]) == b"\xff"
    assert told["summary"]["exit_code"] == 1  # type: ignore[index]


def test_every_word_of_the_vocabulary_is_in_the_schema() -> None:
    kinds = report.schema()["$defs"]
    assert kinds["apply"]["enum"] == [member.value for member in Apply]
    assert kinds["build"]["enum"] == [member.value for member in Build]
    assert kinds["sure"]["enum"] == [member.value for member in Sure]
    assert kinds["change"]["properties"]["kind"]["enum"] == [member.value for member in Kind]


def test_an_unfinished_run_is_valid(tmp_path: Path) -> None:
    with Results(tmp_path / "r.sqlite") as results:
        run = fill(results, [cell("p", "t")], finish=False)
        _validate(report.render(run, results.cells(run)))


def test_the_schema_refuses_an_unknown_outcome(tmp_path: Path) -> None:
    with Results(tmp_path / "r.sqlite") as results:
        run = fill(results, standard())
        text = report.render(run, results.cells(run)).replace('"offset"', '"perhaps"')
    with pytest.raises(jsonschema.ValidationError):
        _validate(text)
