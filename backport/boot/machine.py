"""One emulated machine: QEMU's command line, its time limit, its serial log.

TCG emulates AMD's SVM well enough for kvm_amd and a nested guest, on any host. It has no VMX.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from backport.architecture import X86_64
from backport.kbuild.make import Runner
from backport.kbuild.sandbox import Limits, Sandbox

PROGRAM = X86_64.emulator
# tsc_early_khz: the calibration of the time-stamp counter fails at times under emulation, and such boots hang.
# tsc=reliable: on a busy host the watchdog finds the counter unstable and switches clocks in the middle of a test.
# reboot=t: without ACPI a power-off only halts; a triple fault together with -no-reboot ends QEMU.
# panic=-1, oops=panic: a kernel that dies says so and ends, instead of waiting for the limit.
COMMAND_LINE = "console=ttyS0 panic=-1 oops=panic reboot=t tsc_early_khz=2600000 tsc=reliable"
# A guest that prints for ever must not fill the disk; 8 GiB of address space hold 512 MiB and QEMU's code buffers.
LIMITS = Limits(memory=4 << 30, processes=64, file_size=64 << 20, output=8 << 20, seconds=60.0)


@dataclass(frozen=True, slots=True)
class Machine:
    """The kind of machine to boot. `accel` is tcg, or kvm where the user asked for the real device."""

    accel: str = "tcg"
    cpu: str = "EPYC"
    memory: int = 512                # MiB
    limit: float = 60.0              # seconds until the machine is ended
    program: str = PROGRAM

    def argv(self, image: Path, initrd: Path) -> list[str]:
        cpu = "host" if self.accel == "kvm" and self.cpu == "EPYC" else self.cpu
        return [self.program, "-accel", self.accel, "-machine", "q35", "-cpu", cpu, "-smp", "1",
                "-m", str(self.memory), "-nodefaults", "-no-user-config", "-display", "none",
                "-serial", "stdio", "-monitor", "none", "-no-reboot",
                "-kernel", str(image), "-initrd", str(initrd), "-append", COMMAND_LINE]


@dataclass(frozen=True, slots=True)
class SerialBoot:
    """How the emulator ended: the serial log, seconds, and `error` where the emulator itself failed."""

    log: bytes
    seconds: float
    timed_out: bool = False
    error: str = ""


@dataclass(frozen=True, slots=True)
class _WithKvm(Sandbox):
    """The same sandbox with the one device that --accel kvm needs."""

    def wrap(self, argv: Sequence[str], *, cwd: Path, read: Sequence[Path] = (), write: Sequence[Path] = (),
             over: Sequence[tuple[Path, Path]] = (), env: dict[str, str], limits: Limits) -> list[str]:
        command = Sandbox.wrap(self, argv, cwd=cwd, read=read, write=write, over=over, env=env, limits=limits)
        if self.kind == "bubblewrap":
            at = command.index("--remount-ro")
            command[at:at] = ["--dev-bind", "/dev/kvm", "/dev/kvm"]
        return command


def missing(machine: Machine) -> str:
    """Why this machine cannot be booted here, "" where it can."""
    if shutil.which(machine.program) is None:
        return f"{machine.program} is not installed (apt-get install {X86_64.emulator_package})"
    if machine.accel == "kvm" and not os.access("/dev/kvm", os.R_OK | os.W_OK):
        return "/dev/kvm does not exist, or this user may not use it"
    return ""


def boot(machine: Machine, image: Path, initrd: Path, sandbox: Sandbox) -> SerialBoot:
    """Boot once and wait for the end or the limit; nothing of the machine is left running.

    Raises BuildError where the emulator cannot be started at all.
    """
    place = _WithKvm(sandbox.kind, sandbox.why) if machine.accel == "kvm" else sandbox
    limits = replace(LIMITS, seconds=machine.limit)
    # found with the user's PATH, which the sandbox does not have
    program = shutil.which(machine.program) or machine.program
    around = () if program.startswith("/usr/") else (Path(program).parent,)
    runner = Runner(place, limits, read=(image.parent, *around))
    ended = runner.run([program, *machine.argv(image, initrd)[1:]], cwd=image.parent)
    if ended.stopped.startswith("time-out"):
        return SerialBoot(ended.output, ended.seconds, timed_out=True)
    if ended.stopped:
        return SerialBoot(ended.output, ended.seconds, error=f"{machine.program}: {ended.stopped}")
    if ended.code:
        how = f"was killed by signal {-ended.code}" if ended.code < 0 else f"ended with {ended.code}"
        return SerialBoot(ended.output, ended.seconds, error=f"{machine.program} {how}{_last_words(ended.output)}")
    return SerialBoot(ended.output, ended.seconds)


def _last_words(output: bytes) -> str:
    """The emulator's own last message, "" where the output ends with the guest's."""
    lines = output.decode("utf-8", "replace").splitlines()
    own = [line for line in lines if "qemu" in line.split(":", 1)[0] and "warning: " not in line]
    return f": {own[-1].split(':', 1)[-1].strip()}" if own else ""
