"""The compiler of a tree: which one, is it there, which version, and the make variables that choose it."""

from __future__ import annotations

import hashlib
import shutil
import subprocess
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from backport.architecture import Architecture
from backport.errors import BuildError, UserError
from backport.manifest import Toolchain

# Variables that would move a build out of its directory or take the fixed values away.
_FORBIDDEN = frozenset({"O", "KBUILD_OUTPUT", "KBUILD_EXTMOD", "M", "MAKEFLAGS", "SHELL", "MAKE"})
# a header, a library or a program that is installed changes one of them
_INSTALLED = ("/usr/bin", "/usr/include", "/usr/lib", "/usr/local/bin", "/usr/local/include", "/usr/local/lib")


@dataclass(frozen=True, slots=True)
class Compiler:
    """A resolved toolchain: `make` are make variables in order, `version` the first line that it prints."""

    name: str                        # "gcc", "gcc-12", "clang"
    version: str
    make: tuple[str, ...]
    clang: bool = False
    ccache: bool = False             # CC in `make` begins with it

    @property
    def identity(self) -> str:
        """16 hex digits that differ where the machine code may differ."""
        return hashlib.sha256("\0".join((self.version, *self.make)).encode()).hexdigest()[:16]


def resolve(toolchain: Toolchain) -> Compiler:
    """Find the compiler of a tree; raises BuildError (tool missing) or UserError (variable not allowed)."""
    name = toolchain.cc or ("clang" if toolchain.llvm else "gcc")
    if shutil.which(name) is None:
        raise BuildError(f"the compiler {name} is not installed", hint=f"apt-get install {package(name)}")
    version = version_of(name)
    clang = "clang" in version.lower()
    variables: list[str] = []
    if toolchain.llvm:
        suffix = name.removeprefix("clang") if name.startswith("clang-") else ""
        variables.append(f"LLVM={suffix or 1}")
        for tool in ("ld.lld", "llvm-ar", "llvm-objcopy"):
            if shutil.which(tool + suffix) is None:
                raise BuildError(f"LLVM is requested but {tool}{suffix} is not installed",
                                 hint="apt-get install clang lld llvm")
    # both sides of a comparison need the same CC, or every command differs and everything is built again
    cached = bool(ccache())
    if cached or toolchain.cc or not toolchain.llvm:
        variables.append(f"CC={'ccache ' if cached else ''}{name}")
    for key, value in toolchain.make.items():
        if key in _FORBIDDEN or not key.replace("_", "").isalnum():
            raise UserError(f"make variable {key} cannot be set in a tree's toolchain")
        variables.append(f"{key}={value}")
    return Compiler(name, version, tuple(variables), clang, cached)


def cross(toolchain: Toolchain, architecture: Architecture) -> Compiler:
    """The compiler for another architecture: Debian's cross gcc, else clang, which compiles for all.

    Raises BuildError with the package where neither is installed. The tree's make variables stand for its own
    architecture and are not taken.
    """
    name = f"{architecture.prefix}gcc"
    if architecture.prefix and not toolchain.llvm and shutil.which(name):
        cached = bool(ccache())              # as in `resolve`: both sides need the same CC
        made = (f"ARCH={architecture.arch}", f"CROSS_COMPILE={architecture.prefix}",
                f"CC={'ccache ' if cached else ''}{name}")
        return Compiler(name, version_of(name), made, False, cached)
    if shutil.which("clang") and shutil.which("ld.lld"):
        return Compiler(f"clang-{architecture.name}", version_of("clang"),
                        (f"ARCH={architecture.arch}", "LLVM=1"), True)
    wanted = "clang lld llvm" if toolchain.llvm or not architecture.package else architecture.package
    raise BuildError(f"no compiler for {architecture.name} is installed", hint=f"apt-get install {wanted}")


@lru_cache(maxsize=32)
def version_of(program: str) -> str:
    """The first line of `PROGRAM --version`, "" where it does not run."""
    try:
        done = subprocess.run([program, "--version"], capture_output=True, timeout=20, check=False,
                              env={"PATH": "/usr/local/bin:/usr/bin:/bin", "LC_ALL": "C"})
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return done.stdout.decode("utf-8", "replace").split("\n", 1)[0].strip()


def ccache() -> str:
    """The path of ccache, "" where it is not installed."""
    return shutil.which("ccache") or ""


def prefixes(compiler: Compiler) -> tuple[Path, ...]:
    """Directories outside the system ones that the compiler lives in (a toolchain unpacked in /opt)."""
    found = shutil.which(compiler.name)
    if found is None:
        return ()
    real = Path(found).resolve()
    if real.is_relative_to("/usr") or real.is_relative_to("/bin"):
        return ()
    return (real.parent.parent,) if real.parent.name == "bin" else (real.parent,)


def package(program: str) -> str:
    """The Debian package that holds a compiler."""
    return {"ld.lld": "lld"}.get(program, program)


def installed() -> list[str]:
    """What differs after something was installed or removed: selftests want more than a kernel does."""
    places = [Path(name) for name in _INSTALLED]
    places += sorted(Path("/usr/lib").glob("*-linux-gnu*")) + sorted(Path("/usr/include").glob("*/"))
    return [f"{place} {place.stat().st_mtime_ns}" for place in places if place.is_dir()]
