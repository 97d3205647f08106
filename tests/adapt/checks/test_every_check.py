"""Every check says what it is for, and is silent where the two trees do not differ in it."""

from __future__ import annotations

from pathlib import Path

import pytest

from backport.adapt.checks import registry
from backport.adapt.checks.__main__ import document
from backport.adapt.checks.base import Check, Context, Finding, Result
from backport.adapt.checks.registry import CHECKS
from backport.adapt.revisions import Problem
from backport.adapt.signals import Severity, Signal
from backport.patch.edits import Edit
from tests.adapt.checks import flow, names, places, tables
from tests.support.check_cases import Case, ask

CASES: tuple[Case, ...] = (*names.CASES, *flow.CASES, *places.CASES, *tables.CASES)
# the file of the hunk, the file that it lands in, and lines that nobody can read
FOUND_ELSEWHERE = {Signal.NEIGHBOUR, Signal.OTHER_FILE, Signal.UNREAD}
BY_NAME = {check.id: check for check in CHECKS}


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case.check}: {case.why}")
def test_a_check_says_what_it_is_for_and_nothing_else(case: Case) -> None:
    found = ask(BY_NAME[case.check], case)
    if case.signal is None:
        assert found == []
    else:
        assert any(one.kind is case.signal and case.words in one.text for one in found), found
        assert {one.kind for one in found} <= set(BY_NAME[case.check].finds)


def test_every_check_has_a_case_in_which_it_speaks_and_one_in_which_it_is_silent() -> None:
    assert len(BY_NAME) == len(CHECKS)
    speaks = {case.check for case in CASES if case.signal is not None}
    silent = {case.check for case in CASES if case.signal is None}
    assert BY_NAME.keys() - speaks == set()
    assert BY_NAME.keys() - silent == set()
    assert all(case.words for case in CASES if case.signal is not None)


def test_every_file_of_the_checks_is_registered_under_its_name() -> None:
    files = {path.stem for path in Path(registry.__file__).parent.glob("*.py")} \
        - {"__init__", "__main__", "base", "registry"}
    assert sorted(check.id for check in CHECKS) == sorted(files)


def test_every_check_asks_a_question_and_every_kind_of_finding_is_some_checks() -> None:
    assert [check.id for check in CHECKS if not check.legend.endswith("?") or not check.finds] == []
    assert {kind for kind in Signal if kind.named and kind not in FOUND_ELSEWHERE} \
        <= {kind for check in CHECKS for kind in check.finds}


def test_the_page_of_the_checks_is_up_to_date() -> None:
    page = Path(__file__).parents[3] / "docs" / "checks.md"
    assert page.read_text() == document(), "write it again: python -m backport.adapt.checks > docs/checks.md"


def test_the_worst_finding_comes_first_and_each_comes_once(monkeypatch: pytest.MonkeyPatch) -> None:
    def ask(context: Context) -> list[Finding]:
        return [Finding(Signal.GUARD, "a"), Finding(Signal.LEAVING, "b"), Finding(Signal.SYNTAX, "c"),
                Finding(Signal.LEAVING, "b")]

    monkeypatch.setattr(registry, "CHECKS", (Check("x.made_up", "Asks?", ask, (Signal.GUARD,)),))
    edit = Edit(0, 0, (b"int x;\n",))
    found = registry.findings(Context(Result(Problem((), b"int y;\n"), [edit]), 0, [edit]))
    assert [one.text for one in found] == ["c", "b", "a"]
    assert registry.fatal(found) == 1


def test_a_check_is_as_severe_as_the_worst_that_it_finds() -> None:
    assert BY_NAME["guard"].severity is Severity.FATAL
    assert BY_NAME["held_locks"].severity is Severity.REVIEW
    assert BY_NAME["unknown_removed"].severity is Severity.HARMLESS
