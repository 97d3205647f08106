"""What the rules (backport.rules.engine) made of a hunk: where they have an answer, it comes before all proposals."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial

from backport.adapt.arbiter import Answer, State, same_result
from backport.adapt.proposers import context
from backport.adapt.revisions import Problem
from backport.adapt.signals import Signal
from backport.adapt.simulated_apply import apply_as_is
from backport.patch.edits import Edit
from backport.patch.model import FileDiff
from backport.rules.engine import HunkResult, applied_form, apply_rules
from backport.rules.model import Rule
from backport.treeview import TreeView
from backport.verdict import Sure


class Ruled:
    """The rules' results for one file of the patch, forward and (asked only when needed) for its reverse."""

    def __init__(self, file: FileDiff, target: TreeView, rules: Sequence[Rule], preimage: bytes | None) -> None:
        self._ask = partial(applied_form, file, target, rules, preimage=preimage)
        self._forward: tuple[HunkResult, ...] = ()
        self._reverse: tuple[HunkResult, ...] | None = None
        if rules:
            self._forward = apply_rules(file, target, rules, preimage=preimage).hunks
        self.changed = any(hunk.changes or hunk.path != (file.old_path or file.path) for hunk in self._forward)

    def hunk(self, k: int) -> HunkResult | None:
        """The result for hunk `k` where a rule changed or moved it."""
        if not self.changed or k >= len(self._forward):
            return None
        result = self._forward[k]
        return result if result.changes or result.because else None

    def answer(self, problem: Problem, at: int, k: int, plain: Callable[[], Answer]) -> Answer:
        """The verdict on hunk `k` (hunk `at` of `problem`) in the dialect of the tree; `plain` is the one without."""
        result = self._forward[k]
        names = tuple(f"rule:{name}" for name in result.rules) or ("rule:moved",)
        notes = (*result.notes, *result.unresolved)
        if result.vanished:
            return Answer(State.DROPPED, strategies=names,
                          notes=(*notes, "written as this tree writes it, the hunk changes nothing"), done=result.notes)
        if self._reverse is None:
            self._reverse = self._ask().hunks
        there = k < len(self._reverse) and self._reverse[k].anchored and bool(self._reverse[k].hunk.removed)
        if not result.anchored:
            if there:
                return Answer(State.ALREADY, strategies=(*names, "reverse"), sure=Sure.CERTAIN)
            return self._loose(problem, at, result, names, notes, plain)
        taken = apply_as_is([result.hunk], problem.target)
        if taken is None:
            return plain()
        edits = taken.edits[0]
        if there:
            return Answer(State.BOTH, edits, names, notes=notes, done=result.notes)
        other = plain()
        agree = other.strategies if other.edits and same_result(problem.target_lines, other.edits, edits) else ()
        rest = ((other.strategies[0], other.edits),) if other.edits and not agree else ()
        return Answer(State.FORWARD, edits, (*names, *agree), (Signal.DISAGREE,) if rest else (),
                      Sure.REVIEW if result.sure is Sure.REVIEW or result.unresolved else Sure.CERTAIN, rest, notes,
                      result.notes)

    def _loose(self, problem: Problem, at: int, result: HunkResult, names: tuple[str, ...], notes: tuple[str, ...],
               plain: Callable[[], Answer]) -> Answer:
        """The rule's text is not in the tree as a whole: anchor it on what is."""
        if not result.changes:
            return plain()
        placed = context.propose(replace(problem, hunks=(result.hunk,), base=None, seeds={}), 0)
        if placed is None or not placed.edits:
            return plain()
        other = plain()
        rest: tuple[tuple[str, tuple[Edit, ...]], ...] = ()
        if other.edits and not same_result(problem.target_lines, other.edits, placed.edits):
            rest = ((other.strategies[0], other.edits),)
        return Answer(State.FORWARD, placed.edits, (*names, "context"), placed.signals, Sure.REVIEW, rest, notes,
                      result.notes)
