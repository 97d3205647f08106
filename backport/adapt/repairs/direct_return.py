"""`ret = X; goto out;` where this tree's function has no such label and returns directly: `return X;`."""

from __future__ import annotations

from backport.adapt.repairs.base import Broken, Repair, Repaired, replaced
from backport.adapt.revisions import Problem
from backport.adapt.signals import Signal
from backport.csource.functions import Function, enclosing
from backport.csource.pieces import code
from backport.csource.statements import gotos, jump, returned
from backport.csource.uses import assignment


def make(broken: Broken) -> Repaired | None:
    """Only where upstream's own jumps to the label stand for returns in this tree, every one that both have, and
    where the added lines set the variable that upstream returns behind the label."""
    problem = broken.problem
    labels = broken.subjects(Signal.NO_LABEL)
    if len(labels) != 1 or problem.base_lines is None or problem.base is None or problem.edits is None:
        return None
    label = labels[0].encode()
    upstream = enclosing(problem.base, problem.edits[broken.k][0].lo + 1)
    if upstream is None or not _returns_here(problem, upstream, label):
        return None
    edits = broken.edits
    changed = 0
    for edit in broken.edits:
        new = list(edit.new)
        for i in range(len(new) - 1, -1, -1):
            if not _jumps(new[i], label):
                continue
            at = next((j for j in range(i - 1, max(-1, i - 4), -1) if assignment(code(new[j])) is not None), None)
            given = assignment(new[at]) if at is not None else None
            if at is None or given is None or not _returned(problem, upstream, given[0]):
                return None
            new[i] = new[i][:len(new[i]) - len(new[i].lstrip())] + b"return " + given[1] + b";\n"
            del new[at]
            changed += 1
        edits = replaced(edits, edit, new) if tuple(new) != edit.new else edits
    if not changed:
        return None
    return Repaired(edits, f"upstream jumps to `{labels[0]}`, where {upstream.name}() returns directly in this tree: "
                           "the value is returned")


def _jumps(line: bytes, label: bytes) -> bool:
    """True for a `goto` to the label, alone on its line."""
    return jump(code(line)) == b"goto" and gotos(code(line)) == [label]


def _returns(line: bytes) -> bool:
    """True for a whole `return`, alone on its line."""
    text = code(line).rstrip()
    return jump(text) == b"return" and text.endswith(b";") and text.count(b";") == 1


def _returns_here(problem: Problem, upstream: Function, label: bytes) -> bool:
    """True where this tree has a `return` in the place of upstream's jumps, every one of them."""
    seen = 0
    assert problem.base_lines is not None
    for i in range(upstream.body, min(upstream.end, len(problem.base_lines))):
        if not _jumps(problem.base_lines[i], label):
            continue
        if problem.base_to_target[i - 1] < 0:
            return False             # what stands there in this tree may give something back first
        below = problem.base_to_target[i - 1] + 1
        if below >= len(problem.target_lines) or not _returns(problem.target_lines[below]):
            return False
        seen += 1
    return seen > 0


def _returned(problem: Problem, upstream: Function, name: bytes) -> bool:
    """True where upstream's function ends with `return NAME;`."""
    assert problem.base_lines is not None
    last = [line for line in problem.base_lines[upstream.body:upstream.end - 1] if line.strip()]
    return bool(last) and _returns(last[-1]) and returned(code(last[-1])) == name


REPAIR = Repair(make, (Signal.NO_LABEL,))
