"""What is in the key of a cell: everything that can change its answer, and nothing that cannot."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from backport import job
from backport.compute import compute
from backport.context import Context, Options
from backport.job import job_of
from backport.manifest import Tree
from backport.patch.model import Patch
from backport.trees.store import Head
from tests.support.histories import Repo
from tests.support.queues import CODE, mail, tree

TREE = Tree("linux-6.1.y", "6.1", ())


def head(name: str, commit: str) -> Head:
    return Head(name, commit, "6.1.1", "test", 0.0)


class Desk:
    """A store with one tree and a reference, and the key of one patch there."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.repo: Repo
        self.repo, self.base = tree(path / "store.git")
        self.patch = mail(self.repo, self.base, {"kvm/x.c": CODE.replace("r = 1", "r = 9")}, "x: one")
        self.upstream: Head | None = head("upstream", self.base)

    def key(self, patch: Patch | None = None, where: Tree = TREE) -> str:
        context = Context(self.path, (), self.upstream, Options(build=False))
        try:
            return job_of(context, patch or self.patch, where, head(where.name, self.base)).key
        finally:
            context.close()


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    made = Desk(tmp_path)
    with made.repo.git:
        yield made


def test_the_same_is_the_same(desk: Desk) -> None:
    assert desk.key() == desk.key() != ""


@pytest.mark.parametrize("change", [
    lambda desk: desk.key(replace(desk.patch, doubts=("the diffstat disagrees",))),
    lambda desk: desk.key(where=replace(TREE, name="6.1.1")),
    lambda desk: desk.key(where=replace(TREE, series="6.2")),
], ids=["doubts", "tree", "series"])
def test_what_a_reader_would_see_counts(desk: Desk, change: Callable[[Desk], str]) -> None:
    assert change(desk) != desk.key()


def test_another_version_of_a_library_counts(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    before = desk.key()
    monkeypatch.setattr(job, "versions", lambda names: {name: "0" for name in names})
    assert desk.key() != before


def test_the_reference_tree_counts_where_the_patch_touches_it_and_nowhere_else(desk: Desk) -> None:
    before = desk.key()
    other = desk.repo.edit("stable", "kvm/y.c", "r = 1", "r = 5", "elsewhere")
    desk.upstream = head("upstream", other)
    assert desk.key() == before
    desk.upstream = head("upstream", desk.repo.edit("stable", "kvm/x.c", "r = 2", "r = 5", "here"))
    here = desk.key()
    desk.upstream = None
    assert len({before, here, desk.key()}) == 3


def test_what_the_environment_breaks_has_no_key_and_is_an_error(desk: Desk) -> None:
    desk.base = "3" * 40
    context = Context(desk.path, (), head("upstream", "3" * 40), Options(build=False))
    made = job_of(context, desk.patch, TREE, head("linux-6.1.y", desk.base))
    cell = compute(context, made)
    context.close()
    assert (made.key, str(cell.apply)) == ("", "error")
    assert cell.reason == made.trouble != ""
