"""The registry of strategies: one line here and one file is all that a further one needs."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from backport.rewrite import anchor, merge3, words
from backport.rewrite.place import Placed
from backport.rewrite.problem import Problem

Strategy = Callable[[Problem, int], Placed | None]

STRATEGIES: Mapping[str, Strategy] = {
    "token-merge": merge3.propose,
    "anchor": anchor.propose,
    "words": words.propose,
}

# what may be named in `adapt(strategies=...)`: the strategies, and what is done around them
ALL = ("as-is", *STRATEGIES, "rules", "moves", "substitution", "drop")


def proposals(problem: Problem, k: int, wanted: Sequence[str]) -> dict[str, Placed | None]:
    """What each wanted strategy proposes for hunk `k`."""
    return {name: STRATEGIES[name](problem, k) for name in wanted if name in STRATEGIES}
