"""Fit the probability of an answer (backport.adapt.confidence) on whole commits that humans backported, and check it.

A row is one hunk: the numbers that were measured, and whether the answer is what the maintainers made of it. Logistic
regression with a penalty on the weights (counts are small) and weights that are never positive. It is checked on each
pair of branches with a model that was fitted on the other pairs and on other files only.

What it is fitted on must have no second commit in a case, or right answers count as wrong by chance and nothing is sure
any more: backport.replay.cut leaves out what can be told to be so. Files of releases, which it was fitted on before,
hold a second commit in about one of fifty.
"""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict, dataclass
from functools import partial
from itertools import pairwise
from typing import Any

from tabulate import tabulate

from backport.adapt.confidence import CERTAIN, FEATURES, Model
from backport.adapt.records import HunkStory
from backport.adapt.simulated_apply import apply_as_is
from backport.carry import Carrier
from backport.check.effect import Effect
from backport.errors import UserError
from backport.git import Git
from backport.manifest import Manifest
from backport.patch.edits import edited, file_edits
from backport.patch.parse import parse, split_lines
from backport.replay.cases import CaseEdit, groups
from backport.replay.commits import CommitCase, carried, commit_score
from backport.replay.score import Score, normal
from backport.rules.load import load_rules
from backport.trees.store import Head, Store
from backport.verdict import Sure

PENALTY = 0.3            # on half the square of each weight
TOP = 7.0                # the intercept's bound: no answer is surer than 0.999
CURVE = (0.0, 0.9, 0.93, 0.95, 0.96, 0.97, 0.975, CERTAIN, 0.985, 0.99)      # thresholds that the table shows
EDGES = (0.0, 0.8, 0.9, 0.95, CERTAIN, 0.99, 1.001)


@dataclass(frozen=True, slots=True)
class HunkRow:
    """One hunk. `taken`: git apply takes the commit; `score` and `unopposed` (nothing but a probability speaks against
    it) are the commit's, `declined` included."""

    pair: str
    case: str
    taken: bool
    score: str
    unopposed: bool
    right: bool
    measured: Mapping[str, float]

    @property
    def change(self) -> str:
        """The file that the case is about: the same fix on other branches is no independent case."""
        return self.case.rpartition(" ")[2]


def rows(cases: Sequence[CommitCase], store: Store, manifest: Manifest, heads: tuple[tuple[Head, ...], Head | None],
         jobs: int, progress: Callable[[int], None] = lambda _n: None) -> Iterator[HunkRow]:
    """The rows of whole commits, in order; `heads` are all trees of the store, and upstream's. Raises UserError where
    the store lacks a release of theirs."""
    work = partial(_rows, store, manifest, heads)
    with ProcessPoolExecutor(jobs) as pool:
        for some, count in pool.map(work, [cases[n:n + 8] for n in range(0, len(cases), 8)]):
            progress(count)
            yield from some


def _rows(store: Store, manifest: Manifest, heads: tuple[tuple[Head, ...], Head | None],
          cases: Sequence[CommitCase]) -> tuple[list[HunkRow], int]:
    carrier = Carrier(store.path, *heads, load_rules())
    try:
        return [row for case in cases for row in _rows_of(case, store, carrier, manifest)], len(cases)
    finally:
        carrier.close()


def _rows_of(case: CommitCase, store: Store, carrier: Carrier, manifest: Manifest) -> Iterator[HunkRow]:
    """A row for each hunk; one without numbers where the commit is declined, so that it counts. What git apply takes
    as a whole has no numbers."""
    base, made = carried(case, store, carrier, manifest)
    pair = f"{case.newbase.rpartition('.')[0]} to {case.base.rpartition('.')[0]}"
    judged = commit_score(case, base, made, carrier.git)
    row = partial(HunkRow, pair, f"{case.name} {case.patch.paths[0]}", judged.taken, str(judged.score),
                  made.agreed is Sure.CERTAIN)
    if judged.score is Score.NONE or not made.hunks:
        yield row(judged.score is Score.EXACT, {})
        return
    whole = judged.score is Score.EXACT
    exact = {one.path for one in judged.files if one.score is Score.EXACT}
    for hunk in made.hunks:
        right = whole or hunk.landed_path in exact or _stands(hunk, base, judged.truth, carrier.git)
        yield row(right, dict(hunk.measured))


