"""A tree lacks a bug only where that is proved: wrong ids, squashed backports, reverts of reverts, deletions."""

from __future__ import annotations

from pathlib import Path

import pytest

from backport.history.branch import Branch
from backport.history.bug import Bug, TaggedCommit, holds_bug, named_in
from backport.history.log import Log
from tests.support.histories import Repo

CODE = "".join(f"statement number {n};\n" for n in range(1, 21))
BUG = "the line that has the bug;\nand a second one of it;\nand a third;\n"


class World:
    """Upstream brings the bug after `old` forked; `young` forked after it."""

    def __init__(self, path: Path) -> None:
        repo = self.repo = Repo(path)
        repo.files["up"] = {"kvm.c": CODE}
        repo.commit("up", "base")
        repo.empty("up", "second")
        repo.branch("old", "up")
        repo.empty("old", "Linux 1.0.1")
        self.bug = repo.edit("up", "kvm.c", "number 10;\n", "number 10;\n" + BUG, "kvm: add feature")
        repo.branch("young", "up")
        repo.empty("young", "Linux 1.1.1")

    def asks(self, branch: str, tag: str) -> Bug:
        fixes = named_in(f"x\n\nFixes: {tag}\n")
        assert fixes
        return holds_bug(Log(self.repo.git), Branch(branch, self.repo.tip(branch)), fixes, upstream=self.repo.tip("up"))


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path / "r.git")


def test_proved_by_ancestry_both_ways(world: World) -> None:
    tag = f'{world.bug[:12]} ("kvm: add feature")'
    assert world.asks("young", tag).held is True
    old = world.asks("old", tag)
    assert old.held is False
    assert "is no ancestor" in old.reason
    assert "0 of the 3 telling lines that it added are in the tree" in old.reason


def test_a_squashed_backport_without_a_name_is_found_by_its_lines(world: World) -> None:
    world.repo.files["old"]["kvm.c"] = world.repo.files["old"]["kvm.c"].replace("number 3;\n", "number three;\n")
    world.repo.edit("old", "kvm.c", "number 10;\n", "number 10;\n" + BUG, "vendor: many things at once")
    answer = world.asks("old", f'{world.bug[:12]} ("kvm: add feature")')
    assert answer.held is None
    assert "3 of the 3 lines that it added are in the tree" in answer.reason


def test_its_lines_are_found_in_a_file_that_moved(world: World) -> None:
    repo = world.repo
    repo.files["old"]["sub/kvm.c"] = repo.files["old"].pop("kvm.c")
    repo.edit("old", "sub/kvm.c", "number 10;\n", "number 10;\n" + BUG, "vendor: move and more")
    assert world.asks("old", world.bug[:12]).held is None


def test_an_id_of_another_commit_than_the_subject_says_proves_nothing(world: World) -> None:
    other = world.repo.edit("up", "kvm.c", "number 15;", "number fifteen;", "kvm: something else")
    answer = world.asks("old", f'{other[:12]} ("kvm: add feature")')
    assert answer.held is None
    assert 'is "kvm: something else"' in answer.reason
    # told the same way round, what is found is found
    assert world.asks("up", f'{other[:12]} ("kvm: add feature")').held is True


@pytest.mark.parametrize("subject", ["kvm: add  Feature", "KVM: add feature", "kvm: add fea..."])
def test_a_subject_that_was_cut_or_retyped_is_the_same_subject(world: World, subject: str) -> None:
    assert world.asks("old", f'{world.bug[:12]} ("{subject}")').held is False


def test_a_wrong_id_is_told_by_a_subject_that_is_unique_upstream(world: World) -> None:
    assert world.asks("young", 'ffffffffffff ("kvm: add feature")').held is True
    assert world.asks("old", 'ffffffffffff ("kvm: add feature")').held is False
    world.repo.edit("up", "kvm.c", "number 15;", "number fifteen;", "kvm: add feature")     # the subject comes twice
    answer = world.asks("old", 'ffffffffffff ("kvm: add feature")')
    assert answer.held is None
    assert "the tag's id may be wrong" in answer.reason


def test_an_abbreviated_id_of_a_few_digits_is_enough_where_it_is_unique(world: World) -> None:
    assert world.asks("young", world.bug[:8]).held is True
    assert world.asks("old", world.bug[:8]).held is False


def test_a_tag_that_names_a_stable_backport_means_the_upstream_commit(world: World) -> None:
    repo = world.repo
    repo.branch("third", "old")
    copy = repo.edit("old", "kvm.c", "number 10;\n", "number 10;\n" + BUG,
                     f"kvm: add feature\n\n[ Upstream commit {world.bug} ]")
    tag = f'{copy[:12]} ("kvm: add feature")'
    assert world.asks("old", tag).held is True
    assert world.asks("young", tag).held is True             # under upstream's own name
    assert world.asks("third", tag).held is False


