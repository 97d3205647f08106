"""Symbols across kvm.ko, kvm-intel.ko and kvm-amd.ko: one that a module uses and nobody exports breaks the load.

modpost finds it in a whole build. Here there is no vmlinux to say what the rest of the kernel exports, so modpost's
own list of undefined symbols is useless; what the baseline leaves to the rest is taken as exported, and a new
name must be exported by one of the modules or by some EXPORT_SYMBOL of the tree.

Single objects are not linked at all. Of those, a name fails that nothing in the tree can define, and one that an object
of a module takes from a function of another part of the kernel which nothing exports (`lost`).
"""

from __future__ import annotations

import posixpath
import re
import struct
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain
from pathlib import Path

from elftools.common.exceptions import ELFError

from backport.csource.declarations import head_name
from backport.csource.source import Source
from backport.errors import BuildError
from backport.git import GLOBS, Git
from backport.kbuild import leftover, objects
from backport.kbuild.delta import Delta
from backport.kbuild.result import Diagnostic
from backport.trees import sparse
from backport.trees.index import Index

# what tracepoints, static calls and per-CPU data make of the name that stands in EXPORT_...()
_DERIVED = re.compile(r"^(?:__tracepoint_|__traceiter_|__probestub_|__SC[KT]__(?:tp_func_)?)")
_EXPORTS = ("__ksymtab_", "__export_symbol_")
_NAME = re.compile(r"^\w+$")
# what else than C may define a name
_CODE = (".S", ".s", ".rs", ".lds", ".sh", ".pl", ".py", ".tbl")
_Row = tuple[str, int, bytes]            # path, line number, line
_UNDEFINED = re.compile(r'^modpost: ".*" \[.*\] undefined!|^modpost: suppressed \d+ unresolved')


def left_open(build: Path, modules: Sequence[str]) -> dict[str, tuple[str, ...]]:
    """Symbols that the modules use and none of them exports: name -> the modules (paths of .ko) that use it."""
    uses: dict[str, set[str]] = {}
    exported: set[str] = set()
    for module in modules:
        undefined, exports = _read(build / (module.removesuffix(".ko") + ".o"), build)
        exported |= exports
        for name in undefined:
            uses.setdefault(name, set()).add(module)
    return {name: tuple(sorted(users)) for name, users in sorted(uses.items()) if name not in exported}


def undefined(now: Mapping[str, Sequence[str]], before: Iterable[str], source: Path) -> tuple[Diagnostic, ...]:
    """Names that were not left open before and that nothing in the tree at `source` exports, as modpost says it."""
    known = set(before)
    return tuple(Diagnostic(module, 0, "error", f'modpost: "{name}" [{module}] undefined!')
                 for name, modules in now.items() if name not in known and not exported_by(source, name)
                 for module in modules)


def lost(build: Path, pristine: Path, targets: Iterable[str], recipes: Mapping[str, str], delta: Delta,
         source: Path) -> tuple[Diagnostic, ...]:
    """Symbols that single objects use since the patch, which is in `source`, and that they cannot get.

    There is no link and no module here, so only what is sure is told: every line with the name is a declaration, or a
    use that the patch added; or the object is a module's by its recipe, and a function of that name stands outside the
    module with no EXPORT_SYMBOL. `targets` are objects below `build`; `pristine` holds the same without the patch.
    """
    found: list[Diagnostic] = []
    for target in targets:
        if not leftover.is_left(build / target, build):
            continue
        before = _read(pristine / target, pristine)[0] if leftover.is_left(pristine / target, pristine) else set()
        for name in sorted(filter(_NAME.match, _read(build / target, build)[0] - before)):
            # what is not checked out is read only where the rest leaves the question open: it takes seconds
            plain = _DERIVED.sub("", name)
            rows = _lines(source, plain, "-w", "-F", "-e", plain)
            seen: list[_Row] = []
            for row in rows:
                seen.append(row)
                if _may_define(row, name, delta):
                    break
            else:
                found.append(Diagnostic(target, 0, "error", f'"{name}" [{target}] undefined!'))
                continue
            module = _module(recipes.get(target, ""), target, source)
            if module is not None and (where := _kept_inside(chain(seen, rows), name, module, source)):
                found.append(Diagnostic(target, 0, "error", f'modpost: "{name}" [{module.home}/{module.name}.ko] '
                                        f"undefined! {where} has the function, and nothing exports it"))
    return tuple(found)