def _stands(hunk: HunkStory, base: Head, truth: Effect, git: Git) -> bool:
    """Whether the hunk alone is one of the maintainers' changes of its file alone."""
    before = git.blob(f"{base.commit}:{hunk.landed_path}") if hunk.landed_path and hunk.adapted else None
    after = truth.get(hunk.landed_path)
    if before is None or after is None:
        return False
    text = f"--- a/file.c\n+++ b/file.c\n{hunk.adapted}".encode("utf-8", "surrogateescape")
    there = apply_as_is(parse(text, source="hunk").files[0].hunks, before)
    if there is None:
        return False
    lines, ours = split_lines(before), normal(there.made(before))
    made = [CaseEdit(e.lo, e.hi, e.new, tuple(lines[e.lo:e.hi])) for e in file_edits(lines, split_lines(after))]
    return any(ours == normal(edited(before, group)) for group in groups(made))


def _shares(known: Sequence[HunkRow]) -> dict[str, float]:
    """What each hunk of a case counts: what is wrong with one is often wrong with the next, so that a file is one."""
    return {case: 1 / count for case, count in Counter(row.case for row in known if row.measured).items()}


def fit(known: Sequence[HunkRow]) -> Model:
    """The model for these rows. Raises UserError where scipy is not installed, or there are too few rows."""
    try:
        import numpy as np
        from scipy.optimize import minimize
    except ImportError as error:
        raise UserError("fitting needs scipy", hint="pip install 'kernel-backport[calibrate]'") from error
    use = [row for row in known if row.measured]
    if len({row.right for row in use}) < 2:
        raise UserError("nothing to fit: every answer is right, or none is", hint="give more cases")
    names = list(FEATURES)
    x = np.array([[row.measured.get(name, 0.0) for name in names] for row in use])
    y = np.array([float(row.right) for row in use])
    share = _shares(use)
    weight = np.array([share[row.case] for row in use])

    def loss(at: Any) -> tuple[float, Any]:
        p = np.clip(1 / (1 + np.exp(-(at[0] + x @ at[1:]))), 1e-9, 1 - 1e-9)
        value = -(weight * (y * np.log(p) + (1 - y) * np.log(1 - p))).sum() + PENALTY * (at[1:] ** 2).sum() / 2
        slope = weight * (p - y)
        return float(value), np.concatenate([[slope.sum()], x.T @ slope + PENALTY * at[1:]])

    start = np.concatenate([[4.0], np.full(len(names), -0.1)])
    found = minimize(loss, start, jac=True, method="L-BFGS-B", bounds=[(None, TOP)] + [(None, 0.0)] * len(names)).x
    return Model(round(float(found[0]), 3),
                 {name: min(0.0, round(float(w), 3)) for name, w in zip(names, found[1:], strict=True)})


@dataclass(frozen=True, slots=True)
class File:
    """One file's or commit's answer judged by a model: the least of its hunks' probabilities."""

    taken: bool
    score: str
    unopposed: bool
    probability: float

    @property
    def certain(self) -> bool:
        return self.unopposed and self.probability >= CERTAIN


def files(known: Sequence[HunkRow], model: Model) -> list[File]:
    """The files, or commits, of these rows, each as sure as its least sure hunk. A hunk without numbers (a rule's, one
    in another file) is as sure as agreement makes it."""
    by_case: dict[str, list[HunkRow]] = defaultdict(list)
    for row in known:
        by_case[row.case].append(row)
    return [File(some[0].taken, some[0].score, all(row.unopposed for row in some),
                 min((model.probability(row.measured) if row.measured else float(row.unopposed)) for row in some))
            for some in by_case.values()]


def checked(known: Sequence[HunkRow]) -> list[tuple[str, list[File]]]:
    """Each pair with its files, judged by the model that was fitted on the other pairs, the same files left out."""
    out = []
    for pair in dict.fromkeys(row.pair for row in known):
        own = [row for row in known if row.pair == pair]
        changes = {row.change for row in own}
        out.append((pair, files(own, fit([row for row in known
                                          if row.pair != pair and row.change not in changes]))))
    return out


