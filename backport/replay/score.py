"""Run the engine and the others on a case, and score what comes out against what the maintainers made."""

from __future__ import annotations

import hashlib
import resource
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from backport.adapt.checks.base import SymbolIndex
from backport.adapt.engine import adapt
from backport.adapt.records import Adaptation
from backport.adapt.simulated_apply import apply_as_is
from backport.csource.pieces import squeeze
from backport.patch.edits import Edit, edited, render_hunks
from backport.patch.model import FileDiff, Patch
from backport.patch.parse import split_lines
from backport.replay.cases import Case
from backport.treeview import MemoryView, TreeView
from backport.verdict import Apply, Sure


class Score(StrEnum):
    """`exact`: the maintainers' file, white space apart; `wrong`: any other claim; `none`: declined."""

    EXACT = "exact"
    WRONG = "wrong"
    NONE = "none"


@dataclass(frozen=True, slots=True)
class Outcome:
    """One case's scores. `taken` is git apply's word; `others` the scores of the baselines that were asked; `seconds`
    of CPU."""

    name: str
    taken: bool
    same_lines: bool
    score: Score
    certain: bool
    apply: str
    seconds: float
    signals: tuple[str, ...] = ()
    strategies: tuple[str, ...] = ()
    reason: str = ""
    others: Mapping[str, str] = field(default_factory=dict)
    digest: str = ""                 # first 12 hex of the SHA-256 of the file that came out, "" where it declined

    @property
    def several(self) -> bool:
        """A case is one file."""
        return False

    @property
    def alike(self) -> bool:
        """Asked of whole commits only."""
        return False

    @property
    def best(self) -> Outcome:
        """A file has no donor."""
        return self

    def as_dict(self) -> dict[str, Any]:
        return {"name": self.name, "git_apply": "takes" if self.taken else "rejects",
                "lines": "same" if self.same_lines else "other", "score": str(self.score), "certain": self.certain,
                "apply": self.apply, "seconds": round(self.seconds, 4), "signals": list(self.signals),
                "strategies": list(self.strategies), "reason": self.reason, "others": dict(self.others)}


def case_patch(case: Case) -> Patch:
    """Upstream's kept groups as a diff with three lines of context, against upstream's own file."""
    lines = split_lines(case.upstream)
    hunks = render_hunks(lines, [Edit(e.lo, e.hi, e.new) for e in case.upstream_edits])
    return Patch(case.message, (FileDiff.modified(case.path, hunks),), source=case.name)


def view_of(case: Case) -> TreeView:
    """All that the engine may see of the tree: the one file, as it was before the maintainers touched it."""
    return MemoryView(f"linux-{case.older[0]}", {case.path: case.target})


class WithIndex(MemoryView):
    """The one file, and the names of the whole tree before the maintainers touched it."""

    def __init__(self, name: str, files: Mapping[str, bytes], index: SymbolIndex | None) -> None:
        super().__init__(name, files)
        self.index = index


def run(case: Case, symbols: SymbolIndex | None = None,
        upstream_symbols: SymbolIndex | None = None) -> tuple[Adaptation, float]:
    """The engine's answer and the CPU seconds it took. Nothing of `case.truth` goes in."""
    patch = case_patch(case)
    start = cpu_seconds()
    answer = adapt(patch, view_of(case), upstream=WithIndex("upstream", {case.path: case.upstream}, upstream_symbols),
                   preimages={case.path: case.upstream}, symbols=symbols)
    return answer, cpu_seconds() - start


def cpu_seconds() -> float:
    """CPU seconds of this process so far and of the programs that it has waited for; wall time would depend on who else
    is on the machine."""
    return time.process_time() + sum(resource.getrusage(resource.RUSAGE_CHILDREN)[:2])


def result_of(answer: Adaptation, case: Case) -> bytes | None:
    """The file as the answer leaves it, None where it declines. "Already there" claims the file as it is."""
    if answer.outcome in (Apply.ALREADY, Apply.ABSENT):
        return case.target
    if answer.patch is None or answer.outcome is Apply.CONFLICT:
        return None
    data = case.target
    for file in answer.patch.files:
        there = apply_as_is(file.hunks, data)
        if there is None:
            return b""               # claims something that does not even apply: as wrong as can be
        data = there.made(data)
    return data


def normal(data: bytes) -> bytes:
    """`data` without any white space: where the lines break is no difference either."""
    return squeeze(data)


def score(result: bytes | None, case: Case) -> Score:
    if result is None:
        return Score.NONE
    return Score.EXACT if normal(result) == normal(case.truth) else Score.WRONG


def evaluate(case: Case, taken: bool, others: Mapping[str, str], symbols: SymbolIndex | None = None,
             upstream_symbols: SymbolIndex | None = None) -> Outcome:
    """Score one case."""
    answer, seconds = run(case, symbols, upstream_symbols)
    result = result_of(answer, case)
    got = score(result, case)
    return Outcome(case.name, taken, case.same_lines, got, got is not Score.NONE and answer.sure is Sure.CERTAIN,
                   str(answer.outcome), seconds,
                   tuple(dict.fromkeys(s for h in answer.hunks for s in h.signals)),
                   tuple(dict.fromkeys(s for h in answer.hunks for s in h.strategies)), answer.reason, dict(others),
                   digest_of(result))


def digest_of(result: bytes | None) -> str:
    """A short name of the file that came out, "" for none."""
    return hashlib.sha256(result).hexdigest()[:12] if result is not None else ""


def upstream_after(case: Case) -> bytes:
    """Upstream's file with the patch."""
    return edited(case.upstream, case.upstream_edits)
