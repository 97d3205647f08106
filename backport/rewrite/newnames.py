"""Names that a patch brings with it, and names that it needs and a tree does not have."""

from __future__ import annotations

import re
from collections.abc import Mapping

from backport.csource.pieces import KEYWORDS
from backport.csource.tokens import identifiers, located
from backport.patch.model import Hunk, Patch
from backport.rewrite.checks.base import SymbolIndex

_DECLARATION = re.compile(rb"^\s*(?!return\b|goto\b|else\b)(?:[A-Za-z_]\w*\s+)+[*\w]")
_DECLARED = re.compile(rb"[,*\s](\w+)\s*(?=[=,;\[:])")
_DEFINES = re.compile(
    rb"#\s*define\s+(\w+)|^\s*(\w+)\s*:(?!:)"
    rb"|(?<![\w.>])(?!(?:return|goto|else|case|sizeof|defined)\b)[A-Za-z_]\w*(?:\s+\*+|\s+|\*+)(\w+)\s*(?=[;,=\[)({:]|$)")


def brought(patch: Patch) -> frozenset[str]:
    """Names that added lines of the patch define or declare: macros, functions, variables, fields, labels."""
    names: set[str] = set()
    for file in patch.files:
        for hunk in file.hunks:
            for line in hunk.added:
                names.update((m[1] or m[2] or m[3]).decode() for m in _DEFINES.finditer(line))
                if _DECLARATION.match(line):
                    names.update(m.decode() for m in _DECLARED.findall(line))
                if line.rstrip().endswith(b",") or b"enum" in line:      # enumerators stand alone on their lines
                    names.update(m.decode() for m in re.findall(rb"^\s*(\w+)\s*(?:=.*)?,", line))
    return frozenset(names)


def missing(patch: Patch, files: Mapping[str, bytes], index: SymbolIndex) -> tuple[str, ...]:
    """Names in added code that neither the touched `files` (by path), the patch itself nor the whole tree has.

    A patch that applies as it is may still call what only newer trees define; git does not look. The index is
    asked only for names that the touched files do not settle.
    """
    own = brought(patch)
    wanted: dict[str, None] = {}
    for file in patch.files:
        if not file.path.endswith((".c", ".h", ".S")):
            continue
        here = set(identifiers(files.get(file.old_path or "", b""), comments=True))
        for hunk in file.hunks:
            words = [name for line, name in located(b"".join(hunk.new)) if line in _added(hunk)]
            wanted.update(dict.fromkeys(word.decode() for word in words if word not in here and word not in KEYWORDS))
    return tuple(name for name in wanted if name not in own and not index.contains(name))


def _added(hunk: Hunk) -> frozenset[int]:
    """Which 0-based lines of the hunk's new side are added: what is inside a comment is known only with the others."""
    return frozenset(n for n, line in enumerate(line for line in hunk.lines if line.kind != b"-") if line.kind == b"+")
