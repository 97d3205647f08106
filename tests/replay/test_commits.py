"""Whole commits with the maintainers' result, and the frozen corpus that is made of them."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from backport.commands.replay import command
from backport.errors import UserError
from backport.git import Git
from backport.manifest import load
from backport.patch.retarget import blob_name
from backport.replay.calibrate import rows
from backport.replay.commits import commit_cases
from backport.replay.frozen import differences, read, render
from backport.targets import known_heads
from backport.trees.store import Store
from tests.adapt.test_engine import FIXED, OLDER, OLDER_FIXED, UPSTREAM
from tests.replay.test_run import commit
from tests.support.adapting import file_diff

MAIL = b"From: A <a@example.org>\nSubject: [PATCH] fix\n\nText.\n---\n"
NAMES = b"struct exception {\n\tbool pending, injected;\n};\n"
B, B_FIXED = b"int b_1;\nint b_2;\n", b"int b_1;\nint b_2;\nint b_3;\n"


@pytest.fixture
def desk(tmp_path: Path) -> Path:
    """A cache whose store has two releases, and three cases: exact, wrong by a slip in the truth, and taken."""
    store = tmp_path / "cache" / "store.git"
    store.mkdir(parents=True)
    with Git(store) as git:
        git.run("init", "-q", "--bare", ".")
        (store / "backport.json").write_text('{"format": 1}\n')
        commit(git, "refs/releases/9.1.1", {"a.c": UPSTREAM, "b.c": B, "include/linux/a.h": NAMES}, "9.1.1")
        commit(git, "refs/releases/8.1.1", {"a.c": OLDER, "b.c": B, "include/linux/a.h": NAMES}, "8.1.1")
    (tmp_path / "trees.yaml").write_text("trees:\n  - name: linux-8.1.y\n    sources:\n      - local: /nonexistent\n")
    first, rest = file_diff("a.c", UPSTREAM, FIXED).split(b"\n", 1)
    index = f"index {blob_name(UPSTREAM)[:12]}..{blob_name(FIXED)[:12]} 100644".encode()
    both = first + b"\n" + index + b"\n" + rest + file_diff("b.c", B, B_FIXED)
    truth = file_diff("a.c", OLDER, OLDER_FIXED)
    add(tmp_path, "8.1.1-exact", MAIL + both, truth + file_diff("b.c", B, B_FIXED))
    add(tmp_path, "8.1.1-wrong", MAIL + both, truth)
    add(tmp_path, "8.1.1-taken", MAIL + file_diff("b.c", B, B_FIXED), file_diff("b.c", B, B_FIXED))
    return tmp_path


def add(desk: Path, name: str, mail: bytes, truth: bytes) -> None:
    case = desk / "cases" / name
    case.mkdir(parents=True)
    (case / "input.patch").write_bytes(mail)
    (case / "truth.patch").write_bytes(truth)
    (case / "meta.json").write_text(json.dumps({"base": "8.1.1", "same_lines": True}))


def call(desk: Path, *args: str) -> tuple[int, str]:
    done = CliRunner().invoke(command, ["--commits", str(desk / "cases"), "--cache", str(desk / "cache"),
                                        "--manifest", str(desk / "trees.yaml"), *args], standalone_mode=False)
    if done.exception:
        raise done.exception
    return done.return_value or 0, done.output


def test_commits_are_scored_as_a_whole(desk: Path) -> None:
    assert call(desk, "--format", "json", "--output", str(desk / "out.json"))[0] == 0
    told = json.loads((desk / "out.json").read_text())
    assert {one["name"]: (one["score"], one["taken"]) for one in told["outcomes"]} == {
        "8.1.1-exact": ("exact", False), "8.1.1-wrong": ("wrong", False), "8.1.1-taken": ("exact", True)}
    (wrong,) = [one for one in told["outcomes"] if one["name"] == "8.1.1-wrong"]
    assert {file["path"]: file["score"] for file in wrong["files"]} == {"a.c": "exact", "b.c": "wrong"}
    assert told["classes"]["several files"]["backport (all answers)"] == {
        "exact": 1, "wrong": 1, "none": 0, "cases": 2}


def test_a_case_that_comes_out_otherwise_is_named(desk: Path) -> None:
    frozen = desk / "frozen.txt"
    call(desk, "--freeze", str(frozen))
    assert call(desk, "--frozen", str(frozen))[0] == 0
    frozen.write_text(frozen.read_text().replace("exact", "wrong", 1) + "gone\tc.c\tclean\tcertain\texact\t123\n")
    code, out = call(desk, "--frozen", str(frozen))
    assert code == 1
    assert "8.1.1-exact a.c: was" in out
    assert "gone c.c: was clean certain exact 123, is not there" in out


def test_the_frozen_file_reads_as_it_was_written() -> None:
    rows = [("case", "a.c", "clean", "certain", "exact", "0123"), ("case", "b.c", "conflict", "review", "none", "-")]
    assert read("# for people\n" + render(rows)) == rows
    assert differences(rows, rows) == []
    assert len(differences(rows, rows[:1])) == 1


def test_what_is_no_case_is_said(desk: Path) -> None:
    with pytest.raises(UserError, match="no case in it"):
        commit_cases(desk / "cache")
    (desk / "cases" / "8.1.1-exact" / "truth.patch").unlink()
    with pytest.raises(UserError, match=r"8\.1\.1-exact: not a case"):
        commit_cases(desk / "cases")


def test_an_answer_that_differs_in_an_empty_line_alone_is_wrong_and_named(desk: Path) -> None:
    theirs = b"int b_1;\nint b_2;\n\nint b_3;\n"
    add(desk, "8.1.1-empty", MAIL + file_diff("b.c", B, B_FIXED), file_diff("b.c", B, theirs))
    _, out = call(desk, "--output", str(desk / "out.json"))
    told = {one["name"]: one for one in json.loads((desk / "out.json").read_text())["outcomes"]}
    assert told["8.1.1-empty"]["score"] == "wrong"
    assert "in the order of operands alone: 8.1.1-empty\n" in out
    assert "95 % within" in out


def test_the_rows_of_commits_say_of_each_hunk_whether_it_is_the_maintainers(desk: Path) -> None:
    store, manifest = Store(desk / "cache"), load(desk / "trees.yaml")
    known = list(rows(commit_cases(desk / "cases"), store, manifest, known_heads(store, manifest), jobs=1))
    assert [(row.case.split()[0], row.score, row.right, row.taken) for row in known] == [
        ("8.1.1-exact", "exact", True, False), ("8.1.1-exact", "exact", True, False),
        ("8.1.1-taken", "exact", True, True),
        ("8.1.1-wrong", "wrong", True, False), ("8.1.1-wrong", "wrong", False, False)]
    assert any(row.measured for row in known)
    assert not any(row.measured for row in known if row.taken)


def test_a_tree_that_has_the_maintainers_form_is_asked_again(desk: Path) -> None:
    call(desk, "--again", "--output", str(desk / "out.json"))
    outcomes = json.loads((desk / "out.json").read_text())["outcomes"]
    told = {one["name"]: one["others"]["asked again"] for one in outcomes}
    assert told == {"8.1.1-exact": "exact", "8.1.1-taken": "exact", "8.1.1-wrong": "wrong"}      # b.c is made there
    assert "asked again" not in call(desk)[1]
