"""From the transcripts of several boots, without and with the patch, to one word. Pure: no disk, no processes."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from backport.boot.tap import Transcript
from backport.verdict import Behaves

RUNS = 3                             # runs of each kernel that must all give the same answer


class BootEnd(StrEnum):
    """How one boot ended."""

    ANSWERED = "answered"            # every verdict line is there and adds up
    SKIPPED = "skipped"              # the reproducer says that it cannot run here
    CRASHED = "crashed"              # the kernel died after the reproducer had started
    HUNG = "hung"                    # the reproducer started and did not end within the limit
    NO_BOOT = "no boot"              # the reproducer never started
    LOST = "lost"                    # the log does not add up, the machine died, the reproducer gave up


# Endings that say nothing about the patch when they come alone: the boot is repeated, and counted as a flake.
FLAKY = frozenset({BootEnd.NO_BOOT, BootEnd.LOST})


@dataclass(frozen=True, slots=True)
class BootRun:
    """One boot: how it ended, what it said, where its log is (path below the log directory), seconds."""

    ended: BootEnd
    transcript: Transcript
    log: str = ""
    seconds: float = 0.0
    why: str = ""                    # one line for people where `ended` is not ANSWERED

    @property
    def answer(self) -> tuple[object, ...]:
        """What must be the same in every run: the verdicts, not the wording of notes or addresses in an oops."""
        points = tuple((p.number, p.ok, p.skipped, p.control) for p in self.transcript.points)
        return (self.ended, points if self.ended in (BootEnd.ANSWERED, BootEnd.CRASHED) else (),
                bool(self.transcript.complaints))

    @property
    def flaky(self) -> bool:
        return self.ended in FLAKY


def classify(transcript: Transcript, *, timed_out: bool, machine_error: str = "") -> tuple[BootEnd, str]:
    """How a boot ended, with the reason in one line."""
    if transcript.panic:
        cause = transcript.complaints[0] if transcript.complaints else transcript.panic
        return (BootEnd.CRASHED if transcript.started else BootEnd.NO_BOOT), cause
    if timed_out and not transcript.complete:
        if transcript.started:
            return BootEnd.HUNG, "the reproducer did not end within its limit"
        return BootEnd.NO_BOOT, "the kernel did not start the reproducer within the limit"
    if machine_error:
        return BootEnd.LOST, machine_error
    if transcript.skip and not transcript.points and not transcript.trouble:
        return BootEnd.SKIPPED, transcript.skip
    if transcript.complete:
        return BootEnd.ANSWERED, ""
    if not transcript.started:
        return BootEnd.NO_BOOT, "the kernel ended without starting the reproducer"
    return BootEnd.LOST, transcript.bail or transcript.trouble


@dataclass(frozen=True, slots=True)
class Side:
    """All boots of one kernel, flakes among them."""

    runs: tuple[BootRun, ...]

    @property
    def counted(self) -> tuple[BootRun, ...]:
        """The runs that make the answer: those that are no flakes, or all where every one is."""
        return tuple(run for run in self.runs if not run.flaky) or self.runs

    @property
    def flakes(self) -> int:
        return len(self.runs) - len(self.counted)

    @property
    def answers(self) -> Counter[tuple[object, ...]]:
        return Counter(run.answer for run in self.counted)

    @property
    def settled(self) -> bool:
        """The same answer in RUNS of RUNS."""
        return len(self.counted) >= RUNS and len(self.answers) == 1

    @property
    def one(self) -> BootRun:
        return self.counted[0]

    @property
    def sentence(self) -> str:
        """`2 of 3 checks hold, 3 of 3 runs agree` for people."""
        best = max(self.answers.values())
        agree = f"{best} of {len(self.counted)} runs agree"
        flakes = f", {self.flakes} repeated ({_first(self.runs)})" if self.flakes else ""
        points = self.one.transcript.points
        if self.one.ended is BootEnd.ANSWERED:
            return f"{sum(p.ok for p in points)} of {len(points)} checks hold, {agree}{flakes}"
        return f"{self.one.ended}: {self.one.why}; {agree}{flakes}"


def _first(runs: Sequence[BootRun]) -> str:
    return next((f"{run.ended}: {run.why}" for run in runs if run.flaky), "")


def judge(before: Side, after: Side) -> tuple[Behaves, str]:
    """The verdict of a reproducer and its reason in one line. Anything unclear is `error`, never `proved`."""
    old = before.one
    if old.ended is BootEnd.HUNG:
        return Behaves.ERROR, f"without the patch {old.why}"
    if not before.settled:
        return Behaves.ERROR, f"without the patch: no clear answer ({before.sentence})"
    if old.ended is BootEnd.SKIPPED:
        return Behaves.NOT_TESTABLE, old.why
    if old.ended is BootEnd.NO_BOOT:
        return Behaves.ERROR, f"the kernel does not boot without the patch either: {old.why}"
    if old.ended is BootEnd.LOST:
        return Behaves.ERROR, f"without the patch: {old.why}"
    if old.ended is BootEnd.ANSWERED and after.settled and after.one.ended is BootEnd.CRASHED:
        # whatever the reproducer is worth: the kernel lives without the patch and not with it
        return Behaves.BROKE, f"the kernel dies with the patch: {after.one.why}"
    broken_control = next((p for p in old.transcript.points if p.control and not p.ok), None)
    if broken_control is not None:
        return Behaves.ERROR, f"a control fails without the patch: {broken_control.name.removeprefix('control: ')}"
    if not after.settled:
        return Behaves.ERROR, f"with the patch: no clear answer ({after.sentence})"
    new = after.one
    if new.ended is BootEnd.NO_BOOT:
        return Behaves.BROKE, f"the kernel no longer boots: {new.why}"
    if new.ended is BootEnd.LOST:
        return Behaves.ERROR, f"with the patch: {new.why}"
    if new.ended is BootEnd.HUNG:
        return Behaves.BROKE, f"with the patch {new.why}; without the patch it does end"
    if new.ended is BootEnd.SKIPPED:
        return Behaves.BROKE, f"with the patch the reproducer cannot run any more: {new.why}"
    return _compare(old, new)


def _compare(old: BootRun, new: BootRun) -> tuple[Behaves, str]:
    was_bad = [p for p in old.transcript.points if not p.ok]
    crashed_before = old.ended is BootEnd.CRASHED
    shown = bool(was_bad) or crashed_before
    if new.ended is BootEnd.CRASHED:
        if crashed_before:
            return Behaves.NO_EFFECT, f"the kernel dies with the patch as well: {new.why}"
        return Behaves.BROKE, f"the kernel dies with the patch: {new.why}"
    fine_before = {p.number for p in old.transcript.points if p.ok}
    newly_bad = next((p for p in new.transcript.points if not p.ok
                      and (p.number in fine_before or p.control)), None)
    if newly_bad is not None:
        return Behaves.BROKE, f"holds without the patch and not with it: {newly_bad.name}"
    if not crashed_before and len(old.transcript.points) != len(new.transcript.points):
        return Behaves.ERROR, (f"{len(old.transcript.points)} checks without the patch and "
                               f"{len(new.transcript.points)} with it: the two cannot be compared")
    if new.transcript.complaints and not old.transcript.complaints:
        return Behaves.BROKE, f"the kernel complains only with the patch: {new.transcript.complaints[0]}"
    left_out = next((p for p in new.transcript.points if p.skipped and p.number not in
                     {q.number for q in old.transcript.points if q.skipped}), None)
    if left_out is not None:
        return Behaves.ERROR, f"with the patch this check is skipped, which shows nothing: {left_out.name}"
    still_bad = [p for p in new.transcript.points if not p.ok]
    if not shown:
        return Behaves.NOT_SHOWN, "every check holds without the patch"
    if still_bad:
        gone = len(was_bad) - len(still_bad)
        part = f"{gone} of {len(was_bad)} checks fixed, but " if gone > 0 else ""
        return Behaves.NO_EFFECT, f"{part}with the patch as well: {still_bad[0].name}"
    bug = f"the kernel dies: {old.why}" if crashed_before else f"this fails: {was_bad[0].name}"
    return Behaves.PROVED, f"without the patch {bug}; with it all {len(new.transcript.points)} checks hold"


def judge_smoke(before: Side, after: Side) -> tuple[Behaves, str]:
    """The verdict of a patch without a reproducer: `broke`, or `not asked` with what the boot showed."""
    verdict, reason = judge(before, after)
    if verdict is Behaves.NOT_SHOWN:
        return Behaves.NOT_ASKED, "no reproducer; the patched kernel boots, loads KVM and runs the tiny guest as before"
    if verdict in (Behaves.PROVED, Behaves.NO_EFFECT):
        return Behaves.ERROR, f"the smoke test fails without the patch: {before.sentence}"
    return verdict, reason
