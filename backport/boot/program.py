"""A reproducer's directory, and the statically linked program that it becomes."""

from __future__ import annotations

import re
import shutil
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import Any

import yaml

from backport.errors import BuildError, UserError
from backport.kbuild import leftover
from backport.kbuild.make import Runner
from backport.kbuild.sandbox import Limits, Sandbox

COMPILER = "gcc"
FEATURES = ("svm", "vmx", "sev", "avic", "pmu")
_FIELDS = ("needs", "limit", "cpu", "memory", "selftest")
_SETTINGS = 64 << 10     # bytes of repro.yaml
_PROGRAM = 64 << 20      # bytes of the program; a static one has 1 MB, and all of it is in the guest's memory
_CPU = re.compile(r"[A-Za-z0-9][\w.,=+-]*\Z")
_SELFTEST = re.compile(r"\w+(?:/\w+)*\Z")


class NoStaticLibrary(BuildError):
    """The host cannot link statically: the cell is `not testable here`, nobody's mistake."""


@dataclass(frozen=True, slots=True)
class Reproducer:
    """A directory with .c files or the name of a selftest and, where something differs from the defaults, repro.yaml.

    `needs` is None where the file does not say: the patch's paths decide then.
    """

    path: Path
    sources: tuple[Path, ...]
    needs: tuple[str, ...] | None = None
    limit: float | None = None       # seconds for one boot
    cpu: str = ""                    # QEMU's CPU model
    memory: int = 0                  # MiB
    selftest: str = ""               # instead of .c files: one of the kernel's own, "x86_64/set_sregs_test"


def guest_directory() -> Path:
    """Where repro.h and guest.c are."""
    return Path(str(files("backport.boot") / "guest"))


def smoke() -> Reproducer:
    """The program for patches without a reproducer of their own."""
    directory = guest_directory() / "smoke"
    return Reproducer(directory, (directory / "smoke.c",), needs=("svm",))


def load(path: Path) -> Reproducer:
    """Read a reproducer's directory; raises UserError with file and reason."""
    if not path.is_dir():
        raise UserError(f"{path}: no such directory", hint="a reproducer is a directory with a .c file; "
                                                          "docs/behaviour.md works one through")
    sources = tuple(_near(source, path) for source in sorted(path.glob("*.c")))
    file = path / "repro.yaml"
    fields: dict[str, Any] = {}
    if file.is_file():
        try:
            if _near(file, path).stat().st_size > _SETTINGS:
                raise UserError(f"{file}: it has more than {_SETTINGS >> 10} KiB")
            fields = yaml.safe_load(file.read_text(encoding="utf-8")) or {}
        # the constructors of numbers, dates and the like raise what they meet
        except (yaml.YAMLError, ValueError, TypeError, AttributeError, RecursionError) as error:
            raise UserError(f"{file}: {error}") from error
        if not isinstance(fields, dict) or not set(fields) <= set(_FIELDS):
            raise UserError(f"{file}: it can only have {', '.join(_FIELDS)}")
    selftest = _text(fields, "selftest", file, _SELFTEST, "the name of a KVM selftest (x86_64/set_sregs_test)")
    if selftest and sources:
        raise UserError(f"{file}: a selftest is named and {sources[0].name} is there; it is one or the other")
    if selftest:
        sources = (guest_directory() / "selftest" / "selftest.c",)
    if not sources:
        raise UserError(f"{path}: no .c file in it")
    cpu = _text(fields, "cpu", file, _CPU, "the name of a QEMU CPU model, with features (EPYC,-vgif)")
    return Reproducer(path, sources, _needs(fields, file), _number(fields, "limit", file, 1, 900), cpu,
                      int(_number(fields, "memory", file, 64, 4096) or 0), selftest)


def _near(file: Path, directory: Path) -> Path:
    """`file`, which is a regular one in or beside the reproducer's directory.

    A reproducer may come with somebody's patch. A link in it had the directory that it leads to shown to the compiler,
    and what the program prints of it goes into logs and reports. Raises UserError.
    """
    if not file.is_file() or not file.resolve().is_relative_to(directory.resolve().parent):
        raise UserError(f"{file}: it leads out of the reproducer's directory, or is no file",
                        hint="copy it there, if it is yours")
    return file


def for_patch(patch: Path) -> Path | None:
    """`patches/<slug>.repro` beside `patches/<slug>.patch`, None where there is none."""
    directory = patch.with_suffix(".repro")
    return directory if directory.is_dir() else None


def compile_static(reproducer: Reproducer, destination: Path, sandbox: Sandbox, *, warnings: bool = False) -> bytes:
    """The program, ready to be /init. It is compiled, never run, on this machine; `warnings` makes them errors.

    Raises BuildError with the compiler's first message, NoStaticLibrary where libc.a is missing.
    """
    if shutil.which(COMPILER) is None:
        raise NoStaticLibrary(f"{COMPILER} is not installed", hint="apt-get install gcc libc6-dev")
    destination.mkdir(parents=True, exist_ok=True)
    library = guest_directory()
    folders = dict.fromkeys(source.resolve().parent for source in reproducer.sources)
    runner = Runner(sandbox, Limits(seconds=120.0), read=(library, *folders), write=(destination,))
    out = destination / "init"
    ended = runner.run([COMPILER, "-static", "-O2", "-g0", "-std=gnu11", "-Wall", "-Wextra",
                        *(["-Werror"] if warnings else []), f"-I{library}",
                        *(str(source.resolve()) for source in reproducer.sources), str(library / "guest.c"),
                        "-o", str(out)], cwd=destination)
    text = ended.output.decode("utf-8", "replace")
    if re.search(r"cannot find -lc\b|linux/kvm\.h: No such file", text):
        raise NoStaticLibrary("the C library or the kernel's headers are missing to link a static program",
                              hint="apt-get install libc6-dev linux-libc-dev")
    if ended.stopped or ended.code or not leftover.is_left(out, destination):
        first = next((line for line in text.splitlines() if "error" in line), ended.stopped or text.strip()[:200])
        raise BuildError(f"the reproducer does not compile: {first}")
    return leftover.read_left(out, destination, _PROGRAM)


def _needs(fields: dict[str, Any], file: Path) -> tuple[str, ...] | None:
    if "needs" not in fields:
        return None
    needs = fields["needs"] or []
    if not isinstance(needs, list) or not all(isinstance(one, str) and one in FEATURES for one in needs):
        raise UserError(f"{file}: `needs` must be a list of {', '.join(FEATURES)}")
    return tuple(needs)


def _number(fields: dict[str, Any], name: str, file: Path, least: int, most: int) -> float | None:
    value = fields.get(name)
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float) or not least <= value <= most:
        raise UserError(f"{file}: {name} is a number from {least} to {most}")
    return float(value)


def _text(fields: dict[str, Any], name: str, file: Path, form: re.Pattern[str], what: str) -> str:
    value = fields.get(name, "")
    if value and not (isinstance(value, str) and form.match(value)):
        raise UserError(f"{file}: {name} is {what}")
    return str(value)
