"""What a build in a sparse work tree may have missed: nothing is blamed for a file that is only not checked out.

Two things happen where a file is absent. A build stops over it, and names it; or a compiler that looks for an #include
in one directory after the other passes it by and finds another file of that name, or none (`__has_include`), without a
word. The first is read from the messages, the second found by asking for every name in what was compiled and every
directory that was searched whether an absent file lies there. In both cases the build starts again with the files.
"""

from __future__ import annotations

import posixpath
import re
from collections import defaultdict
from collections.abc import Callable, Collection, Iterable
from pathlib import Path
from typing import TypeVar

from backport.csource import includes
from backport.kbuild.cmdfile import Unit
from backport.kbuild.delta import FileDelta
from backport.kbuild.make import Exited
from backport.kbuild.touched import TouchedKind, kind_of
from backport.patch.parse import split_lines
from backport.trees import sparse

_ROUNDS = 12             # of widening; then the tree is made whole
_NEAREST = 8             # absent files of one name that are checked out at once
# what make, gcc, clang, dtc, sh, cp, perl, python say of a file that is not there
_STOPPED = re.compile(r"No such file|No rule to make target|not found|[Cc]an(?:not|'t|not) (?:open|find|read|locate)|"
                      r"[Cc]ouldn't open|does not exist|recipe for target")
_WORDS = re.compile(r"[\w./+,-]+")
_SEARCHED = ("-I", "-iquote", "-isystem", "-idirafter")
_MADE = (".o", ".s", ".i", ".dtb", ".dtbo", ".ko", ".lds")
_LINE = re.compile(r"^(\S+?):\d+", re.MULTILINE)

T = TypeVar("T")


class NotCheckedOut(Exception):
    """A build met `files`, which are not checked out: nothing that it says counts."""

    def __init__(self, files: Collection[str]) -> None:
        super().__init__(", ".join(sorted(files)[:5]))
        self.files = frozenset(files)


def with_all(source: Path, build: Callable[[], T], back: Callable[[], object]) -> T:
    """The result of `build`, called again after `back` with more files at `source` where it raises NotCheckedOut."""
    for number in range(_ROUNDS + 1):
        try:
            return build()
        except NotCheckedOut as met:
            back()
            if number < _ROUNDS - 1:
                sparse.hold(source, met.files)
            else:
                sparse.whole(source)
    raise AssertionError("a whole work tree lacks a file")


def stopped(source: Path, ended: Exited) -> None:
    """Raise NotCheckedOut where a build that failed in `source` names a file that is not checked out."""
    if not ended.code or ended.stopped:
        return
    rows = [row for row in ended.output.decode("utf-8", "replace").split("\n") if _STOPPED.search(row)]
    absent = sparse.absent(source) if rows else ()
    if not absent:
        return
    names = {posixpath.normpath(word) for row in rows for word in _WORDS.findall(row)}
    # a compiler stops at the first one: what else its includer names is got at the same time
    includers = [below for row in rows for word in _LINE.findall(row) if (below := _below(word, source))]
    for file in includers:
        names |= {name for name in _includes(source / file)[0] if not _there(source, file, name)}
    same: dict[str, list[str]] = defaultdict(list)
    for path in absent:
        same[posixpath.basename(path)].append(path)
        same[posixpath.splitext(posixpath.basename(path))[0]].append(path)
    found: set[str] = set()
    for name in names:
        plain = name.lstrip("./")
        stem, ending = posixpath.splitext(plain)
        if ending in _MADE:
            fits = [path for path in same.get(posixpath.basename(stem), ())
                    if f"/{path}".endswith(tuple(f"/{stem}.{one}" for one in sparse.SOURCES))]
        else:
            fits = [path for path in same.get(posixpath.basename(plain), ())
                    # a link of scripts/dtc/include-prefixes stands for a directory of another name
                    if f"/{path}".endswith(f"/{plain}") or ending == ".dtsi"]
        fits.sort(key=lambda path: (-max((_shared(path, one) for one in includers), default=0), path))
        found.update(fits[:_NEAREST])
    if found:
        raise NotCheckedOut(found)


