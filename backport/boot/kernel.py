"""The boot kernels of one tree: a minimal one without the patch, kept warm, and the same with the patch.

One directory a tree, `<cache>/boot/<tree>/`, with a build directory of its own: the build that gives the build verdict
has every KVM option on and no serial console, and takes ten times as long to link and boot.
"""

from __future__ import annotations

import hashlib
import json
import os
import posixpath
import re
import shutil
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from importlib.resources import files
from pathlib import Path

from backport.architecture import X86_64
from backport.boot import selftest
from backport.boot.config import lost, merge
from backport.errors import BuildError, InfraError
from backport.kbuild import leftover
from backport.kbuild.applied import applied
from backport.kbuild.make import Exited, Runner
from backport.kbuild.plan import fix_file
from backport.kbuild.sandbox import Limits, Sandbox
from backport.kbuild.toolchain import Compiler, prefixes, resolve
from backport.locks import FileLock
from backport.manifest import Tree
from backport.patch.model import Patch
from backport.patch.parse import parse
from backport.trees.store import Head, Store
from backport.trees.worktree import worktree
from backport.wholefile import private_directory, write_whole

IMAGE = Path(X86_64.image_path)
_WORD = re.compile(r"[\w.+/-]+")       # arch/x86/kvm/../../../virt/kvm/eventfd.c
_ERROR = re.compile(r": error: |: fatal error: |undefined reference")
_LONGEST = 2000                        # characters of a message
_IMAGE = 512 << 20                     # bytes of an image that are copied


class KernelFailed(BuildError):
    """make did not give an image, without or with the patch. `compiler`: it was the compiler that refused."""

    def __init__(self, message: str, *, compiler: bool, patched: bool) -> None:
        super().__init__(message)
        self.compiler = compiler
        self.patched = patched


@dataclass(frozen=True, slots=True)
class Images:
    """Two kernels to boot. `not_compiled` are touched sources that this configuration does not build."""

    before: Path
    after: Path
    before_sha256: str
    after_sha256: str
    not_compiled: tuple[str, ...] = ()
    selftest: Path | None = None     # the kernel's own test, where one was asked for
    cold: bool = False               # the baseline had to be built
    seconds: float = 0.0

    @property
    def same(self) -> bool:
        """The patch changed nothing that this kernel holds."""
        return self.before_sha256 == self.after_sha256


def fragment() -> str:
    """The configuration fragment that ships with the package."""
    return (files("backport.boot") / "configs" / "kvm.config").read_text(encoding="utf-8")


@dataclass(frozen=True, slots=True)
class BootKernel:
    """Builds the boot kernels of one tree, with its toolchain: compiler, make variables, build-fix patches.

    `jobs` is make's -j; `beside` is the manifest's directory, from which the build-fix patches are named.
    """

    tree: Tree
    head: Head
    store: Store
    cache: Path
    sandbox: Sandbox
    limits: Limits
    jobs: int = 2
    beside: Path | None = None

    @property
    def directory(self) -> Path:
        return self.cache / "boot" / self.head.tree

    def images(self, patch: Patch, destination: Path, log: Path, *, test: str = "") -> Images:
        """Build both images, and the kernel's selftest `test`, into `destination`. One process a tree at a time.

        Raises KernelFailed, NoSelftest or InfraError.
        """
        started = time.monotonic()
        compiler = _without_ccache(resolve(self.tree.toolchain))
        private_directory(self.directory)
        destination.mkdir(parents=True, exist_ok=True)
        fixes = self.fixes()
        with ExitStack() as stack:
            stack.enter_context(FileLock(self.directory / "lock"))
            source = stack.enter_context(worktree(self.store, self.head))
            for fix in fixes:
                stack.enter_context(applied(source, fix.diff, fix.files))
            paths = tuple(dict.fromkeys(path for fix in fixes for path in fix.paths))
            make = _Make(self, compiler, source, log, paths)
            cold = make.baseline()
            before = _copy(make.kept, destination / "before.bzImage")
            after, stale, program = make.patched(patch, destination, test)
        return Images(before, after, _digest(before), _digest(after), stale, program, cold,
                      time.monotonic() - started)

    def fixes(self) -> tuple[Patch, ...]:
        """The build-fix patches of the tree's toolchain: they stand on both sides."""
        return tuple(parse(path.read_bytes(), source=path.name)
                     for path in (fix_file(name, self.beside) for name in self.tree.toolchain.fixes))

    def key(self, compiler: Compiler) -> str:
        """Changes where the baseline image would."""
        parts = (self.head.commit, fragment(), compiler.identity, *(fix.sha256 for fix in self.fixes()))
        return hashlib.sha256("\0".join(parts).encode()).hexdigest()[:16]


