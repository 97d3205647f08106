"""Every check says what it is for, and is silent where the two trees do not differ in it."""

from __future__ import annotations

import pytest

from backport.adapt.checks.registry import CHECKS
from tests.adapt.checks import flow, names, places, tables
from tests.adapt.checks.kit import Case, ask

CASES: tuple[Case, ...] = (*names.CASES, *flow.CASES, *places.CASES, *tables.CASES)
BY_NAME = {check.__module__.rsplit(".", 1)[-1]: check for check in CHECKS}


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case.check}: {case.why}")
def test_a_check_says_what_it_is_for_and_nothing_else(case: Case) -> None:
    found = ask(BY_NAME[case.check], case)
    if case.signal is None:
        assert found == []
    else:
        assert any(doubt.signal is case.signal and case.words in doubt.text for doubt in found), found


def test_every_check_has_a_case_in_which_it_speaks_and_one_in_which_it_is_silent() -> None:
    assert len(BY_NAME) == len(CHECKS)
    speaks = {case.check for case in CASES if case.signal is not None}
    silent = {case.check for case in CASES if case.signal is None}
    assert BY_NAME.keys() - speaks == set()
    assert BY_NAME.keys() - silent == set()
    assert all(case.words for case in CASES if case.signal is not None)
