"""What `make --trace` printed: each compiler command that it ran, where, for which output, and what it said.

The Makefiles of selftests leave no `.cmd` files. --trace prints every command, also those that a Makefile keeps quiet
about; a command that stands behind another one of the same line is not seen, and so proves nothing.
"""

from __future__ import annotations

import posixpath
import re
import shlex
from dataclasses import dataclass, replace
from pathlib import Path

from backport.kbuild.cmdfile import Unit
from backport.kbuild.compiled import preprocess_command
from backport.kbuild.diagnostics import Paths, parse
from backport.kbuild.make import Runner
from backport.kbuild.result import Diagnostic

SOURCES = (".c", ".S")
_DIRECTORY = re.compile(r"^make(?:\[[0-9]+\])?: (Entering|Leaving) directory '(/[^']*)'$")
_TARGET = re.compile(r"^[^\s:]+:[0-9]+: (?:update )?target '")
_COMPILER = re.compile(r"^(?:[A-Za-z0-9_.]+-)*(?:gcc|g\+\+|cc|clang|clang\+\+)(?:-[0-9.]+)?$")
_STOPPED = re.compile(r"^make(?:\[[0-9]+\])?: \*\*\* (?P<what>.*)$|^[^\s:]+:[0-9]+: \*\*\* (?P<stop>.*)$|"
                      r"^(?:/bin/)?sh: (?:line )?[0-9]+: (?P<tool>[^\s:]+): not found$")
_LIBRARY = re.compile(r"cannot find -l[A-Za-z0-9_+.-]+")
# names that a compiler makes up for its own files
_MADE_UP = re.compile(r"/tmp/(?:cc[A-Za-z0-9]{6}|([\w.]+)-[0-9a-f]{6})\.")
# flags whose value is a file or a directory, beside what the flags are that name what else the compiler writes
_PLACES = ("-idirafter", "-imacros", "-include", "-iquote", "-isystem", "-I")
_VALUES = ("-D", "-U", "-x", "-L", "-l", "-T", "-Xlinker", "-Xassembler", "-target", "-march", "--param", "-arch", "-z",
           "-u", "-e")
_WRITTEN = ("-MF", "-MT", "-MQ", "-o")
_LISTED = ("-M", "-MM", "-MD", "-MMD", "-MP", "-MG", "-c", "-S")
_CONTINUED = 64          # lines of one command
_NAME = 100              # characters of a compiler's name
_DETAIL = 160            # characters of make's own words that are kept


@dataclass(frozen=True, slots=True)
class Trace:
    """`units` has one for each source of each command, its flags without what depends on the directory; `targets` are
    the outputs of all commands, those that only link as well; `stops` is what make and the shell said of what they
    could not do, in order."""

    units: tuple[Unit, ...] = ()
    targets: tuple[str, ...] = ()
    diagnostics: tuple[Diagnostic, ...] = ()
    stops: tuple[str, ...] = ()

    def of(self, target: str) -> tuple[Diagnostic, ...]:
        """The errors of the commands that make `target`."""
        return tuple(item for item in self.diagnostics if item.object == target and item.is_error)


class _In(Paths):
    """Paths of a command that runs in `folder`: what is not absolute is meant from there."""

    def __init__(self, folder: str, source: Path, build: Path) -> None:
        super().__init__(source, build)
        self._folder = folder

    def clean(self, path: str) -> str:
        return super().clean(posixpath.normpath(posixpath.join(self._folder, path))) if path else path

    def text(self, line: str) -> str:
        return line              # cut, a path below the tree could not be told from one below `folder`


