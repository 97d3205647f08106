"""The registry of strategies: one line here and one file is all that a further one needs."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from itertools import pairwise

from backport.adapt import include_order, insertion_point
from backport.adapt.align import line_key
from backport.adapt.edits import Edit
from backport.adapt.proposers import context, merge3, tokens
from backport.adapt.proposers.merge3 import reversed_edits
from backport.adapt.revisions import Problem
from backport.adapt.transfer import Placed

Strategy = Callable[[Problem, int], Placed | None]

STRATEGIES: Mapping[str, Strategy] = {
    "token-merge": merge3.propose,
    "anchor": context.propose,
    "words": tokens.propose,
}

# what may be named in `adapt(strategies=...)`: the strategies, and what is done around them
ALL = ("as-is", *STRATEGIES, "rules", "moves", "substitution", "drop")


def proposals(problem: Problem, k: int, wanted: Sequence[str]) -> dict[str, Placed | None]:
    """What each wanted strategy proposes for hunk `k`."""
    made = {name: STRATEGIES[name](problem, k) for name in wanted if name in STRATEGIES}
    made = {name: _kept_whole(problem, k, placed) if placed is not None else None for name, placed in made.items()}
    return include_order.among_others(problem, k, made)


def _kept_whole(problem: Problem, k: int, placed: Placed) -> Placed:
    """A paragraph that upstream begins with added lines begins behind this tree's paragraph, and does not tear it,
    where what follows upstream is not what follows here."""
    if problem.edits is None or problem.after is None:
        return placed
    after, t = problem.after, problem.t
    following = {line_key(after[e.hi]) for e in reversed_edits(problem, k) if e.hi < len(after)}
    edits = []
    for edit in placed.edits:
        at = edit.lo
        if edit.lo == edit.hi and not edit.new[0].strip() and edit.new[-1].strip() and 0 < at < len(t) \
                and t[at - 1].strip() and line_key(t[at]) not in following:
            at += insertion_point.rest_of_paragraph(t, at)
        edits.append(Edit(at, at, edit.new) if at != edit.lo else edit)
    return replace(placed, edits=tuple(edits)) if all(
        one.hi <= two.lo for one, two in pairwise(edits)) else placed
