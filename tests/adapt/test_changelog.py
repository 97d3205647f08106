"""The sentence in the mail: what was adapted and what was left out, each once and nothing else."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import pytest

from backport.adapt.changelog import changelog
from backport.adapt.engine import adapt
from backport.adapt.left_out import left_out
from backport.adapt.records import Adaptation
from backport.treeview import MemoryView
from backport.verdict import Apply
from tests.support.adapting import patch_of

ONE = b"""int stop(struct unit *u)
{
\tint ret = prepare(u);

\tlog_start(u, ret);
\twait_for(u);
\treturn ret;
}
"""
FIXED = ONE.replace(b"\twait_for(u);\n", b"\twait_for(u);\n\tflush(u);\n")
# git apply does not take the fix here: the lines beside it differ
OLDER = ONE.replace(b"log_start(u, ret)", b"log_start(u)").replace(b"return ret;", b"return 0;")
OLDER_FIXED = OLDER.replace(b"\twait_for(u);\n", b"\twait_for(u);\n\tflush(u);\n")
TWO = ONE.replace(b"stop", b"halt").replace(b"wait_for", b"drain").replace(b"log_start", b"log_halt")
TWO_FIXED = TWO.replace(b"\tdrain(u);\n", b"\tdrain(u);\n\tsettle(u);\n")
OTHER = b"int other(void)\n{\n\treturn 7;\n}\n"

Sides = Mapping[str, tuple[bytes, bytes]]


def made(files: Sides, tree: Mapping[str, bytes]) -> Adaptation:
    patch = patch_of(files)
    return adapt(patch, MemoryView("tree", dict(tree)), preimages={path: sides[0] for path, sides in files.items()})


def clauses(files: Sides, tree: Mapping[str, bytes]) -> tuple[str, ...]:
    answer = made(files, tree)
    assert answer.outcome is Apply.MERGED, answer.reason
    assert answer.patch is not None
    return changelog(patch_of(files), answer.patch.files, answer.hunks)


def test_a_file_that_has_the_change_already_is_named_with_the_reason() -> None:
    assert clauses({"a.c": (ONE, FIXED), "b.c": (TWO, TWO_FIXED)}, {"a.c": OLDER, "b.c": TWO_FIXED}) == (
        "left out the change to b.c, which this tree has already",)


def test_a_file_whose_code_is_not_in_the_tree_is_named_with_the_reason() -> None:
    assert clauses({"a.c": (ONE, FIXED), "b.c": (TWO, TWO_FIXED)}, {"a.c": OLDER, "b.c": OTHER}) == (
        "left out the change to b.c, which this tree does not have",)


@pytest.mark.parametrize(("tree", "said"), [
    (OLDER + b"\n" + TWO_FIXED, "left out the change to halt() in a.c, which this tree has already"),
    (OLDER + b"\n" + OTHER, "left out the change to halt() in a.c, which this tree does not have")])
def test_a_hunk_that_is_left_out_is_named_with_the_reason(tree: bytes, said: str) -> None:
    gap = b"\n" + b"".join(b"int v%d;\n" % n for n in range(12)) + b"\n"
    tree = tree.replace(b"}\n\nint", b"}\n" + gap + b"int", 1)
    assert clauses({"a.c": (ONE + gap + TWO, FIXED + gap + TWO_FIXED)}, {"a.c": tree}) == (said,)


def test_whatever_left_a_part_out_is_found_out() -> None:
    """A story that says nothing, or none at all, hides nothing: the diffs are counted."""
    files = {"a.c": (ONE, FIXED), "b.c": (TWO, TWO_FIXED.replace(b"\tlog_halt(u, ret);\n", b""))}
    patch, answer = patch_of(files), made(files, {"a.c": OLDER, "b.c": TWO})
    assert answer.patch is not None
    assert left_out(patch, answer.patch.files, answer.hunks) == ()
    (gone,) = left_out(patch, answer.patch.files[:1], answer.hunks)
    assert (gone.sentence, gone.whole, gone.known) == ("left out the change to b.c", True, False)
    assert left_out(patch, answer.patch.files[:1], ())[0].sentence == "left out the change to b.c"
    file = answer.patch.files[1]
    hunk = file.hunks[0]
    less = file.with_hunks((hunk.with_lines(tuple(x for x in hunk.lines if b"settle" not in x.text)),))
    (lost,) = left_out(patch, (answer.patch.files[0], less), answer.hunks)
    assert (lost.sentence, lost.known) == ("left out `settle(u);` in b.c", False)
    kept = file.with_hunks((hunk.with_lines(tuple(x for x in hunk.lines if x.kind != b"-")),))
    (stays,) = left_out(patch, (answer.patch.files[0], kept), answer.hunks)
    assert stays.sentence == "did not remove `log_halt(u, ret);` in b.c"


def test_files_that_lie_elsewhere_are_named_with_both_names() -> None:
    files = {"fs/new/a.c": (ONE, FIXED)}
    assert clauses(files, {"fs/old/a.c": ONE}) == ("fs/new/a.c is fs/old/a.c in this tree",)
    notes = made(files, {"fs/old/a.c": ONE}).notes
    assert any("made in fs/old/a.c, which has the code of fs/new/a.c here" in note for note in notes)
    both = {**files, "fs/new/b.c": (TWO, TWO_FIXED)}
    assert clauses(both, {"fs/old/a.c": ONE, "fs/old/b.c": TWO}) == ("fs/new/ is fs/old/ in this tree",)


def test_what_only_stands_among_other_lines_is_context() -> None:
    assert clauses({"a.c": (ONE, FIXED)}, {"a.c": OLDER}) == ("context adjusted",)


def test_the_same_difference_in_many_places_is_one_clause() -> None:
    answer = made({"a.c": (ONE, FIXED)}, {"a.c": OLDER})
    assert answer.patch is not None
    swap = ("\tret = new_call(u, 1);", "\tret = old_call(u, 1);")
    stories = (replace(answer.hunks[0], changed=(swap, ("\tif (new_call(u, 2))", "\tif (old_call(u, 2))"), swap),
                       function="stop", notes=("independent strategies give different answers",)),)
    patch = patch_of({"a.c": (ONE, FIXED)})
    assert changelog(patch, answer.patch.files, stories) == (
        "use `old_call` instead of `new_call` (3 times) in stop()",)
    told = (replace(stories[0], done=("`old_call` was kept where upstream has `new_call`",)),)
    assert changelog(patch, answer.patch.files, told) == ("`old_call` was kept where upstream has `new_call`",)
    other = ("\tscoped_guard(mutex, &u->lock)", "\tmutex_lock(&u->lock);")
    many = (replace(stories[0], changed=(*((f"\ta{n}();", f"\tb{n}();") for n in range(9)), other)),)
    said = changelog(patch, answer.patch.files, many)
    assert len(said) == 5
    assert said[-1] == "6 other added lines as this tree has them"
    whole = (replace(stories[0], changed=(other, ("", "\tunlock(u);"), ("\tdrop(u);", ""))),)
    assert changelog(patch, answer.patch.files, whole) == (
        "use `mutex_lock(&u->lock);` instead of `scoped_guard(mutex, &u->lock)` in stop()",
        "added `unlock(u);` in stop()", "left out `drop(u);` in stop()")
