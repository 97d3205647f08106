"""What stays of booting a patch: one verdict, and of every boot how it ended and which checks held."""

from __future__ import annotations

from dataclasses import dataclass, field

from backport.boot.outcome import FLAKY, BootEnd
from backport.verdict import Behaves


@dataclass(frozen=True, slots=True)
class ReproducerCheck:
    """One check of a reproducer, numbered from 1."""

    number: int
    ok: bool
    name: str = ""


@dataclass(frozen=True, slots=True)
class Boot:
    """One boot of one kernel; `log` is a name below Booted.directory, `why` one line where it did not answer."""

    ended: BootEnd
    why: str = ""
    seconds: float = 0.0
    log: str = ""
    points: tuple[ReproducerCheck, ...] = ()
    complaints: tuple[str, ...] = ()         # warnings and oopses of the kernel

    @property
    def flaky(self) -> bool:
        """It ended before or outside the reproducer."""
        return self.ended in FLAKY


@dataclass(frozen=True, slots=True)
class BootSide:
    """The boots of one kernel, flakes among them; the first that is no flake counts."""

    label: str
    boots: tuple[Boot, ...]

    @property
    def counted(self) -> Boot | None:
        return next((boot for boot in self.boots if not boot.flaky), self.boots[0] if self.boots else None)

    @property
    def checks(self) -> dict[int, ReproducerCheck]:
        """By number, in order."""
        counted = self.counted
        return {check.number: check for check in sorted(counted.points, key=lambda one: one.number)} if counted else {}

    @property
    def logs(self) -> tuple[str, ...]:
        return tuple(boot.log for boot in self.boots if boot.log)

    @property
    def first(self) -> str:
        """The log of the boot that counts, "" where there is none."""
        return self.counted.log if self.counted else ""

    @property
    def sentence(self) -> str:
        """`1 of 4 boots no boot: the kernel did not start; 3 of 4 boots answered`."""
        ends: dict[str, int] = {}
        for boot in self.boots:
            how = f"{boot.ended}: {boot.why}" if boot.why else str(boot.ended)
            ends[how] = ends.get(how, 0) + 1
        return "; ".join(f"{count} of {len(self.boots)} boots {how}" for how, count in ends.items())


@dataclass(frozen=True, slots=True)
class Booted:
    """The verdict of booting a tree without and with a patch; `smoke`: there was no reproducer."""

    verdict: Behaves
    reason: str = ""
    legend: str = ""
    smoke: bool = False
    before: tuple[Boot, ...] = ()
    after: tuple[Boot, ...] = ()
    flakes: int = 0
    logs: tuple[str, ...] = ()               # names below `directory`
    notes: tuple[str, ...] = ()
    machine: str = ""
    images: dict[str, str] = field(default_factory=dict)         # "before", "after": SHA-256 of the kernel images
    seconds: dict[str, float] = field(default_factory=dict)      # "build", "boot"
    directory: str = ""

    @property
    def sides(self) -> tuple[BootSide, ...]:
        """The kernels that were booted, the one without the patch first."""
        both = (BootSide("without the patch", self.before), BootSide("with the patch", self.after))
        return tuple(side for side in both if side.boots)

    @property
    def checks(self) -> tuple[tuple[int, ReproducerCheck | None, ReproducerCheck | None], ...]:
        """(number, without, with); None where the kernel never got there."""
        before, after = BootSide("", self.before).checks, BootSide("", self.after).checks
        return tuple((number, before.get(number), after.get(number)) for number in sorted({*before, *after}))

    @property
    def build_log(self) -> str:
        """The log of the kernel's build, "" where there is none."""
        return "kernel.log" if "kernel.log" in self.logs else ""
