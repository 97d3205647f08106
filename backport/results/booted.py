"""Reading `Cell.detail["behaviour"]`: what the reproducer said without and with the patch.

Nothing here fails on a missing or odd value, as in evidence.py.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from backport.cell import Cell
from backport.results.evidence import mapping, number, sequence, text

SIDES = (("before", "without the patch"), ("after", "with the patch"))


@dataclass(frozen=True, slots=True)
class Said:
    """One check on one side; None in place of it where the kernel never got there."""

    ok: bool
    name: str


@dataclass(frozen=True, slots=True)
class Side:
    """The boots of one kernel: in words, and the names of their logs, flakes among them."""

    label: str
    sentence: str
    checks: tuple[Said, ...]
    logs: tuple[str, ...]
    first: str                       # the log of a boot that counts, "" where there is none


@dataclass(frozen=True, slots=True)
class Booted:
    """`checks` are (number, without, with); `directory` holds the logs."""

    verdict: str
    reason: str
    machine: str
    smoke: bool
    checks: tuple[tuple[int, Said | None, Said | None], ...]
    sides: tuple[Side, ...]
    directory: str
    notes: tuple[str, ...] = ()
    build_log: str = ""


def booted(cell: Cell) -> Booted | None:
    """None where nothing was booted and nothing was to be."""
    told = mapping(cell.detail.get("behaviour"))
    if not told.get("verdict"):
        return None
    runs = {key: [mapping(run) for run in sequence(told.get(key))] for key, _label in SIDES}
    said = {key: _points(_counts(runs[key])) for key in runs}
    numbers = sorted({*said["before"], *said["after"]})
    return Booted(
        text(told.get("verdict")), text(told.get("reason")), text(told.get("machine")), bool(told.get("smoke")),
        tuple((one, said["before"].get(one), said["after"].get(one)) for one in numbers),
        tuple(_side(label, runs[key], said[key]) for key, label in SIDES if runs[key]), text(told.get("directory")),
        tuple(text(note) for note in sequence(told.get("notes"))),
        "kernel.log" if "kernel.log" in sequence(told.get("logs")) else "")


def _counts(runs: list[Mapping[str, Any]]) -> Mapping[str, Any]:
    """The first boot that is no flake: those end before or outside the reproducer."""
    return next((run for run in runs if text(run.get("ended")) not in ("no boot", "lost")), runs[0] if runs else {})


def _points(run: Mapping[str, Any]) -> dict[int, Said]:
    points = [mapping(point) for point in sequence(run.get("points"))]
    return {number(point.get("number")): Said(bool(point.get("ok")), text(point.get("name"))) for point in points}


def _side(label: str, runs: list[Mapping[str, Any]], said: Mapping[int, Said]) -> Side:
    ends: dict[str, int] = {}
    for run in runs:
        how = text(run.get("ended")) + (f": {text(run.get('why'))}" if run.get("why") else "")
        ends[how] = ends.get(how, 0) + 1
    logs = tuple(text(run.get("log")) for run in runs if run.get("log"))
    return Side(label, "; ".join(f"{count} of {len(runs)} boots {how}" for how, count in ends.items()),
                tuple(said[one] for one in sorted(said)), logs,
                text(_counts(runs).get("log")))
