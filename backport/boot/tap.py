"""Read the verdict lines of a reproducer (TAP, the Test Anything Protocol) out of a serial log.

The kernel writes to the same port. Its lines may stand anywhere between, and in the worst case one of them cuts
a line of ours in two ("not " + a kernel message + "ok 1"), which would read as the opposite. So a log counts
only where it accounts for itself: every number once, in order, the plan, and the totals that the library counted on
its own. Everything else is `complete=False`, whatever it seems to say.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

_RESULT = re.compile(r"^(?P<bad>not )?ok (?P<number>\d+)(?: - (?P<name>.*?))?(?P<skip>\s# SKIP\b.*)?$")
_PLAN = re.compile(r"^1\.\.(?P<last>\d+)(?P<skip>\s*# SKIP\b\s*(?P<why>.*))?$")
_TOTALS = re.compile(r"^# Totals: pass:(\d+) fail:(\d+) xfail:(\d+) xpass:(\d+) skip:(\d+) error:(\d+)$")
# What a kernel prints when it is not well. Matched anywhere in a line, because time stamps and levels precede it.
_COMPLAINT = re.compile(r"WARNING: CPU|WARNING: [a-z/_]+.*\bat\b|BUG: |kernel BUG at |Oops: |general protection fault"
                        r"|Kernel panic - not syncing|unable to handle|rcu: INFO|soft lockup|UBSAN: |refcount_t: ")
_STAMP = re.compile(r"^(?:<\d+>)?\[\s*\d+\.\d+\](?:\[[^\]]*\])?\s*")
CONTROL = "control: "


@dataclass(frozen=True, slots=True)
class Point:
    """One verdict line. `control` points must hold with and without the patch."""

    number: int
    ok: bool
    name: str
    skipped: bool = False

    @property
    def control(self) -> bool:
        return self.name.startswith(CONTROL)


@dataclass(frozen=True, slots=True)
class Transcript:
    """What one serial log says.

    `started`: the reproducer ran at all. `complete`: the points can be trusted (see above). `skip`: the reproducer's
    own reason why it cannot run here. `bail`: why it gave up. `panic`: the kernel's last words, and `complaints`
    every warning or oops line (time stamps cut), in order. `trouble` says why a transcript is not complete.
    """

    started: bool
    complete: bool
    points: tuple[Point, ...] = ()
    skip: str = ""
    bail: str = ""
    panic: str = ""
    complaints: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    trouble: str = ""


def parse(log: bytes) -> Transcript:
    """Read one serial log; never raises, whatever the bytes."""
    lines = [line.rstrip("\r") for line in log.decode("utf-8", "replace").split("\n")]
    started = False
    points: list[Point] = []
    plans: list[int] = []
    totals: list[tuple[int, int, int]] = []
    notes: list[str] = []
    complaints: list[str] = []
    skip = bail = panic = ""
    for line in lines:
        if _COMPLAINT.search(line):
            text = _STAMP.sub("", line)
            complaints.append(text)
            if "Kernel panic" in text and not panic:
                panic = text
        if line == "TAP version 13":
            started = True
        elif not started:
            continue                 # nothing that a boot message says can be a verdict
        elif match := _RESULT.match(line):
            points.append(Point(int(match["number"]), not match["bad"], (match["name"] or "").strip(),
                                bool(match["skip"])))
        elif match := _PLAN.match(line):
            plans.append(int(match["last"]))
            if match["skip"]:
                skip = match["why"].strip() or "no reason given"
        elif match := _TOTALS.match(line):
            passed, failed, _xfail, _xpass, skipped, errors = (int(part) for part in match.groups())
            totals.append((passed, failed + errors, skipped))
        elif line.startswith("Bail out!"):
            bail = line.removeprefix("Bail out!").strip() or "no reason given"
        elif line.startswith("# "):
            notes.append(line[2:])
    trouble = _trouble(points, plans, totals) if started else "the reproducer did not start"
    if skip and not points and plans == [0]:
        trouble = ""
    complete = started and not trouble and not bail and not panic
    return Transcript(started, complete, tuple(points), skip, bail, panic, tuple(complaints), tuple(notes), trouble)


def _trouble(points: list[Point], plans: list[int], totals: list[tuple[int, int, int]]) -> str:
    """Why these lines do not account for themselves, "" where they do."""
    if len(plans) != 1:
        return f"{len(plans)} plan lines (1..N), expected one"
    if len(totals) != 1:
        return f"{len(totals)} totals lines, expected one"
    if [point.number for point in points] != list(range(1, plans[0] + 1)):
        return f"the plan says 1..{plans[0]}, the lines are {', '.join(str(p.number) for p in points) or 'none'}"
    counted = (sum(p.ok and not p.skipped for p in points), sum(not p.ok for p in points),
               sum(p.skipped and p.ok for p in points))
    if counted != totals[0]:
        return f"the totals line says {totals[0]} (pass, fail, skip), the lines add up to {counted}"
    if not points:
        return "no verdict line"
    return ""
