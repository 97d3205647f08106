"""An added `return -EXXX;` where this tree leaves through a label: it leaves as its neighbours do.

Upstream gives things back by itself (`guard()`, `CLASS()`, devm) where an older tree jumps to a label that does; a
bare `return` between two `goto out;` leaks, and compiles.
"""

from __future__ import annotations

from backport.adapt.checks.base import bare_lines
from backport.adapt.repairs.base import Broken, Repair, Repaired, replaced
from backport.csource.constants import is_constant
from backport.csource.functions import Function, enclosing
from backport.csource.statements import controls, gotos, jump, label, returned
from backport.csource.tokens import is_identifier
from backport.patch.edits import Edit


def make(broken: Broken) -> Repaired | None:
    """One such line in the hunk: the exits above and below it in this tree's function go to one label, behind which the
    function returns the variable that they set, and upstream's exits around it are returns."""
    result = broken.result
    after = result.problem.upstream
    for u, r in broken.context.pairs:
        line = result.lines[r]
        error = returned(line) if jump(line) == b"return" and line[:1] == b"\t" else None
        theirs, ours = enclosing(after, u + 1), enclosing(result.source, r + 1)
        if error is None or error[:2] != b"-E" or not is_constant(error) or theirs is None or ours is None:
            continue
        here = bare_lines(result.source)
        around = {_exit(here, ours, r, step, result.added) for step in (-1, 1)}
        upstream = {_exit(bare_lines(after), theirs, u, step, set()) for step in (-1, 1)}
        leads = around.pop() if len(around) == 1 else None
        if not leads or upstream != {b""}:
            continue
        word = _variable(here, ours, leads)
        edit = next((e for e in broken.edits if result.new_line(e) <= r < result.new_line(e) + len(e.new)), None)
        if word is None or edit is None:
            continue
        done = _rewritten(edit, r - result.new_line(edit), line[:len(line) - len(line.lstrip())], word, error, leads)
        if done is not None:
            shown = f"{word.decode()} = {error.decode()}; goto {leads.decode()};"
            return Repaired(replaced(broken.edits, edit, done),
                            f"`return {error.decode()};` became `{shown}`, as {ours.name}() leaves around it in "
                            "this tree")
    return None


def _exit(lines: tuple[bytes, ...], f: Function, at: int, step: int, added: set[int]) -> bytes | None:
    """The label that the next exit from 0-based line `at` on names, b"" for a `return`, None where there is none."""
    n = at + step
    while f.body <= n < f.end:
        way = jump(lines[n]) if n not in added else b""
        if way in (b"return", b"goto"):
            return b"".join(gotos(lines[n])[:1])
        n += step
    return None


def _variable(lines: tuple[bytes, ...], f: Function, name: bytes) -> bytes | None:
    """The variable that the function returns behind the label."""
    start = next((n for n in range(f.body, f.end) if label(lines[n]) == name), None)
    if start is None:
        return None
    first = next((line for line in lines[start:f.end] if jump(line) == b"return"), b"")
    value = returned(first)
    return value if value is not None and is_identifier(value) else None


def _rewritten(edit: Edit, at: int, tabs: bytes, word: bytes, value: bytes, leads: bytes) -> list[bytes] | None:
    lines = list(edit.new)
    leave = [tabs + word + b" = " + value + b";\n", tabs + b"goto " + leads + b";\n"]
    if at == 0:
        return None
    before = lines[at - 1]
    if before.rstrip().endswith(b"{") or (before.startswith(tabs) and before[len(tabs):len(tabs) + 1].strip()
                                          and before.rstrip().endswith((b";", b"}"))):
        return [*lines[:at], *leave, *lines[at + 1:]]
    if not controls(lines[at - 1]) or lines[at - 1].count(b"(") != lines[at - 1].count(b")"):
        return None                  # the head goes over several lines: where its brace belongs is a person's business
    return [*lines[:at - 1], lines[at - 1].rstrip() + b" {\n", *leave, tabs[1:] + b"}\n", *lines[at + 1:]]


REPAIR = Repair(make, ())
