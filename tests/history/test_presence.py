"""Stable history as it happens: backports, reverts in every form, fixes of fixes, copies without a name."""

from __future__ import annotations

from pathlib import Path

import pytest

from backport.history.branch import Branch
from backport.history.bug import follow_ups, holds_bug, named_in
from backport.history.log import Log
from backport.history.presence import PresenceState, UpstreamChange, patch_id, presence
from tests.support.histories import Repo

CODE = "".join(f"line {n}\n" for n in range(1, 21))
FIX = ("line 10\n", "line ten, fixed\n")


class World:
    """Upstream with a bug, a fix and its fix; stable branches that took what they took."""

    def __init__(self, path: Path) -> None:
        repo = self.repo = Repo(path)
        repo.files["up"] = {"kvm.c": CODE, "other.c": CODE}
        base = repo.commit("up", "base")
        repo.tag("v1.0", base)
        repo.branch("old", "up")                       # forked before the bug
        self.bug = repo.edit("up", "kvm.c", "line 10\n", "line 10\nbug\n", "kvm: add feature")
        repo.files["up"]["kvm.c"] = repo.files["up"]["kvm.c"].replace("bug\n", "")
        repo.tag("v1.1", repo.empty("up", "Linux 1.1"))
        repo.branch("stable", "up")
        repo.branch("other", "up")
        self.fix = repo.edit("up", "kvm.c", *FIX, f'kvm: fix it\n\nFixes: {self.bug[:12]} ("kvm: add feature")')
        self.follow = repo.edit("up", "kvm.c", "line 12", "line twelve",
                                f'kvm: fix the fix\n\nFixes: {self.fix[:12]} ("kvm: fix it")')
        self.deep = repo.edit("up", "kvm.c", "line 14", "line 14b",
                              f'kvm: fix the fix of the fix\n\nFixes: {self.follow[:12]} ("kvm: fix the fix")')
        repo.tag("v1.2", repo.empty("up", "Linux 1.2"))
        self.diff = repo.git.run("diff-tree", "-p", self.fix + "^", self.fix).out
        self.log = Log(repo.git)

    def change(self) -> UpstreamChange:
        return UpstreamChange(self.fix, "kvm: fix it", patch_id(self.repo.git, self.diff), ("kvm.c",))

    def state(self, branch: str, change: UpstreamChange | None = None) -> tuple[PresenceState, list[str]]:
        self.log = Log(self.repo.git)
        answer = presence(self.log, Branch(branch, self.repo.tip(branch)), change or self.change(),
                          upstream=self.repo.tip("up"))
        return answer.state, [f"{e.what}/{e.how}" for e in answer.events]


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path / "r.git")


def test_by_ancestry_and_since_which_release(world: World) -> None:
    answer = presence(world.log, Branch("up", world.repo.tip("up")), world.change())
    assert answer.state is PresenceState.PRESENT
    assert answer.exact
    assert answer.since == "v1.2"


def test_missing_says_what_was_looked_for(world: World) -> None:
    answer = presence(world.log, Branch("stable", world.repo.tip("stable")), world.change())
    assert answer.state is PresenceState.MISSING
    assert answer.commit == ""
    assert "no commit there names it" in answer.reason


@pytest.mark.parametrize("form", ["[ Upstream commit {} ]", "commit {} upstream.", "(cherry picked from commit {})"])
def test_by_the_line_that_names_it(world: World, form: str) -> None:
    sha = world.repo.edit("stable", "kvm.c", FIX[0], "adapted\n", f"kvm: other words\n\n{form.format(world.fix)}")
    world.repo.tag("v1.1.1", sha)
    answer = presence(world.log, Branch("stable", world.repo.tip("stable")), world.change())
    assert (answer.state, answer.commit, answer.since, answer.exact) == (PresenceState.PRESENT, sha, "v1.1.1", False)


