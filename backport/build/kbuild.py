"""What kbuild leaves behind for each object: its `.cmd` file, with the command, the source and the headers."""

from __future__ import annotations

import os
import posixpath
import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

_HEAD = re.compile(r"^(?:saved)?cmd_(\S+) := (.*)$")
_SOURCE = re.compile(r"^source_\S+ := (.*)$")
_STOP = frozenset({";", "&&", "||", "|", ">", ">>", "<", "{", "}", "(", ")"})


@dataclass(frozen=True, slots=True)
class Unit:
    """One made file. Paths below the tree or the build directory, `..` taken out; `argv` is the compiler's command
    with no shell in it, empty where the file is not made by one compiler call."""

    target: str
    source: str
    reads: frozenset[str]
    argv: tuple[str, ...]


class Units:
    """All `.cmd` files of a build directory, parsed when asked for."""

    def __init__(self, source: Path, build: Path) -> None:
        self._source = source
        self._build = build
        self._all: dict[str, Unit] | None = None

    def all(self) -> dict[str, Unit]:
        """target -> Unit."""
        if self._all is None:
            self._all = {unit.target: unit for path in command_files(self._build)
                         if (unit := read(path, self._source, self._build)) is not None}
        return self._all

    def users(self, path: str) -> tuple[Unit, ...]:
        """The units that read `path` (as source, header or included file), sorted by target."""
        return tuple(sorted((unit for unit in self.all().values() if path == unit.source or path in unit.reads),
                            key=lambda unit: unit.target))


def command_files(build: Path) -> Iterator[Path]:
    """Every `.NAME.cmd` below `build`."""
    for top, directories, files in os.walk(build):
        directories[:] = [name for name in directories if not Path(top, name).is_symlink()]
        for name in files:
            if name.startswith(".") and name.endswith(".cmd"):
                yield Path(top, name)


def read(path: Path, source: Path, build: Path) -> Unit | None:
    """One `.cmd` file, None where it names no source (an archive, a generated header)."""
    try:
        text = path.read_text("utf-8", "surrogateescape")
    except OSError:
        return None
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
    return Unit(_below(target, source, build), _below(origin, source, build),
                frozenset(_below(word, source, build) for word in reads), _command(head))


def _below(path: str, source: Path, build: Path) -> str:
    full = posixpath.normpath(posixpath.join(str(build), path))
    for top in (str(build), str(source)):
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
