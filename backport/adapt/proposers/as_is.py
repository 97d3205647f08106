"""Proposer "as-is": the hunk as upstream has it, where `git apply` alone would put it."""

from __future__ import annotations

from backport.adapt.proposers.base import Evidence, FunctionProposer
from backport.adapt.revisions import Problem
from backport.adapt.signals import Signal
from backport.adapt.simulated_apply import apply_as_is
from backport.adapt.transfer import Placed


def propose(problem: Problem, k: int) -> Placed | None:
    """The edits of hunk `k` on the target where git takes it alone."""
    alone = apply_as_is(problem.hunks[k:k + 1], problem.target)
    if alone is None:
        return None
    return Placed(alone.edits[0], (Signal.AMBIGUOUS,) if alone.ambiguous[0] else ())


PROPOSER = FunctionProposer("as-is", frozenset({Evidence.HUNK}), propose, verbatim=True)
