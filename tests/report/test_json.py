from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from dataclasses import asdict, fields
from pathlib import Path

import jsonschema
import pytest

from backport.adapt.records import HunkStory
from backport.boot.behaviour import Behaviour
from backport.kbuild.result import BuildResult, CodeChanges, Diagnostic
from backport.report import json as report
from backport.results.changes import ChangeKind, since
from backport.results.store import Results
from backport.verdict import Apply, Behaves, Build, Sure
from tests.boot.test_outcome import side
from tests.support import boot_logs as logs
from tests.support.cells import HOSTILE, booted, cell, failing, fill, rewritten, standard


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
    assert kinds["change"]["properties"]["kind"]["enum"] == [member.value for member in ChangeKind]


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


# --- the proof is described as well, and what the tool really writes is what is described

RECORDS = {"hunk": (HunkStory, ()), "built": (BuildResult, ("new_text", "fixed_text", "uncompiled_text")),
           "diagnostic": (Diagnostic, ()), "changes": (CodeChanges, ("names", "text"))}


@pytest.mark.parametrize("name", RECORDS)
def test_every_field_of_a_record_is_described(name: str) -> None:
    """A new field belongs into backport/report/schema/matrix-1.json, with a word on what it is."""
    record, more = RECORDS[name]
    assert set(report.schema()["$defs"][name]["properties"]) == {field.name for field in fields(record)} | {*more}


def test_no_part_of_a_cell_is_left_open() -> None:
    def objects(schema: object) -> Iterator[dict[str, object]]:
        if isinstance(schema, dict):
            if schema.get("type") == "object":
                yield schema
            for value in schema.values():
                yield from objects(value)
        elif isinstance(schema, list):
            for value in schema:
                yield from objects(value)
    for name in ("detail", "hunk", "built", "diagnostic", "changes", "behaviour", "boot", "history"):
        assert all("additionalProperties" in one for one in objects(report.schema()["$defs"][name])), name


def test_what_a_boot_writes_is_described(tmp_path: Path) -> None:
    seen = Behaviour(Behaves.PROVED, "because", side(logs.BUG), side(logs.FINE), logs=("before-1.log",),
                     seconds={"build": 6.04}, machine="tcg EPYC")
    record = json.loads(json.dumps(asdict(seen.record("/logs"))))
    with Results(tmp_path / "r.sqlite") as results:
        run = fill(results, [cell("p", "linux-9.1.y", detail={"behaviour": record}),
                             cell("q", "linux-9.1.y", detail={"behaviour": booted("broke")})])
        _validate(report.render(run, results.cells(run)))
        told = report.render(run, results.cells(run))
        with pytest.raises(jsonschema.ValidationError, match="surprise"):
            _validate(told.replace('"machine"', '"surprise"', 1))
