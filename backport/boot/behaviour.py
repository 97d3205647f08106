"""Boot a tree's kernel without and with a patch, run the reproducer in both, and say what changed."""

from __future__ import annotations

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from pathlib import Path

from backport.boot import initrd, machine, program, scope, tap
from backport.boot.kernel import BootKernel, Images, KernelFailed, limits
from backport.boot.machine import Machine
from backport.boot.outcome import RUNS, BootEnd, BootRun, Side, classify, judge, judge_smoke
from backport.boot.program import NoStaticLibrary
from backport.boot.record import Boot, Booted, ReproducerCheck
from backport.boot.selftest import NoSelftest
from backport.errors import BuildError, InfraError
from backport.kbuild.sandbox import Limits, Sandbox, choose, had_sandbox, lowered
from backport.manifest import Tree
from backport.patch.model import Patch
from backport.temporary import temporary_directory
from backport.trees.store import Head, Store
from backport.verdict import Behaves
from backport.wholefile import write_whole

SPARE = 3                            # boots of each kernel that may be repeated because they were flakes


@dataclass(frozen=True, slots=True)
class Behaviour:
    """The verdict of booting, with its proof.

    `logs` are names below the directory that was given to prove(). `smoke` says that there was no reproducer and
    the tiny guest ran instead. `seconds` has "build" and "boot".
    """

    verdict: Behaves
    reason: str
    before: Side | None = None
    after: Side | None = None
    logs: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    smoke: bool = False
    machine: str = ""                # accelerator and CPU model
    images: tuple[str, str] = ("", "")    # SHA-256 of the two kernel images
    seconds: dict[str, float] = field(default_factory=dict)

    @property
    def runs(self) -> tuple[BootRun, ...]:
        """Every boot, flakes among them, those without the patch first."""
        return (self.before.runs if self.before else ()) + (self.after.runs if self.after else ())

    @property
    def flakes(self) -> int:
        return (self.before.flakes if self.before else 0) + (self.after.flakes if self.after else 0)

    def record(self, directory: str = "") -> Booted:
        """What is kept; `directory` is where the logs are."""
        return Booted(
            self.verdict, self.reason, self.verdict.legend, self.smoke,
            tuple(map(_boot, self.before.runs)) if self.before else (),
            tuple(map(_boot, self.after.runs)) if self.after else (),
            self.flakes, self.logs, self.notes, self.machine, {"before": self.images[0], "after": self.images[1]},
            {name: round(value, 2) for name, value in self.seconds.items()}, directory)


def _boot(run: BootRun) -> Boot:
    return Boot(run.ended, run.why, round(run.seconds, 2), run.log,
                tuple(ReproducerCheck(point.number, point.ok, point.name) for point in run.transcript.points),
                run.transcript.complaints)


def prove(tree: Tree, head: Head, patch: Patch, repro: Path | None, *, store: Store, cache: Path, logs: Path,
          computer: Machine | None = None, sandbox: Sandbox | None = None, jobs: int = 2,
          require_sandbox: bool = False, beside: Path | None = None,
          progress: Callable[[str], None] = lambda _: None) -> Behaviour:
    """Prove `patch` (as this very commit takes it) on `tree`.

    `repro` is a reproducer's directory, None for the smoke test; `beside` the manifest's directory, from which
    build-fix patches are named; `sandbox` None is the one that a build would have. Build and serial logs go below
    `logs`. Never raises for what a kernel, a reproducer or a missing tool does; UserError where the reproducer's
    directory is wrong.
    """
    started = time.monotonic()
    computer = computer or Machine()
    chosen = program.load(repro) if repro is not None else program.smoke()
    computer = replace(computer, cpu=chosen.cpu or computer.cpu, memory=chosen.memory or computer.memory,
                       limit=chosen.limit or computer.limit)
    base = Behaviour(Behaves.ERROR, "", smoke=repro is None, machine=f"{computer.accel} {computer.cpu}")
    why = machine.missing(computer) or scope.untestable(patch.paths, chosen.needs if repro else None, computer.accel)
    if why:
        return replace(base, verdict=Behaves.NOT_TESTABLE, reason=why)
    if low := lowered(Limits.of_user()):
        return replace(base, reason=f"not booted: the limits of the calling shell are too low for it: {low}")
    try:
        place = sandbox if sandbox is not None else choose(require=require_sandbox, seen=had_sandbox(cache))
        _clear(logs)
    except (BuildError, OSError) as error:
        return replace(base, reason=f"not booted: {error}")
    with temporary_directory("boot") as scratch:
        try:
            progress("compile the reproducer")
            init = program.compile_static(chosen, Path(scratch) / "program", place)
            progress("build the kernels")
            kernel = BootKernel(tree, head, store, cache, place, limits(), jobs, beside)
            images = kernel.images(patch, Path(scratch) / "images", logs / "kernel.log", test=chosen.selftest)
        except (NoStaticLibrary, NoSelftest) as error:
            return replace(base, verdict=Behaves.NOT_TESTABLE, reason=error.message,
                           logs=_present(logs, "kernel.log"))
        except KernelFailed as error:
            broke = error.compiler and error.patched
            return replace(base, verdict=Behaves.BROKE if broke else Behaves.ERROR,
                           reason=f"{'with' if error.patched else 'without'} the patch: {error.message}",
                           logs=("kernel.log",))
        except (BuildError, InfraError) as error:
            return replace(base, reason=error.message, logs=_present(logs, "kernel.log"))
        except OSError as error:                 # disk full, cache not writable: nothing about the patch
            return replace(base, reason=f"{error.filename or 'the kernels could not be built'}: {error.strerror}",
                           logs=_present(logs, "kernel.log"))
        built = time.monotonic()
        base = replace(base, images=(images.before_sha256, images.after_sha256), notes=_notes(images),
                       logs=_present(logs, "kernel.log"), seconds={"build": built - started})
        if images.same:
            return replace(base, verdict=Behaves.NOT_TESTABLE, reason="the boot kernel is the same with the patch: "
                           "nothing that it changes is in this kernel's configuration")
        boots = _Boots(computer, place, init, images, Path(scratch) / "images", logs, jobs)
        progress("boot without the patch")
        before = boots.side("before", images.before)
        progress("boot with the patch")
        after = boots.side("after", images.after) if before.settled else Side(())
    verdict, reason = _verdict(before, after, smoke=repro is None)
    return replace(base, verdict=verdict, reason=reason, before=before, after=after if after.runs else None,
                   logs=base.logs + tuple(run.log for run in (*before.runs, *after.runs)),
                   seconds={**base.seconds, "boot": time.monotonic() - built})


