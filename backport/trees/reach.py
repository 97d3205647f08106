"""The headers outside include/ that a file includes, directly or through others.

Where the compiler looks for them is the Makefile's to say (`-I`), so a name that is not beside the file that includes
it stands for every file of the kernel whose path ends with it: too many are read rather than too few.
"""

from __future__ import annotations

import posixpath
from collections.abc import Callable, Iterable, Iterator, Sequence

from backport.csource.includes import included

_MOST = 300              # files that are read
_ALIKE = 12              # files whose paths end alike; more of them (`trace.h`) are no answer


def reached(path: str, also: Iterable[str], read: Callable[[str], bytes | None],
            known: Callable[[str], Sequence[str]]) -> Iterator[bytes]:
    """The contents of every file that `path` includes, or would with the headers `also`, itself left out, without those
    under include/. `known` says which files of the
    kernel's own code have a name."""
    seen = {path}
    queue = [path]
    while queue and len(seen) <= _MOST:
        here = queue.pop(0)
        data = read(here) or b""
        if here != path:
            yield data
        for name in (*included(data), *(also if here == path else ())):
            for other in _files(name, here, known):
                if other not in seen:
                    seen.add(other)
                    queue.append(other)


def _files(name: str, includer: str, known: Callable[[str], Sequence[str]]) -> Sequence[str]:
    same = known(name.rsplit("/", 1)[-1])
    beside = posixpath.normpath(posixpath.join(posixpath.dirname(includer), name))
    if beside in same:
        return () if beside.startswith("include/") else (beside,)
    if f"include/{name}" in same or f"include/uapi/{name}" in same:
        return ()
    tail = "/" + name.lstrip("./")
    alike = [path for path in same if path.endswith(tail) and not path.startswith("include/")]
    return alike if len(alike) <= _ALIKE else ()
