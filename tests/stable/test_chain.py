from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from backport.history.log import Log
from backport.patch.model import Patch
from backport.queue.gather import standing
from backport.stable.chain import Chain, needed_first
from backport.trees.store import Head
from backport.verdict import Apply
from tests.support.cells import made
from tests.support.histories import Repo
from tests.support.queues import CODE, mail, tree

ONE = CODE.replace("r = 1;", "r = 10;")
TWO = ONE.replace("r = 10;", "r = 20;")


def head(commit: str, *, history: bool = False) -> Head:
    return Head("linux-5.10.y", commit, "5.10.1", "test", 0.0, history=history)


def needing(repo: Repo, base: str, sha: str, trees: str = "5.10.x") -> Patch:
    tags = f"Cc: <stable@vger.kernel.org> # {trees}: {sha[:12]}: x: first\nSigned-off-by: A <a@example.org>\n"
    return replace(mail(repo, base, {"kvm/y.c": "int y;\n"}, "x: second", upstream="2" * 40, tags=tags), slug="second")


def test_a_prerequisite_of_the_run_goes_first_and_only_into_the_tree_that_it_is_named_for(tmp_path: Path) -> None:
    repo, base = tree(tmp_path / "r.git")
    first = replace(mail(repo, base, {"kvm/x.c": ONE}, "x: first", upstream="a1" * 20), slug="first")
    second = needing(repo, base, "a1" * 20)
    found = needed_first(second, "5.10", [first, second], [], Log(repo.git), head(base))
    assert [patch.slug for patch in found.patches] == ["first"]
    assert 'prerequisite a1a1a1a1a1a1 ("x: first") applied first' in found.said[0]
    assert needed_first(second, "6.1", [first, second], [], Log(repo.git), head(base)).patches == ()
    assert needed_first(second, "5.10", [first, second], [first], Log(repo.git), head(base)).patches == ()


def test_a_prerequisite_is_taken_from_the_commits_of_the_store(tmp_path: Path) -> None:
    repo, base = tree(tmp_path / "r.git")
    wanted = repo.edit("stable", "kvm/x.c", "r = 1;", "r = 10;", "x: first")
    found = needed_first(needing(repo, base, wanted), "5.10", [], [], Log(repo.git), head(base))
    assert len(found.patches) == 1
    assert b"+\t\tr = 10;" in found.patches[0].diff


def test_a_prerequisite_that_the_tree_has_is_not_taken_again(tmp_path: Path) -> None:
    repo, base = tree(tmp_path / "r.git")
    repo.edit("stable", "kvm/x.c", "r = 1;", "r = 10;", f"x: first\n\ncommit {'a1' * 20} upstream.")
    at = head(repo.tip("stable"), history=True)
    found = needed_first(needing(repo, base, "a1" * 20), "5.10", [], [], Log(repo.git), at)
    assert found.patches == ()
    assert found.said == ()


def test_a_prerequisite_of_a_version_and_newer_is_wanted_in_newer_trees_too(tmp_path: Path) -> None:
    repo, base = tree(tmp_path / "r.git")
    patch = needing(repo, base, "9b" * 20, trees="v5.10+")
    assert [bool(needed_first(patch, series, [], [], Log(repo.git), head(base)).said)
            for series in ("5.4", "5.10", "6.1")] == [False, True, True]


def test_a_prerequisite_that_nobody_has_is_said(tmp_path: Path) -> None:
    repo, base = tree(tmp_path / "r.git")
    found = needed_first(needing(repo, base, "9b" * 20), "5.10", [], [], Log(repo.git), head(base))
    assert found.patches == ()
    assert "prerequisite 9b9b9b9b9b9b" in found.said[0]
    assert "not found" in found.said[0]


def test_a_chain_grows_and_remembers_what_did_not_get_in(tmp_path: Path) -> None:
    repo, base = tree(tmp_path / "r.git")
    first = mail(repo, base, {"kvm/x.c": ONE}, "x: one")
    with Chain(repo.git, head(base)) as chain:
        assert chain.head.commit == base
        chain.took(first, first, Apply.CLEAN)
        assert repo.git.blob(f"{chain.head.commit}:kvm/x.c") == ONE.encode()
        chain.took(replace(first, slug="lost"), None, Apply.CONFLICT)
        chain.took(replace(first, slug="there"), None, Apply.ALREADY)
        assert chain.warning == "tried without lost, which did not apply"
        assert chain.together().diff.count(b"@@") == 2
    assert repo.git.blob(f"{base}:kvm/x.c") == CODE.encode()


def test_a_queue_that_lacks_many_names_a_few_of_them(tmp_path: Path) -> None:
    repo, base = tree(tmp_path / "r.git")
    first = mail(repo, base, {"kvm/x.c": ONE}, "x: one")
    with Chain(repo.git, head(base)) as chain:
        for n in range(31):
            chain.took(replace(first, slug=f"lost-{n}"), None, Apply.CONFLICT)
        assert chain.warning == "tried without lost-0, lost-1, lost-2, lost-3, lost-4 and 26 more, which did not apply"


def test_the_standing_survives_the_loss_of_the_original_mail(tmp_path: Path) -> None:
    """The adapted mail has lost its AUTOSEL prefix; the cell remembers."""
    from backport.manifest import Tree
    from backport.patch.mail import read_mail

    repo, base = tree(tmp_path / "r.git")
    adapted = mail(repo, base, {"kvm/x.c": ONE}, "x: one", prefix="PATCH 5.10.y")
    cell = made(patch="x", tree="linux-5.10.y", apply=Apply.CLEAN, detail={"nomination": {
        "standing": "candidate", "why": "subject prefix [PATCH AUTOSEL]", "note": "", "asked": "not asked for",
        "asked_why": "Cc: stable # 6.6.x"}})
    found, wish = standing(cell, None, read_mail(adapted), Tree("linux-5.10.y", "5.10", ()))
    assert (str(found.standing), found.acked) == ("candidate", False)
    assert wish.answer is False
