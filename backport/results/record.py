"""A cell's records as JSON: how they are published (report/schema) and kept, and how rows of any age are read."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from backport.boot.record import Booted
from backport.cell import Adapted, Cell, Part, SeriesResult
from backport.history.record import History
from backport.kbuild.result import BuildResult, Functions
from backport.results.decode import decode
from backport.stable.nomination import Asked, Nomination

FORMAT = 1                           # of a row: 0 (no number) was read field by field wherever a field was wanted


def detail(cell: Cell) -> dict[str, Any]:
    """All records of `cell`, JSON-ready, keys sorted; what did not take place has no key."""
    told: dict[str, Any] = {}
    if cell.nomination is not None:
        asked = cell.asked or Asked(None, "")
        told["nomination"] = {**asdict(cell.nomination), "asked": asked.words, "asked_why": asked.why}
    if cell.adaptation is not None:
        made = asdict(cell.adaptation)
        told |= {name: made[name] for name in made if made[name] or name in ("hunks", "preimages")}
    told |= {name: asdict(record) for name, record in (
        ("history", cell.history), ("functions", cell.functions), ("behaviour", cell.booted)) if record is not None}
    if cell.built is not None:
        told["build"] = cell.built.as_dict()
    if cell.series is not None:
        told["series"] = asdict(cell.series)
    elif cell.part is not None:
        told["series"] = {"first": cell.part.first, "part": cell.part.number, "parts": cell.part.total}
    told |= {name: value for name, value in (
        ("before", cell.before), ("elsewhere", cell.elsewhere), ("traceback", cell.traceback)) if value}
    plain: dict[str, Any] = json.loads(json.dumps(told, sort_keys=True))
    return plain


def records(told: Mapping[str, Any], form: int = FORMAT) -> dict[str, Any]:
    """The fields of a Cell that are records, from what `detail` made, or from a row of an older `form`."""
    if form < 1:
        told = _first_form(told)
    asked, series = _mapping(told.get("nomination")), _mapping(told.get("series"))
    return {
        "nomination": decode(Nomination, asked) if asked else None, "asked": _asked(asked) if asked else None,
        "adaptation": decode(Adapted, told) if told.keys() & _ADAPTED else None,
        **{field: decode(kind, told[name]) if _mapping(told.get(name)) else None
           for field, (name, kind) in _RECORDS.items()},
        "before": decode(tuple[str, ...], told.get("before")),
        "part": Part(*(decode(kind, series[name]) for name, kind in _PART.items())) if series.keys() >= _PART.keys()
        else None,
        "series": decode(SeriesResult, series) if "good" in series else None,
        "elsewhere": bool(told.get("elsewhere")), "traceback": decode(str, told.get("traceback")),
    }


_RECORDS: dict[str, tuple[str, Any]] = {
    "history": ("history", History), "functions": ("functions", Functions), "built": ("build", BuildResult),
    "booted": ("behaviour", Booted)}
_ADAPTED = frozenset({"hunks", "preimages", "evidence", "partly", "alternatives", "donors", "marked"})
_PART: dict[str, Any] = {"first": str, "part": int, "parts": int}


def _asked(told: Mapping[str, Any]) -> Asked:
    """The words are told from answer and line; here the answer is told from the words."""
    answers = {Asked(answer, "").words: answer for answer in (True, False)}
    return Asked(answers.get(decode(str, told.get("asked"))), decode(str, told.get("asked_why")))


def _first_form(told: Mapping[str, Any]) -> Mapping[str, Any]:
    """The rows before they had a number: an architecture that stands in the make command only, messages as plain
    text or under other names, a boot without a verdict."""
    made, booted = _mapping(told.get("build")), _mapping(told.get("behaviour"))
    if made:
        words = decode(str, made.get("command")).split()
        named = next((word.removeprefix("ARCH=") for word in words if word.startswith("ARCH=")), "")
        messages = [one for name in ("new", "diagnostics") if isinstance(made.get(name), list) for one in made[name]]
        made = {"sandbox": "", **made, "architecture": decode(str, made.get("architecture")) or named,
                "new": [one for one in map(_message, messages) if one["text"]]}
    return {**told, "build": made, "behaviour": booted if booted.get("verdict") else {}}


def _message(told: object) -> Mapping[str, Any]:
    if isinstance(told, Mapping):
        return {**told, "level": told.get("level") or told.get("severity"), "text": decode(str, told.get("text"))}
    return {"text": decode(str, told)}


def _mapping(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}
