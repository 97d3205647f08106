from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from backport.cell import Cell
from backport.errors import InfraError
from backport.nightly.night import Night, Runner, night, subject
from backport.results.run import Run
from backport.results.store import Results
from backport.stop import Stopped
from backport.verdict import Apply
from tests.nightly.test_mail import Inbox, smtp  # noqa: F401
from tests.support.cells import cell, failing, fill

GOOD, FAIL, ALREADY = (cell("p", "linux-9.1.y"), failing("p", "linux-9.1.y"), cell("p", "linux-9.1.y", Apply.ALREADY))
DAY = 86400.0


def runner(cells: Sequence[Cell]) -> Runner:
    def work(results: Results) -> Run:
        return fill(results, cells, kind="nightly")
    return work


def of(manifest: str, cells: Sequence[Cell]) -> Runner:
    return lambda results: fill(results, cells, kind="nightly", manifest=manifest)


def stopped(cells: Sequence[Cell]) -> Runner:
    def work(results: Results) -> Run:
        fill(results, cells, kind="nightly", finish=False)
        raise Stopped("stopped by SIGTERM")
    return work


@pytest.fixture
def results(tmp_path: Path) -> Results:
    return Results(tmp_path / "r.sqlite")


def nights(results: Results, *each: Callable[[Results], Run]) -> list[str]:
    told: list[str] = []
    for work in each:
        said: list[Night] = []
        try:
            night(results, work, tell=said.append)
        except Stopped:
            told.append("stopped")
            continue
        told.append(said[0].report if said else "")
    return told


def test_the_first_night_shows_all_and_a_quiet_one_nothing(results: Results) -> None:
    first, second = nights(results, runner([GOOD]), runner([GOOD]))
    assert "clean, pass" in first
    assert second == ""


def test_a_break_is_told_once_not_every_night(results: Results) -> None:
    told = nights(results, runner([GOOD]), runner([FAIL]), runner([FAIL]), runner([GOOD]), runner([GOOD]))
    assert "Newly broken:\n+ 9.1.y (9.9.9): subject of p: clean, fail (was clean, pass)" in told[1]
    assert told[1].endswith("The whole matrix: backport show 2\n")
    assert told[2] == ""
    assert "Fixed:\n- 9.1.y (9.9.9): subject of p: clean, pass (was clean, fail)" in told[3]
    assert told[4] == ""


def test_two_manifests_with_one_store_tell_each_their_own(results: Results) -> None:
    told = nights(results, of("/a", [GOOD]), of("/b", [FAIL]), of("/a", [GOOD]), of("/b", [FAIL]), of("/a", [FAIL]))
    assert "clean, pass" in told[0]
    assert "clean, fail" in told[1]                              # a first night, and nothing is newly broken
    assert "Newly broken" not in told[1]
    assert told[2:4] == ["", ""]
    assert "Newly broken" in told[4]


def test_a_night_after_an_older_version_knows_what_that_told(results: Results) -> None:
    told = nights(results, runner([GOOD]), of("/a", [GOOD]), of("/a", [FAIL]))
    assert told[1] == ""
    assert "Newly broken" in told[2]


def test_a_patch_that_landed_is_to_be_dropped(results: Results) -> None:
    told = nights(results, runner([GOOD]), runner([ALREADY]), runner([ALREADY]))
    assert "Now in the tree:\n  9.1.y (9.9.9): subject of p: already (was clean, pass)\n" in told[1]
    assert "drop from patches/:\n  p\n" in told[1]
    assert told[2] == ""


def test_what_a_stopped_night_found_is_told_by_the_next_one(results: Results) -> None:
    told = nights(results, runner([GOOD]), stopped([FAIL]), runner([FAIL]), runner([FAIL]))
    assert told[1] == "stopped"
    assert "Newly broken" in told[2]
    assert told[3] == ""


def test_the_exit_code_says_what_is_wrong_although_nothing_is_told(results: Results) -> None:
    night(results, runner([FAIL]))
    made = night(results, runner([FAIL]))
    assert (made.report, made.exit_code) == ("", 1)


def test_the_subject_weighs(results: Results) -> None:
    other = cell("q", "linux-9.1.y")
    night(results, runner([GOOD, failing("q", "linux-9.1.y"), other]))
    made = night(results, runner([FAIL, cell("q", "linux-9.1.y")]))
    assert subject(made) == "backport: 1 newly broken"
    assert subject(night(results, runner([ALREADY]))) == "backport: 1 now in the tree, 1 vanished"


def test_mail_only_on_change_one_a_night_in_the_thread(results: Results, smtp: tuple[Inbox, object]) -> None:  # noqa: F811
    inbox, server = smtp
    def mail(cells: Sequence[Cell], now: float) -> Night:
        return night(results, runner(cells), mail_to=["list@example.invalid"], server=server, now=lambda: now)  # type: ignore[arg-type]
    assert mail([GOOD], 1 * DAY).mailed
    assert not mail([GOOD], 2 * DAY).mailed
    assert mail([FAIL], 3 * DAY).mailed
    assert not mail([GOOD], 3 * DAY + 3600).mailed      # a second one in the same night waits ...
    assert mail([GOOD, cell("q", "linux-9.1.y")], 4 * DAY).mailed       # ... for the next
    assert [message["Subject"] for _to, message in inbox.mails] == [
        "backport: first night, 1 cells", "backport: 1 newly broken", "backport: 1 fixed, 1 new patch"]
    first, second, third = (message for _to, message in inbox.mails)
    assert first["In-Reply-To"] is None
    assert second["In-Reply-To"] == first["Message-ID"]
    assert third["References"] == f"{first['Message-ID']} {second['Message-ID']}"


def test_a_mail_that_nobody_took_is_told_again(results: Results, smtp: tuple[Inbox, object]) -> None:  # noqa: F811
    inbox, server = smtp
    def mail(cells: Sequence[Cell], now: float) -> Night:
        return night(results, runner(cells), mail_to=["list@example.invalid"], server=server, now=lambda: now)  # type: ignore[arg-type]
    mail([GOOD], DAY)
    inbox.refuse = True
    with pytest.raises(InfraError):
        mail([FAIL], 2 * DAY)
    inbox.refuse = False
    assert mail([FAIL], 3 * DAY).mailed
    assert "Newly broken" in inbox.mails[-1][1].get_content()


def test_no_mail_unless_asked(results: Results, smtp: tuple[Inbox, object]) -> None:  # noqa: F811
    inbox, server = smtp
    night(results, runner([FAIL]), server=server)  # type: ignore[arg-type]
    assert inbox.mails == []
