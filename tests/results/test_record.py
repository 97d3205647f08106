"""Cells as JSON: what is written comes back, and rows of any age are read."""

from __future__ import annotations

import json
import zlib
from dataclasses import fields, is_dataclass
from enum import StrEnum
from pathlib import Path
from types import NoneType
from typing import Any, get_args, get_type_hints

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backport.boot.record import Booted
from backport.cell import Cell, exit_code
from backport.results.decode import decode
from backport.results.record import detail, records
from backport.results.store import Results
from backport.verdict import Apply, Behaves, Build, Sure

# Rows as the last version without a number of their form wrote them.
OLD: list[dict[str, Any]] = json.loads((Path(__file__).parent / "data" / "rows-0.json").read_text())

# what a hunk has had since then, as it reads where nobody wrote it
LATER: dict[str, Any] = {"probability": None, "unopposed": False, "measured": []}


def stored(results: Results, told: dict[str, Any]) -> Cell:
    """The cell of a row that stands in the store as `told`."""
    run = results.begin()
    results.record(run, Cell("p", "t", Apply.CLEAN))
    results._db.execute("UPDATE body SET data = ?", (zlib.compress(json.dumps(told).encode()),))
    return results.cells(run)[0]


@pytest.mark.parametrize("told", OLD, ids=[one["build"] for one in OLD])
def test_an_old_row_says_what_it_said(told: dict[str, Any], tmp_path: Path) -> None:
    with Results(tmp_path / "r.sqlite") as results:
        cell = stored(results, told)
    wanted = dict(told["detail"])
    if "series" in wanted:                # one part of two, told when it is read
        wanted["series"] = {"good": False, "text": "1 of 2; the others are not known yet", "part": 2}
    wanted["hunks"] = [{**LATER, **hunk} for hunk in wanted["hunks"]]
    assert detail(cell) == wanted
    assert (cell.apply, cell.build, cell.reason, list(cell.notes)) == (
        told["apply"], told["build"], told["reason"], told["notes"])


def test_every_record_is_in_one_of_the_old_rows() -> None:
    """So that the test above has read them all."""
    records = {field.name for field in fields(Cell) if get_type_hints(Cell)[field.name] not in (
        str, bool, float, bytes, Apply, Build, Sure, tuple[str, ...])}
    cells = [Cell("p", "t", Apply.CLEAN, **globals()["records"](one["detail"], 0)) for one in OLD]
    assert {name for name in records for cell in cells if getattr(cell, name)} >= records - {"series"}


@pytest.mark.parametrize("told", OLD, ids=[one["build"] for one in OLD])
def test_a_row_that_is_written_again_is_the_same(told: dict[str, Any], tmp_path: Path) -> None:
    with Results(tmp_path / "r.sqlite") as results:
        cell = stored(results, told)
        run = results.begin()
        results.record(run, cell)
        assert results.cells(run) == [cell]


def test_older_forms_of_a_message_and_an_architecture() -> None:
    made = records({"build": {"new": ["plain"], "diagnostics": [{"severity": "error", "text": "x", "line": "?"}, 5],
                              "command": "make ARCH=i386 kvm/"}}, 0)["built"]
    assert [one.brief for one in made.new] == ["plain", "error: x", "5"]
    assert (made.architecture, made.sandbox) == ("i386", "")
    assert records({"behaviour": {"reason": "x"}}, 0)["booted"] is None


def test_a_word_that_is_not_known_promises_least() -> None:
    booted = decode(Booted, {"verdict": "splendid", "before": [{"ended": "well"}]})
    assert (booted.verdict, booted.before[0].flaky) == (Behaves.ERROR, True)
    assert exit_code([Cell("p", "t", Apply.CLEAN, Build.PASS, booted=booted)]) == 3
    assert decode(Sure, "rather") is Sure.REVIEW
    history = records({"history": {"bug": {"held": "no"}, "fix": {}}})["history"]
    assert history.bug.held is None


JSON = st.recursive(st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
                    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(
                        st.sampled_from(["hunks", "build", "new", "verdict", "before", "changes", "bug", "points",
                                         "inlined", "series", "first", "part", "parts", "good"]), inner, max_size=4),
                    max_leaves=12)


@given(told=st.dictionaries(st.sampled_from(["hunks", "preimages", "build", "behaviour", "history", "functions",
                                             "nomination", "series", "before", "traceback"]), JSON),
       form=st.integers(0, 1))
def test_no_row_is_too_odd_to_be_read(told: dict[str, Any], form: int) -> None:
    cell = Cell("p", "t", Apply.CLEAN, **records(told, form))
    again = Cell("p", "t", Apply.CLEAN, **records(detail(cell)))
    assert detail(again) == detail(cell)


def enums(kind: Any, seen: set[Any]) -> set[type[StrEnum]]:
    """The enumerations in a record, however deep."""
    if is_dataclass(kind) and kind not in seen:
        seen.add(kind)
        return {one for hint in get_type_hints(kind).values() for one in enums(hint, seen)}
    if isinstance(kind, type) and issubclass(kind, StrEnum):
        return {kind}
    return {one for part in get_args(kind) if part not in (NoneType, Ellipsis) for one in enums(part, seen)}


def test_every_enumeration_has_a_member_that_promises_least() -> None:
    found = enums(Cell, set()) - {Apply}
    assert Behaves in found
    for kind in found:
        assert decode(kind, "no such word") in kind
