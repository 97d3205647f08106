"""Read the verdict lines of a reproducer (TAP, the Test Anything Protocol) out of a serial log.

The kernel writes to the same port. Its lines may stand anywhere between, and in the worst case one of them cuts
a line of ours in two ("not " + a kernel message + "ok 1"), which would read as the opposite. So a log counts
only where it accounts for itself: every number once, in order, the plan, and the totals that the library counted on
its own. Everything else is `complete=False`, whatever it seems to say.

The log is a stranger's: a guest prints what it likes, up to the limit of machine.py. What is kept of it is bounded, and
the time to read it grows with its length. A kernel that prints a whole transcript by itself is believed: whoever may
change the kernel may change every answer that a reproducer gets from it.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

_RESULT = re.compile(r"^(?P<bad>not )?ok (?P<number>[0-9]+)(?: - (?P<name>.*?))?(?P<skip>\s# SKIP\b.*)?$")
_PLAN = re.compile(r"^1\.\.(?P<last>[0-9]+)(?P<skip>\s*# SKIP\b\s*(?P<why>.*))?$")
_TOTALS = re.compile(r"^# Totals: pass:([0-9]+) fail:([0-9]+) xfail:([0-9]+) xpass:([0-9]+) skip:([0-9]+) "
                     r"error:([0-9]+)$")
# What a kernel prints when it is not well. Matched anywhere in a line, because time stamps and levels precede it.
_COMPLAINT = re.compile(r"WARNING: CPU|BUG: |kernel BUG at |Oops: |general protection fault"
                        r"|Kernel panic - not syncing|unable to handle|rcu: INFO|soft lockup|UBSAN: |refcount_t: ")
_WARNING = re.compile(r"WARNING: [a-z/_]")           # with a place: WARNING: suspicious RCU usage at ...
_PLACE = re.compile(r"\bat\b")
_LINES = 200_000         # a kernel that says everything prints some thousands
_LONGEST = 4096          # bytes of a line; printk's end at 1,024
_WORDS = 500             # characters that are kept of one
_KEPT = 100              # complaints, notes
_POINTS = 1000
_DIGITS = 6
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
    rows = log.split(b"\n", _LINES)
    odd = f"it has more than {_LINES} lines" if len(rows) > _LINES else ""
    started = False
    points: list[Point] = []
    plans: list[int] = []
    totals: list[tuple[int, int, int]] = []
    notes: list[str] = []
    complaints: list[str] = []
    skip = bail = panic = ""
    for row in rows[:_LINES]:
        line = row.decode("utf-8", "replace").rstrip("\r")
        at = _complains(line)
        if at >= 0 and (len(complaints) < _KEPT or not panic):
            # behind a line that somebody else did not end, what is kept begins with the complaint
            text = (_STAMP.sub("", line) if at < _WORDS // 2 else line[at:])[:_WORDS]
            if len(complaints) < _KEPT:
                complaints.append(text)
            if "Kernel panic" in text and not panic:
                panic = text
        if line == "TAP version 13":
            started = True
        elif not started or len(row) > _LONGEST:
            continue                 # nothing that a boot message says can be a verdict
        elif match := _RESULT.match(line):
            odd = odd or _too_much(match["number"], points, "verdict")
            if not odd:
                points.append(Point(int(match["number"]), not match["bad"], (match["name"] or "").strip()[:_WORDS],
                                    bool(match["skip"])))
        elif match := _PLAN.match(line):
            odd = odd or _too_much(match["last"], plans, "plan")
            if not odd:
                plans.append(int(match["last"]))
            if match["skip"]:
                skip = match["why"].strip()[:_WORDS] or "no reason given"
        elif match := _TOTALS.match(line):
            odd = odd or _too_much(max(match.groups(), key=len), totals, "totals")
            if not odd:
                passed, failed, _xfail, _xpass, skipped, errors = (int(part) for part in match.groups())
                totals.append((passed, failed + errors, skipped))
        elif line.startswith("Bail out!"):
            bail = line.removeprefix("Bail out!").strip()[:_WORDS] or "no reason given"
        elif line.startswith("# ") and len(notes) < _KEPT:
            notes.append(line[2:])
    trouble = odd or _trouble(points, plans, totals) if started else "the reproducer did not start"
    if skip and not points and plans == [0] and not odd:
        trouble = ""
    complete = started and not trouble and not bail and not panic
    return Transcript(started, complete, tuple(points), skip, bail, panic, tuple(complaints), tuple(notes), trouble)


def _complains(line: str) -> int:
    """Where a complaint begins, -1 for none."""
    if match := _COMPLAINT.search(line):
        return match.start()
    warned = _WARNING.search(line)
    return warned.start() if warned is not None and _PLACE.search(line, warned.end()) else -1


def _too_much(number: str, known: Sequence[object], what: str) -> str:
    """Why a line is none of a reproducer's, "" where it may be: 1..4000000000 would be counted through."""
    if len(number) > _DIGITS:
        return f"a {what} line has a number of {len(number)} digits"
    return f"there are more than {_POINTS} {what} lines" if len(known) >= _POINTS else ""


def _trouble(points: list[Point], plans: list[int], totals: list[tuple[int, int, int]]) -> str:
    """Why these lines do not account for themselves, "" where they do."""
    if len(plans) != 1:
        return f"{len(plans)} plan lines (1..N), expected one"
    if len(totals) != 1:
        return f"{len(totals)} totals lines, expected one"
    if len(points) != plans[0] or any(point.number != number for number, point in enumerate(points, 1)):
        shown = ", ".join(str(p.number) for p in points[:20]) + (", ..." if len(points) > 20 else "")
        return f"the plan says 1..{plans[0]}, the lines are {shown or 'none'}"
    counted = (sum(p.ok and not p.skipped for p in points), sum(not p.ok for p in points),
               sum(p.skipped and p.ok for p in points))
    if counted != totals[0]:
        return f"the totals line says {totals[0]} (pass, fail, skip), the lines add up to {counted}"
    if not points:
        return "no verdict line"
    return ""
