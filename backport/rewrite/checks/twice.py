"""Has every enumerator, initialiser and `case` its name once?"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence

from backport.csource.functions import enclosing
from backport.csource.scopes import block
from backport.rewrite.checks.base import Doubt, Names, Result, bare_lines
from backport.rewrite.render import Edit
from backport.rewrite.signals import Signal

_CASE = re.compile(rb"^[ \t]*case\s+([^:?]+?)\s*:", re.MULTILINE)
_FIELD = re.compile(rb"^\t(\.\w+|\[\w+\])\s*=", re.MULTILINE)
_ENUM = re.compile(rb"^\t(\w+)\s*(?:=[^,\n]*)?(?:,|$)", re.MULTILINE)


def check(result: Result, k: int, edits: Sequence[Edit], names: Names) -> list[Doubt]:
    """REDECLARED for what an added line brings into a table, an enum or a function's switches a second time."""
    found = []
    lines = bare_lines(result.source)
    for edit in edits:
        at, added = result.new_line(edit), result.code(edit)
        f, b = enclosing(result.source, at + 1), block(result.source, at + 1)
        if f is not None:
            start, end, what = f.start - 1, f.end, _CASE
        elif b is not None:
            start, end = b.start - 1, b.end
            what = _ENUM if re.match(r"(?:typedef )?enum\b", b.name) else _FIELD
        else:
            continue
        new = {m[1] for m in what.finditer(added)}
        if not new:
            continue
        now = Counter(m[1] for m in what.finditer(b"\n".join(lines[start:end])))
        theirs = Counter(m[1] for m in what.finditer(b"\n".join(bare_lines(result.problem.after_source))))
        found += [Doubt(Signal.REDECLARED, f"`{x.decode('utf-8', 'replace')}` would stand twice")
                  for x in sorted(new) if now[x] > 1 and now[x] > theirs[x]]
    return found
