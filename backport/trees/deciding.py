"""What functions do, as a number: their code and that of everything of ours that they name, without comments.

A store that took minutes of CPU is stale when what made it would make something else, and not when a function beside it
was changed.
"""

from __future__ import annotations

import ast
import hashlib
import importlib.util
from collections.abc import Iterable
from functools import cache
from pathlib import Path

_PACKAGE = __name__.partition(".")[0]


def deciding(names: Iterable[tuple[str, str]]) -> str:
    """SHA-256 (hex) of the definitions (module, name) and of all that they name, of this package, however deep.

    A class or a constant counts whole. Raises KeyError for a name that its module does not define.
    """
    left, seen = sorted(names, reverse=True), set[tuple[str, str]]()
    total = hashlib.sha256()
    while left:
        module, name = one = left.pop()
        if one in seen:
            continue
        seen.add(one)
        for node in _read(module)[0][name]:
            total.update(f"{module} {name} {ast.dump(_without_words(node))}\n".encode("utf-8", "surrogateescape"))
            left += sorted(_used(module, node), reverse=True)
    return total.hexdigest()


def _used(module: str, node: ast.stmt) -> set[tuple[str, str]]:
    """(module, name) of what of ours the definition names: `name`, or `name` of the module that it says `module.name`
    of."""
    defined, imported = _read(module)
    found = set()
    for inner in ast.walk(node):
        if isinstance(inner, ast.Name):
            home = imported.get(inner.id, (module, inner.id))
            if home[1] in _read(home[0])[0] and (inner.id in imported or inner.id in defined):
                found.add(home)
        elif isinstance(inner, ast.Attribute) and isinstance(inner.value, ast.Name) and inner.value.id in imported:
            whole = ".".join(imported[inner.value.id])
            if _path(whole) is not None:
                found.add((whole, inner.attr))
    return found


@cache
def _path(module: str) -> Path | None:
    top = importlib.util.find_spec(_PACKAGE)
    assert top is not None
    assert top.origin is not None
    path = Path(top.origin).parent.joinpath(*module.split(".")[1:])
    return next((one for one in (path.with_name(f"{path.name}.py"), path / "__init__.py") if one.is_file()), None)


@cache
def _read(module: str) -> tuple[dict[str, list[ast.stmt]], dict[str, tuple[str, str]]]:
    """(name -> what defines it at the top of the module, name -> (module, name) of ours that it is imported from)."""
    path = _path(module)
    assert path is not None
    defined: dict[str, list[ast.stmt]] = {}
    imported: dict[str, tuple[str, str]] = {}
    for node in ast.parse(path.read_bytes()).body:
        if isinstance(node, ast.ImportFrom) and (node.module or "").partition(".")[0] == _PACKAGE:
            imported |= {alias.asname or alias.name: (node.module or "", alias.name) for alias in node.names}
        elif isinstance(node, ast.FunctionDef | ast.ClassDef):
            defined.setdefault(node.name, []).append(node)
        elif isinstance(node, ast.Assign | ast.AnnAssign | ast.AugAssign):
            for target in node.targets if isinstance(node, ast.Assign) else [node.target]:
                for name in ast.walk(target):
                    if isinstance(name, ast.Name):
                        defined.setdefault(name.id, []).append(node)
    return defined, imported


def _without_words(node: ast.stmt) -> ast.stmt:
    """The node without docstrings; it is of a tree that nothing else reads."""
    for inner in ast.walk(node):
        if isinstance(inner, ast.FunctionDef | ast.ClassDef) and ast.get_docstring(inner, clean=False) is not None:
            inner.body = inner.body[1:] or [ast.Pass()]
    return node
