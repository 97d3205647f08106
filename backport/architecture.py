"""The architectures that kernels are built for: one entry each, and nothing that is true of one stands elsewhere.

ARCH and SRCARCH are the top Makefile's, images and `libs-y` those of arch/*/Makefile, as they are in v5.10 and v7.2;
compilers and emulators are Debian's packages. A field that was not tried here is the empty value of its type, and what
needs it declines.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Relocations:
    """How objects are read for a comparison: bytes of the field by type (4 where the type is not listed)."""

    widths: Mapping[int, int]
    relative: frozenset[int]                     # types whose addend counts from the field itself


@dataclass(frozen=True, slots=True)
class Architecture:
    """`name` is what cells and reports call it."""

    name: str
    arch: str                                    # make's ARCH=
    srcarch: str                                 # arch/SRCARCH
    defconfig: str
    prefix: str                                  # CROSS_COMPILE= of Debian's compiler in `package`, "" for plain gcc
    package: str
    image: str = ""                              # below arch/SRCARCH/boot, and make's target; "" where options decide
    libraries: tuple[str, ...] = ("lib",)        # below arch/SRCARCH: libs-y of its Makefile; most have lib
    emulator: str = ""
    emulator_package: str = ""
    kcidb: str = ""                              # in a KCIDB submission, "" where the name is the same
    elf: tuple[str, int] | None = None           # machine and class of objects that can be compared
    relocations: Relocations = field(default_factory=lambda: Relocations({}, frozenset()))

    @property
    def directory(self) -> str:
        return f"arch/{self.srcarch}"

    @property
    def image_path(self) -> str:
        """The kernel image below the build directory."""
        return f"{self.directory}/boot/{self.image}"


X86_64 = Architecture(
    "x86_64", "x86_64", "x86", "x86_64_defconfig", "", "gcc", "bzImage",
    emulator="qemu-system-x86_64", emulator_package="qemu-system-x86", elf=("EM_X86_64", 64),
    relocations=Relocations({1: 8, 2: 4, 4: 4, 9: 4, 10: 4, 11: 4, 12: 2, 13: 2, 14: 1, 15: 1, 24: 8, 41: 4, 42: 4},
                            frozenset({2, 4, 9, 24, 41, 42})))      # R_X86_64_*
I386 = Architecture(
    "i386", "i386", "x86", "i386_defconfig", "i686-linux-gnu-", "gcc-i686-linux-gnu", "bzImage",
    emulator="qemu-system-i386", emulator_package="qemu-system-x86", elf=("EM_386", 32),
    relocations=Relocations({20: 2, 21: 2, 22: 1, 23: 1}, frozenset({2, 4})))       # R_386_*

ARCHITECTURES: tuple[Architecture, ...] = (
    X86_64, I386,
    # R_AARCH64_*: data fields by width; the others are fields of instructions, which assemblers leave at zero because
    # the addend stands in the table: the rest of the instruction is compared
    Architecture("arm64", "arm64", "arm64", "defconfig", "aarch64-linux-gnu-", "gcc-aarch64-linux-gnu", "Image",
                 emulator="qemu-system-aarch64", emulator_package="qemu-system-arm", elf=("EM_AARCH64", 64),
                 relocations=Relocations({257: 8, 258: 4, 259: 2, 260: 8, 261: 4, 262: 2,
                                          **dict.fromkeys(range(263, 580), 0)}, frozenset())),
    Architecture("riscv", "riscv", "riscv", "defconfig", "riscv64-linux-gnu-", "gcc-riscv64-linux-gnu", "Image",
                 emulator="qemu-system-riscv64", emulator_package="qemu-system-misc"),
    Architecture("s390", "s390", "s390", "defconfig", "s390x-linux-gnu-", "gcc-s390x-linux-gnu", "bzImage",
                 emulator="qemu-system-s390x", emulator_package="qemu-system-misc"),
    Architecture("powerpc", "powerpc", "powerpc", "ppc64_defconfig", "powerpc64-linux-gnu-",
                 "gcc-powerpc64-linux-gnu", "zImage", libraries=(), emulator="qemu-system-ppc64",
                 emulator_package="qemu-system-ppc"),
    # Debian 12 has no cross compiler for it
    Architecture("loongarch", "loongarch", "loongarch", "defconfig", "", "",
                 emulator="qemu-system-loongarch64", emulator_package="qemu-system-misc"),
    Architecture("arm", "arm", "arm", "multi_v7_defconfig", "arm-linux-gnueabihf-", "gcc-arm-linux-gnueabihf", "zImage",
                 emulator="qemu-system-arm", emulator_package="qemu-system-arm"),
    Architecture("mips", "mips", "mips", "malta_defconfig", "mips-linux-gnu-", "gcc-mips-linux-gnu",
                 libraries=("fw/lib", "lib"), emulator="qemu-system-mips", emulator_package="qemu-system-mips"),
    Architecture("parisc", "parisc", "parisc", "generic-32bit_defconfig", "hppa-linux-gnu-", "gcc-hppa-linux-gnu",
                 "bzImage", emulator="qemu-system-hppa", emulator_package="qemu-system-misc"),
)

DEFAULT = X86_64                                 # where neither the tree nor its configuration names one

_BY_NAME = {one.name: one for one in ARCHITECTURES}


def named(name: str) -> Architecture | None:
    """The entry of that name, None where there is none."""
    return _BY_NAME.get(name)


def of_make(arch: str, *, narrow: bool = False) -> Architecture | None:
    """The entry for make's ARCH=, None where there is none. ARCH=x86 is both: `narrow` where the configuration has
    32 bits."""
    if arch == "x86":
        return I386 if narrow else X86_64
    return next((one for one in ARCHITECTURES if one.arch == arch), None)


def of_directory(name: str) -> Architecture | None:
    """The entry that is built from arch/`name`, the first of several, None where there is none."""
    return next((one for one in ARCHITECTURES if one.srcarch == name), None)


def split(paths: Iterable[str], own: str) -> tuple[tuple[str, ...], dict[str, tuple[str, ...]]]:
    """(paths that a build for the architecture named `own` may compile, the others by X of their arch/X)."""
    here: list[str] = []
    elsewhere: dict[str, list[str]] = {}
    mine = entry.srcarch if (entry := named(own)) is not None else own
    for path in paths:
        parts = path.split("/")
        if parts[0] == "arch" and len(parts) > 2 and parts[1] != mine:
            elsewhere.setdefault(parts[1], []).append(path)
        else:
            here.append(path)
    return tuple(here), {name: tuple(found) for name, found in elsewhere.items()}


def foreign(paths: Iterable[str], own: str) -> dict[str, tuple[str, ...]]:
    """Names of entries -> the sources outside arch/ that they may build and the architecture named `own` leaves out:
    the one that a directory is named after (drivers/s390), else the first that is another one's."""
    found: dict[str, list[str]] = {}
    mine = entry.srcarch if (entry := named(own)) is not None else own
    others = [one for one in ARCHITECTURES if one.srcarch != mine]
    for path in paths:
        folders = path.split("/")[:-1]
        if folders[:1] != ["arch"]:
            fits = next((one for one in others if one.srcarch in folders), others[0])
            found.setdefault(fits.name, []).append(path)
    return {name: tuple(listed) for name, listed in found.items()}


def of_object(machine: str, size: int) -> Architecture | None:
    """The entry whose objects have this ELF machine and class, None where they cannot be compared."""
    return next((one for one in ARCHITECTURES if one.elf == (machine, size)), None)


def source_directories(paths: Iterable[str]) -> tuple[str, ...]:
    """`arch/X` of those of `paths` that are in one, else the default's: where asm/ headers are looked for."""
    found = dict.fromkeys("/".join(path.split("/")[:2]) for path in paths
                          if path.startswith("arch/") and path.count("/") > 1)
    return tuple(found) or (DEFAULT.directory,)
