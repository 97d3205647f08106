"""The limits of the calling shell (`ulimit`), which everything that a build starts inherits.

A compiler that hits one of them fails like one that met an error in the source. So a build that fails while they are
lower than what a build may use says nothing about the patch.
"""

from __future__ import annotations

import resource
from collections.abc import Sequence

_KIB = 1 << 10
_OTHER_PROCESSES = 512               # the limit counts all of the user's, not only those of the build


def lowered(*, memory: int, file_size: int, processes: int, seconds: float) -> str:
    """Which limits of this process are lower than what one build may use, "" where none is.

    Sizes in bytes: of one process' memory, of one file; `processes` of the whole build, `seconds` of processor time.
    """
    wanted = (("virtual memory", "-v", resource.RLIMIT_AS, memory, _KIB),
              ("data", "-d", resource.RLIMIT_DATA, memory, _KIB),
              ("file size", "-f", resource.RLIMIT_FSIZE, file_size, _KIB),
              ("processes", "-u", resource.RLIMIT_NPROC, processes + _OTHER_PROCESSES, 1),
              ("open files", "-n", resource.RLIMIT_NOFILE, 256, 1),
              ("stack", "-s", resource.RLIMIT_STACK, 1 << 20, _KIB),
              ("processor time", "-t", resource.RLIMIT_CPU, int(seconds), 1))
    found = []
    for what, option, which, enough, unit in wanted:
        soft = resource.getrlimit(which)[0]
        if soft != resource.RLIM_INFINITY and soft < enough:
            found.append(f"{what} {soft // unit} (ulimit {option})")
    return ", ".join(found)


def prlimit(limits: Sequence[tuple[str, int, int]]) -> list[str]:
    """Options of prlimit for (name, resource, value), none above what this process may have: raising is refused."""
    made = []
    for name, which, value in limits:
        hard = resource.getrlimit(which)[1]
        made.append(f"--{name}={value if hard == resource.RLIM_INFINITY else min(value, hard)}")
    return made
