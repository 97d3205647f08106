"""Mend an answer that checks found at fault, as far as a repair leaves nothing fatal behind."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from backport.adapt.checks.base import Doubt, Names, Result
from backport.adapt.checks.registry import FATAL, doubts
from backport.adapt.edits import Edit
from backport.adapt.repairs import (
    add_declaration,
    declaration_order,
    direct_return,
    drop_call,
    drop_comment,
    goto_unwind,
    keep_old_name,
    moved_line,
    reindent,
    rename_identifier,
    rename_uses,
)
from backport.adapt.repairs.base import Broken, Repair
from backport.adapt.revisions import Problem
from backport.adapt.signals import Signal

# strategy -> its repairs, in the order tried
REPAIRS: dict[str, tuple[Repair, ...]] = {
    "substitution": (declaration_order.repair, moved_line.repair, rename_identifier.repair, add_declaration.repair,
                     rename_uses.repair, keep_old_name.repair, direct_return.repair),
    "drop": (drop_call.repair, drop_comment.repair),
}

# what is made of an answer that may be given as it is, so that it is this tree's in manner too
POLISH: tuple[Repair, ...] = (reindent.repair, goto_unwind.repair)


@dataclass(frozen=True, slots=True)
class Mended:
    """The edits after the repairs, what still speaks against them, and what was done by which strategy."""

    edits: tuple[Edit, ...]
    doubts: tuple[Doubt, ...]
    notes: tuple[str, ...] = ()
    signals: tuple[Signal, ...] = ()
    strategies: tuple[str, ...] = ()


def mend(problem: Problem, k: int, edits: Sequence[Edit], others: Sequence[Edit], found: Sequence[Doubt],
         names: Names, wanted: Sequence[str]) -> Mended | None:
    """The hunk's edits mended; None where something fatal remains. `others` are the edits of the file's other hunks."""
    state, result = Mended(tuple(edits), tuple(found)), Result(problem, [*others, *edits])
    for strategy, repairs in REPAIRS.items():
        for repair in repairs if strategy in wanted else ():
            if not _fatal(state.doubts):
                return state
            done = repair(Broken(result, k, state.edits, state.doubts, names))
            if done is None:
                continue
            then = Result(problem, [*others, *done.edits])
            left = doubts(then, k, done.edits, names)
            if _fatal(left) < _fatal(state.doubts):
                result = then
                state = Mended(done.edits, tuple(left), (*state.notes, done.note), (*state.signals, done.signal),
                               tuple(dict.fromkeys((*state.strategies, strategy))))
    return None if _fatal(state.doubts) else state


def _fatal(found: Sequence[Doubt]) -> int:
    return sum(1 for doubt in found if doubt.signal in FATAL)