@dataclass(frozen=True, slots=True)
class _Module:
    """What an object is compiled for: name, the directory whose list has it, and whether the object is all of it."""

    name: str
    home: str
    alone: bool


def _module(recipe: str, target: str, source: Path) -> _Module | None:
    """The module of the object `target`; None for one of the kernel itself, and where the module may take objects from
    other directories than its own and those below."""
    words = recipe.split()
    # kbuild writes an underscore for a dash; an object of several modules has a colon in it
    name = next((word for word in words if word.startswith("-DKBUILD_MODNAME=")), "").partition("=")[2].strip("'\"")
    if not name or "-DMODULE" not in words:
        return None
    home, file = posixpath.split(target)
    if file.removesuffix(".o").replace("-", "_") == name:
        return _Module(file.removesuffix(".o"), home, alone=True)        # of several objects none has its name
    while home:
        text = b"\n".join(_bytes(source / home / one) or b"" for one in ("Kbuild", "Makefile"))
        if b"../" in text:
            return None
        for word in text.decode("utf-8", "replace").replace("=", " ").split():
            if word.endswith(".o") and word.removesuffix(".o").replace("-", "_") == name:
                return _Module(word.removesuffix(".o"), home, alone=False)
        home = posixpath.dirname(home)
    return None


def _kept_inside(rows: Iterable[_Row], name: str, module: _Module, source: Path) -> str:
    """The file whose function `name` is, where an object of `module` can have it from nowhere: a plain function that no
    other object of the module can hold, and whose name no export, macro or assembly has. "" where that is not sure."""
    if _DERIVED.sub("", name) != name:
        return ""
    plain = name.encode()
    margin: list[_Row] = []
    for row in rows:
        path, _number, line = row
        if not path.endswith((".c", ".h")):
            if path.endswith(_CODE):
                return ""                        # assembly exports by macros of its own
            continue
        # what follows a name that begins a line may be the rest of an EXPORT_SYMBOL( on the line above
        text = line.strip()
        rest = text.removeprefix(plain).lstrip()[:1] if text.startswith(plain) else b"("
        if b"EXPORT" in line or rest in (b"", b")", b","):
            return ""
        if not line[:1].isspace() and line[:1] not in (b"*", b"/", b"}"):
            margin.append(row)
    where = ""
    for path, number, line in margin:
        file = Source.of(_text(source, path))
        inside = file.enclosing(number)
        if inside is not None and inside.name == name and number <= inside.body:
            if any(b"static" in one.split() for one in file.lines[inside.start - 1:number]):
                continue
            if not path.endswith(".c") or (not module.alone
                                           and f"{posixpath.dirname(path)}/".startswith(f"{module.home}/")):
                return ""                        # the module may have it in another of its objects
            where = path
        elif inside is None and head_name(line) != plain:
            return ""                            # a macro at the margin may define or export it
    return where


def _text(source: Path, path: str) -> bytes:
    """A file of the tree at `source` as it is, or as the commit has it where it is not checked out."""
    data = _bytes(source / path)
    if data is None:
        with Git(source) as git:
            data = git.blob(f"HEAD:{path}")
    return data or b""


def _bytes(path: Path) -> bytes | None:
    try:
        return path.read_bytes() if path.is_file() else None
    except OSError:
        return None


def _may_define(row: _Row, name: str, delta: Delta) -> bool:
    """Is it more than a declaration and more than a use that the patch added?"""
    path, number, line = row
    return path.endswith((".c", ".h", *_CODE)) and not (_declares(line, _DERIVED.sub("", name).encode())
                                                        or (line[:1].isspace() and delta.adds(path, number)))