def test_revert_and_reapply_are_followed_to_the_end(world: World) -> None:
    repo = world.repo
    picked = repo.edit("stable", "kvm.c", *FIX, f"kvm: fix it\n\ncommit {world.fix} upstream.")
    revert = repo.edit("stable", "kvm.c", FIX[1], FIX[0],
                       f'Revert "kvm: fix it"\n\nThis reverts commit {picked} which is\ncommit {world.fix} upstream.')
    assert world.state("stable") == (PresenceState.REVERTED, ["applied/upstream line", "reverted/revert line"])
    repo.edit("stable", "kvm.c", *FIX, f'Revert "Revert "kvm: fix it""\n\nThis reverts commit {revert}.')
    assert world.state("stable")[0] is PresenceState.PRESENT
    repo.edit("stable", "kvm.c", FIX[1], FIX[0], f'Revert "kvm: fix it"\n\nThis reverts commit {picked}.')
    assert world.state("stable")[0] is PresenceState.REVERTED
    repo.edit("stable", "kvm.c", *FIX, f"kvm: fix it\n\ncommit {world.fix} upstream.")      # taken a second time
    assert world.state("stable")[1][-1] == "re-applied/upstream line"


def test_an_upstream_revert_that_was_backported_counts_on_the_branch(world: World) -> None:
    repo = world.repo
    up_revert = repo.edit("up", "kvm.c", FIX[1], FIX[0], f'Revert "kvm: fix it"\n\nThis reverts commit {world.fix}.')
    repo.edit("stable", "kvm.c", *FIX, f"kvm: fix it\n\n[ Upstream commit {world.fix} ]")
    assert world.state("stable")[0] is PresenceState.PRESENT
    repo.edit("stable", "kvm.c", FIX[1], FIX[0],
              f'Revert "kvm: fix it"\n\n[ Upstream commit {up_revert} ]\n\nThis reverts commit {world.fix}.')
    assert world.state("stable")[0] is PresenceState.REVERTED
    up_again = repo.edit("up", "kvm.c", *FIX, f'Reapply "kvm: fix it"\n\nThis reverts commit {up_revert}.')
    repo.edit("stable", "kvm.c", *FIX, f'Reapply "kvm: fix it"\n\n[ Upstream commit {up_again} ]\n\n'
                                       f"This reverts commit {up_revert}.")
    assert world.state("stable")[0] is PresenceState.PRESENT
    assert world.state("up") == (PresenceState.PRESENT, [
        "applied/ancestor", "reverted/revert line", "re-applied/revert line"])


def test_a_revert_that_names_no_commit_is_known_by_its_subject(world: World) -> None:
    repo = world.repo
    repo.edit("stable", "kvm.c", *FIX, f"kvm: fix it\n\ncommit {world.fix} upstream.")
    repo.edit("stable", "kvm.c", FIX[1], FIX[0], 'Revert "kvm: fix it"\n\nIt broke things.')
    assert world.state("stable")[0] is PresenceState.REVERTED
    repo.edit("stable", "kvm.c", *FIX, 'Reapply "kvm: fix it"\n\nIt did not.')
    assert world.state("stable")[0] is PresenceState.PRESENT


def test_by_patch_id_where_nothing_names_it(world: World) -> None:
    sha = world.repo.edit("stable", "kvm.c", *FIX, "vendor: a subject of their own")
    assert world.state("stable") == (PresenceState.PRESENT, ["applied/patch-id"])
    # the same change to this file within a bigger commit is another patch
    world.repo.files["other"]["other.c"] += "more\n"
    world.repo.edit("other", "kvm.c", *FIX, "vendor: two things at once")
    assert world.state("other")[0] is PresenceState.MISSING
    assert sha


def test_the_same_subject_alone_is_only_likely(world: World) -> None:
    world.repo.edit("stable", "kvm.c", "line 3\n", "line three\n", "kvm: fix it")
    assert world.state("stable") == (PresenceState.LIKELY, ["applied/subject"])


def test_the_same_subject_of_another_commit_is_not_it(world: World) -> None:
    world.repo.edit("stable", "kvm.c", "line 3\n", "line three\n", f"kvm: fix it\n\ncommit {'9' * 40} upstream.")
    assert world.state("stable")[0] is PresenceState.MISSING


