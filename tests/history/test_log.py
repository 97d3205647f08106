from __future__ import annotations

from pathlib import Path

import pytest

from backport.history import index
from backport.history.log import Log
from backport.history.message import read_message, same
from tests.support.histories import Repo

A, B = "a" * 40, "b" * 40


def claims(body: str, subject: str = "x: do y") -> tuple[tuple[str, ...], tuple[str, ...]]:
    commit = read_message("c" * 40, "A <a@b>", "2026-01-01", subject, f"{subject}\n\n{body}")
    return commit.upstream, commit.reverts


@pytest.mark.parametrize("line", [
    f"[ Upstream commit {A} ]", f"commit {A} upstream.", f"commit {A} upstream",
    f"(cherry picked from commit {A})", f"(backported from commit {A})", f"    commit {A} upstream.",
])
def test_every_form_in_which_a_backport_names_its_commit(line: str) -> None:
    assert claims(f"{line}\n\nText.") == ((A,), ())


@pytest.mark.parametrize("body", [
    f"This reverts commit {A} which is commit\n{B} upstream.",
    f"This reverts commit {A} which is\ncommit {B} upstream.\n",      # the fold makes a line look like a backport's
    f"This reverts commit {A}, which is upstream commit {B}.",
])
def test_a_folded_revert_is_no_backport(body: str) -> None:
    assert claims(body, 'Revert "x: do y"') == ((), (A, B))


def test_a_mention_is_no_claim() -> None:
    assert claims(f"As commit {A} upstream. did, but otherwise.\n> commit {A} upstream.") == ((), ())
    assert claims(f"After reverting commit {A} the box boots again.") == ((), ())
    assert claims(f"This partially reverts commit {A}.") == ((), ())


def test_a_revert_backported_from_upstream_says_both() -> None:
    assert claims(f"[ Upstream commit {B} ]\n\nThis reverts commit {A}.", 'Revert "x"') == ((B,), (A,))


def test_names_are_compared_by_prefix_but_not_by_a_few_digits() -> None:
    assert same("e907b4e72488", "e907b4e72488f1df878e7e8acf88d23e49cb3ca7")
    assert not same("e907b4", "e907b4e72488f1df878e7e8acf88d23e49cb3ca7")


def test_a_commit_is_read_from_git_once_then_from_the_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    repo = Repo(tmp_path / "r.git")
    repo.files["main"] = {"a": "1\n"}
    first = repo.commit("main", "one")
    second = repo.edit("main", "a", "1", "2", f"two\n\nFixes: {first[:12]} (\"one\")\n\x1f odd byte")
    with Log(repo.git, tmp_path / "cache.sqlite") as log:
        log.index.cover(second)
        assert [c.sha for c in log.fixing([first])] == [second]
        assert log.one(second).fixes == (first[:12],)      # type: ignore[union-attr]
    third = repo.edit("main", "a", "2", "3", f"three\n\nFixes: {second[:12]} (\"two\")")
    read: list[bytes] = []
    claims = index._claims
    monkeypatch.setattr(index, "_claims", lambda record: read.append(record) or claims(record))
    with Log(repo.git, tmp_path / "cache.sqlite") as log:
        log.index.cover(second)
        assert not read
        log.index.cover(third)
        assert [record.split(b"\x1f")[1] for record in read] == [b"three"]     # only what is new
        assert log.index.claiming(index.FIXES, [second]) == {third}


def test_a_commit_that_gc_took_since_is_no_answer_and_no_error(tmp_path: Path) -> None:
    repo = Repo(tmp_path / "r.git")
    repo.files["main"] = {"a": "1\n"}
    first = repo.commit("main", "one")
    second = repo.edit("main", "a", "1", "2", f"two\n\n[ Upstream commit {'9' * 40} ]")
    with Log(repo.git) as log:
        log.index.cover(second)
        log.index.db.execute("INSERT INTO claim_v1 VALUES (?, ?, ?)", (index.UPSTREAM, "9" * 40, "8" * 40))
        log.index.db.execute("INSERT INTO claim_v1 VALUES (?, ?, ?)", (index.FIXES, first, "7" * 40))
        assert [c.sha for c in log.related(["9" * 40], [], [second])] == [second]
        assert log.fixing([first]) == []


def test_another_process_can_write_while_one_reads_a_long_history(tmp_path: Path,
                                                                 monkeypatch: pytest.MonkeyPatch) -> None:
    repo = Repo(tmp_path / "r.git")
    repo.files["main"] = {"a": "1\n"}
    first = repo.commit("main", "one")
    tip = repo.edit("main", "a", "1", "2", "two")
    monkeypatch.setattr(index, "_BATCH", 1)
    claims = index._claims
    with Log(repo.git, tmp_path / "h.sqlite") as reader, Log(repo.git, tmp_path / "h.sqlite") as writer:
        writer.index.db.execute("PRAGMA busy_timeout=100")

        def interrupted(record: bytes) -> object:
            writer.index.within([first], tip)             # writes what it has found out
            return claims(record)

        monkeypatch.setattr(index, "_claims", interrupted)
        reader.index.cover(tip)
        assert reader.index.titled(["two"]) == {tip}


def test_a_reading_that_was_stopped_is_done_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    repo = Repo(tmp_path / "r.git")
    repo.files["main"] = {"a": "1\n"}
    first = repo.commit("main", "one")
    tip = repo.edit("main", "a", "1", "2", f"two\n\nFixes: {first[:12]} (\"one\")")
    claims = index._claims

    def stopped(record: bytes) -> object:
        if b"one" in record.split(b"\x1f")[1]:
            raise KeyboardInterrupt
        return claims(record)

    with Log(repo.git, tmp_path / "h.sqlite") as log:
        with monkeypatch.context() as patch:
            patch.setattr(index, "_claims", stopped)
            with pytest.raises(KeyboardInterrupt):
                log.index.cover(tip)
        log.index.cover(tip)
        assert log.index.titled(["one"]) == {first}
        assert log.index.claiming(index.FIXES, [first]) == {tip}
