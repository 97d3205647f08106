"""Thousands of commits: what history says is what the content of the branch says, and it is said fast."""

from __future__ import annotations

import random
from collections.abc import Iterator
from pathlib import Path

import pytest

from backport.history.branch import Branch
from backport.history.bug import TaggedCommit, follow_ups, holds_bug
from backport.history.log import Log
from backport.history.presence import PresenceState, UpstreamChange, presence
from tests.support.big_history import Big, build


@pytest.fixture(scope="module")
def big(tmp_path_factory: pytest.TempPathFactory) -> Big:
    return build(tmp_path_factory.mktemp("big") / "r.git", 2400)


@pytest.fixture(scope="module")
def log(big: Big, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Log]:
    with Log(big.git, tmp_path_factory.mktemp("cache") / "history.sqlite") as log:
        yield log


def test_it_is_a_repository_of_thousands(big: Big) -> None:
    assert big.total > 3000
    assert len(big.branches) == 4


def test_presence_is_what_the_content_says(big: Big, log: Log) -> None:
    for sha, subject, path, text in random.Random(7).sample(big.changes, 20):
        for branch, tip in big.branches.items():
            answer = presence(log, Branch(branch, tip), UpstreamChange(sha, subject, "", (path,)), upstream=big.up)
            there = text in big.holds[branch]
            assert (answer.state is PresenceState.PRESENT) is there, (branch, sha, subject, answer)
            if not there:
                assert answer.state in (PresenceState.MISSING, PresenceState.REVERTED)


def test_reverts_and_reapplied_commits_are_followed(big: Big, log: Log) -> None:
    """Those that were reverted are few, so a sample of all would miss them."""
    seen = set()
    for branch, tip in big.branches.items():
        titles = big.git.run("log", "--format=%s", f"^{big.up}", tip).text.splitlines()
        back = {title for title in titles if title.startswith(("Revert", "Reapply"))}
        some = [one for one in big.changes if f'Revert "{one[1]}"' in back and " in case " in one[1]]
        some.sort(key=lambda one: f'Reapply "{one[1]}"' not in back)
        for sha, subject, path, text in some[:8]:
            answer = presence(log, Branch(branch, tip), UpstreamChange(sha, subject, "", (path,)), upstream=big.up)
            here = answer.state is PresenceState.PRESENT
            assert here is (text in big.holds[branch]), (branch, sha, subject, answer)
            seen.add(tuple(event.what for event in answer.events))
    assert ("applied", "reverted") in seen
    assert ("applied", "reverted", "re-applied") in seen
    assert ("applied", "reverted", "re-applied", "reverted") in seen


def test_the_bug_is_where_its_line_is(big: Big, log: Log) -> None:
    lines = {sha: text for sha, _subject, _path, text in big.changes}
    titles = {sha: subject for sha, subject, _path, _text in big.changes}
    for _fix, blamed in random.Random(3).sample(sorted(big.fixes.items()), 12):
        for branch, tip in big.branches.items():
            bug = holds_bug(log, Branch(branch, tip), [TaggedCommit(blamed[:12], titles[blamed])], upstream=big.up)
            assert bug.held is (lines[blamed] in big.holds[branch]), (branch, blamed, bug)


def test_follow_ups_are_those_whose_tags_lead_back(big: Big, log: Log) -> None:
    later: dict[str, set[str]] = {}
    for fix, blamed in big.fixes.items():
        later.setdefault(blamed, set()).add(fix)

    def closure(sha: str) -> set[str]:
        found = set(later.get(sha, ()))
        return found | {deep for one in found for deep in closure(one)}

    for sha, *_rest in random.Random(5).sample(big.changes, 15):
        assert {row.commit.sha for row in follow_ups(log, sha, big.up)} == closure(sha)


def test_a_message_is_read_once_and_a_question_is_a_look_up(big: Big, tmp_path: Path,
                                                            monkeypatch: pytest.MonkeyPatch) -> None:
    """No question walks the messages of a branch: git log is asked for single commits only, once the index is there."""
    with Log(big.git, tmp_path / "history.sqlite") as log:
        for tip in (big.up, *big.branches.values()):
            log.index.cover(tip)
        asked: list[tuple[str, ...]] = []
        run = big.git.run
        monkeypatch.setattr(big.git, "run", lambda *args, **more: asked.append(args) or run(*args, **more))
        monkeypatch.setattr(big.git, "stream", lambda *args, **more: pytest.fail(f"git {args}"))
        sha, subject, path, _text = big.changes[1500]
        for branch, tip in big.branches.items():
            presence(log, Branch(branch, tip), UpstreamChange(sha, subject, "", (path,)), upstream=big.up)
        assert all("--no-walk=unsorted" in args for args in asked if args[0] == "log")
        asked.clear()
        for branch, tip in big.branches.items():
            presence(log, Branch(branch, tip), UpstreamChange(sha, subject, "", (path,)), upstream=big.up)
        assert not [args for args in asked if args[0] == "rev-list" and "--stdin" in args]   # ancestry is remembered
