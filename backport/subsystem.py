"""What is special about a part of the kernel: one record each. KVM is the first."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from backport.architecture import DEFAULT


@dataclass(frozen=True, slots=True)
class Subsystem:
    """Paths are below the tree; a directory ends with a slash, globs are those of a rule file."""

    name: str
    own: str                                     # its directory, of the default architecture where it has several
    shared: str                                  # its generic half
    paths: tuple[str, ...]                       # beginnings of the paths of all its files, of every architecture
    headers: tuple[str, ...]                     # globs: what a probe of a rule reads beside its directory
    tables: tuple[str, ...]                      # headers that declare the tables through which it is called
    calls: tuple[str, ...]                       # macros that call through such a table, "x_call" for x_ops
    selftests: str
    target: str                                  # make's
    configuration: str                           # kbuild/configs, where the manifest names none
    stable_note: str                             # what a maintainer of a stable tree should know
    example: str                                 # a file of it that every tree has


KVM = Subsystem(
    "KVM", f"{DEFAULT.directory}/kvm/", "virt/kvm/",
    # The stable scripts' ignore list begins with the KVM paths: their maintainers pick for stable themselves.
    paths=("arch/x86/kvm/", "arch/x86/include/asm/kvm", "arch/x86/include/uapi/asm/kvm", "virt/kvm/",
           "include/linux/kvm", "include/uapi/linux/kvm", "include/trace/events/kvm", "arch/arm64/kvm/",
           "arch/powerpc/kvm/", "arch/s390/kvm/", "arch/mips/kvm/", "arch/riscv/kvm/", "arch/loongarch/kvm/"),
    headers=("arch/x86/include/asm/kvm*.h", "arch/x86/include/asm/svm.h", "arch/x86/include/asm/vmx.h",
             "include/linux/kvm*.h", "virt/kvm/**"),
    tables=("arch/x86/include/asm/kvm_host.h", "include/kvm/iodev.h", "include/linux/kvm_host.h"),
    calls=("kvm_x86_call", "kvm_pmu_call"),
    selftests="tools/testing/selftests/kvm",
    target=f"{DEFAULT.directory}/kvm/", configuration="kvm-builtin",
    stable_note="KVM is on the stable scripts' ignore list: its maintainers expect an explicit Cc: stable or their ack",
    example=f"{DEFAULT.directory}/kvm/x86.c")

SUBSYSTEMS: tuple[Subsystem, ...] = (KVM,)


def stable_note(paths: Iterable[str]) -> str:
    """What is special about these files for stable, "" where nothing is."""
    files = tuple(paths)
    return next((one.stable_note for one in SUBSYSTEMS if any(path.startswith(one.paths) for path in files)), "")


def of_globs(globs: Iterable[str]) -> Subsystem | None:
    """The subsystem that a rule for `globs` belongs to, None where it is none's."""
    return next((one for one in SUBSYSTEMS for glob in globs if glob.startswith(one.own)), None)
