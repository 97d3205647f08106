"""Does every enumerator, initialiser and `case` occur once?"""

from __future__ import annotations

from collections import Counter

from backport.adapt.checks.base import Check, Context, Finding, Result, bare_lines, body, named, quote
from backport.adapt.signals import Signal
from backport.csource.constants import is_enum
from backport.csource.control_flow import switches
from backport.csource.functions import enclosing
from backport.csource.grammar import LONGEST
from backport.csource.scopes import block
from backport.csource.tables import named_entries
from backport.patch.edits import Edit


def ask(context: Context) -> list[Finding]:
    """REDECLARED for what an added line brings into a table, an enum or a function's switches a second time."""
    result, edits = context.result, context.edits
    found = []
    lines = bare_lines(result.source)
    for edit in edits:
        at, added = result.new_line(edit), result.code(edit)
        f, b = enclosing(result.source, at + 1), block(result.source, at + 1)
        if f is not None:
            found += _cases(result, edit)
            continue
        if b is not None:
            start, end = b.start - 1, b.end
            enum = is_enum(b)
        else:
            continue
        new = {name for _, name in named_entries(added, enum=enum)}
        if not new:
            continue
        text = b"\n".join(lines[start:end])
        mine = named_entries(text, enum=enum)
        now = Counter(name for _, name in mine)
        there = {name: result.old_line(start + row) for row, name in mine if start + row not in result.added}
        theirs = Counter(name for _, name in named_entries(context.upstream.bare, enum=enum))
        found += [_doubt(x, there.get(x)) for x in sorted(new) if now[x] > 1 and now[x] > theirs[x]]
    return found


def _doubt(name: bytes, line: int | None) -> Finding:
    """`line` is the 0-based one of the other, None where the patch brings both."""
    where = f": line {line + 1} has it already" if line is not None else ""
    return Finding(Signal.REDECLARED, f"{quote(name)} would be there twice{where}", name.decode("utf-8", "replace"))


def _cases(result: Result, edit: Edit) -> list[Finding]:
    """For the labels of one `switch`: another one of the function may have the same."""
    at = result.new_line(edit)
    f = enclosing(result.source, at + 1)
    text = body(result.source, f) if f is not None and b"case" in result.code(edit) else b""
    if f is None or not text or len(text) > LONGEST:
        return []
    theirs = [Counter(value for value, _ in one) for one in switches(named(result.problem.upstream, f.name) or b"")]
    found = []
    for one in switches(text):
        now = Counter(value for value, _ in one)
        lines = [(value, f.start - 1 + row) for value, row in one]
        for value in sorted({v for v, line in lines if at <= line < at + len(edit.new) and now[v] > 1}):
            if not any(up[value] >= now[value] for up in theirs):
                other = next((n for v, n in lines if v == value and n not in result.added), None)
                found.append(_doubt(value, result.old_line(other) if other is not None else None))
    return found


CHECK = Check(__name__, __doc__, ask, (Signal.REDECLARED,))
