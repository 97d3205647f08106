"""Repair an answer that checks found at fault, as far as nothing fatal is left."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from backport.adapt.checks.base import Context, Finding, Names, Result
from backport.adapt.checks.registry import fatal, findings
from backport.adapt.repairs import (
    add_declaration,
    declaration_order,
    direct_return,
    drop_call,
    drop_comment,
    goto_unwind,
    keep_old_name,
    moved_line,
    open_code,
    reindent,
    rename_identifier,
    rename_uses,
)
from backport.adapt.repairs.base import Broken, Repair
from backport.adapt.revisions import Problem
from backport.adapt.signals import Signal
from backport.patch.edits import Edit

# strategy -> its repairs, in the order tried
REPAIRS: dict[str, tuple[Repair, ...]] = {
    "substitution": (declaration_order.REPAIR, moved_line.REPAIR, rename_identifier.REPAIR, add_declaration.REPAIR,
                     rename_uses.REPAIR, keep_old_name.REPAIR, direct_return.REPAIR,
                     open_code.REPAIR),
    "drop": (drop_call.REPAIR, drop_comment.REPAIR),
}

# made on an answer that may be given as it is, so that it is this tree's in manner too
POLISH: tuple[Repair, ...] = (reindent.REPAIR, goto_unwind.REPAIR)


@dataclass(frozen=True, slots=True)
class Mended:
    """The edits after the repairs, what still speaks against them, and what was done by which strategy."""

    edits: tuple[Edit, ...]
    findings: tuple[Finding, ...]
    notes: tuple[str, ...] = ()
    signals: tuple[Signal, ...] = ()
    strategies: tuple[str, ...] = ()


def repaired(problem: Problem, k: int, edits: Sequence[Edit], others: Sequence[Edit], found: Sequence[Finding],
             names: Names, wanted: Sequence[str]) -> Mended | None:
    """The hunk's edits repaired; None where something fatal is left. `others`: the edits of the file's other hunks."""
    state, result = Mended(tuple(edits), tuple(found)), Result(problem, [*others, *edits])
    for strategy, repairs in REPAIRS.items():
        for repair in repairs if strategy in wanted else ():
            if not fatal(state.findings):
                return state
            done = repair(Broken(result, k, state.edits, state.findings, names))
            if done is None:
                continue
            then = Result(problem, [*others, *done.edits])
            left = findings(Context(then, k, done.edits, names))
            if fatal(left) < fatal(state.findings):
                result = then
                state = Mended(done.edits, tuple(left), (*state.notes, done.note), (*state.signals, done.signal),
                               tuple(dict.fromkeys((*state.strategies, strategy))))
    return None if fatal(state.findings) else state
