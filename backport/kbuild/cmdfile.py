"""What kbuild leaves behind for each object: its `.cmd` file, with the command, the source and the headers."""

from __future__ import annotations

import posixpath
import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass
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


class Units:
    """All `.cmd` files of a build directory, parsed when asked for."""

    def __init__(self, source: Path, build: Path) -> None:
        self._source = source
        self._build = build
        self._all: dict[str, Unit] | None = None

    def all(self) -> dict[str, Unit]:
        """target -> Unit. Raises LeftBehind where a build put something else in place of a `.cmd` file."""
        if self._all is None:
            found: dict[str, Unit] = {}
            size = 0
            for path in command_files(self._build):
                data = leftover.read_left(path, self._build, leftover.COMMAND_FILE)
                size += len(data)
                if size > _ALL:
                    raise BuildError(f"the .cmd files of the build are more than {_ALL >> 30} GiB",
                                     hint="build fewer targets (targets: in trees.yaml)")
                unit = parse(data, self._source, self._build)
                if unit is not None:
                    found[unit.target] = unit
            self._all = found
        return self._all

    def users(self, path: str) -> tuple[Unit, ...]:
        """The units that read `path` (as source, header or included file), sorted by target."""
        return tuple(sorted((unit for unit in self.all().values() if path == unit.source or path in unit.reads),
                            key=lambda unit: unit.target))


def command_files(build: Path) -> Iterator[Path]:
    """Every `.NAME.cmd` below `build`, whatever it is; raises LeftBehind where there is no end of files."""
    for path, entry in leftover.walk(build, directories=True):
        if entry.name.startswith(".") and entry.name.endswith(".cmd"):
            yield build / path


def parse(data: bytes, source: Path, build: Path) -> Unit | None:
    """One `.cmd` file, None where it names no source (an archive, a generated header)."""
    text = data.decode("utf-8", "surrogateescape")
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
                frozenset(_below(word, source, build) for word in reads), head)


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
