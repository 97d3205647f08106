"""The key of a baseline: whatever can change an unpatched build changes it, and nothing else does."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from backport.kbuild.plan import Plan, plan
from backport.kbuild.sandbox import Limits, Sandbox
from backport.manifest import Toolchain, Tree
from backport.trees.store import Head

TREE = Tree("linux-6.1.y", "6.1", ())


def made(tmp_path: Path, tree: Tree = TREE, **options: object) -> Plan:
    head = Head(tree.name, "3" * 40, "6.1.1", "test", 0.0)
    settings = {"name": None, "sandbox": Sandbox("none"), "limits": Limits(), "jobs": 2,
                "manifest_directory": tmp_path, **options}
    return plan(tree, head, tmp_path / "tree", tmp_path / "cache", **settings)  # type: ignore[arg-type]


CHANGES: dict[str, Callable[[Plan], Plan]] = {
    "commit": lambda one: replace(one, head=replace(one.head, commit="4" * 40)),
    "work tree": lambda one: replace(one, source=one.source / "elsewhere"),
    "defconfig": lambda one: replace(one, tree=replace(one.tree, config="other_defconfig")),
    "name of the configuration": lambda one: replace(one, fragment=replace(one.fragment, name="other")),
    "option of the configuration": lambda one: replace(one, fragment=replace(
        one.fragment, wishes={**one.fragment.wishes, "CONFIG_MADE_UP": "y"})),
    "make variable of the configuration": lambda one: replace(one, fragment=replace(one.fragment, make=("X=1",))),
    "modules of the configuration": lambda one: replace(one, fragment=replace(one.fragment, modules=("x.ko",))),
    "compiler": lambda one: replace(one, compiler=replace(one.compiler, version="another")),
    "make variable of the compiler": lambda one: replace(one, compiler=replace(
        one.compiler, make=(*one.compiler.make, "KCFLAGS=-O3"))),
    "targets": lambda one: replace(one, tree=replace(one.tree, targets=("kernel/",))),
}


@pytest.mark.parametrize("what", CHANGES)
def test_the_key_holds(what: str, tmp_path: Path) -> None:
    one = made(tmp_path)
    assert CHANGES[what](one).key != one.key


def test_the_key_holds_the_build_fixes_by_name_and_content(tmp_path: Path) -> None:
    tree = replace(TREE, toolchain=Toolchain(fixes=("fix.patch",)))
    (tmp_path / "fix.patch").write_text("one")
    (tmp_path / "other.patch").write_text("one")
    first = made(tmp_path, tree).key
    assert first == made(tmp_path, tree).key
    assert first != made(tmp_path).key
    assert first != made(tmp_path, replace(TREE, toolchain=Toolchain(fixes=("other.patch",)))).key
    (tmp_path / "fix.patch").write_text("two")
    assert first != made(tmp_path, tree).key


def test_the_key_does_not_hold_how_fast_or_how_safely_it_is_built(tmp_path: Path) -> None:
    assert made(tmp_path).key == made(tmp_path, jobs=7, limits=Limits(seconds=1.0), sandbox=Sandbox("bubblewrap")).key
