"""Is the change in the tree already, as upstream has it or in the tree's own words?"""

from __future__ import annotations

from backport.adapt.align import soften
from backport.adapt.revisions import NEAR, Problem, reversed_edits
from backport.adapt.signals import HARMLESS, Signal
from backport.adapt.simulated_apply import apply_as_is
from backport.adapt.transfer import Placed, place
from backport.adapt.within import back_strays


def reverse_fits(problem: Problem, k: int) -> Placed | None:
    """The edits that would take hunk `k` out of the target again; None where it does not hold the change."""
    hunk = problem.hunks[k]
    back = apply_as_is([hunk.reversed()], problem.target)
    if back is not None and not back_strays(problem, k, back.edits[0]):
        return Placed(back.edits[0])
    if problem.upstream_lines is None:
        return None
    edits = reversed_edits(problem, k)
    pairing = soften(problem.upstream_lines, problem.target_lines, problem.upstream_to_target, edits[0].lo - NEAR,
                     edits[-1].hi + NEAR)
    placed = place(problem.upstream_lines, edits, problem.target_lines, pairing)
    if placed is None or not placed.edits or any(s.severity is not HARMLESS for s in placed.signals):
        return None                  # a reverse that had to assume more says nothing about the change being there
    return Placed(placed.edits, (*placed.signals, Signal.LOOSE))