def _lines(source: Path, name: str, *words: str, only: Sequence[str] = ()) -> Iterator[_Row]:
    """(path, line number, line) of what `git grep WORDS` finds in the work tree as it is, then in what is not checked
    out: there in the files that the names of the tree say have `name`, where those are known. `only`: pathspecs."""
    with Git(source) as git:
        yield from _grep(git, words, only)
    absent = sparse.absent(source)
    if not absent:
        return
    having = _having(source, name, absent)
    if having is None:                           # seconds, through all of a tree
        with Git(source) as git:
            yield from (row for row in _grep(git, ("--cached", *words), only) if row[0] in absent)
    elif having:
        with Git(source) as git:
            yield from _grep(git, ("--cached", *words), having)


def _having(source: Path, name: str, absent: Collection[str]) -> list[str] | None:
    """Those of `absent` that may have the word, None where it is not known without reading the tree."""
    directory = sparse.git_directory(source)
    if directory is None:
        return None
    with Git(source) as git:
        index = Index(directory.parents[1], git.rev("HEAD") or "", git=git)
        known = set(index.having(name) or ()) if index.words_made else None
    return None if known is None else sorted(path for path in absent if path in known or path.endswith(".rs"))


def _grep(git: Git, words: Sequence[str], paths: Sequence[str]) -> Iterator[_Row]:
    found = git.run(GLOBS, "grep", "-n", "-z", "-I", *words, *(["--", *paths] if paths else []), ok=(0, 1)).out
    for row in found.split(b"\n"):
        path, _nul, rest = row.partition(b"\0")
        number, _nul, line = rest.partition(b"\0")
        if number:
            yield path.decode("utf-8", "surrogateescape"), int(number), line


def _declares(line: bytes, name: bytes) -> bool:
    """`int name(...);` or `extern int name;` on one line; a definition, a macro, an assignment is none."""
    text = line.strip()
    ahead = text.split(name, 1)[0]
    return text.endswith(b";") and not set(ahead) & set(b"(={#") and (
        text.startswith(b"extern ") or (not line[:1].isspace() and b"(" in text and bool(ahead.strip())))


def exported_by(source: Path, name: str) -> bool:
    """Does some EXPORT_SYMBOL of the work tree name it."""
    plain = _DERIVED.sub("", name)
    if not _NAME.match(plain):
        return False
    return any(_lines(source, plain, "-E", "-e", rf"EXPORT_[A-Z_]+\(\s*{plain}\b", only=("*.c", "*.S", "*.h")))


def without_undefined(found: Iterable[Diagnostic]) -> tuple[Diagnostic, ...]:
    """Diagnostics without modpost's list of everything that a missing vmlinux would export."""
    return tuple(item for item in found if not _UNDEFINED.match(item.text))


def _read(path: Path, build: Path) -> tuple[set[str], set[str]]:
    """(undefined, exported) names of one module's object."""
    data = objects.load(path, build)
    try:
        elf = objects.open_elf(data)
        table = elf.get_section_by_name(".symtab")
        if table is None:
            raise BuildError(f"{path.name} has no symbol table")
        strings = elf.get_section(table["sh_link"])
        if table.compressed or strings.compressed:
            raise ELFError("its symbol table is compressed")
        words = bytes(strings.data())
        undefined: set[str] = set()
        exports: set[str] = set()
        width = ("<" if elf.little_endian else ">") + ("IBBHQQ" if elf.elfclass == 64 else "IIIBBH")
        for row in struct.iter_unpack(width, table.data()):
            index = row[3] if elf.elfclass == 64 else row[5]
            name = objects.name_at(words, row[0])
            if index == 0 and name:
                undefined.add(name)
            for prefix in _EXPORTS:
                if name.startswith(prefix):
                    exports.add(name.removeprefix(prefix))
        return undefined, exports
    except (ELFError, OSError, struct.error, KeyError, TypeError, ValueError, OverflowError) as error:
        raise BuildError(f"{path.name} cannot be read as an object: {error}") from error
