"""What a piece of the program is made of: every module that it imports, however deep, and their data files.

A list kept by hand forgets: an answer that a broken reader gave was read back after the reader was fixed. The imports
are read from the sources, those inside functions too, without running anything.
"""

from __future__ import annotations

import ast
import hashlib
import importlib.metadata
import importlib.util
import re
import sys
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from pathlib import Path

_IMPORT = re.compile(rb"^[ \t]*((?:from[ \t]+[\w.]+[ \t]+)?import\b(?:[^(\n]*\([^)]*\)|(?:\\\n|[^\n])*))", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Reach:
    """`modules` of the same package, sorted, parents among them; `others` are the top names of foreign modules."""

    modules: tuple[str, ...]
    others: tuple[str, ...]


@cache
def reach(start: str, without: tuple[str, ...] = ()) -> Reach:
    """Everything that importing and running module `start` can bring in. `without` names modules that are left out,
    with what only they import; a package stands for all that is below it.

    Raises TypeError where `start` is no module with a source file.
    """
    top = start.partition(".")[0]
    if _source(start) is None:
        raise TypeError(f"no module {start!r}")
    found: set[str] = set()
    others: set[str] = set()
    left = [start]
    while left:
        name = left.pop()
        if name.partition(".")[0] != top:
            others.add(name.partition(".")[0])
            continue
        if name in found or any(name == one or name.startswith(f"{one}.") for one in without):
            continue
        source = _source(name)
        if source is None:
            continue                               # a name in a module, not a module
        found.add(name)
        left += [name.rpartition(".")[0]] if "." in name else []     # importing a module runs its parents
        left += _imports(name, source)
    return Reach(tuple(sorted(found)), tuple(sorted(others - sys.stdlib_module_names)))


@cache
def digest(start: str, without: tuple[str, ...] = ()) -> str:
    """SHA-256 (hex) over the sources of `reach` and over the data files that lie in their packages."""
    total = hashlib.sha256()
    modules = reach(start, without).modules
    files = {source for name in modules if (source := _source(name)) is not None}
    for package in {source.parent for source in files}:
        files.update(_data(package))
    root = _root(start)
    for path in sorted(files):
        content = hashlib.sha256(path.read_bytes()).hexdigest()
        total.update(f"{path.relative_to(root)}\0{content}\n".encode("utf-8", "surrogateescape"))
    return total.hexdigest()


@cache
def versions(names: tuple[str, ...]) -> dict[str, str]:
    """distribution -> version of the foreign modules `names`; "" where the version is not known."""
    homes = importlib.metadata.packages_distributions()
    found = {}
    for name in names:
        for distribution in homes.get(name, [name]):
            try:
                found[distribution] = importlib.metadata.version(distribution)
            except importlib.metadata.PackageNotFoundError:
                found[distribution] = ""
    return found


def _root(start: str) -> Path:
    spec = importlib.util.find_spec(start.partition(".")[0])
    if spec is None or not spec.submodule_search_locations:
        raise TypeError(f"no package {start.partition('.')[0]!r}")
    return Path(next(iter(spec.submodule_search_locations)))


@cache
def _source(name: str) -> Path | None:
    """The source file of a module of our own, None where `name` is no module."""
    path = _root(name).joinpath(*name.split(".")[1:])
    return next((file for file in (path / "__init__.py", path.with_name(f"{path.name}.py")) if file.is_file()), None)


def _imports(module: str, source: Path) -> Iterator[str]:
    """Every name that may be a module and that `module` imports, on its top or inside a function."""
    package = module if source.name == "__init__.py" else module.rpartition(".")[0]
    for node in _statements(source.read_bytes()):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = importlib.util.resolve_name("." * node.level + (node.module or ""), package)
            yield base
            if base.partition(".")[0] == module.partition(".")[0]:
                yield from (f"{base}.{alias.name}" for alias in node.names)


def _statements(text: bytes) -> Iterator[ast.AST]:
    """The imports of a source. Only their lines are parsed: all 300 sources are half a second, at each start. That none
    is missed, behind a colon or a semicolon, is held by a test over every module."""
    for found in _IMPORT.finditer(text):
        with suppress(SyntaxError):                # a line of a docstring
            yield from ast.parse(found[1]).body


def _data(package: Path) -> Iterator[Path]:
    """The files of a package that are no Python: rules, configurations, C of a test program."""
    for path in package.iterdir():
        if path.is_file() and path.suffix != ".py":
            yield path
        elif path.is_dir() and path.name != "__pycache__" and not (path / "__init__.py").is_file():
            yield from (one for one in path.rglob("*") if one.is_file() and "__pycache__" not in one.parts)