def test_without_history_nothing_is_known(world: World) -> None:
    world.repo.files["tarball"] = {"kvm.c": CODE.replace(*FIX)}
    tip = world.repo.commit("tarball", "Linux 9.9")
    answer = presence(world.log, Branch("tarball", tip), world.change())
    assert answer.state is PresenceState.UNKNOWN
    assert "without parents" in answer.reason
    told = presence(world.log, Branch("up", world.repo.tip("up"), history=False), world.change())
    assert told.state is PresenceState.UNKNOWN


def test_not_found_in_a_shallow_history_is_not_missing(world: World, tmp_path: Path) -> None:
    repo = world.repo
    for n in range(3):
        repo.empty("stable", f"stable: {n}")
    from backport.git import Git
    (tmp_path / "shallow").mkdir()
    shallow = Git(tmp_path / "shallow")
    shallow.run("init", "--quiet", "--bare", ".")
    shallow.run("fetch", "--quiet", "--depth=2", f"file://{repo.git.path}", "stable:stable", env={
        "GIT_ALLOW_PROTOCOL": "file"})
    answer = presence(Log(shallow), Branch("stable", repo.tip("stable")), world.change())
    assert answer.state is PresenceState.UNKNOWN
    assert "shallow" in answer.reason


def test_a_whole_history_is_not_compared_diff_by_diff(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("backport.history.presence._ENDLESS", 1)
    change = UpstreamChange("9" * 40, "kvm: never seen", world.change().patch_id, ("kvm.c",))
    branch = Branch("stable", world.repo.tip("stable"))
    assert presence(world.log, branch, change).state is PresenceState.UNKNOWN
    assert presence(world.log, branch, change, upstream=world.repo.tip("up")).state is PresenceState.MISSING


def test_the_bug_is_held_where_its_commit_or_a_backport_is(world: World) -> None:
    repo = world.repo
    fixes = named_in(f'x\n\nFixes: {world.bug[:12]} ("kvm: add feature")\n')
    assert fixes[0].subject == "kvm: add feature"
    log = world.log
    stable = holds_bug(log, Branch("stable", repo.tip("stable")), fixes)
    assert (stable.held, stable.since) == (True, "v1.1")
    old = holds_bug(log, Branch("old", repo.tip("old")), fixes)
    repo.empty("old", "something")
    old = holds_bug(log, Branch("old", repo.tip("old")), fixes)
    assert old.held is False
    assert world.bug[:12] in old.reason
    repo.edit("old", "kvm.c", "line 10\n", "line 10\nbug\n", f"kvm: add feature\n\n[ Upstream commit {world.bug} ]")
    assert holds_bug(Log(repo.git), Branch("old", repo.tip("old")), fixes).held is True


def test_a_bug_commit_that_nobody_has_proves_nothing(world: World) -> None:
    repo = world.repo
    fixes = named_in('Fixes: 123456789abc ("never: seen")')
    found = holds_bug(world.log, Branch("stable", repo.tip("stable")), fixes, upstream=repo.tip("up"))
    assert found.held is None
    assert "the tag's id may be wrong" in found.reason
    assert holds_bug(world.log, Branch("stable", repo.tip("stable"), history=False), fixes).held is None
    assert holds_bug(world.log, Branch("stable", repo.tip("stable")), ()).held is None


def test_follow_ups_to_any_depth_and_reverts(world: World) -> None:
    repo = world.repo
    repo.edit("up", "kvm.c", FIX[1], FIX[0], f'Revert "kvm: fix it"\n\nThis reverts commit {world.fix}.')
    found = follow_ups(Log(repo.git), world.fix, repo.tip("up"))
    assert [(f.commit.subject, f.kind, f.of) for f in found] == [
        ("kvm: fix the fix", "fixes", world.fix),
        ("kvm: fix the fix of the fix", "fixes", world.follow),
        ('Revert "kvm: fix it"', "reverts", world.fix),
    ]
    assert found[0].release == "v1.2"
