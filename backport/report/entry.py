"""Everything about one cell for the page of its patch, and the files that go with it: mail, build log, serial logs."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from typing import Any

from backport.adapt.records import HunkStory
from backport.boot.record import Booted
from backport.cell import Cell
from backport.report.matrix import column, duration, said, words
from backport.report.proof import built_with, circumstances, code_changes, code_effect, uncompiled, unproved
from backport.report.sidebyside import rows
from backport.results.run import Mark
from backport.verdict import Apply, Behaves, Sure

LOG_TAIL = 60                        # lines of a log shown on the page
_LOG_READ = 256 * 1024               # bytes from the end of a log that are looked at for them


@dataclass(frozen=True, slots=True)
class Segment:
    """Neighbouring nights with the same verdict."""

    label: str
    tone: str
    count: int
    span: str


def entry(cell: Cell, directory: Path, name: str, marks: Sequence[Mark]) -> dict[str, Any]:
    """What patch.html.j2 shows of `cell`; its files are copied below `directory`, named after `name`."""
    tail, log = _log(Path(cell.log) if cell.log else None, directory, name)
    facts = [("Base", f"{cell.base_version} {cell.base_commit}".strip()), ("Patch", f"sha256 {cell.patch_sha256}"
             if cell.patch_sha256 else ""), *built_with(cell),
             *(fact for fact in circumstances(cell) if fact[0] != "Booted"),
             ("Took", duration(cell.seconds) if cell.seconds >= 0.1 else "")]
    boot = cell.booted
    return {
        "said": [one for one in said(cell) if boot is None or not one.startswith("behaviour: ")],
        "hunks": [_hunk(hunk, told=said(cell)) for hunk in cell.hunks], "evidence": list(cell.evidence),
        "functions": code_changes(cell), "effect": code_effect(cell), "diagnostics": cell.diagnostics,
        "uncompiled": uncompiled(cell), "unproved": list(unproved(cell)),
        "facts": [(label, value) for label, value in facts if value], "tail": tail,
        "log": log, "mail": _mail(cell, directory, name), "segments": segments(marks),
        "boot": _boot(boot, directory, name) if boot is not None else None,
    }


def _mail(cell: Cell, directory: Path, name: str) -> str:
    if not cell.adapted:
        return ""
    (directory / "mails" / f"{name}.patch").write_bytes(cell.adapted)
    return f"mails/{name}.patch"


def _log(source: Path | None, directory: Path, name: str) -> tuple[str, str]:
    """(the last lines of a log, the copy of all of it); "" where there is none (any more)."""
    if source is None or not source.is_file():
        return "", ""
    shutil.copyfile(source, directory / "logs" / f"{name}.txt")
    with source.open("rb") as file:
        file.seek(max(source.stat().st_size - _LOG_READ, 0))
        lines = file.read().decode("utf-8", "backslashreplace").splitlines()
    return "\n".join(lines[-LOG_TAIL:]), f"logs/{name}.txt"


def _from_the_start(tail: str) -> str:
    """The end of a serial log from where the reproducer began; what the kernel said before is in the whole log."""
    rows = tail.split("\n")
    began = next((number for number, row in enumerate(rows) if row.startswith("TAP version")), len(rows))
    return "\n".join(rows[max(min(began - 2, len(rows) - 20), 0):])


def _boot(boot: Booted, directory: Path, name: str) -> dict[str, Any]:
    """The checks beside each other, and of each kernel the end of one serial log with links to all of them."""
    place = Path(boot.directory) if boot.directory else None

    def copied(log: str) -> tuple[str, str]:
        plain = Path(log).name       # what stands in a record is no path to follow out of the directory
        return _log(place / plain if place else None, directory, f"{name}--{Path(plain).stem}")

    sides = []
    for side in boot.sides:
        copies = {log: copied(log) for log in side.logs}
        links = [(log, copy) for log, (_tail, copy) in copies.items() if copy]
        sides.append({"label": side.label, "sentence": side.sentence, "links": links,
                      "tail": _from_the_start(copies.get(side.first, ("", ""))[0])})
    # without a boot the build of the kernel is what failed
    failed = copied(boot.build_log)[1] if boot.build_log and not boot.sides else ""
    return {"verdict": boot.verdict, "reason": boot.reason, "machine": boot.machine, "smoke": boot.smoke,
            "checks": boot.checks, "notes": boot.notes, "sides": sides, "build_log": failed,
            "tone": _TONES.get(boot.verdict, "quiet")}


_TONES = {Behaves.PROVED: "good", Behaves.NO_EFFECT: "bad", Behaves.NOT_SHOWN: "bad", Behaves.BROKE: "bad",
          Behaves.ERROR: "infra"}


# why upstream's hunk stands alone
_WHY = {"already": "in this tree already", "dropped": "left out",
        "subject not in this tree": "its subject is not in this tree"}


def _hunk(hunk: HunkStory, *, told: Sequence[str]) -> dict[str, Any]:
    """What the page shows of a hunk; notes that stand above it already (`told`) are not repeated."""
    upstream, adapted = hunk.upstream, hunk.adapted
    made = rows(upstream, adapted) if upstream and adapted else []
    return {
        "path": hunk.landed_path or hunk.path, "from": hunk.path, "function": hunk.function,
        "upstream_function": hunk.upstream_function, "line": hunk.line, "strategies": list(hunk.strategies),
        "sure": str(hunk.sure), "notes": [note for note in hunk.notes if note not in told],
        "dropped": hunk.dropped, "rows": made,
        "alike": bool(made) and not any(row.differs for row in made[1:]),
        "only": rows(upstream or adapted, upstream or adapted) if not made else [],
        "upstream": upstream, "adapted": adapted, "why": _WHY.get(hunk.state, "not placed here"),
    }


def plain_words(cell: Cell) -> list[str]:
    """The words of a cell without `cached`, which tells a reader of a page nothing."""
    return [word for word in words(cell) if word != "cached"]


def tone(cell: Cell) -> str:
    """The class that colours a verdict; the words say it, the colour only helps to find it."""
    place = column(cell)
    if place != "ok":
        return {"other": "none" if cell.apply is Apply.NO_TREE else "infra", "warn": "warn"}.get(place, "bad")
    if cell.apply in (Apply.ALREADY, Apply.ABSENT):
        return "quiet"
    if cell.sure is Sure.REVIEW:
        return "review"
    return "adapted" if cell.apply in (Apply.REWRITTEN, Apply.MERGED, Apply.RESOLVED) else "good"


def segments(marks: Sequence[Mark]) -> list[Segment]:
    """The history of a place as runs of the same verdict, oldest first."""
    made = []
    for _verdict, group in groupby(marks, key=lambda mark: (mark.apply, mark.build, mark.sure, mark.behaviour)):
        same = list(group)
        booted = Booted(same[0].behaviour) if same[0].behaviour is not None else None
        cell = Cell("", "", same[0].apply, same[0].build, same[0].sure, booted=booted)
        versions = list(dict.fromkeys(mark.version for mark in same if mark.version))
        span = versions[0] if len(versions) == 1 else f"{versions[0]} to {versions[-1]}" if versions else ""
        made.append(Segment(", ".join(words(cell)), tone(cell), len(same), span))
    return made
