"""`backport init` writes what `backport` itself reads."""

from __future__ import annotations

from pathlib import Path

import pytest

from backport.commands.init import manifest
from backport.manifest import load
from backport.pick.branches import Kernels, Ref, kernels
from tests.pick.conftest import kernel
from tests.support.clones import Kernel

__all__ = ["kernel"]


def test_the_branches_of_a_clone_become_trees(kernel: Kernel, tmp_path: Path) -> None:
    file = tmp_path / "trees.yaml"
    file.write_text(manifest(kernels(kernel.git, kernel.git), kernel.path))
    trees = load(file)
    assert [(tree.name, tree.upstream) for tree in trees.trees] == [
        ("upstream", True), ("linux-6.1.y", False), ("linux-5.10.y", False)]
    assert trees.trees[1].sources[0].options == {"path": kernel.path, "branch": "linux-6.1.y"}


@pytest.mark.parametrize("path", ["/with: colon", '/with "quotes"', "/with # hash", "/ünïcode"])
def test_any_path_is_written_as_it_is(tmp_path: Path, path: str) -> None:
    file = tmp_path / "trees.yaml"
    file.write_text(manifest(Kernels(None, (Ref("origin/linux-6.1.y", "1" * 40, "6.1.1", 0, False),), ()), Path(path)))
    (tree,) = load(file).trees
    assert tree.sources[0].options == {"path": Path(path), "commit": "refs/remotes/origin/linux-6.1.y"}
