"""The cache key of a cell: a hash over everything that can change its answer.

A part that is forgotten gives a stale verdict that looks fresh, so the known parts are required by name, and a
value that has no stable form (an object with an address in its repr) is refused.
"""

from __future__ import annotations

import hashlib
import importlib.util
import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict, is_dataclass
from functools import cache
from pathlib import Path
from typing import Any

# raised by hand when the meaning of a stored cell changes in a way that no part shows
_FORMAT = 1

REQUIRED = frozenset({
    "patch",        # sha256 of the patch
    "before",       # those of the patches before it in its series, in order
    "base_commit",  # the tree's head
    "preimages",    # commits or blobs of the files just before the patch, where upstream is at hand
    "rules",        # the rule files
    "code",         # code_digest of adapt/, check/ and kbuild/
    "tools",        # git, make, binutils ...: name -> version
    "compiler",
    "config",       # base configuration, fragments and targets
    "make",         # extra make variables
    "sandbox",
    "fixes",        # build-fix patches
    "build",        # whether there is a build at all, and how
})


def cell_key(**parts: object) -> str:
    """SHA-256 (hex) over the canonical JSON of `parts`.

    All of REQUIRED must be given (None or "" where it has no meaning); more is welcome. Raises TypeError for a
    missing part and for a value that is not made of str, int, float, bool, None, bytes, Path, dataclasses,
    mappings, sequences and sets.
    """
    missing = REQUIRED - parts.keys()
    if missing:
        raise TypeError(f"cell_key() misses {', '.join(sorted(missing))}")
    text = json.dumps([_FORMAT, _plain(parts)], sort_keys=True, separators=(",", ":"), allow_nan=False)
    return hashlib.sha256(text.encode()).hexdigest()


def _plain(value: object) -> Any:
    if value is None or isinstance(value, str | int | float | bool):
        return value
    if isinstance(value, bytes):
        return {"sha256": hashlib.sha256(value).hexdigest()}
    if isinstance(value, Path):
        return str(value)
    if is_dataclass(value) and not isinstance(value, type):
        return _plain(asdict(value))
    if isinstance(value, Mapping):
        # pairs, not an object: JSON would make the keys 1 and "1" the same
        return {"pairs": sorted([[json.dumps(_plain(k), sort_keys=True), _plain(v)] for k, v in value.items()],
                                key=lambda pair: str(pair[0]))}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    if isinstance(value, set | frozenset):
        return {"set": sorted((_plain(item) for item in value), key=lambda item: json.dumps(item, sort_keys=True))}
    raise TypeError(f"cell_key() cannot hash a {type(value).__name__}: it has no stable form")


@cache
def _package_digest(package: str) -> str:
    spec = importlib.util.find_spec(package)
    if spec is None or (spec.origin is None and not spec.submodule_search_locations):
        raise TypeError(f"no package {package!r}")
    files: list[tuple[str, Path]] = []
    if spec.submodule_search_locations:
        for root in map(Path, spec.submodule_search_locations):
            files += [(str(path.relative_to(root)), path) for path in root.rglob("*")
                      if path.is_file() and "__pycache__" not in path.parts]
    else:
        files.append((Path(str(spec.origin)).name, Path(str(spec.origin))))
    digest = hashlib.sha256()
    for name, path in sorted(files):
        digest.update(f"{name}\0{hashlib.sha256(path.read_bytes()).hexdigest()}\n".encode())
    return digest.hexdigest()


def code_digest(packages: Iterable[str]) -> str:
    """SHA-256 (hex) over every file of these packages or modules (data files too), by relative name and content."""
    digest = hashlib.sha256()
    for package in sorted(set(packages)):
        digest.update(f"{package}\0{_package_digest(package)}\n".encode())
    return digest.hexdigest()
