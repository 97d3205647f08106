"""What a run was about: the patches and trees that make the rows and columns of its matrix."""

from __future__ import annotations

import os
import socket
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from backport.cell import column_name
from backport.verdict import Apply, Behaves, Build, Sure


@dataclass(frozen=True, slots=True)
class PatchInfo:
    """One row of the matrix."""

    slug: str
    subject: str = ""
    sha256: str = ""
    upstream_sha: str = ""           # 40 hex, "" where it is not known
    source: str = ""                 # where the patch was read from

    def as_dict(self) -> dict[str, Any]:
        return asdict(self)


@dataclass(frozen=True, slots=True)
class TreeInfo:
    """One column of the matrix: a tree, or a tree in one of the configurations that were asked for."""

    name: str                        # linux-6.1.y
    version: str = ""                # 6.1.187, "" where the tree is not available
    commit: str = ""
    status: str = ""                 # mainline | stable | longterm | eol
    source: str = ""                 # one line for people
    required: bool = False
    reason: str = ""                 # why there is no tree
    history: bool = False            # `commit` is the branch's own, not a container made from a tarball
    series: str = ""                 # 6.1
    config: str = ""                 # see Cell.config

    @property
    def column(self) -> str:
        """The name that its cells go by (Cell.column)."""
        return column_name(self.name, self.config)

    @property
    def short(self) -> str:
        """The column as people say it: 6.1.y, 6.1.y/kvm-min."""
        return column_name(self.name.removeprefix("linux-") or self.name, self.config)

    def as_dict(self) -> dict[str, Any]:
        return asdict(self)


@dataclass(frozen=True, slots=True)
class Run:
    """One run of the main job. Times are seconds since the epoch; `finished` is None until it ends."""

    id: int
    started: float
    finished: float | None = None
    kind: str = "run"                # run | nightly
    command: str = ""
    manifest: str = ""               # absolute path; "" in a run of an older version
    manifest_sha256: str = ""
    tools: Mapping[str, str] = field(default_factory=dict)
    options: Mapping[str, Any] = field(default_factory=dict)
    patches: tuple[PatchInfo, ...] = ()
    trees: tuple[TreeInfo, ...] = ()
    exit_code: int | None = None
    current: str = ""                # what it works on now, for --watch
    process: str = ""                # see process_mark
    supported: tuple[tuple[str, str], ...] = ()   # (name, series) of the manifest's supported trees, tried or not

    @property
    def total(self) -> int:
        """Cells that a complete run has."""
        return len(self.patches) * len(self.trees)

    @property
    def state(self) -> str:
        """`running`, `finished`, or `interrupted` (it did not end by itself and its process is gone)."""
        if self.finished is not None:
            return "finished"
        return "running" if alive(self.process) else "interrupted"


SHOWN = 60                           # of the marks of a place: what its history shows


@dataclass(frozen=True, slots=True)
class Mark:
    """One verdict in the history of a place: enough to draw it."""

    run: int
    apply: Apply
    build: Build
    sure: Sure
    version: str
    behaviour: Behaves | None = None         # what booting it showed, None where it was not booted


def process_mark(pid: int | None = None) -> str:
    """`host:pid:start` of a process. The start time keeps a recycled pid from being taken for the process."""
    number = os.getpid() if pid is None else pid
    return f"{socket.gethostname()}:{number}:{_start_ticks(number)}"


def alive(mark: str) -> bool:
    """True where the process of `process_mark` runs; a process of another host counts as running."""
    host, _, rest = mark.rpartition(":")[0].rpartition(":")
    start = mark.rpartition(":")[2]
    if not host or not rest.isdigit():
        return False
    if host != socket.gethostname():
        return True
    return _start_ticks(int(rest)) == start != ""


def _start_ticks(pid: int) -> str:
    """Field 22 of /proc/PID/stat, "" where there is no such process (a zombie counts as none)."""
    try:
        text = Path(f"/proc/{pid}/stat").read_text(errors="replace")
    except OSError:
        return ""
    fields = text.rpartition(")")[2].split()  # the name in parentheses may hold spaces
    return "" if len(fields) < 20 or fields[0] in "ZX" else fields[19]
