"""What a patch changed in the machine code: both sides of each touched object built apart, only to be compared.

The build that gives the verdict puts all code in one section and is left alone. Each object's own compiler command
runs again with -ffunction-sections -fdata-sections into a directory of its own. The patched source is compiled
from a copy with #line directives, so that every line that the patch did not touch keeps the number it had: else
each __LINE__ below the first hunk would look like a change.
"""

from __future__ import annotations

import contextlib
import posixpath
import re
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from backport.csource.conditional import strip_comments
from backport.csource.functions import enclosing
from backport.csource.pieces import without_literals
from backport.errors import BuildError
from backport.kbuild import leftover, objects
from backport.kbuild.cmdfile import Unit
from backport.kbuild.compiled import preprocess_command
from backport.kbuild.delta import Delta, FileDelta
from backport.kbuild.objects import ObjectCode
from backport.kbuild.plan import Plan
from backport.kbuild.result import CodeChanges, FunctionChange
from backport.patch.parse import split_lines

_FLAGS = ("-ffunction-sections", "-fdata-sections", "-w")
# gcc: "Inlined a.part.0/12 into b/34 which ...", "Inlining a/1 into b/2 (always_inline)."
# clang: "'a' inlined into 'b'"
_NOTES = 64 << 20        # bytes of them
_INLINED = re.compile(r"Inlin(?:ed|ing) (\S+?)/\d+ (?:in)?to (\S+?)/\d+|'([\w.]+)' inlined into '([\w.]+)'")
_MOST = 80           # objects; a change to a header that everything reads is compared by its first users only


@dataclass(frozen=True, slots=True)
class CompiledSide:
    """One side's compiled objects: code and inlining (function -> functions it went into) by target."""

    code: Mapping[str, ObjectCode]
    inlined: Mapping[str, Mapping[str, frozenset[str]]]
    seconds: float


def build_side(work: Plan, units: Sequence[Unit], delta: Delta | None) -> CompiledSide:
    """Compile `units` for comparison; with the patch in the work tree `delta` says what it changed, without it the
    result is kept for the next patch. Raises BuildError where a command cannot be read or fails."""
    started = time.monotonic()
    home = work.home / "compare" / ("patched" if delta else "baseline")
    if delta:
        leftover.remove(home)
    home.mkdir(parents=True, exist_ok=True)
    chosen = [unit for unit in units if unit.source.endswith((".c", ".S"))][:_MOST]
    # all that is written on this side of the sandbox is written before the first command of a patched build runs
    jobs = [job for unit in chosen if (job := _prepare(work, unit, home, delta)) is not None]
    with ThreadPoolExecutor(max_workers=work.jobs) as pool:
        for _done in pool.map(lambda job: _compile(work, job, home), jobs):
            pass
    code = {unit.target: objects.read(home / unit.target, home) for unit in chosen}
    inlined = {unit.target: _inlining(_notes(home / unit.target), home) for unit in chosen}
    return CompiledSide(code, inlined, time.monotonic() - started)


def changes(old: CompiledSide, new: CompiledSide, delta: Delta) -> CodeChanges:
    """The two sides compared."""
    functions: list[FunctionChange] = []
    data: list[str] = []
    for target in sorted(old.code.keys() | new.code.keys()):
        before = old.code.get(target, ObjectCode({}, {}))
        after = new.code.get(target, ObjectCode({}, {}))
        for name in sorted(before.functions.keys() | after.functions.keys()):
            was, now = before.functions.get(name), after.functions.get(name)
            if was == now:
                continue
            kind = "appeared" if was is None else "vanished" if now is None else "changed"
            functions.append(FunctionChange(name, target, kind, was.size if was else 0, now.size if now else 0))
        data += [f"{target}: {name}" for name in sorted(before.data.keys() | after.data.keys())
                 if before.data.get(name) != after.data.get(name)]
    return CodeChanges(tuple(functions), tuple(data), _where(old, new, delta, {item.name for item in functions}),
                       tuple(sorted(new.code)), not functions and not data, old.seconds + new.seconds)


def _where(old: CompiledSide, new: CompiledSide, delta: Delta, changed: set[str]) -> dict[str, tuple[str, ...]]:
    """For each touched function that went into others: the changed functions it went into."""
    found: dict[str, tuple[str, ...]] = {}
    for name in touched_functions(delta):
        into: set[str] = set()
        for side in (old, new):
            for target, graph in side.inlined.items():
                own = side.code[target].functions
                into |= {caller for caller in _closure(name, graph) if caller in own}
        hit = sorted(into & changed - {name})
        if hit:
            found[name] = tuple(hit)
    return found


def touched_functions(delta: Delta) -> tuple[str, ...]:
    """The functions that hold a touched line, before or after the patch, each once."""
    names: dict[str, None] = {}
    for file in delta.files.values():
        for block in file.blocks:
            for data, first, count in ((file.before, block.old, block.removed), (file.after, block.new, block.added)):
                for line in range(first + 1, first + max(count, 1) + 1):
                    function = enclosing(data, line) if data else None
                    if function is not None:
                        names[function.name] = None
    return tuple(names)


def _closure(name: str, graph: Mapping[str, frozenset[str]]) -> set[str]:
    seen: set[str] = set()
    queue = [name]
    while queue:
        for caller in graph.get(queue.pop(), ()):
            if caller not in seen:
                seen.add(caller)
                queue.append(caller)
    return seen


