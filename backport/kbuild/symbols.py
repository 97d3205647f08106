"""Symbols across kvm.ko, kvm-intel.ko and kvm-amd.ko: one that a module uses and nobody exports breaks the load.

modpost finds it in a whole build. Here there is no vmlinux to say what the rest of the kernel exports, so modpost's
own list of undefined symbols is useless; what the baseline leaves to the rest is taken as exported, and a new
name must be exported by one of the modules or by some EXPORT_SYMBOL of the tree.
"""

from __future__ import annotations

import re
import struct
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path

from elftools.common.exceptions import ELFError

from backport.errors import BuildError
from backport.git import GLOBS, Git
from backport.kbuild import leftover, objects
from backport.kbuild.delta import Delta
from backport.kbuild.result import Diagnostic
from backport.trees import sparse

# what tracepoints, static calls and per-CPU data make of the name that stands in EXPORT_...()
_DERIVED = re.compile(r"^(?:__tracepoint_|__traceiter_|__probestub_|__SC[KT]__(?:tp_func_)?)")
_EXPORTS = ("__ksymtab_", "__export_symbol_")
_NAME = re.compile(r"^\w+$")
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


def nowhere(build: Path, pristine: Path, targets: Iterable[str], delta: Delta, source: Path) -> tuple[Diagnostic, ...]:
    """Symbols that single objects use since the patch, which is in `source`, and that nothing in the tree can define.

    There is no link and no module here, so only what is sure is told: every line with the name is a declaration, or a
    use that the patch added. `targets` are objects below `build`; `pristine` holds the same without the patch.
    """
    found: list[Diagnostic] = []
    for target in targets:
        if not leftover.is_left(build / target, build):
            continue
        before = _read(pristine / target, pristine)[0] if leftover.is_left(pristine / target, pristine) else set()
        found += [Diagnostic(target, 0, "error", f'"{name}" [{target}] undefined!')
                  for name in sorted(_read(build / target, build)[0] - before)
                  if _NAME.match(name) and not _may_be_defined(source, name, delta)]
    return tuple(found)


def _may_be_defined(source: Path, name: str, delta: Delta) -> bool:
    plain = _DERIVED.sub("", name)
    return any(where.endswith((".c", ".h", ".S", ".s", ".rs", ".lds", ".sh", ".pl", ".py", ".tbl"))
               and not (_declares(line, plain.encode()) or (line[:1].isspace() and delta.adds(where, number)))
               for where, number, line in _lines(source, "-w", "-F", "-e", plain))


def _lines(source: Path, *words: str) -> Iterator[tuple[str, int, bytes]]:
    """(path, line number, line) of what `git grep` finds in the work tree as it is, then in what is not checked out."""
    for cached in ([], ["--cached"]) if sparse.is_sparse(source) else ([],):
        with Git(source) as git:
            found = git.run(GLOBS, "grep", *cached, "-n", "-z", "-I", *words, ok=(0, 1)).out
        for row in found.split(b"\n"):
            path, _nul, rest = row.partition(b"\0")
            number, _nul, line = rest.partition(b"\0")
            where = path.decode("utf-8", "surrogateescape")
            if number and not (cached and (source / where).exists()):
                yield where, int(number), line


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
    return any(_lines(source, "-E", "-e", rf"EXPORT_[A-Z_]+\(\s*{plain}\b", "--", "*.c", "*.S", "*.h"))


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
