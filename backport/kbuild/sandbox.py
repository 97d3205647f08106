"""Where a build runs: a patch from a list can put shell into a Makefile, so building it is running it.

bubblewrap gives the build a file system that holds the compiler (read-only), the sources (read-only) and one
build directory; no network, no home, no other process. Where bubblewrap is not there or may not make
namespaces, the result says `sandbox: none` and why, and `require` refuses to go on. Where it is there and fails for any
other reason (a limit of the shell, no memory), nothing is built: a machine that has a sandbox never builds without.
"""

from __future__ import annotations

import re
import resource
import shutil
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path

from backport.configuration import limits
from backport.errors import BuildError
from backport.gitfault import LIMITS
from backport.kbuild import ulimits
from backport.wholefile import private_directory, write_whole

# What a compiler and kbuild read of the system; the rest of /etc (keys, mail, host names) is nobody's business.
_SYSTEM = ("/usr", "/etc/alternatives", "/etc/ld.so.cache", "/etc/ld.so.conf", "/etc/ld.so.conf.d")
_TOP = ("/bin", "/sbin", "/lib", "/lib32", "/lib64", "/libx32")
_HINT = ("apt-get install bubblewrap; in a container it also needs permission to create namespaces "
         "(docker: --security-opt seccomp=unconfined; sysctl kernel.unprivileged_userns_clone=1)")


# how bubblewrap says that this machine does not let it: seccomp or a sysctl (EPERM), AppArmor (EACCES), a kernel
# without namespaces (EINVAL, ENOSYS), user.max_user_namespaces=0 (ENOSPC)
_NOT_ALLOWED = re.compile(r"^bwrap: (?:No permissions to create new namespace|.*: (?:Operation not permitted|"
                          r"Permission denied|Invalid argument|Function not implemented)$|"
                          r"Creating new namespace failed: No space left on device$|"
                          r"setting up uid map: )", re.MULTILINE)


_TMP = 256 << 20         # bytes of /tmp that there are at least
_SHM = 16 << 20          # bytes of /dev/shm; semaphores are all that a build tool may want there


@dataclass(frozen=True, slots=True)
class Limits:
    """What one build may use. Sizes in bytes, time in seconds; `memory` and `processes` count the whole build."""

    memory: int = 12 << 30
    process_memory: int = 8 << 30
    processes: int = 512
    file_size: int = 2 << 30
    output: int = 64 << 20
    seconds: float = 3600.0

    @classmethod
    def of_user(cls) -> Limits:
        """As the user's configuration has them (`build:` in config.yaml), else as they are here."""
        told = limits()
        names = {"memory": "memory", "process-memory": "process_memory", "processes": "processes",
                 "file-size": "file_size", "output": "output", "time": "seconds"}
        return replace(cls(), **{names[name]: value for name, value in told.items()})


@dataclass(frozen=True, slots=True)
class Sandbox:
    """How to start a command; `kind` is what the result records."""

    kind: str                        # "bubblewrap" | "none"
    why: str = ""                    # why there is none

    @property
    def sealed(self) -> bool:
        """Can nothing that runs here write to the sources?"""
        return self.kind == "bubblewrap"

    def wrap(self, argv: Sequence[str], *, cwd: Path, read: Sequence[Path] = (), write: Sequence[Path] = (),
             over: Sequence[tuple[Path, Path]] = (), env: dict[str, str], limits: Limits) -> list[str]:
        """The argument list that runs `argv` in `cwd` and may write below `write` only; of each pair in `over` the
        first, which may be written as well, is seen in place of the second."""
        inner = [*_prlimit(limits), *argv]
        if not self.sealed:
            return inner
        # the limit on one file is none on what all of a compiler's temporary files take together
        room = max(limits.file_size, _TMP)
        command = ["bwrap", "--unshare-all", "--die-with-parent", "--new-session", "--cap-drop", "ALL", "--clearenv",
                   "--proc", "/proc", "--dev", "/dev", "--size", str(_SHM), "--tmpfs", "/dev/shm",
                   # bubblewrap makes /dev a tmpfs of half the memory: the devices can be used, nothing can be added
                   "--remount-ro", "/dev", "--size", str(room), "--tmpfs", "/tmp"]
        for name, value in env.items():
            command += ["--setenv", name, value]
        command += _system_mounts()
        for path in read:
            command += ["--ro-bind", str(path), str(path)]
        for path in write:
            command += ["--bind", str(path), str(path)]
        for path, place in over:
            command += ["--bind", str(path), str(place)]
        # the root of the new file system is a tmpfs of bubblewrap's: without this a build could fill memory there
        command += ["--remount-ro", "/", "--chdir", str(cwd), "--", *inner]
        return command