def read(output: bytes, source: Path, build: Path) -> Trace:
    """What make, called in the tree at `source` with output below `build`, printed."""
    units: dict[tuple[str, str], Unit] = {}
    targets: dict[str, None] = {}
    found: list[Diagnostic] = []
    stops: list[str] = []
    folders: list[str] = [str(source)]
    said: list[str] = []
    plain = Paths(source, build)
    made = ""

    def close() -> None:
        text = "\n".join(said).encode("utf-8", "surrogateescape")
        found.extend(replace(item, object=made, text=plain.text(item.text), detail=tuple(map(plain.text, item.detail)))
                     for item in parse(text, _In(folders[-1], source, build)))
        said.clear()

    lines = output.decode("utf-8", "surrogateescape").split("\n")
    number = 0
    while number < len(lines):
        line = _MADE_UP.sub(r"/tmp/\1.", lines[number].rstrip("\r"))
        number += 1
        if (moved := _DIRECTORY.match(line)) or _TARGET.match(line):
            close()
            made = ""
            if moved and moved[1] == "Entering":
                folders.append(moved[2])
            elif moved and len(folders) > 1:
                folders.pop()
        elif _is_command(line):
            close()
            for _ in range(_CONTINUED):
                if not line.endswith("\\") or number >= len(lines):
                    break
                line = f"{line[:-1]} {lines[number]}"
                number += 1
            made, ran = _command(line, folders[-1], source, build)
            targets.update({made: None} if made else {})
            units.update({(unit.target, unit.source): unit for unit in ran})
        else:
            said.append(line)
            if library := _LIBRARY.search(line):
                found.append(Diagnostic("", 0, "error", library[0], object=made))
            if stop := _STOPPED.match(line):
                what = stop["what"] or stop["stop"] or f"{stop['tool']} is not installed"
                stops.append(plain.text(what)[:_DETAIL])
    close()
    return Trace(tuple(units.values()), tuple(targets), tuple(found), tuple(dict.fromkeys(stops)))


def reads(unit: Unit, runner: Runner, source: Path, build: Path) -> frozenset[str]:
    """The files below the tree that the command of `unit` reads; none where it does not run."""
    argv = preprocess_command(unit)
    ended = runner.run([*argv, "-w", "-M"], cwd=build) if argv else None
    if ended is None or ended.code or ended.stopped:
        return frozenset()
    paths = Paths(source, build)
    words = ended.output.decode("utf-8", "surrogateescape").replace("\\\n", " ").split()
    return frozenset(paths.clean(word) for word in words if word.startswith("/") and not word.endswith(":"))


def _is_command(line: str) -> bool:
    words = line.split(None, 2)[:2]
    name = next((posixpath.basename(word) for word in words if posixpath.basename(word) != "ccache"), "")
    return len(words) > 1 and len(name) < _NAME and _COMPILER.match(name) is not None


def _command(text: str, folder: str, source: Path, build: Path) -> tuple[str, list[Unit]]:
    """(output below the build directory or the tree, one unit for each source that a command names, as it can be run
    from anywhere)."""
    argv = [word for word in Unit("", "", frozenset(), text).argv if posixpath.basename(word) != "ccache"]
    paths = Paths(source, build)
    flags: list[str] = argv[:1]
    sources: list[str] = []
    target = ""

    def full(value: str) -> str:
        return posixpath.normpath(posixpath.join(folder, value))

    rest = iter(argv[1:])
    for word in rest:
        place = next((flag for flag in _PLACES if word.startswith(flag)), "")
        if word in _WRITTEN:
            value = next(rest, "")
            target = full(value) if word == "-o" else target
        elif word.startswith("-o") and len(word) > 2:
            target = full(word[2:])
        elif place:
            flags += [place, full(word[len(place):] or next(rest, ""))]
        elif word in _VALUES:
            flags += [word, next(rest, "")]
        elif word.startswith("-"):
            flags += [] if word in _LISTED or word.startswith(("-Wp,-M", "-Wl,")) else [word]
        elif word.endswith(SOURCES):
            sources.append(full(word))
    made = paths.clean(target) if target.startswith((f"{build}/", f"{source}/")) else ""
    return made, [Unit(made, paths.clean(one), frozenset(), shlex.join([*flags, one])) for one in sources]
