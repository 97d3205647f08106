"""The probability of an answer: what lowers it, what it can never do, and that a reader is told."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backport.adapt.confidence import CERTAIN, FEATURES, WORDS, Model, explained, model, read
from backport.verdict import Apply, Sure
from tests.support.adapting import run

numbers = st.fixed_dictionaries({name: st.floats(0, 3) for name in FEATURES})
BEFORE = (b"int stop(struct unit *u)\n{\n\tint ret = 0;\n\n\tfirst(u);\n\tsecond(u, 1);\n\tlast(u);\n"
          b"\treturn ret;\n}\n")
AFTER = BEFORE.replace(b"second(u, 1)", b"second(u, 2)")


@given(numbers, st.sampled_from(sorted(FEATURES)), st.floats(0, 3))
def test_nothing_more_against_an_answer_makes_it_surer(measured: dict[str, float], name: str, more: float) -> None:
    worse = {**measured, name: measured[name] + more}
    assert model().probability(worse) <= model().probability(measured)


def test_a_model_that_could_raise_or_does_not_know_its_numbers_is_refused() -> None:
    good = {"intercept": 4, "features": {"alone": {"weight": -1}}}
    assert read(good) == Model(4, {"alone": -1})
    with pytest.raises(ValueError, match="must not raise"):
        read({"intercept": 4, "features": {"alone": {"weight": 0.1}}})
    with pytest.raises(ValueError, match="no such number"):
        read({"intercept": 4, "features": {"age": {"weight": -1}}})


def test_every_number_has_a_meaning_and_words() -> None:
    assert FEATURES.keys() == WORDS.keys() == model().weights.keys()


def test_what_git_apply_takes_is_certain_and_says_so() -> None:
    answer = run(BEFORE, AFTER, BEFORE)
    assert (answer.outcome, answer.sure) == (Apply.CLEAN, Sure.CERTAIN)
    assert (answer.hunks[0].probability or 0) >= CERTAIN
    assert "alone" in dict(answer.hunks[0].measured)


def test_the_number_stands_in_the_story_and_is_no_word_of_a_rule(tmp_path: object) -> None:
    here = BEFORE.replace(b"first(u);", b"own(u);\n\tmore(u);\n\tfirst(u);").replace(b"last(u);", b"end(u);")
    answer = run(BEFORE, AFTER, here)
    (hunk,) = answer.hunks
    assert answer.outcome is Apply.MERGED
    assert hunk.probability == pytest.approx(model().probability(dict(hunk.measured)))
    assert dict(hunk.measured)["refused"] == 1
    assert (answer.sure is Sure.CERTAIN) == (hunk.unopposed and hunk.probability >= CERTAIN)


def test_without_upstreams_file_nothing_was_fitted() -> None:
    answer = run(BEFORE, AFTER, BEFORE, preimage=False)
    assert answer.hunks[0].probability is None
    assert answer.sure is Sure.CERTAIN


def test_a_finding_for_review_is_never_certain_whatever_the_number() -> None:
    here = BEFORE.replace(b"\treturn ret;\n", b"\tsecond(u, 1);\n\treturn ret;\n")
    answer = run(BEFORE, AFTER, here)
    assert answer.sure is Sure.REVIEW


def test_the_words_name_what_lowered_it_most() -> None:
    told = explained({"refused": 1.0, "neighbour": 1.0, "alone": 0.0}, 0.9712)
    assert told.startswith("97.1 % likely to be right: ")
    assert WORDS["neighbour"] in told
    assert WORDS["alone"] not in told
