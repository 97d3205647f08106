"""The one place that starts make and compilers: fixed environment, log with a limit, time-out, nothing left behind."""

from __future__ import annotations

import contextlib
import os
import selectors
import signal
import subprocess
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from backport.errors import BuildError
from backport.kbuild.sandbox import Limits, Sandbox, lowered

# Fixed, so that two builds of one tree are the same bytes (and ccache can hit), whoever builds them and when.
_ENVIRONMENT = {
    "PATH": "/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin",
    "LC_ALL": "C",
    "TZ": "UTC",
    "HOME": "/nonexistent",
    "TMPDIR": "/tmp",
    "TERM": "dumb",
    "KBUILD_BUILD_TIMESTAMP": "Thu Jan  1 00:00:00 UTC 1970",
    "KBUILD_BUILD_USER": "backport",
    "KBUILD_BUILD_HOST": "localhost",
    "KBUILD_BUILD_VERSION": "1",
    "SOURCE_DATE_EPOCH": "0",
    # scripts/setlocalversion asks git, whose store is not in the sandbox: the answer would be an error message
    "GIT_DIR": "/nonexistent",
}


@dataclass(frozen=True, slots=True)
class Exited:
    """How a command ended: `output` is stdout and stderr as they came, `stopped` why we ended it ("" = it did).

    `lowered` names the limits of the calling shell under which it ran and that are too low for a build.
    """

    code: int
    output: bytes
    seconds: float
    stopped: str = ""
    lowered: str = ""


@dataclass(frozen=True, slots=True)
class Runner:
    """Starts commands in one sandbox, with a set of directories it may read and write."""

    sandbox: Sandbox
    limits: Limits
    read: tuple[Path, ...] = ()
    write: tuple[Path, ...] = ()
    env: tuple[tuple[str, str], ...] = ()
    over: tuple[tuple[Path, Path], ...] = ()     # (what is seen and may be written, in place of what)

    def reading(self, *write: Path) -> Runner:
        """The same, which may read what this one may write, and write `write` alone."""
        return replace(self, read=(*self.read, *self.write), write=write)

    def run(self, argv: Sequence[str], *, cwd: Path, log: Path | None = None, seconds: float | None = None) -> Exited:
        """Run `argv` in `cwd`, appending the output to `log`; nothing it started is alive afterwards.

        Never raises for what the command does; BuildError where it cannot be started at all.
        """
        env = {**_ENVIRONMENT, **dict(self.env)}
        command = self.sandbox.wrap(argv, cwd=cwd, read=self.read, write=self.write, over=self.over,
                                    env=env, limits=self.limits)
        started = time.monotonic()
        try:
            process = subprocess.Popen(command, cwd=cwd, env=env, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                       stderr=subprocess.STDOUT, start_new_session=True)
        except OSError as error:
            raise BuildError(f"cannot start {command[0]}: {error}", hint="run `backport doctor`") from error
        try:
            output, stopped = _watch(process, self.limits, seconds or self.limits.seconds)
        finally:
            _end(process)
        if log is not None:
            with log.open("ab") as stream:
                stream.write(b"$ " + " ".join(argv).encode("utf-8", "surrogateescape") + b"\n")
                # one build is several calls of make, and each may print as much as one may
                room = max(0, self.limits.output - stream.tell())
                stream.write(output[:room])
                if len(output) > room:
                    stream.write(f"\n[backport] the log is full: {len(output) - room} bytes left out\n".encode())
                if stopped:
                    stream.write(f"\n[backport] stopped: {stopped}\n".encode())
        return Exited(process.returncode, output, time.monotonic() - started, stopped, lowered(self.limits))


def _watch(process: subprocess.Popen[bytes], limits: Limits, seconds: float) -> tuple[bytes, str]:
    """(output, why it had to be stopped). Reads until the end of output, looking at the whole build now and then."""
    assert process.stdout is not None
    chunks: list[bytes] = []
    size = 0
    deadline = time.monotonic() + seconds
    look = time.monotonic() + 0.5
    with selectors.DefaultSelector() as selector:
        selector.register(process.stdout, selectors.EVENT_READ)
        while True:
            if selector.select(timeout=0.5):
                chunk = os.read(process.stdout.fileno(), 1 << 16)
                if not chunk:
                    break
                chunks.append(chunk)
                size += len(chunk)
                if size > limits.output:
                    return b"".join(chunks)[:limits.output], f"more than {limits.output >> 20} MiB of output"
            elif process.poll() is not None:
                break             # make has ended and something it left behind holds the pipe: not waited for
            now = time.monotonic()
            if now > deadline:
                return b"".join(chunks), f"time-out after {seconds:.0f} s"
            if now > look:
                look = now + 0.5
                why = _too_much(process.pid, limits)
                if why:
                    return b"".join(chunks), why
    with contextlib.suppress(subprocess.TimeoutExpired):
        process.wait(timeout=max(1.0, deadline - time.monotonic()))
    return b"".join(chunks), "" if process.poll() is not None else f"time-out after {seconds:.0f} s"


def _too_much(top: int, limits: Limits) -> str:
    """Why the processes below `top` are too many or too big, "" where they are not.

    A PID namespace keeps orphans below its first process, so nothing that bubblewrap started escapes the count.
    """
    parents: dict[int, int] = {}
    pages: dict[int, int] = {}
    for entry in os.scandir("/proc"):
        if entry.name.isdigit():
            # twice a second for each process of the machine: pathlib takes longer than the kernel
            with contextlib.suppress(OSError, ValueError, IndexError):
                stat = _stat(entry.path)
                fields = stat[stat.rindex(b")") + 2:].split(None, 22)
                parents[int(entry.name)] = int(fields[1])
                pages[int(entry.name)] = int(fields[21])
    ours = {top}
    grown = True
    while grown:
        more = {pid for pid, parent in parents.items() if parent in ours and pid not in ours}
        ours |= more
        grown = bool(more)
    memory = sum(pages.get(pid, 0) for pid in ours) * os.sysconf("SC_PAGE_SIZE")
    if len(ours) > limits.processes:
        return f"more than {limits.processes} processes"
    if memory > limits.memory:
        return f"more than {limits.memory >> 20} MiB of memory"
    return ""


def _stat(process: str) -> bytes:
    handle = os.open(f"{process}/stat", os.O_RDONLY | os.O_CLOEXEC)
    try:
        return os.read(handle, 4096)
    finally:
        os.close(handle)


def _end(process: subprocess.Popen[bytes]) -> None:
    """Kill the whole process group (in a sandbox: the namespace dies with its first process) and reap."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, signal.SIGKILL)
    if process.poll() is None:
        process.kill()
    process.wait()
    if process.stdout is not None:
        process.stdout.close()