def choose(*, require: bool = False, want: str = "auto", seen: Path | None = None) -> Sandbox:
    """bubblewrap where it works, none where this machine has none or forbids it.

    Raises BuildError with the cure where a sandbox is required, and where bubblewrap is there and fails for another
    reason: without a word, a patch from a list would be run with all that the user may do. `want` "none" switches it
    off on purpose (a machine that is a sandbox itself). `seen` is a file that says that there was one here: then it is
    not silently done without.
    """
    if want == "none":
        if require:
            raise BuildError("a sandbox is both required and switched off", hint="drop one of the two options")
        return Sandbox("none", "switched off")
    why = probe()
    if not why:
        if seen is not None and not seen.exists():
            private_directory(seen.parent)
            write_whole(seen, b"builds of this cache have run in bubblewrap\n")
        return Sandbox("bubblewrap")
    if why.startswith(_FAILS):
        low = lowered(Limits.of_user())
        raise BuildError(f"{why}{f' (limits of this shell: {low})' if low else ''}", hint=LIMITS)
    if require:
        raise BuildError(f"a sandbox is required and not available: {why}", hint=_HINT)
    if seen is not None and seen.exists():
        raise BuildError(f"builds here have run in a sandbox, and now there is none: {why}",
                         hint=f"{_HINT}; to build without one from now on, remove {seen}")
    return Sandbox("none", why)


def had_sandbox(cache: Path) -> Path:
    """The file that says that what ran for this cache has run in a sandbox."""
    return cache / "sandbox.seen"


def lowered(limits: Limits) -> str:
    """Which limits of the calling shell are lower than what a build may use, "" where none is."""
    return ulimits.lowered(memory=limits.process_memory, file_size=limits.file_size, processes=limits.processes,
                           seconds=limits.seconds)


_FAILS = "bubblewrap is installed but fails"


@lru_cache(maxsize=1)
def probe() -> str:
    """"" where bubblewrap really works here, else why it does not (a container often forbids namespaces).

    What begins with _FAILS is no trait of the machine: it may well work the next time.
    """
    if shutil.which("bwrap") is None:
        return "bubblewrap is not installed"
    sandbox = Sandbox("bubblewrap")
    argv = sandbox.wrap(["/bin/sh", "-c", "test ! -e /home && test ! -e /root && test -w /tmp && test ! -w /usr"],
                        cwd=Path("/"), env={"PATH": "/usr/bin:/bin"}, limits=Limits.of_user())
    try:
        done = subprocess.run(argv, capture_output=True, timeout=20, check=False)
    except (OSError, subprocess.TimeoutExpired) as error:
        return f"{_FAILS}: {error}"
    if done.returncode:
        said = done.stderr.decode("utf-8", "replace").strip()
        if _NOT_ALLOWED.search(said):
            return f"bubblewrap does not work here: {said}"
        return f"{_FAILS}: {said or f'it ended with {done.returncode}'}"
    return ""


def hint() -> str:
    """How to get the sandbox."""
    return _HINT


def _system_mounts() -> list[str]:
    mounts: list[str] = []
    for name in _TOP:
        path = Path(name)
        if path.is_symlink():                      # merged /usr: /bin -> usr/bin
            mounts += ["--symlink", str(path.readlink()), name]
        elif path.is_dir():
            mounts += ["--ro-bind", name, name]
    for name in _SYSTEM:
        mounts += ["--ro-bind-try", name, name]
    return mounts


@lru_cache(maxsize=1)
def _have_prlimit() -> bool:
    return shutil.which("prlimit") is not None


def _prlimit(limits: Limits) -> list[str]:
    """Limits of each single process; those of the whole build are watched from outside (make.py), because the
    kernel excuses root from RLIMIT_NPROC."""
    if not _have_prlimit():
        return []
    return ["prlimit", *ulimits.prlimit((
        ("as", resource.RLIMIT_AS, limits.process_memory), ("fsize", resource.RLIMIT_FSIZE, limits.file_size),
        ("core", resource.RLIMIT_CORE, 0), ("nproc", resource.RLIMIT_NPROC, max(limits.processes, 64) + 4096))), "--"]