def test_a_bug_that_was_reverted_and_came_back(world: World) -> None:
    repo = world.repo
    tag = f'{world.bug[:12]} ("kvm: add feature")'
    revert = repo.edit("young", "kvm.c", BUG, "", f'Revert "kvm: add feature"\n\nThis reverts commit {world.bug}.')
    assert world.asks("young", tag).held is False
    again = repo.edit("young", "kvm.c", "number 10;\n", "number 10;\n" + BUG,
                      f'Reapply "kvm: add feature"\n\nThis reverts commit {revert}.')
    assert world.asks("young", tag).held is True
    repo.edit("young", "kvm.c", BUG, "", f'Revert "Reapply "kvm: add feature""\n\nThis reverts commit {again}.')
    assert world.asks("young", tag).held is False


def test_a_partial_revert_takes_nothing_back(world: World) -> None:
    world.repo.edit("young", "kvm.c", "and a third;\n", "",
                    f'Revert "kvm: add feature" in part\n\nThis partially reverts commit {world.bug}.')
    assert world.asks("young", f'{world.bug[:12]} ("kvm: add feature")').held is True


def test_a_bug_that_is_a_revert_is_where_the_change_never_was(world: World) -> None:
    """Upstream took a check back, which was the bug. A tree that never had the check is no better off."""
    repo = world.repo
    check = repo.edit("up", "kvm.c", "number 5;\n", "number 5;\nif (bad) return -EINVAL;\n", "kvm: add a check")
    repo.branch("between", "up")
    repo.empty("between", "Linux 1.2.1")
    revert = repo.edit("up", "kvm.c", "if (bad) return -EINVAL;\n", "",
                       f'Revert "kvm: add a check"\n\nThis reverts commit {check}.')
    tag = f'{revert[:12]} ("Revert "kvm: add a check"")'
    assert world.asks("up", tag).held is True
    assert world.asks("between", tag).held is False          # it has the check still
    old = world.asks("old", tag)
    assert old.held is True
    assert "is not there, as after the revert" in old.reason
    again = repo.edit("up", "kvm.c", "number 5;\n", "number 5;\nif (bad) return -EINVAL;\n",
                      f'Reapply "kvm: add a check"\n\nThis reverts commit {revert}.')
    reapplied = f'{again[:12]} ("Reapply "kvm: add a check"")'
    assert world.asks("between", reapplied).held is True     # the check was there all the time
    assert world.asks("old", reapplied).held is False


def test_a_bug_by_deletion_is_not_absent_where_the_lines_never_were(world: World) -> None:
    repo = world.repo
    repo.edit("up", "kvm.c", "number 5;\n", "number 5;\nif (bad) return -EINVAL;\n", "kvm: add a check")
    repo.branch("between", "up")
    repo.empty("between", "Linux 1.2.1")
    gone = repo.edit("up", "kvm.c", "if (bad) return -EINVAL;\n", "", "kvm: remove useless code")
    assert world.asks("between", gone[:12]).held is False
    old = world.asks("old", gone[:12])
    assert old.held is None
    assert "it only removes lines" in old.reason


def test_a_merge_is_no_proof(world: World) -> None:
    repo = world.repo
    git = repo.git
    repo.branch("side", "up")
    side = repo.edit("side", "kvm.c", "number 7;", "number seven;", "side: work")
    tip = repo.edit("up", "kvm.c", "number 9;", "number nine;", "up: work")
    merge = git.run("commit-tree", f"{side}^{{tree}}", "-p", tip, "-p", side, "-m", "Merge branch 'side'").text
    git.run("update-ref", "refs/heads/up", merge)
    answer = world.asks("old", merge[:12])
    assert answer.held is None
    assert "it is a merge" in answer.reason


def test_one_of_two_commits_is_enough_to_hold_the_bug(world: World) -> None:
    repo = world.repo
    other = repo.edit("up", "kvm.c", "number 15;", "number fifteen of a new kind;", "kvm: something else")
    repo.edit("old", "kvm.c", "number 15;", "number fifteen of a new kind;", f"x\n\ncommit {other} upstream.")
    fixes = named_in(f'Fixes: {world.bug[:12]} ("kvm: add feature")\nFixes: {other[:12]} ("kvm: something else")\n')
    branch = Branch("old", repo.tip("old"))
    assert holds_bug(Log(repo.git), branch, fixes, upstream=repo.tip("up")).held is True
    assert holds_bug(Log(repo.git), branch, fixes[:1], upstream=repo.tip("up")).held is False


def test_an_earlier_patch_of_the_series_brings_the_bug(world: World) -> None:
    """Patch 2 mends patch 1: on a tree that gets both, nothing is absent."""
    fixes = named_in(f'Fixes: {world.bug[:12]} ("kvm: add feature")\n')
    branch = Branch("old", world.repo.tip("old"))
    log = Log(world.repo.git)
    for first in (TaggedCommit(world.bug), TaggedCommit("", "kvm: add feature")):
        bug = holds_bug(log, branch, fixes, upstream=world.repo.tip("up"), brought=[first])
        assert bug.held is True
        assert "comes with an earlier patch" in bug.reason
    other = holds_bug(log, branch, fixes, upstream=world.repo.tip("up"), brought=[TaggedCommit("1" * 40, "kvm: other")])
    assert other.held is False
