"""Who includes a file: sources to compile where a patch touches a header that no built object reads, or a .c that is no
object of its own (kernel/sched/psi.c is a part of build_utility.c)."""

from __future__ import annotations

import posixpath
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from backport.csource.conditional import layout
from backport.csource.includes import included
from backport.git import Git
from backport.trees import sparse

MOST = 3                 # users that are compiled
_ASKED = 48              # candidates that the configuration is asked about
_CODE = (".c", ".S")
_NOT_KERNEL = ("tools/", "Documentation/", "scripts/")


def users(source: Path, header: str, target: Callable[[str], str], *,
          near: bool = False) -> tuple[tuple[str, ...], int]:
    """(make targets of at most `MOST` objects that include `header` and are configured, how many sources include it).

    Nearest first: the same directory (with `near` no other one), then what shares most of the path. Through one other
    header where no source includes it itself. `target` is Membership's.
    """
    sources = _sources(source, header, near)
    found: list[str] = []
    for path in sources[:_ASKED]:
        if name := target(posixpath.splitext(path)[0] + ".o"):
            found.append(name)
            if len(found) == MOST:
                break
    return tuple(found), len(sources)


def nearest(source: Path, header: str) -> str:
    """The source next to `header` of those that include it, "" where none does."""
    return next(iter(_sources(source, header, False)), "")


def _sources(source: Path, header: str, near: bool) -> list[str]:
    """Sources that include `header`, nearest first; through one other header where none does so itself."""
    direct = list(_including(source, header, near))
    found = [path for path in direct if path.endswith(_CODE)]
    for other in sorted((path for path in direct if path.endswith(".h")), key=lambda path: _far(path, header))[:4]:
        if found:
            break
        found = [path for path in _including(source, other, near) if path.endswith(_CODE)]
    return sorted(found, key=lambda path: (_far(path, header), path.startswith("arch/"), path))


def conditions(source: Path, path: str, target: str) -> tuple[str, tuple[str, ...]]:
    """(the source of the object `target`, the conditionals around its #include of `path`), the first such line's."""
    stem = posixpath.splitext(posixpath.normpath(target))[0]
    for user in (stem + ending for ending in _CODE):
        try:
            text = (source / user).read_bytes()
        except OSError:
            continue
        plan = layout(text)
        for number, line in enumerate(text.split(b"\n")):
            if plan.kinds[number:number + 1] == ("include",) and _includes(user, line + b"\n", path):
                return user, plan.sections[number].conditions
    return "", ()


def _including(source: Path, header: str, near: bool) -> Iterator[str]:
    """Paths below `source` with an #include that can mean `header`, by git's index."""
    top = header.split("/")[0]
    place = [] if top == "include" or "/include/" in header else [posixpath.dirname(header) or "."]
    for where in ([place] if near and place else [place, []] if place else [[]]):
        # the name alone: how it is spelled in front of it depends on the include path
        listed = naming(source, posixpath.basename(header), where, (*_CODE, ".h"))
        met = [path for path, text in listed.items()
               if not path.startswith(_NOT_KERNEL) and _includes(path, text, header)]
        if met:
            yield from met
            return


def naming(source: Path, name: str, where: Sequence[str], endings: tuple[str, ...]) -> dict[str, bytes]:
    """The tracked files below `source` (in `where`, all for none) that end so and hold `name` anywhere: path -> their
    lines with it."""
    # what is not checked out is read from the store; that takes git four times as long
    cached = ["--cached"] if sparse.is_sparse(source) else []
    with Git(source) as git:
        done = git.run("grep", *cached, "-z", "-I", "-F", "-e", name, *(["--", *where] if where else []), ok=(0, 1))
    found: dict[str, bytes] = {}
    for row in done.out.split(b"\n"):
        path, _nul, text = row.partition(b"\0")
        named = path.decode("utf-8", "surrogateescape")
        if named.endswith(endings):
            found[named] = found.get(named, b"") + text + b"\n"
    return found


def _includes(path: str, text: bytes, header: str) -> bool:
    for name in included(text):
        plain = posixpath.normpath(name).lstrip("./")
        if header == plain or header.endswith("/" + plain):
            # a bare name means the directory of the one that includes it, or one of the include path
            beside = posixpath.dirname(path) == posixpath.dirname(header)
            if "/" in plain or beside or "include" in header.split("/"):
                return True
    return False


def _far(path: str, header: str) -> int:
    """How much of the path the two do not share."""
    shared = 0
    for mine, other in zip(path.split("/")[:-1], header.split("/")[:-1], strict=False):
        if mine != other:
            break
        shared += 1
    return -shared
