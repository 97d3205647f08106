"""The registry of proposers: one line here and one file is all that a further one needs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise

from backport.adapt import include_order, insertion_point
from backport.adapt.align import line_key
from backport.adapt.proposers import as_is, context, merge3, tokens
from backport.adapt.proposers.base import Proposer, Voice
from backport.adapt.revisions import Problem, reversed_edits
from backport.adapt.transfer import Placed
from backport.adapt.within import strays
from backport.patch.edits import Edit

# the one whose bytes are given, of those that agree, is the first here
PROPOSERS: tuple[Proposer, ...] = (as_is.PROPOSER, merge3.PROPOSER, tokens.PROPOSER, context.PROPOSER)

# what may be named in `adapt(strategies=...)`: the proposers, and what is done around them
ALL = (*(proposer.name for proposer in PROPOSERS), "rules", "moves", "substitution", "drop")


def proposals(problem: Problem, k: int, wanted: Sequence[str], further: Sequence[Proposer] = ()) -> list[Voice]:
    """What each wanted proposer, and each of `further`, has to say about hunk `k`, in their order."""
    asked = [*(one for one in PROPOSERS if one.name in wanted), *further]
    heard = [(one, placed) for one in asked if (placed := _laid_out(one, problem, k)) is not None]
    return [Voice(one, placed, strays(problem, k, placed.spots)) for one, placed in heard]


def _laid_out(proposer: Proposer, problem: Problem, k: int) -> Placed | None:
    """The proposal as a person would lay it out: whole paragraphs, and an `#include` among the others."""
    placed = proposer.propose(problem, k)
    if placed is None or proposer.verbatim:
        return placed
    return include_order.among_others(problem, k, _kept_whole(problem, k, placed))


def _kept_whole(problem: Problem, k: int, placed: Placed) -> Placed:
    """A paragraph that upstream begins with added lines begins behind this tree's paragraph, and does not tear it,
    where what follows upstream is not what follows here."""
    if problem.edits is None or problem.upstream_lines is None:
        return placed
    upstream, target = problem.upstream_lines, problem.target_lines
    following = {line_key(upstream[e.hi]) for e in reversed_edits(problem, k) if e.hi < len(upstream)}
    edits = []
    for edit in placed.edits:
        at = edit.lo
        if edit.lo == edit.hi and not edit.new[0].strip() and edit.new[-1].strip() and 0 < at < len(target) \
                and target[at - 1].strip() and line_key(target[at]) not in following:
            at += insertion_point.rest_of_paragraph(target, at)
        edits.append(Edit(at, at, edit.new) if at != edit.lo else edit)
    return replace(placed, edits=tuple(edits)) if all(
        one.hi <= two.lo for one, two in pairwise(edits)) else placed
