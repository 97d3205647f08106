"""One of the kernel's own KVM selftests as the reproducer: built statically from the patched tree, by its own Makefile.

The patched tree's test runs on both kernels, because a fix often brings its test along.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from backport.errors import BuildError
from backport.kbuild import leftover
from backport.kbuild.make import Runner
from backport.subsystem import KVM

HOME = Path(KVM.selftests)
_FOLDERS = ("x86_64", "x86", "")     # seen: x86_64 up to 6.12.107, x86 in 6.18.15


class NoSelftest(BuildError):
    """The tree has no such selftest, or it cannot be linked statically: the cell is `not testable here`."""


def find(source: Path, name: str) -> str:
    """The test's name below the KVM selftests, with its directory and without ".c"; raises NoSelftest."""
    for candidate in (Path(name), *(Path(folder) / Path(name).name for folder in _FOLDERS)):
        if (source / HOME / candidate).with_suffix(".c").is_file():
            return str(candidate)
    raise NoSelftest(f"this tree has no KVM selftest {name}")


def build(name: str, *, source: Path, kernel: Path, out: Path, runner: Runner, variables: Sequence[str],
          jobs: int, log: Path) -> Path:
    """Build one selftest into `out` (which must be empty: its Makefile does not know the headers of its objects).

    `kernel` is the kernel's build directory, whose headers are used. Raises NoSelftest with the first message.
    """
    target = find(source, name)
    headers = runner.run(["make", "-s", f"-j{jobs}", "-C", str(source), f"O={kernel}", *variables, "headers"],
                         cwd=source, log=log)
    program = out / target
    program.parent.mkdir(parents=True, exist_ok=True)
    made = runner.run(["make", "-s", f"-j{jobs}", "-C", str(source / HOME), f"OUTPUT={out}", *variables,
                       f"EXTRA_CFLAGS=-isystem {kernel}/usr/include", "LDFLAGS=-static -pthread -no-pie",
                       str(program)], cwd=source, log=log)
    if made.stopped or headers.stopped:
        raise BuildError(f"the selftest {target}: {made.stopped or headers.stopped}")
    if headers.code or made.code or not leftover.is_left(program, out) or program.stat().st_size > leftover.OBJECT:
        text = (headers.output if headers.code else made.output).decode("utf-8", "replace")
        first = next((line for line in text.splitlines() if "rror" in line), text.strip()[-200:])
        raise NoSelftest(f"the selftest {target} cannot be built statically here: {first.strip()[:2000]}")
    return program