def _verdict(before: Side, after: Side, *, smoke: bool) -> tuple[Behaves, str]:
    verdict, reason = (judge_smoke if smoke else judge)(before, after)
    flakes = before.flakes + after.flakes
    if flakes:
        reason += f" ({flakes} boot{'s' if flakes > 1 else ''} repeated)"
    return verdict, reason


def _notes(images: Images) -> tuple[str, ...]:
    if not images.not_compiled:
        return ()
    return ("not in the boot kernel: " + ", ".join(images.not_compiled),)


def _clear(logs: Path) -> None:
    """A run that ends early must not lie beside the logs of another patch, as if they were its own."""
    logs.mkdir(parents=True, exist_ok=True)
    for old in (*logs.glob("before-*.log"), *logs.glob("after-*.log"), logs / "kernel.log"):
        old.unlink(missing_ok=True)


def _present(directory: Path, *names: str) -> tuple[str, ...]:
    return tuple(name for name in names if (directory / name).is_file())


@dataclass
class _Boots:
    """Boots one program on two kernels, as often as a verdict needs."""

    computer: Machine
    sandbox: Sandbox
    init: bytes
    images: Images
    scratch: Path
    logs: Path
    jobs: int

    def side(self, name: str, image: Path) -> Side:
        """RUNS answers of one kernel, flakes repeated up to SPARE times."""
        archive = self.scratch / "initrd"
        if not archive.is_file():
            test = self.images.selftest
            extra = [initrd.program("test", test.read_bytes())] if test is not None else []
            archive.write_bytes(initrd.initrd(self.init, *extra))
        runs = [self._once(name, 1, image, archive)]
        # A reproducer that does not end without the patch is an error whatever other runs say: no need to wait for
        # the limit again.
        if name == "before" and runs[0].ended is BootEnd.HUNG:
            return Side(tuple(runs))
        while (len(runs) < RUNS + SPARE
               and (wanted := RUNS - sum(not run.flaky for run in runs)) > 0
               and not (len(runs) >= RUNS and all(run.flaky for run in runs))):
            first = len(runs) + 1
            count = min(wanted, RUNS + SPARE - len(runs))
            with ThreadPoolExecutor(max_workers=max(1, min(self.jobs, count))) as pool:
                runs += pool.map(lambda number: self._once(name, number, image, archive),
                                 range(first, first + count))
        return Side(tuple(runs))

    def _once(self, name: str, number: int, image: Path, archive: Path) -> BootRun:
        booted = machine.boot(self.computer, image, archive, self.sandbox)
        log = f"{name}-{number}.log"
        write_whole(self.logs / log, booted.log)
        transcript = tap.parse(booted.log)
        ended, why = classify(transcript, timed_out=booted.timed_out, machine_error=booted.error)
        return BootRun(ended, transcript, log, booted.seconds, why)
