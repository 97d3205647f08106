"""What a fix needs first: the smallest set that was tried, told from what merely stands around, as a series."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from backport.carry import Carrier
from backport.history.log import Log
from backport.manifest import Tree
from backport.patch.model import Patch
from backport.prerequisites.propose import Proposal, propose
from backport.prerequisites.series import mails, text
from backport.stable.prereq import commit_patch
from backport.trees.store import Head
from backport.verdict import Apply
from tests.support.histories import Repo

BODY = """int poll(struct unit *u)
{
	int left = budget(u);

	start(u);
	%s
	count(u);
	finish(u);
	return left;
}
"""
ASKS = "ready(u) && u->open && !u->dying"
TREE = Tree("linux-5.10.y", "5.10", ())
SIGNED = "\n\nText.\n\nSigned-off-by: A <a@example.org>\n"


class World:
    """Upstream asks before it drains, renames what stands around, and then mends how it asks."""

    def __init__(self, path: Path, wrote: str = SIGNED) -> None:
        repo = self.repo = Repo(path / "store.git")
        files = {"poll.c": BODY % "drain(u);", "other.c": "int other;\n",
                 "poll.h": "struct unit {\n\tint open;\n\tint dying;\n};\nint budget(struct unit *u);\n"
                 "void drain(struct unit *u);\nbool ready(struct unit *u);\nbool again(struct unit *u);\n"
                 "void start(struct unit *u);\nvoid count(struct unit *u);\nvoid finish(struct unit *u);\n"}
        repo.files["mainline"] = files
        repo.commit("mainline", "base")
        repo.empty("mainline", "base of all")
        repo.branch("linux-5.10.y", "mainline")
        repo.empty("linux-5.10.y", "stable: own commit")
        self.unrelated = repo.edit("mainline", "other.c", "int other", "long other", "other: widen" + SIGNED)
        self.around = repo.edit("mainline", "poll.c", "\tcount(u);\n", "\tcount(u);\n\tcount(u);\n",
                                "poll: twice" + SIGNED)
        self.wrote = repo.edit("mainline", "poll.c", "\tdrain(u);\n", f"\tif ({ASKS})\n\t\tdrain(u);\n",
                               "poll: ask first" + wrote)
        self.fix = repo.edit("mainline", "poll.c", ASKS, f"{ASKS} && again(u)", "poll: ask twice" + SIGNED)

    def head(self, branch: str) -> Head:
        return Head(branch, self.repo.git.rev(f"refs/heads/{branch}") or "", "1", "made here", 0.0, history=True)

    @property
    def patch(self) -> Patch:
        made = commit_patch(self.repo.git, self.fix)
        assert made is not None
        return made

    def propose(self, patch: Patch | None = None) -> Proposal:
        upstream = self.head("mainline")
        carrier = Carrier(self.repo.git.path, [upstream, self.head("linux-5.10.y")], upstream,
                          signoff="B <b@example.org>")
        try:
            with Log(self.repo.git) as log:
                return propose(carrier, log, patch or self.patch, TREE, self.head("linux-5.10.y"), upstream)
        finally:
            carrier.close()


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    made = World(tmp_path)
    yield made
    made.repo.git.close()


def test_only_what_the_fix_needs_is_proposed_and_the_rest_is_told_apart(world: World) -> None:
    found = world.propose()
    assert [need.candidate.commit.subject for need in found.needs] == ["poll: ask first"]
    assert found.fix is not None
    assert found.fix.outcome.good
    assert [one.commit.subject for one in found.others] == ["poll: twice"]
    said = text(found)
    assert f"1. {world.wrote[:12]} (\"poll: ask first\")\n   +2 -1 in 1 file; here: " in said
    assert "touched the same lines and not needed:\n" in said


@pytest.mark.parametrize("message", ["", "\n\nIt was asked for.\n", SIGNED])
def test_what_a_prerequisite_is_for_is_a_trailer_of_its_mail(tmp_path: Path, message: str) -> None:
    made = World(tmp_path, message)
    first, _ = mails(made.propose(), made.patch, "5.10", signoff="B <b@example.org>")
    made.repo.git.close()
    written = tmp_path / "message"
    subprocess.run(["git", "mailinfo", str(written), "/dev/null"], input=first, capture_output=True, check=True)
    trailers = subprocess.run(["git", "interpret-trailers", "--parse"], input=b"poll\n\n" + written.read_bytes(),
                              capture_output=True, check=True).stdout.decode().splitlines()
    assert f'Stable-dep-of: {made.fix[:12]} ("poll: ask twice")' in trailers


def test_the_series_goes_in_with_git_am_and_says_what_it_is_for(world: World, tmp_path: Path) -> None:
    first, second = mails(world.propose(), world.patch, "5.10", signoff="B <b@example.org>")
    assert b"Subject: [PATCH 5.10.y 1/2] poll: ask first\n" in first
    assert f"[ Upstream commit {world.wrote} ]\n".encode() in first
    tags = first[:first.index(b"\n---\n")].split(b"\n")[-4:]
    assert f'Stable-dep-of: {world.fix[:12]} ("poll: ask twice")'.encode() in tags
    assert tags[-1] == b"Signed-off-by: B <b@example.org>"
    assert b"Subject: [PATCH 5.10.y 2/2] poll: ask twice\n" in second
    clone = tmp_path / "clone"
    subprocess.run(["git", "clone", "-q", "--branch", "linux-5.10.y", str(world.repo.git.path), str(clone)], check=True)
    (tmp_path / "series.mbox").write_bytes(first + second)
    subprocess.run(["git", "-c", "user.name=B", "-c", "user.email=b@example.org", "am", "-q",
                    str(tmp_path / "series.mbox")], cwd=clone, check=True)
    assert "again(u)" in (clone / "poll.c").read_text()


def test_a_later_fix_of_a_prerequisite_is_a_risk(world: World) -> None:
    later = world.repo.edit("mainline", "other.c", "long", "u64",
                            f"poll: mend it\n\nFixes: {world.wrote[:12]} (\"poll: ask first\")\n")
    (need,) = world.propose().needs
    assert f"upstream fixed it in {later[:12]} (\"poll: mend it\"), which is not among these" in need.risks


def test_nothing_is_proposed_for_what_goes_in_and_what_is_not_known(world: World) -> None:
    assert world.propose(commit_patch(world.repo.git, world.unrelated)).reason.startswith("it needs none: ")
    stranger = Patch(world.patch.head.replace(world.fix.encode(), b"5" * 40), world.patch.files, world.patch.tail)
    found = world.propose(stranger)
    assert (found.needs, found.reason) == ((), "555555555555 is no commit of the store")
    assert mails(found, stranger, "5.10") == []


def test_where_no_set_helps_that_is_said(world: World) -> None:
    world.repo.edit("linux-5.10.y", "poll.c", "\tstart(u);\n\tdrain(u);\n\tcount(u);\n", "\trun(u, all);\n",
                    "stable: other words")
    found = world.propose()
    assert found.needs == ()
    assert "the patch applies after none of" in found.reason
    assert found.fix is None or found.fix.outcome is Apply.CONFLICT


def test_a_fix_whose_text_fits_still_needs_the_commit_that_brought_what_it_calls(world: World) -> None:
    """git apply takes the fix at once: what it misses, only the compiler would say."""
    repo = world.repo
    brought = repo.edit("mainline", "poll.h", "bool ready", "bool spare(struct unit *u);\nbool ready",
                        "poll: bring spare()" + SIGNED)
    repo.edit("mainline", "poll.c", f"\tif ({ASKS} && again(u))\n", f"\tif ({ASKS} && spare(u))\n",
              "poll: ask who is spare" + SIGNED)
    world.fix = repo.git.rev("refs/heads/mainline") or ""
    found = world.propose()
    assert found.needs[0].candidate.commit.subject == "poll: ask first"
    assert found.needs[-1].candidate.commit.sha == brought
    assert "it introduced spare, which the patch uses" in found.needs[-1].candidate.why
    assert found.fix is not None
    assert found.fix.missing == ()


def test_what_goes_first_may_need_something_itself(world: World) -> None:
    """The commit that brings the helper uses a type of another one, which touched none of the fix's lines."""
    repo = world.repo
    repo.files["mainline"]["types.h"] = "typedef int (*spare_fn)(struct unit *u);\n"
    first = repo.commit("mainline", "poll: bring a type" + SIGNED)
    second = repo.edit("mainline", "poll.h", "bool ready", "bool spare_of(spare_fn ask);\nbool ready",
                       "poll: bring spare_of()" + SIGNED)
    repo.edit("mainline", "poll.c", "\tstart(u);\n", "\tstart(u);\n\tspare_of(NULL);\n", "poll: spare" + SIGNED)
    world.fix = repo.git.rev("refs/heads/mainline") or ""
    found = world.propose()
    assert [need.candidate.commit.sha for need in found.needs] == [first, second]
    assert all(need.carried.missing == () for need in found.needs)