def _inlining(path: Path, home: Path) -> dict[str, frozenset[str]]:
    graph: dict[str, set[str]] = {}
    try:
        text = leftover.read_left(path, home, _NOTES).decode("utf-8", "replace")
    except FileNotFoundError:
        return {}
    for match in _INLINED.finditer(text):
        callee, caller = (match[1], match[2]) if match[1] else (match[3], match[4])
        graph.setdefault(objects.base_name(callee), set()).add(objects.base_name(caller))
    return {name: frozenset(callers) for name, callers in graph.items()}


@dataclass(frozen=True, slots=True)
class _Job:
    """One object to compile: the command, where its object and its notes on inlining go."""

    target: str
    argv: tuple[str, ...]
    out: Path


def _notes(out: Path) -> Path:
    """Where the notes of an object stand: written last, so that an object without them is made again."""
    return out.with_suffix(".inline")


def _prepare(work: Plan, unit: Unit, home: Path, delta: Delta | None) -> _Job | None:
    """The job for one object with its source in place, None where the baseline's object is there already."""
    out = home / unit.target
    if delta is None and leftover.is_left(out, home) and leftover.is_left(_notes(out), home):
        return None
    out.parent.mkdir(parents=True, exist_ok=True)
    argv = list(preprocess_command(unit))
    if not argv:
        raise BuildError(f"the command that made {unit.target} cannot be read")
    origin = work.source / unit.source
    place = next((i for i in range(len(argv) - 1, 0, -1)
                  if posixpath.normpath(posixpath.join(str(work.build), argv[i])) in
                  (str(origin), str(work.build / unit.source))), None)
    if place is None:
        raise BuildError(f"the command that made {unit.target} does not name its source")
    extra: list[str] = [*_FLAGS]
    if unit.source.endswith(".c"):
        file = delta.files.get(unit.source) if delta else None
        copy = out.with_suffix(".c")
        leftover.write_left(copy, home, same_lines(file, str(origin)) if file and file.after is not None
                            else b'#line 1 "%s"\n' % str(origin).encode() + _source(origin, work.source))
        argv[place] = str(copy)
        extra += ["-iquote", str(origin.parent),
                  "-Rpass=inline" if work.compiler.clang else f"-fopt-info-inline={out.with_suffix('.notes')}"]
    return _Job(unit.target, (argv[0], *extra, *argv[1:], "-c", "-o", str(out)), out)


def _source(origin: Path, tree: Path) -> bytes:
    try:
        return leftover.read_left(origin, tree, leftover.COMMAND_FILE)      # a `.cmd` file named it
    except FileNotFoundError as error:
        raise BuildError(f"the source {origin} is not in the tree") from error


def _compile(work: Plan, job: _Job, home: Path) -> None:
    # a side may write its own directory alone: the baseline's objects are kept for the next patch
    ended = work.runner().reading(home).run(job.argv, cwd=work.build)
    if ended.code or ended.stopped:
        raise BuildError(f"comparison build of {job.target}: {ended.stopped or ended.code}: "
                         + ended.output.decode("utf-8", "replace").strip()[:300])
    said = ended.output if work.compiler.clang else b""
    with contextlib.suppress(FileNotFoundError):
        said += leftover.read_left(job.out.with_suffix(".notes"), home, _NOTES)
    leftover.write_left(_notes(job.out), home, said)


def same_lines(file: FileDelta, name: str) -> bytes:
    """The patched file with #line directives, so that untouched lines keep the numbers they had before.

    A directive goes only where a statement may begin: not inside parentheses (it may be a macro's arguments), a
    comment or a continued line.
    """
    assert file.after is not None
    lines = split_lines(file.after)
    safe = _safe_places(lines)
    quoted = name.replace("\\", "\\\\").replace('"', '\\"').encode()
    out = [b'#line 1 "%s"\n' % quoted]
    pending = False
    old_of = _old_lines(file, len(lines))
    ends = {block.new + block.added for block in file.blocks}
    for i, line in enumerate(lines):
        pending = pending or i in ends
        if pending and safe[i] and old_of[i]:
            out.append(b'#line %d "%s"\n' % (old_of[i], quoted))
            pending = False
        out.append(line)
    return b"".join(out)


def _old_lines(file: FileDelta, count: int) -> list[int]:
    """For each line after the patch its 1-based number before, 0 for an added line."""
    numbers = [0] * count
    shift = 0
    position = 0
    for block in file.blocks:
        for i in range(position, block.new):
            numbers[i] = i - shift + 1
        shift += block.added - block.removed
        position = block.new + block.added
    for i in range(position, count):
        numbers[i] = i - shift + 1
    return numbers


def _safe_places(lines: list[bytes]) -> list[bool]:
    bare, _kinds, inside = strip_comments(lines)
    safe = []
    depth = 0
    continued = directive = False
    for i, line in enumerate(bare):
        if line[:1] in (b"{", b"}"):
            depth = 0
        safe.append(depth == 0 and not continued and not inside[i])
        text = line.rstrip(b"\r\n")
        directive = (directive and continued) or text.lstrip().startswith(b"#")
        if not directive:
            plain = without_literals(text)
            depth = max(0, depth + plain.count(b"(") + plain.count(b"[") - plain.count(b")") - plain.count(b"]"))
        continued = text.endswith(b"\\")
    return safe
