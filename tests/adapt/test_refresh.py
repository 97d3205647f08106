"""Every diff that leaves has the tree's own line numbers and blob names: read by git, and by hand."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backport.adapt.engine import adapt
from backport.adapt.refresh import refreshed, refreshed_file
from backport.patch.model import FileDiff
from backport.patch.parse import parse
from backport.patch.retarget import blob_name
from backport.treeview import MemoryView
from tests.support.adapting import file_diff
from tests.support.gitrepo import TestRepo

BEFORE = b"".join(b"line %d;\n" % n for n in range(60))
AFTER = BEFORE.replace(b"line 10;\n", b"line ten;\nmore;\n").replace(b"line 40;\n", b"")
SHIFTED = b"new;\n" * 7 + BEFORE.replace(b"line 25;\n", b"line 25;\nbetween;\n")


def only(diff: bytes) -> FileDiff:
    (file,) = parse(diff).files
    return file


def test_both_hunks_get_the_numbers_of_the_tree() -> None:
    made = refreshed_file(only(file_diff("a.c", BEFORE, AFTER)), SHIFTED)
    assert [(h.old_start, h.new_start) for h in made.hunks] == [(15, 15), (46, 47)]


def test_a_patch_at_its_own_place_keeps_its_bytes() -> None:
    file = only(file_diff("a.c", BEFORE, AFTER))
    assert refreshed_file(file, BEFORE).render() == file.render()


def test_the_index_line_names_the_blobs_of_the_tree(tmp_path: Path) -> None:
    repo = TestRepo(tmp_path)
    upstream = repo.commit({"a.c": BEFORE, "gone.c": b"x;\n"})
    fixed = repo.commit({"a.c": AFTER, "gone.c": None, "made.c": b"int made;\n"})
    mine = repo.commit({"a.c": SHIFTED, "gone.c": b"x;\n", "made.c": None})
    patch = parse(repo.diff(upstream, fixed, "--no-renames"))
    view = MemoryView("tree", {"a.c": SHIFTED, "gone.c": b"x;\n"})
    made = refreshed(patch, view)
    repo.git.run("checkout", "--quiet", mine)
    assert repo.git.run("apply", "--index", "--verbose", "-", stdin=made.diff).err.count("offset") == 0
    after = repo.git.run("write-tree").text
    theirs = {line.split(b" ")[1] for line in repo.diff(mine, after, "--full-index").split(b"\n")
              if line.startswith(b"index ")}
    ours = [line.split(b" ")[1] for line in made.diff.split(b"\n") if line.startswith(b"index ")]
    assert len(ours) == len(theirs) == 3
    for line in ours:
        old, new = line.split(b"..")
        assert any(full.startswith(old) and full.split(b"..")[1].startswith(new) for full in theirs)
    repo.git.close()


@pytest.mark.parametrize("gone", [b"", SHIFTED.replace(b"line 10;\n", b"line X;\n")])
def test_what_does_not_stand_in_the_tree_is_left_as_it_came(gone: bytes) -> None:
    file = only(file_diff("a.c", BEFORE, AFTER))
    assert refreshed_file(file, gone).render() == file.render()


@given(st.lists(st.sampled_from([b"a;\n", b"b;\n", b"c;\n"]), max_size=12), st.integers(0, 30), st.booleans())
def test_a_refreshed_diff_makes_the_same_file_and_needs_no_refreshing(head: list[bytes], at: int, cut: bool) -> None:
    lines = [b"%d;\n" % n for n in range(40)]
    changed = [*lines[:at], b"new;\n", *lines[at + 3:]] if cut else [*lines[:at], b"new;\n", *lines[at:]]
    file = only(file_diff("a.c", b"".join(lines), b"".join(changed)))
    tree = b"".join([*head, *lines])
    made = refreshed_file(file, tree, [hunk.old_start - 1 + len(head) for hunk in file.hunks])
    assert refreshed_file(made, tree, [hunk.old_start - 1 for hunk in made.hunks]) == made
    for hunk in made.hunks:
        assert tuple(tree.splitlines(keepends=True)[hunk.old_start - 1:][:len(hunk.old)]) == hunk.old
        assert tuple(b"".join([*head, *changed]).splitlines(keepends=True)[hunk.new_start - 1:][:len(hunk.new)]) \
            == hunk.new


def test_starts_that_run_backwards_are_none() -> None:
    file = only(file_diff("a.c", BEFORE, AFTER))
    twice = BEFORE + BEFORE
    assert refreshed_file(file, twice, [67, 37]).render() == file.render()
    assert [hunk.old_start for hunk in refreshed_file(file, twice, [67, 97]).hunks] == [68, 98]


def test_a_hunk_without_old_lines_names_the_line_before_it() -> None:
    file = only(b"diff --git a/a.c b/a.c\n--- a/a.c\n+++ b/a.c\n@@ -3,0 +4 @@\n+new;\n")
    (hunk,) = refreshed_file(file, SHIFTED, [10]).hunks
    assert hunk.render().startswith(b"@@ -10,0 +11 @@")


def test_a_new_file_beside_an_adapted_one_gets_its_own_blob_name() -> None:
    diff = (b"diff --git a/n.c b/n.c\nnew file mode 100644\nindex 1111111..2222222\n--- /dev/null\n+++ b/n.c\n"
            b"@@ -0,0 +1 @@\n+int n;\n" + file_diff("a.c", BEFORE, AFTER))
    answer = adapt(parse(diff), MemoryView("tree", {"a.c": SHIFTED.replace(b"line 12;\n", b"line twelve;\n")}),
                   preimages={"a.c": BEFORE})
    assert answer.patch is not None
    assert f"index {'0' * 12}..{blob_name(b'int n;' + bytes([10]))[:12]}".encode() in answer.patch.diff
