"""Everything about one cell for the page of its patch, and the files that go with it: mail, build log, serial logs."""

from __future__ import annotations

from collections.abc import Callable, Sequence
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
from backport.results.run import SHOWN, Mark
from backport.verdict import Apply, Behaves, Build, Sure

Put = Callable[[str, bytes], None]   # name below the site, content

LOG_TAIL = 60                        # lines of a log shown on the page
_LOG_READ = 256 * 1024               # bytes from the end of a log that are looked at for them


@dataclass(frozen=True, slots=True)
class Segment:
    """Neighbouring nights with the same verdict."""

    label: str
    tone: str
    count: int
    span: str
    first: int = 0                   # run with which it begins
    cut: bool = False                # it may have begun before what is shown

    def lasted(self, last: bool, what: str) -> str:
        """How long, in `what` (nights, runs). Of the `last` one its beginning, which is the same tomorrow: a page of
        which nothing else changed stays the file that it is."""
        if last and self.count > 1:
            return f"{what} before {self.first} too" if self.cut else f"since {what.removesuffix('s')} {self.first}"
        return f"{self.count} {what}" if self.count > 1 else ""

    @property
    def width(self) -> int:
        """1 to 12 for the style; in steps, for the same reason."""
        return next(step for step in (12, 8, 4, 2, 1) if self.count >= step)


def entry(cell: Cell, put: Put, name: str, marks: Sequence[Mark], what: str) -> dict[str, Any]:
    """What patch.html.j2 shows of `cell`; its files are handed to `put`, named after `name`. `what` is what
    is counted in its history: nights, runs."""
    tail, log = _log(Path(cell.log) if cell.log else None, put, name)
    past = segments(marks)
    same = past[0].lasted(True, what) if len(past) == 1 else ""
    facts = [("Base", f"{cell.base_version} {cell.base_commit}".strip()), *built_with(cell),
             *(fact for fact in circumstances(cell) if fact[0] != "Booted"),
             ("The same", f"{past[0].span}, {same}".removeprefix(", ") if same else ""),
             ("Took", duration(cell.seconds) if cell.seconds >= 0.1 else "")]
    boot = cell.booted
    return {
        "said": [one for one in said(cell) if boot is None or not one.startswith("behaviour: ")],
        "hunks": [_hunk(hunk, told=said(cell)) for hunk in cell.hunks], "evidence": list(cell.evidence),
        "marked": cell.marked,
        "functions": code_changes(cell), "effect": code_effect(cell), "diagnostics": cell.diagnostics,
        "uncompiled": uncompiled(cell), "unproved": list(unproved(cell)),
        "facts": [(label, value) for label, value in facts if value],
        "tail": tail if cell.build is not Build.PASS else "",       # where all is well its end says nothing
        "log": log, "mail": _mail(cell, put, name), "segments": past if len(past) > 1 else [],
        "boot": _boot(boot, put, name) if boot is not None else None,
    }


def _mail(cell: Cell, put: Put, name: str) -> str:
    if not cell.adapted:
        return ""
    put(f"mails/{name}.patch", cell.adapted)
    return f"mails/{name}.patch"


def _log(source: Path | None, put: Put, name: str) -> tuple[str, str]:
    """(the last lines of a log, the copy of all of it); "" where there is none (any more)."""
    if source is None or not source.is_file():
        return "", ""
    data = source.read_bytes()
    put(f"logs/{name}.txt", data)
    lines = data[-_LOG_READ:].decode("utf-8", "backslashreplace").splitlines()
    return "\n".join(lines[-LOG_TAIL:]), f"logs/{name}.txt"


def _from_the_start(tail: str) -> str:
    """The end of a serial log from where the reproducer began; what the kernel said before is in the whole log."""
    rows = tail.split("\n")
    began = next((number for number, row in enumerate(rows) if row.startswith("TAP version")), len(rows))
    return "\n".join(rows[max(min(began - 2, len(rows) - 20), 0):])


def _boot(boot: Booted, put: Put, name: str) -> dict[str, Any]:
    """The checks beside each other, and of each kernel the end of one serial log with links to all of them."""
    place = Path(boot.directory) if boot.directory else None

    def copied(log: str) -> tuple[str, str]:
        plain = Path(log).name       # what stands in a record is no path to follow out of the directory
        return _log(place / plain if place else None, put, f"{name}--{Path(plain).stem}")

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
        "subject not in this tree": "the code that it changes is not in this tree"}


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
    made: list[Segment] = []
    for _verdict, group in groupby(marks, key=lambda mark: (mark.apply, mark.build, mark.sure, mark.behaviour)):
        same = list(group)
        booted = Booted(same[0].behaviour) if same[0].behaviour is not None else None
        cell = Cell("", "", same[0].apply, same[0].build, same[0].sure, booted=booted)
        versions = list(dict.fromkeys(mark.version for mark in same if mark.version))
        span = versions[0] if len(versions) == 1 else f"{versions[0]} to {versions[-1]}" if versions else ""
        made.append(Segment(", ".join(words(cell)), tone(cell), len(same), span, same[0].run,
                            not made and len(marks) >= SHOWN))
    return made