def as_json(model: Model, known: Sequence[HunkRow]) -> str:
    """The model's file: for people as well, with what each number means and what it was fitted on."""
    pairs = {pair: {"hunks": len(own), "right": sum(row.right for row in own)}
             for pair in dict.fromkeys(row.pair for row in known)
             for own in [[row for row in known if row.pair == pair and row.measured]]}
    data = {
        "what": "P(the answer is the maintainers') = 1 / (1 + exp(-(intercept + sum of weight * number)))",
        "written_by": "backport replay --calibrate", "certain_from": CERTAIN, "penalty": PENALTY,
        "intercept": model.intercept,
        "features": {name: {"meaning": FEATURES[name], "weight": weight} for name, weight in model.weights.items()},
        "fitted_on": pairs,
    }
    return json.dumps(data, indent=1) + "\n"


def table(known: Sequence[HunkRow]) -> str:
    """The reliability table in Markdown: on each pair, with a model that was not fitted on it."""
    by_pair = checked(known)
    refused = [(pair, [file for file in some if not file.taken]) for pair, some in by_pair]
    lines = [[pair, len(some), *_counts(some, lambda file: file.unopposed), *_counts(some, lambda file: file.certain)]
             for pair, some in [*refused, ("all", [file for _, some in refused for file in some])]]
    # without a number: a file that was moved, a rule's
    every = [file for _, some in by_pair for file in some if file.score != str(Score.NONE) and file.probability]
    bands = [_band(lo, hi, [file for file in every if lo <= file.probability < hi and not file.taken])
             for lo, hi in pairwise(EDGES)]
    answers = [file for _, some in refused for file in some]
    curve = [_at(least, answers) for least in CURVE]
    head = ["checked on", "refused", "agreed: exact / wrong", "of the refused", "certain: exact / wrong",
            "of the refused"]
    return (tabulate(lines, head, tablefmt="github", disable_numparse=True) + "\n\n"
            + tabulate([band for band in bands if band], ["P of a refused commit", "commits", "mean P", "exact"],
                       tablefmt="github", disable_numparse=True) + "\n\n"
            + tabulate(curve, ["certain from P", "exact", "wrong", "of the answers exact", "of the refused"],
                       tablefmt="github", disable_numparse=True) + "\n")


def _at(least: float, refused: Sequence[File]) -> list[str]:
    """What would be certain from that probability on."""
    some = Counter(file.score for file in refused if file.unopposed and file.probability >= least)
    exact, wrong = some[str(Score.EXACT)], some[str(Score.WRONG)]
    return [f"{least:.3f}", str(exact), str(wrong), f"{100 * exact / max(1, exact + wrong):.1f} %",
            f"{100 * (exact + wrong) / max(1, len(refused)):.0f} %"]


def _counts(some: Sequence[File], member: Callable[[File], bool]) -> tuple[str, str]:
    mine = [file.score for file in some if member(file)]
    exact, wrong = mine.count(str(Score.EXACT)), mine.count(str(Score.WRONG))
    share = f" ({100 * exact / (exact + wrong):.1f} %)" if exact + wrong else ""
    return f"{exact} / {wrong}{share}", f"{100 * (exact + wrong) / max(1, len(some)):.0f} %"


def _band(lo: float, hi: float, some: Sequence[File]) -> list[str]:
    if not some:
        return []
    exact = sum(file.score == str(Score.EXACT) for file in some)
    return [f"{lo:.2f} to {min(hi, 1):.2f}", str(len(some)), f"{sum(f.probability for f in some) / len(some):.3f}",
            f"{exact} ({100 * exact / len(some):.1f} %)"]


def dump(known: Iterable[HunkRow]) -> str:
    """One JSON object a row, to fit again without running the cases again."""
    return "".join(json.dumps(asdict(row)) + "\n" for row in known)


def load(text: str) -> list[HunkRow]:
    return [HunkRow(**json.loads(line)) for line in text.splitlines()]
