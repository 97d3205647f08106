"""A work tree with the files that a build reads and no others: a tenth of the time and of the disk of a whole one.

Everywhere it has what steers a build (Kconfig, Makefiles, tables, scripts), and the directories below `ALWAYS` whole.
Of the rest, sources and headers are there where a directory was asked for, one at a time and without what is below it.
git keeps it so by its own sparse checkout. The patterns, in the work tree's git directory, are the one record of what
is there; a work tree without them is whole.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Collection, Iterable
from functools import lru_cache
from pathlib import Path

from backport.architecture import X86_64
from backport.git import Git
from backport.wholefile import write_whole

# `status` and `reset` must know it, or a file that a killed run left where none belongs is never seen
OPTIONS = ("-c", "core.sparseCheckout=true", "-c", "core.sparseCheckoutCone=false")
# what any build reads, or most: measured on 5.10 to 7.2, docs/build.md
ALWAYS = (X86_64.directory, "block", "certs", "crypto", "include", "init", "io_uring", "ipc", "kernel", "lib", "mm",
          "rust", "scripts", "security", "usr", "virt", f"tools/{X86_64.directory}", "tools/bpf/resolve_btfids",
          "tools/build", "tools/include", "tools/lib", "tools/objtool", "tools/scripts")
# endings of what is left out where nobody asked for its directory
SOURCES = ("c", "S", "h", "rs", "dts", "dtsi", "dtso")
_ASIDE = ("Documentation", "LICENSES", "samples", "tools")
_STEERS = ("Kconfig*", "Makefile*", "Kbuild*")
_ARCH = re.compile(r"^arch/[^/]+$")
_SPECIAL = re.compile(r"([\\*?\[\]!# ])")
_UNFINISHED = "# unfinished"
_MOST = 1000             # directories; each is held against every file of the tree


def start(admin: Path, base: str) -> None:
    """Make the work tree of the git directory `admin` a sparse one of the commit `base`; `apply` checks it out."""
    _write(admin, base, ())


def is_sparse(path: Path) -> bool:
    """Does the work tree at `path` lack files of its commit?"""
    admin = git_directory(path)
    return admin is not None and _file(admin).is_file()


def of_commit(admin: Path) -> str:
    """The commit whose builds the patterns were gathered for, "" for a whole work tree."""
    lines = _lines(admin)
    return lines[0].removeprefix("# ") if lines else ""


def unfinished(admin: Path) -> bool:
    """Was a process killed between the patterns and the files?"""
    return _UNFINISHED in _lines(admin)[:2]


def apply(git: Git, admin: Path) -> None:
    """Check out what the patterns say; nothing that is there already is touched."""
    git.run(*OPTIONS, "read-tree", "-m", "-u", "HEAD")
    lines = _lines(admin)
    if _UNFINISHED in lines[:2]:
        write_whole(_file(admin), "\n".join([lines[0], *lines[2:], ""]).encode("utf-8", "surrogateescape"))


def hold(path: Path, files: Iterable[str]) -> None:
    """Have the directories of `files` (paths below the tree, whether they exist or not; one that ends with a slash is a
    directory with all below it) in the work tree at `path`. Raises GitError, OSError."""
    admin = git_directory(path)
    if admin is None or not _file(admin).is_file():
        return
    have = _held(admin)
    more = {directory for file in files for directory in _directories(file)} - have
    if len(have) + len(more) > _MOST:
        whole(path)
    elif more:
        _write(admin, of_commit(admin), have | more)
        with Git(path) as git:
            apply(git, admin)


def whole(path: Path) -> None:
    """Check out all of it; it stays whole."""
    admin = git_directory(path)
    if admin is None or not _file(admin).is_file():
        return
    write_whole(_file(admin), f"# {of_commit(admin)}\n{_UNFINISHED}\n/*\n".encode())
    with Git(path) as git:
        git.run(*OPTIONS, "read-tree", "-m", "-u", "HEAD")
    _file(admin).unlink()


def absent(path: Path) -> frozenset[str]:
    """The files of the commit that are not in the work tree at `path`."""
    admin = git_directory(path)
    if admin is None or not _file(admin).is_file():
        return frozenset()
    info = (admin / "index").stat()
    return _absent(path, (info.st_mtime_ns, info.st_size, info.st_ino))


@lru_cache(maxsize=4)
def _absent(path: Path, _index: tuple[int, ...]) -> frozenset[str]:
    with Git(path) as git:
        listed = git.run("ls-files", "-t", "-z").out
    return frozenset(row[2:].decode("utf-8", "surrogateescape") for row in listed.split(b"\0") if row[:2] == b"S ")


def git_directory(path: Path) -> Path | None:
    """Where git keeps the index of the work tree at `path`, None where that is no linked work tree."""
    try:
        return Path((path / ".git").read_text().removeprefix("gitdir:").strip())
    except OSError:
        return None


def _directories(file: str) -> Iterable[str]:
    """What has to be there for `file`; an entry ends with a slash where it means all below."""
    folder = file if file.endswith("/") else posixpath.dirname(posixpath.normpath(file))
    parts = folder.rstrip("/").split("/")
    if parts[0] == "arch" and len(parts) > 1:
        # a build for an architecture reads all of it, but of its device trees those of one vendor at most
        if not _always(folder):
            yield "/".join(parts[:2])
        if parts[2:4] != ["boot", "dts"]:
            return
    if folder.strip("/") and not _always(folder):
        yield folder


def _always(folder: str) -> bool:
    return f"{folder.rstrip('/')}/".startswith(tuple(f"{one}/" for one in ALWAYS))


def _patterns(directories: Collection[str]) -> Iterable[str]:
    """git's patterns, of which the last that fits a file decides."""
    yield "/**"
    yield from (f"!*.{ending}" for ending in SOURCES)
    yield from (f"!/{name}/**" for name in _ASIDE)
    yield from _STEERS
    yield from (f"/{name}/**" for name in ALWAYS)
    for name in sorted(directories, key=lambda name: (_ARCH.match(name) is None, name)):
        plain = _SPECIAL.sub(r"\\\1", name.rstrip("/"))
        yield f"/{plain}/{'**' if name.endswith('/') or _ARCH.match(name) else '*'}"
        if _ARCH.match(name):
            yield f"!/{plain}/boot/dts/**"
            yield f"/{plain}/boot/dts/**/Makefile"
            yield f"/{plain}/boot/dts/Makefile"


def _write(admin: Path, base: str, directories: Collection[str]) -> None:
    held = [f"#+ {name}" for name in sorted(directories) if "\n" not in name]
    lines = [f"# {base}", _UNFINISHED, *held, *_patterns(directories)]
    _file(admin).parent.mkdir(exist_ok=True)
    write_whole(_file(admin), "\n".join([*lines, ""]).encode("utf-8", "surrogateescape"))


def _held(admin: Path) -> set[str]:
    return {line[3:] for line in _lines(admin) if line.startswith("#+ ")}


def _lines(admin: Path) -> list[str]:
    try:
        return _file(admin).read_bytes().decode("utf-8", "surrogateescape").split("\n")[:-1]
    except OSError:
        return []


def _file(admin: Path) -> Path:
    return admin / "info" / "sparse-checkout"
