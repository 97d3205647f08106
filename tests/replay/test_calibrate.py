"""Fitting the probability of an answer: on what, with what bounds, and checked on what it was not fitted on."""

from __future__ import annotations

import json
import random
from dataclasses import replace

import pytest

from backport.adapt.confidence import CERTAIN, FEATURES, read
from backport.errors import UserError
from backport.replay.calibrate import HunkRow, as_json, checked, dump, files, fit, load, table


def made(pair: str, number: int, *, wrong: float, seed: int = 1, **measured: float) -> list[HunkRow]:
    """`number` refused files of one hunk, of which the share `wrong` is not what the maintainers made."""
    chance = random.Random(f"{pair}{seed}{measured}")
    out = []
    for n in range(number):
        right = chance.random() >= wrong
        out.append(HunkRow(pair, f"{seed} {measured} {pair}/{n}.c", False, "exact" if right else "wrong", True, right,
                       {name: measured.get(name, 0.0) for name in FEATURES} | {"refused": 1.0}))
    return out


def known() -> list[HunkRow]:
    return [row for pair in ("a", "b", "c") for row in (
        *made(pair, 300, wrong=0.0), *made(pair, 100, wrong=0.4, merged=1), *made(pair, 60, wrong=0.1, size=1))]


def test_what_goes_with_wrong_answers_lowers_the_probability_and_nothing_raises_it() -> None:
    model = fit(known())
    assert all(weight <= 0 for weight in model.weights.values())
    assert model.weights["merged"] < -1
    assert model.probability({"refused": 1.0}) > CERTAIN
    assert model.probability({"refused": 1.0, "merged": 1.0}) == pytest.approx(0.6, abs=0.1)


def test_a_number_that_goes_with_right_answers_gets_no_weight() -> None:
    rows = [*made("a", 200, wrong=0.3), *made("a", 200, wrong=0.0, function=1)]
    assert fit(rows).weights["function"] == 0


def test_each_pair_is_judged_by_the_others_only() -> None:
    poisoned = [*known(), *made("odd", 100, wrong=1.0, outside=1)]
    judged = dict(checked(poisoned))
    assert all(file.probability > CERTAIN for file in judged["odd"]), "nobody else has seen that kind of change"
    assert fit(poisoned).probability({"refused": 1.0, "outside": 1.0}) < 0.5


def test_the_same_file_of_another_pair_is_not_fitted_on() -> None:
    """7.1 to 6.1 and 6.12 to 6.1 have the same fixes: one that is wrong must not have been seen as wrong elsewhere."""
    odd = made("odd", 100, wrong=1.0, outside=1)
    again = [replace(row, pair="again") for row in odd]
    judged = dict(checked([*known(), *odd, *again]))
    assert all(file.probability > CERTAIN for file in judged["odd"])


def test_what_has_no_numbers_is_as_sure_as_agreement_makes_it() -> None:
    moved = [HunkRow("a", f"moved{n} x.c", False, "exact", bool(n), True, {}) for n in range(2)]
    one, two = files(moved, fit(known()))
    assert (one.certain, two.certain) == (False, True)


def test_a_file_is_as_sure_as_its_least_sure_hunk() -> None:
    rows = known()
    model = fit(rows)
    two = [HunkRow("a", "one file", False, "wrong", n == 0, n == 0, {"refused": 1.0, "merged": float(n)})
           for n in range(2)]
    (file,) = files(two, model)
    assert file.probability == model.probability(two[1].measured)
    assert not file.unopposed
    assert not file.certain


def test_the_file_is_read_back_and_says_what_it_was_fitted_on() -> None:
    rows = known()
    model = fit(rows)
    data = json.loads(as_json(model, rows))
    assert read(data) == model
    assert set(data["fitted_on"]) == {"a", "b", "c"}
    assert data["features"]["merged"]["meaning"] == FEATURES["merged"]
    assert load(dump(rows)) == rows


def test_the_table_has_each_pair_and_counts_the_declined() -> None:
    text = table([*known(), HunkRow("a", "declined", False, "none", False, False, {})])
    (line,) = [line for line in text.splitlines() if line.startswith("| a ")]
    assert " 461 " in line
    assert "exact" in text


def test_nothing_to_tell_apart_is_an_error() -> None:
    with pytest.raises(UserError, match="nothing to fit"):
        fit(made("a", 10, wrong=0.0))
