"""A fake kernel that is made once, and `build`: the driver on it."""

from __future__ import annotations

import contextlib
import shutil
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from backport.kbuild.driver import build_cell
from backport.kbuild.result import BuildResult
from backport.manifest import Toolchain, Tree
from backport.patch.parse import parse
from backport.trees.store import Head
from tests.support.fakekernel import diff_of, fake_kernel, git


@pytest.fixture(scope="session")
def _template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    top = tmp_path_factory.mktemp("fake") / "tree"
    top.mkdir()
    fake_kernel(top)
    return top


class Bench:
    """A work tree, a cache, and the driver between them."""

    def __init__(self, source: Path, cache: Path) -> None:
        self.source = source
        self.cache = cache
        self.tree = Tree("linux-6.1.y", "6.1", ())

    @property
    def home(self) -> Path:
        return next((self.cache / "build" / self.tree.name).iterdir())

    def build(self, edits: dict[str, str | None] | bytes, *, toolchain: Toolchain | None = None,
              **options: Any) -> BuildResult:
        """Build a patch given as new file contents or as a diff."""
        diff = edits if isinstance(edits, bytes) else diff_of(self.source, edits)
        tree = self.tree if toolchain is None else replace(self.tree, toolchain=toolchain)
        head = Head(tree.name, git(self.source, "rev-parse", "HEAD"), "6.1.1", "test", 0.0)

        @contextlib.contextmanager
        def open_tree(_store: object, _head: Head) -> Iterator[Path]:
            yield self.source

        return build_cell(tree, head, parse(diff), store=None, cache=self.cache, jobs=2, open_tree=open_tree, **options)

    def read(self, name: str) -> str:
        return (self.source / name).read_text()

    def edit(self, name: str, old: str, new: str) -> dict[str, str | None]:
        text = self.read(name)
        assert old in text
        return {name: text.replace(old, new)}

    def status(self) -> str:
        return git(self.source, "status", "--porcelain")


@pytest.fixture
def bench(_template: Path, tmp_path: Path) -> Bench:
    source = tmp_path / "tree"
    shutil.copytree(_template, source, symlinks=True)
    return Bench(source, tmp_path / "cache")


Edit = Callable[[str, str, str], dict[str, str]]