class _Make:
    """make in one build directory, under the tree's lock and with its work tree pristine."""

    def __init__(self, kernel: BootKernel, compiler: Compiler, source: Path, log: Path,
                 fixed: tuple[str, ...] = ()) -> None:
        self.kernel = kernel
        self.compiler = compiler
        self.source = source
        self.log = log
        self.fixed = fixed               # what build-fix patches change: new to make each time, also when a fix went
        self.build = kernel.directory / "build"
        self.kept = kernel.directory / "before.bzImage"
        self.stamp = kernel.directory / "before.json"
        self.touched = kernel.directory / "touched"

    def baseline(self) -> bool:
        """Have the image without the patch; True where it had to be built."""
        key = self.kernel.key(self.compiler)
        if self._stamp() == (key, _digest(self.kept) if self.kept.is_file() else ""):
            return False
        self.stamp.unlink(missing_ok=True)
        self.build.mkdir(exist_ok=True)
        self._configure()
        with self._fresh(()):
            self._make(X86_64.image)
        self._take(self.kept)
        _replace(self.stamp, json.dumps({"key": key, "image": _digest(self.kept)}))
        return True

    def patched(self, patch: Patch, destination: Path, test: str) -> tuple[Path, tuple[str, ...], Path | None]:
        """(image with the patch, touched sources that were not compiled, the selftest)."""
        program = None
        with self._fresh(patch.paths):
            started = time.time()
            with applied(self.source, patch.diff, patch.files):
                self._make(X86_64.image, patched=True)
                stale = tuple(path for path in patch.paths if path.endswith((".c", ".S"))
                              and not _younger(self.build / (path[:-2] + ".o"), started)
                              and (self.source / path).is_file())
                if test:
                    out = destination / "selftest"
                    program = selftest.build(
                        test, source=self.source, kernel=self.build, out=out, log=self.log, jobs=self.kernel.jobs,
                        runner=self._runner(destination), variables=self.compiler.make)
            return self._take(destination / "after.bzImage"), stale, program

    @contextmanager
    def _fresh(self, paths: tuple[str, ...]) -> Iterator[None]:
        """Make sees every source that an earlier patch touched as new, whatever time the work tree gave it.

        Putting a file back may put its old time back; make would then keep the object of the patched source, and
        the next patch would be judged on top of this one. The list is on disk before the sources change, so that
        a kill in between loses nothing; it shrinks to this patch's paths only when a build has seen it.
        """
        before = _names(self.touched)
        paths = (*self.fixed, *paths)
        _replace(self.touched, "\0".join(dict.fromkeys([*before, *paths])))
        for path in before:
            if (self.source / path).is_file():
                os.utime(self.source / path)
        yield
        _replace(self.touched, "\0".join(paths))

    def _take(self, destination: Path) -> Path:
        """The image that make left, whatever else a patch may have put there; by rename, as `_copy`."""
        try:
            data = leftover.read_left(self.build / IMAGE, self.build, _IMAGE)
        except FileNotFoundError as error:
            raise KernelFailed(f"make built no {IMAGE}", compiler=False, patched=destination != self.kept) from error
        write_whole(destination, data)
        return destination

    def _configure(self) -> None:
        wanted = fragment()
        self._make("tinyconfig")
        config = self.build / ".config"          # in a directory where patched builds have been
        leftover.write_left(config, self.build, merge(self._text(config), wanted).encode())
        self._make("olddefconfig")
        missing = lost(self._text(config), wanted)
        if missing:
            raise InfraError(f"{self.kernel.head.tree}: the boot configuration loses {', '.join(missing)}",
                             hint="backport/boot/configs/kvm.config lists what the boot kernel needs")

    def _text(self, path: Path) -> str:
        return leftover.read_left(path, self.build, leftover.COMMAND_FILE).decode()

    def _make(self, target: str, *, patched: bool = False) -> Exited:
        runner = self._runner()
        argv = ["make", "-s", f"-j{self.kernel.jobs}", "-C", str(self.source), f"O={self.build}", "LOCALVERSION=",
                *self.compiler.make, target]
        ended = runner.run(argv, cwd=self.source, log=self.log)
        if ended.stopped:
            raise KernelFailed(f"make {target}: {ended.stopped}", compiler=False, patched=patched)
        if ended.code:
            text = ended.output.decode("utf-8", "replace").replace(f"{self.source}/", "")
            lines = text.strip().splitlines() or ["no message"]
            first = next((line for line in lines if _is_error(line)), "")
            said = _WORD.sub(lambda word: posixpath.normpath(word[0]) if "/../" in word[0] else word[0],
                             (first or lines[-1]).strip()[:_LONGEST])
            raise KernelFailed(f"make {target} ended with {ended.code}: {said}", compiler="error: " in first,
                               patched=patched)
        return ended

    def _runner(self, *more: Path) -> Runner:
        return Runner(self.kernel.sandbox, self.kernel.limits, read=(self.source, *prefixes(self.compiler)),
                      write=(self.build, *more))

    def _stamp(self) -> tuple[str, str] | None:
        try:
            data = json.loads(self.stamp.read_text(encoding="utf-8"))
            return str(data["key"]), str(data["image"])
        except (OSError, ValueError, KeyError, TypeError):
            return None


def _is_error(line: str) -> bool:
    stop = line.find("*** ")
    return bool(_ERROR.search(line)) or (stop >= 0 and "Error" in line[stop:])


def limits() -> Limits:
    """Limits of one make, the user's as for a build."""
    return Limits.of_user()


def _without_ccache(compiler: Compiler) -> Compiler:
    """The build's cache directory is not in this sandbox, and ccache without one fails as an unknown assembler."""
    make = tuple(value.replace("CC=ccache ", "CC=", 1) if value.startswith("CC=ccache ") else value
                 for value in compiler.make)
    return replace(compiler, make=make, ccache=False)


def _copy(source: Path, destination: Path) -> Path:
    """Copy by rename, so that a kill leaves the old file or the new one."""
    temporary = destination.with_name(destination.name + ".new")
    shutil.copyfile(source, temporary)
    temporary.replace(destination)
    return destination


def _replace(path: Path, text: str) -> None:
    write_whole(path, text.encode("utf-8", "surrogateescape"))


def _names(path: Path) -> list[str]:
    try:
        return [name for name in path.read_text(encoding="utf-8", errors="surrogateescape").split("\0") if name]
    except FileNotFoundError:
        return []


def _digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def _younger(path: Path, than: float) -> bool:
    try:
        return path.lstat().st_mtime >= than - 1.0
    except FileNotFoundError:
        return False
