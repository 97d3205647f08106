"""What kbuild leaves behind for each object: its `.cmd` file, with the command, the source and the headers."""

from __future__ import annotations

import os
import posixpath
import re
import shlex
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from backport.errors import BuildError
from backport.kbuild import leftover

_HEAD = re.compile(r"^(?:saved)?cmd_(\S+) := (.*)$")
_SOURCE = re.compile(r"^source_\S+ := (.*)$")
_STOP = frozenset({";", "&&", "||", "|", ">", ">>", "<", "{", "}", "(", ")"})
_ALL = 4 << 30           # bytes of all .cmd files together: an allmodconfig has some 2 GB
# characters of one recipe that are read as a command: a kernel's are below 10,000, and shlex takes the square of a word
_RECIPE = 32 << 10


@dataclass(frozen=True, slots=True)
class Unit:
    """One made file. Paths below the tree or the build directory, `..` taken out; `recipe` is as kbuild wrote it."""

    target: str
    source: str
    reads: frozenset[str]
    recipe: str

    @property
    def argv(self) -> tuple[str, ...]:
        """The compiler's command with no shell in it, empty where the file is not made by one compiler call."""
        return _command(self.recipe) if len(self.recipe) <= _RECIPE else ()


_Read = tuple[Sequence[int], Unit | None]
# of the build directories that were asked for last: a build of one object changes a handful of a thousand files
_READ: dict[tuple[str, str], dict[str, _Read]] = {}
_KEPT = 4


class Units:
    """All `.cmd` files of a build directory, parsed when asked for. `stamps` are those of all its files, where the
    caller has just looked: an allmodconfig has 16,000, and looking costs as much as starting make."""

    def __init__(self, source: Path, build: Path, stamps: Mapping[str, Sequence[int]] | None = None) -> None:
        self._source = source
        self._build = build
        self._stamps = stamps
        self._all: dict[str, Unit] | None = None

    def all(self) -> dict[str, Unit]:
        """target -> Unit. Raises LeftBehind where a build put something else in place of a `.cmd` file."""
        if self._all is None:
            key = (str(self._source), str(self._build))
            known, now = _READ.pop(key, {}), dict[str, _Read]()
            size = 0
            for path, stamp in self._command_files():
                size += stamp[0]
                if size > _ALL:
                    raise BuildError(f"the .cmd files of the build are more than {_ALL >> 30} GiB",
                                     hint="build fewer targets (targets: in trees.yaml)")
                if (old := known.get(path)) is None or old[0] != stamp:
                    data = leftover.read_left(self._build / path, self._build, leftover.COMMAND_FILE)
                    old = (stamp, parse(data, self._source, self._build))
                now[path] = old
            _READ[key] = now
            while len(_READ) > _KEPT:
                _READ.pop(next(iter(_READ)))
            self._all = {unit.target: unit for _stamp, unit in now.values() if unit is not None}
        return self._all

    def _command_files(self) -> Iterator[tuple[str, Sequence[int]]]:
        if self._stamps:
            return ((path, stamp) for path, stamp in self._stamps.items()
                    if path.endswith(".cmd") and _is_command_file(posixpath.basename(path)))
        return ((path, leftover.stamp(entry.stat(follow_symlinks=False))) for path, entry in command_files(self._build))

    def users(self, path: str) -> tuple[Unit, ...]:
        """The units that read `path` (as source, header or included file), sorted by target."""
        return tuple(sorted((unit for unit in self.all().values() if path == unit.source or path in unit.reads),
                            key=lambda unit: unit.target))


def command_files(build: Path) -> Iterator[tuple[str, os.DirEntry[str]]]:
    """Every `.NAME.cmd` below `build`, whatever it is; raises LeftBehind where there is no end of files."""
    for path, entry in leftover.walk(build, directories=True):
        if _is_command_file(entry.name):
            yield path, entry


def _is_command_file(name: str) -> bool:
    return name.startswith(".") and name.endswith(".cmd")


def made_from(source: Path, build: Path, path: str) -> tuple[str, ...]:
    """The files of `build` whose recipe has `path` in it and that no source is named for: tables made into headers,
    sorted, below the build directory."""
    tops = (str(build), str(source))
    wanted = f"{source}/{path}"
    found: list[str] = []
    for name, _entry in command_files(build):
        text = leftover.read_left(build / name, build, leftover.COMMAND_FILE).decode("utf-8", "surrogateescape")
        match = _HEAD.match(text.split("\n", 1)[0]) if wanted in text else None
        if match and wanted in match[2].split() and not match[1].endswith((".o", ".a")):
            found.append(_below(match[1], tops))
    return tuple(sorted(found))


def parse(data: bytes, source: Path, build: Path) -> Unit | None:
    """One `.cmd` file, None where it names no source (an archive, a generated header)."""
    text = data.decode("utf-8", "surrogateescape")
    tops = (str(build), str(source))
    head = origin = ""
    target = ""
    reads: list[str] = []
    for line in text.split("\n"):
        if line.startswith("  "):
            word = line.strip().removesuffix("\\").strip()
            if word and not word.startswith("$(wildcard"):
                reads.append(word)
        elif match := _HEAD.match(line):
            target, head = match[1], match[2]
        elif match := _SOURCE.match(line):
            origin = match[1]
    if not target or not origin:
        return None
    return Unit(_below(target, tops), _below(origin, tops), frozenset(_below(word, tops) for word in reads), head)


@lru_cache(maxsize=1 << 15)
def _below(path: str, tops: tuple[str, str]) -> str:
    """One header is named by hundreds of objects. `tops` are the build directory and the tree."""
    full = posixpath.normpath(posixpath.join(tops[0], path))
    for top in tops:
        if full.startswith(top + "/"):
            return full[len(top) + 1:]
    return full


def _command(text: str) -> tuple[str, ...]:
    """The first simple command of a recipe as words; () where it cannot be read without a shell."""
    plain = text.replace("$(pound)", "#").replace("$$", "$")
    try:
        lexer = shlex.shlex(plain, posix=True, punctuation_chars=";&|<>")
        lexer.whitespace_split = True
        lexer.commenters = ""
        words = []
        for word in lexer:
            if word in _STOP or set(word) <= set(";&|<>"):
                break
            words.append(word)
    except ValueError:
        return ()
    if any("`" in word or "$(" in word for word in words):
        return ()
    return tuple(words)