def _there(source: Path, file: str, name: str) -> bool:
    """Is a name that `file` includes surely in the work tree? The headers of the architecture that is built are."""
    return name.startswith(("asm/", "generated/")) or (source / posixpath.dirname(file) / name).exists() \
        or (source / "include" / name).exists()


def passed_by(source: Path, build: Path, units: Iterable[Unit], files: Collection[str] = ()) -> None:
    """Raise NotCheckedOut where a compilation of one of `units` may have looked for a file that is not there; with
    `files`, where one of these may that they compile."""
    absent = sparse.absent(source)
    if not absent:
        return
    homes = {folder for path in absent for folder in _above(path)}
    groups: dict[tuple[str, ...], set[str]] = defaultdict(set)
    for unit in units:
        groups[searched(unit, source, build)] |= set(files) if files else {unit.source, *unit.reads}
    known: dict[str, tuple[tuple[str, ...], bool]] = {}
    met: set[str] = set()
    for places, reads in groups.items():
        own = [read for read in reads if not read.startswith("/")]
        for read in own:
            if read not in known:
                known[read] = _includes(source / read)
        names: Collection[str] = {name for read in own for name in known[read][0]}
        if any(known[read][1] for read in own):          # the name of one that is computed is not in the text
            names = {*names, *(read[len(place) + 1:] for place in places for read in own
                               if read.startswith(f"{place}/"))}
        looked: list[tuple[str, Collection[str]]] = [(posixpath.dirname(read), known[read][0]) for read in own]
        away = [name for name in names if ".." in name]
        looked += [(place, names if place in homes else away) for place in places]
        met.update(path for place, wanted in looked for name in wanted
                   if (path := posixpath.normpath(f"{place}/{name}")) in absent)
    if met:
        raise NotCheckedOut(met)


def need_all(source: Path) -> None:
    """Raise NotCheckedOut where anything is not checked out."""
    if absent := sparse.absent(source):
        raise NotCheckedOut(absent)


def steers(file: FileDelta) -> bool:
    """May the change make another file be read than before? Not where no line of it is for the preprocessor."""
    if file.before is None or file.after is None or kind_of(file.path) is not TouchedKind.SOURCE:
        return True
    old, new = split_lines(file.before), split_lines(file.after)
    return any(includes.steers(line) for block in file.blocks
               for line in (*old[block.old:block.old + block.removed], *new[block.new:block.new + block.added]))


def searched(unit: Unit, source: Path, build: Path) -> tuple[str, ...]:
    """The directories below the tree that the compiler of `unit` looks for an #include in, sorted; "." is the tree."""
    found: set[str] = set()
    words = unit.argv
    for number, word in enumerate(words):
        flag = next((flag for flag in _SEARCHED if word.startswith(flag)), "")
        if flag:
            value = word[len(flag):] or (words[number + 1] if number + 1 < len(words) else "")
            below = _below(posixpath.normpath(posixpath.join(str(build), value)), source)
            if below:
                found.add(below)
    return tuple(sorted(found))


def _includes(path: Path) -> tuple[tuple[str, ...], bool]:
    """(names that the file includes, does it compute one)."""
    try:
        text = path.read_bytes()
    except OSError:
        return (), False
    return includes.opened_files(text)


def _below(path: str, source: Path) -> str:
    """`path` below the tree, "" where it is elsewhere."""
    if path == str(source):
        return "."
    if path.startswith("/"):
        return path[len(str(source)) + 1:] if path.startswith(f"{source}/") else ""
    return posixpath.normpath(path).lstrip("./")


def _above(path: str) -> Iterable[str]:
    yield "."
    while path := posixpath.dirname(path):
        yield path


def _shared(path: str, other: str) -> int:
    return next((number for number, (mine, theirs) in enumerate(zip(path, other, strict=False)) if mine != theirs),
                min(len(path), len(other)))
