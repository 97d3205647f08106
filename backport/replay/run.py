"""Run many cases: git apply's word first, then the engine, then the others where they are asked for."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path

from backport.adapt.checks.base import SymbolIndex
from backport.replay.baselines import NAMES, Scratch, available
from backport.replay.cases import Case
from backport.replay.score import Outcome, Score, case_patch, evaluate, score, upstream_after
from backport.temporary import temporary_directory
from backport.trees.index import Index

_CHUNK = 24


@dataclass(frozen=True, slots=True)
class ReplayPlan:
    """What to run. `names` maps a release of the older branch to the commit in `store` whose names may be looked up,
    `upstream_names` a release of the newer branch likewise; each is the tree before the case's own delta."""

    baselines: tuple[str, ...] = ()
    store: Path | None = None
    names: Mapping[str, str] = field(default_factory=dict)
    upstream_names: Mapping[str, str] = field(default_factory=dict)
    everywhere: bool = False         # the baselines also on what git apply takes


def run(cases: Iterable[Case], plan: ReplayPlan, *, jobs: int = 1,
        progress: Callable[[int], None] = lambda _n: None) -> list[Outcome]:
    """The outcomes, in the order of `cases`; `progress` gets the number of cases that came in."""
    outcomes: list[Outcome] = []
    if jobs <= 1:
        for chunk in _chunks(cases):
            outcomes += work(chunk, plan)
            progress(len(chunk))
        return outcomes
    waiting: deque[Future[list[Outcome]]] = deque()
    with ProcessPoolExecutor(jobs) as pool:
        for chunk in _chunks(cases):
            waiting.append(pool.submit(work, chunk, plan))
            if len(waiting) > 2 * jobs:          # a case is two whole files: only a few are held at a time
                outcomes += _done(waiting, progress)
        while waiting:
            outcomes += _done(waiting, progress)
    return outcomes


def _done(waiting: deque[Future[list[Outcome]]], progress: Callable[[int], None]) -> list[Outcome]:
    done = waiting.popleft().result()
    progress(len(done))
    return done


def work(cases: Sequence[Case], plan: ReplayPlan) -> list[Outcome]:
    """Some cases in this process."""
    with temporary_directory("replay") as top:
        scratch = Scratch(Path(top))
        try:
            return [_one(case, plan, scratch) for case in cases]
        finally:
            scratch.close()


def _one(case: Case, plan: ReplayPlan, scratch: Scratch) -> Outcome:
    # one name for all, so that no path of a case is ever written to
    diff = case_patch(case).files[0]
    text = b"--- a/file.c\n+++ b/file.c\n" + b"".join(hunk.render() for hunk in diff.hunks)
    after = upstream_after(case)
    plain = scratch.run("git apply", text, case.target, case.upstream, after)
    taken = plain is not None
    others = {"git apply": str(score(plain, case))}
    for name in plan.baselines if plan.everywhere or not taken else ():
        others[name] = str(score(scratch.run(name, text, case.target, case.upstream, after), case))
    return evaluate(case, taken, others, *indexes(case, plan))


def indexes(case: Case, plan: ReplayPlan) -> tuple[SymbolIndex | None, SymbolIndex | None]:
    """The names of the target's tree and of upstream's, None where they are not to be used."""
    return _index(plan.store, plan.names.get(case.older[0])), _index(plan.store, plan.upstream_names.get(case.newer[0]))


@lru_cache(maxsize=32)
def _index(store: Path | None, commit: str | None) -> SymbolIndex | None:
    return Index(store, commit) if store is not None and commit is not None else None


def _chunks(cases: Iterable[Case]) -> Iterator[list[Case]]:
    chunk: list[Case] = []
    for case in cases:
        chunk.append(case)
        if len(chunk) == _CHUNK:
            yield chunk
            chunk = []
    if chunk:
        yield chunk


def installed() -> tuple[str, ...]:
    """The baselines that this machine can run, git apply itself left out (it always runs)."""
    return tuple(name for name in NAMES if name != "git apply" and available(name))


__all__ = ["Outcome", "ReplayPlan", "Score", "installed", "run", "work"]
