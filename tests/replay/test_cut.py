"""Whole commits from releases: what is one commit, what is no clean case, and which part a fix is in."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest
from click.testing import CliRunner

from backport.commands.replay import command
from backport.errors import UserError
from backport.git import Git
from backport.replay.commits import commit_cases
from backport.replay.cut import PARTS, Cut, Cutter, part
from tests.replay.test_run import commit

FAR = b"".join(b"int padding_%d;\n" % n for n in range(20))
FIXED = b"\tset_limit(dev, LIMIT_OF_THE_HARDWARE);\n"


def file(first: bytes = b"", second: bytes = b"", call: bytes = b"start_device(dev)") -> bytes:
    return (b"int probe(struct device *dev)\n{\n\t%s;\n%s\treturn 0;\n}\n" % (call, first) + FAR
            + b"int remove(struct device *dev)\n{\n\tstop_device(dev);\n%s\treturn 0;\n}\n" % second)


OLDER = file(call=b"begin_device(dev)")
Trees = Mapping[str, Mapping[str, bytes]]


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Git]:
    (tmp_path / "store.git").mkdir()
    with Git(tmp_path / "store.git") as git:
        git.run("init", "-q", "--bare", ".")
        yield git


def fill(git: Git, trees: Trees) -> None:
    for version, files in trees.items():
        commit(git, f"refs/releases/{version}", {"Makefile": version.encode() + b"\n", **files}, version)


def cut(git: Git, newer: str = "9.1.1,9.1.2", older: str = "8.1.1,8.1.2",
        known: frozenset[str] = frozenset()) -> tuple[list[Cut], Cutter]:
    cutter = Cutter(git, lambda _version, name: name in known)
    return list(cutter.cuts(newer.split(","), older.split(","))), cutter


def fix(newer: bytes = file(FIXED),
        older: bytes = file(FIXED, call=b"begin_device(dev)")) -> dict[str, dict[str, bytes]]:
    return {"9.1.1": {"a.c": file()}, "9.1.2": {"a.c": newer}, "8.1.1": {"a.c": OLDER}, "8.1.2": {"a.c": older}}


def test_a_fix_is_cut_as_a_mail_and_a_truth_that_apply(store: Git, tmp_path: Path) -> None:
    fill(store, fix())
    (case,), _ = cut(store)
    assert (case.base, case.newbase, case.files) == ("8.1.1", "9.1.1", ("a.c",))
    assert (case.same_lines, case.taken) == (True, False)
    case.write(tmp_path / "out")
    (read,) = commit_cases(tmp_path / "out" / case.part)
    assert read.newbase == "9.1.1"
    assert FIXED in read.patch.files[0].hunks[0].render()
    for diff, release in ((case.truth, "8.1.1"), (case.input, "9.1.1")):
        store.run("read-tree", f"refs/releases/{release}")
        assert not store.run("apply", "--cached", "--check", "-", stdin=diff[diff.index(b"diff --git"):], ok=()).code


def test_what_a_name_joins_is_one_commit_and_what_the_tree_knew_joins_nothing(store: Git) -> None:
    trees = fix()
    for series in ("9.1", "8.1"):
        trees[f"{series}.1"]["a.h"] = b"int other;\n"
        trees[f"{series}.2"]["a.h"] = b"int other;\n#define LIMIT_OF_THE_HARDWARE 3\n"
    fill(store, trees)
    (case,), _ = cut(store, known=frozenset({"set_limit", "define"}))
    assert case.files == ("a.c", "a.h")
    apart, _ = cut(store, known=frozenset({"set_limit", "define", "LIMIT_OF_THE_HARDWARE"}))
    assert [one.files for one in apart if not one.taken] == [("a.c",)]


def test_a_file_that_something_else_touched_is_no_case(store: Git) -> None:
    fill(store, fix(older=file(FIXED, b"\tlog_removal(dev);\n", b"begin_device(dev)")))
    assert cut(store)[0] == []


def test_lines_of_another_change_in_the_same_place_are_no_case(store: Git) -> None:
    """A second commit in the same group of changes: some other branch has it by itself."""
    second = b"\tcount_probe_of_device(dev);\n"
    trees = fix(older=file(FIXED + second, call=b"begin_device(dev)"))
    fill(store, trees)
    assert len(cut(store)[0]) == 1, "nothing tells it from an adaptation yet"
    fill(store, {"9.0.1": {"a.c": file()}, "9.0.2": {"a.c": file(second)}})
    cases, cutter = cut(store)
    assert cases == []
    assert list(cutter.left_out) == ["a line that only one side has belongs to another change elsewhere"]


def test_what_the_older_branch_caught_up_on_is_no_case(store: Git) -> None:
    second = b"\tcount_probe_of_device(dev);\n"
    trees = fix(newer=file(second + FIXED), older=file(second + FIXED, call=b"begin_device(dev)"))
    trees["9.1.1"] = {"a.c": file(second)}
    fill(store, trees)
    cases, cutter = cut(store)
    assert cases == []
    assert list(cutter.left_out) == ["the older branch also got lines that the newer release had before"]


def test_the_form_of_a_branch_between_is_the_donor(store: Git) -> None:
    fill(store, fix() | {"8.9.1": {"a.c": file(call=b"launch_device(dev)")},
                         "8.9.2": {"a.c": file(FIXED, call=b"launch_device(dev)")}})
    cutter = Cutter(store, lambda _version, name: False)
    list(cutter.cuts(["9.1.1", "9.1.2"], ["8.9.1", "8.9.2"]))
    (case,) = cutter.cuts(["9.1.1", "9.1.2"], ["8.1.1", "8.1.2"])
    assert case.donor_series == "8.9"
    assert b" \tlaunch_device(dev);\n" in case.donor
    (alone,), _ = cut(store)
    assert not alone.donor


def test_the_part_is_that_of_the_file() -> None:
    assert part("drivers-a") == part("drivers-a")
    assert {part(f"drivers-{n}") for n in range(20)} == set(PARTS)


def test_the_command_writes_cases_and_says_what_it_left_out(store: Git, tmp_path: Path) -> None:
    fill(store, fix())
    args = ["--cut", str(tmp_path / "out"), "--store", str(store.path), "--pair", "9.1.1,9.1.2:8.1.1,8.1.2"]
    done = CliRunner().invoke(command, args, standalone_mode=False, catch_exceptions=False)
    assert "1 that git apply rejects" in done.output
    (meta,) = (tmp_path / "out").glob("*/*/meta.json")
    assert json.loads(meta.read_bytes())["base"] == "8.1.1"
    assert meta.parent.parent.name in PARTS


def test_a_release_that_is_not_there_is_named(store: Git) -> None:
    fill(store, fix())
    with pytest.raises(UserError, match=r"9\.1\.7"):
        cut(store, newer="9.1.1,9.1.7")
