"""The proof behind a pass: every touched source was compiled afresh, and every touched line of code with it.

A file counts through the objects whose `.cmd` file names it. A line outside every #if is compiled when its file
is; for a line inside one the preprocessor is asked, with the object's own command.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from backport.csource.conditional import layout
from backport.errors import BuildError
from backport.kbuild.cmdfile import Unit, Units, made_from
from backport.kbuild.delta import Delta, FileDelta
from backport.kbuild.diagnostics import Paths
from backport.kbuild.make import Runner
from backport.kbuild.result import Uncompiled
from backport.kbuild.touched import TouchedKind, kind_of
from backport.sections.assembly import assembled_if

_MARKER = re.compile(rb'^#(?:line)? ([0-9]{1,9}) "((?:[^"\\]|\\.)*)"([ \d]*)')
NO_OBJECT = "no object of this configuration is built from it"
# Headers are read by dozens of objects: the first few that have all sections are enough, the rest are not asked
_ASK_AT_MOST = 12

@dataclass(frozen=True, slots=True)
class Proof:
    """`objects` are fresh and hold touched sources; `missing` is what was not compiled; `unproved` what no object
    can speak about (macros that nobody may use, Makefiles)."""

    objects: tuple[str, ...]
    missing: tuple[Uncompiled, ...]
    unproved: tuple[str, ...]
    code: bool                       # there was at least one line of code to prove


def prove(delta: Delta, units: Units, fresh: Collection[str], *, runner: Runner, build: Path, source: Path,
          kconfig: Collection[str], visited: Sequence[str], jobs: int) -> Proof:
    """Check every touched file. `fresh` are the files that this build wrote; `kconfig` the Kconfig files that the
    configuration was made from; `visited` the directories that make went through."""
    objects: dict[str, None] = {}
    missing: list[Uncompiled] = []
    unproved: list[str] = []
    code = False
    for path, file in delta.files.items():
        kind = kind_of(path)
        if kind is TouchedKind.NOTHING or file.after is None:
            continue
        if kind is TouchedKind.KCONFIG:
            if path not in kconfig:
                missing.append(Uncompiled(path, 0, "", "this configuration does not read it"))
            continue
        if kind is TouchedKind.MAKEFILE:
            if not is_visited(path, visited):
                missing.append(Uncompiled(path, 0, "", "the build does not enter this directory"))
            continue
        if kind is TouchedKind.OTHER:
            tables = [name for name in made_from(source, build, path) if name in fresh]
            made = [unit for name in tables for unit in units.users(name) if unit.target in fresh]
            objects.update(dict.fromkeys(unit.target for unit in made))
            code = code or bool(made)
            if tables and not made:
                missing.append(Uncompiled(path, 0, "", f"{tables[0]} is made from it, and no object that reads that is "
                                          "built in this configuration"))
            elif not tables:
                unproved.append(f"{path}: not C, assembly or kbuild; whether it is used is not known")
            continue
        users = units.users(path)
        made = [unit for unit in users if unit.target in fresh]
        if not made:
            why = (NO_OBJECT if not users else
                   "its objects were not rebuilt: " + ", ".join(unit.target for unit in users[:3]))
            missing.append(Uncompiled(path, 0, "", why))
            continue
        code = True
        objects.update(dict.fromkeys(unit.target for unit in made))
        if path.endswith(".h") and not path.startswith(tuple(f"{place}/" for place in visited)):
            unproved.append(f"{path}: its users outside {', '.join(visited)} are not built")
        lost, notes = lost_lines(file, made, runner, build, source, jobs)
        missing += lost
        unproved += notes
    return Proof(tuple(sorted(objects)), tuple(missing), tuple(unproved), code)


def is_visited(path: str, visited: Sequence[str]) -> bool:
    """Does make read the Makefile `path` on its way into one of the directories `visited`?"""
    folder = posixpath.dirname(path)
    return any((place + "/").startswith(folder + "/") or folder == "" for place in visited) or folder == "scripts"


def lost_lines(file: FileDelta, made: Sequence[Unit], runner: Runner, build: Path, source: Path,
               jobs: int) -> tuple[list[Uncompiled], list[str]]:
    """(lines that no object compiled, what cannot be proved) of one file that at least one object reads."""
    assert file.after is not None
    plan = layout(file.after)
    wanted: dict[int, list[int]] = {}         # section -> touched lines in it
    defines: list[int] = []
    for line, removal in _touched(file):
        if not 1 <= line <= len(plan.kinds):
            continue
        kind = plan.kinds[line - 1]
        if kind == "define" and not removal:
            defines.append(line)
        if removal or kind in ("code", "define", "include"):
            section = plan.sections[line - 1]
            if section.guarded:
                wanted.setdefault(section.number, []).append(line)
    unproved = [f"{file.path}:{line}: a macro is defined here; whether it is used is not proved" for line in defines]
    if file.path.endswith(".S"):
        inside = assembled_if(file.after)
        unproved += [f"{file.path}:{line}: inside {inside[line]}: whether it is assembled is not proved"
                     for line, removal in _touched(file) if not removal and line in inside]
    guarded = {section.number for section in plan.sections if section.guarded}
    conditions = {number: line for line, removal in _touched(file) if not removal and line <= len(plan.opens)
                  and (number := plan.opens[line - 1]) in guarded and plan.lines_of(number)}
    if not wanted and not conditions:
        return [], unproved
    text = file.after.split(b"\n")
    live = _live(file.path, {number: set(plan.lines_of(number)) for number in {*wanted, *conditions}}, made, runner,
                 build, source, jobs)
    unproved += [f"{file.path}:{line}: {text[line - 1].decode('utf-8', 'replace').strip()}: what hangs on it is not "
                 "compiled in this configuration" for number, line in conditions.items()
                 if number not in live and number not in wanted]
    lost: list[Uncompiled] = []
    for number, lines in wanted.items():
        if number in live:
            continue
        section = next(s for s in plan.sections if s.number == number)
        lost += [Uncompiled(file.path, line, text[line - 1].decode("utf-8", "replace"),
                            f"not compiled in this configuration ({section.opened})", section.conditions)
                 for line in sorted(set(lines))]
    return lost, unproved


def _touched(file: FileDelta) -> Iterable[tuple[int, bool]]:
    """(1-based line after the patch, is it only the place of a removal) of every touched line."""
    for block in file.blocks:
        for i in range(block.added):
            yield block.new + i + 1, False
        if not block.added:
            # the line that now stands where lines were taken out: same section, unless directives went with them
            yield block.new + 1, True


def _live(path: str, sections: Mapping[int, set[int]], made: Sequence[Unit], runner: Runner, build: Path,
          source: Path, jobs: int) -> set[int]:
    """The sections that survive preprocessing in at least one object."""
    live: set[int] = set()
    queue = list(made[:_ASK_AT_MOST]) if len(made) > _ASK_AT_MOST else list(made)
    paths = Paths(source, build)
    with ThreadPoolExecutor(max_workers=max(1, jobs)) as pool:
        while queue and live != set(sections):
            batch, queue = queue[:max(1, jobs)], queue[max(1, jobs):]
            for seen in pool.map(lambda unit: surviving(unit, path, runner, build, paths), batch):
                live |= {number for number, lines in sections.items() if lines & seen}
    return live


def surviving(unit: Unit, path: str, runner: Runner, build: Path, paths: Paths) -> set[int]:
    """The 1-based lines of `path` for which the preprocessor, run as for `unit`, prints something.

    -dD keeps #define lines, so that a section of macros alone can be seen. Raises BuildError where the command
    cannot be read or does not run: then there is no proof.
    """
    argv = preprocess_command(unit)
    if not argv:
        raise BuildError(f"the command that made {unit.target} cannot be read",
                         hint="please report it with the .cmd file")
    ended = runner.run([*argv, "-w", "-E", "-dD", "-o", "-"], cwd=build)
    if ended.code or ended.stopped:
        raise BuildError(f"the preprocessor ended with {ended.stopped or ended.code} for {unit.target}")
    seen: set[int] = set()
    here = False
    number = 0
    known: dict[bytes, bool] = {}
    for line in ended.output.split(b"\n"):
        if line[:2] == b"# " or line[:5] == b"#line":
            match = _MARKER.match(line)
            if match:
                name = match[2]
                if name not in known:
                    known[name] = paths.clean(name.decode("utf-8", "replace")) == path
                here = known[name]
                number = int(match[1])
                if here and b"2" in match[3].split():
                    seen.add(number - 1)     # back from an #include, which leaves nothing else of itself
                continue
        if here and line.strip():
            seen.add(number)
        number += 1
    return seen


def preprocess_command(unit: Unit) -> tuple[str, ...]:
    """The unit's compiler command without output, dependency file and `-c`; () where it is no C compilation."""
    words: list[str] = []
    skip = False
    for word in unit.argv:
        if skip:
            skip = False
        elif word == "-o":
            skip = True
        elif word in ("-c", "-S") or word.startswith(("-Wp,-MD", "-Wp,-MMD")):
            continue
        else:
            words.append(word)
    while words and posixpath.basename(words[0]) == "ccache":
        words.pop(0)
    return tuple(words)
