"""Whether a tree has a change in its own words."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from backport.adapt.engine import adapt
from backport.adapt.records import Adaptation
from backport.check.adapted_form import there_already
from backport.patch.model import Patch
from backport.treeview import MemoryView, TreeView
from backport.verdict import Sure
from tests.support.adapting import body, patch_of

LINES = ["ret = prepare(u);", "log_start(u, ret);", "wait_for(u);", "finish(u, ret);"]
GUARD = ["if (!unit_is_quiet(u, ret))", "\twait_for(u);"]
BEFORE = body(*LINES)
AFTER = body(*LINES[:2], *GUARD, LINES[3])


def asked(patch: Patch, tree: bytes, before: bytes = BEFORE) -> Sure | None:
    def ask(one: Patch, target: TreeView, files: Mapping[str, bytes]) -> Adaptation:
        return adapt(one, target, preimages=files)

    return there_already(patch, MemoryView("tree", {"a.c": tree}), {"a.c": before}, ask)


def older(text: bytes) -> bytes:
    """As a tree has it that logs otherwise, right where upstream's change is."""
    return text.replace(b"\tlog_start(u, ret);\n", b"\tlog_it(u);\n").replace(b"finish(u, ret)", b"finish(u)")


def test_a_change_that_was_adapted_is_there() -> None:
    assert asked(patch_of({"a.c": (BEFORE, AFTER)}), older(AFTER)) is not None


@pytest.mark.parametrize("tree", [
    BEFORE, older(BEFORE), older(AFTER).replace(b"\tif (!unit_is_quiet(u, ret))\n\t", b"")])
def test_a_tree_without_it_has_it_not(tree: bytes) -> None:
    assert asked(patch_of({"a.c": (BEFORE, AFTER)}), tree) is None


def test_a_half_of_the_change_is_not_the_change() -> None:
    after = AFTER.replace(b"ret = prepare(u);", b"ret = prepare_unit(u);")
    assert asked(patch_of({"a.c": (BEFORE, after)}), older(after)) is not None
    assert asked(patch_of({"a.c": (BEFORE, after)}), older(AFTER)) is None
    assert asked(patch_of({"a.c": (BEFORE, after)}), older(BEFORE).replace(b"prepare(u)", b"prepare_unit(u)")) is None


def test_that_lines_are_not_there_proves_nothing() -> None:
    shorter = body(LINES[0], *LINES[2:])
    assert asked(patch_of({"a.c": (BEFORE, shorter)}), older(body(LINES[0], LINES[3]))) is None
    both = body(LINES[0], *LINES[2:3], *GUARD, LINES[3])
    assert asked(patch_of({"a.c": (BEFORE, both)}), both) is not None


def test_an_include_proves_nothing() -> None:
    head, new = b"#include <linux/a.h>\n", b"#include <linux/a.h>\n#include <linux/new.h>\n"
    patch = patch_of({"a.c": (head + BEFORE, new + body(LINES[0], *LINES[2:]))})
    assert asked(patch, new + body(LINES[0], LINES[2], "finish(u);"), head + BEFORE) is None
