"""Repairs of lines: moved lines, returns and jumps, indentation, comments."""

from __future__ import annotations

import pytest

from backport.adapt.engine import adapt
from backport.patch.parse import parse
from backport.treeview import MemoryView
from backport.verdict import Sure
from tests.support.adapting import Index, body, declined, result, run

MOVE = b"""--- a/a.c
+++ b/a.c
@@ -3,9 +3,10 @@ int stop(struct unit *u, int err)
 \tint ret;
\x20
 \t*t = 0;
-\tif (!can_discard(u->bdev))
+\t/* first of all */
+\tif (!writable(u) || !u->bdev)
 \t\treturn 0;
-\tif (!writable(u))
+\tif (!can_discard(u->bdev))
 \t\treturn 0;
 \tlog_end(u);
 \treturn ret;
"""


def test_a_line_that_only_moves_keeps_this_trees_words() -> None:
    upstream = body("*t = 0;", "if (!can_discard(u->bdev))", "\treturn 0;", "if (!writable(u))", "\treturn 0;")
    older = upstream.replace(b"can_discard(u->bdev)", b"queue_discard(u->bdev->queue)")
    answer = adapt(parse(b"Subject: x\n\n" + MOVE), MemoryView("tree", {"a.c": older}), preimages={"a.c": upstream},
                   symbols=Index({"can_discard"}))
    assert result(answer, older) == body("*t = 0;", "/* first of all */", "if (!writable(u) || !u->bdev)",
                                         "\treturn 0;", "if (!queue_discard(u->bdev->queue))", "\treturn 0;")
    assert any("only moves upstream" in note for note in answer.notes)


def test_a_jump_to_a_label_that_the_tree_lacks_is_its_return() -> None:
    lines = ["ret = -ENOMEM;", "if (!u->a)", "\tgoto out;", "size += u->size;", "if (!u->b)", "\tgoto out;", "ret = 0;"]
    added = ["if (size > MAX) {", "\tret = -E2BIG;", "\tlog_err(u);", "\tgoto out;", "}"]
    tail = b"out:\n\tlog_end(u);\n\treturn ret;\n}\n"
    upstream, fixed = body(*lines, tail=tail), body(*lines[:4], *added, *lines[4:], tail=tail)
    older = body("if (!u->a)", "\treturn -ENOMEM;", "size += u->size;", "if (!u->b)", "\treturn -ENOMEM;",
                 tail=b"\treturn 0;\n}\n")
    answer = run(upstream, fixed, older)
    assert b"\tif (size > MAX) {\n\t\tlog_err(u);\n\t\treturn -E2BIG;\n\t}\n" in result(answer, older)
    assert answer.sure is Sure.REVIEW
    unlike = older.replace(b"\t\treturn -ENOMEM;\n\tsize", b"\t\tfree(u);\n\tsize")
    assert declined(run(upstream, fixed, unlike), "out")


@pytest.mark.parametrize(("here", "unlock"), [("mutex_lock(&u->lock);", "mutex_unlock(&u->lock);"),
                                              ("spin_lock(&u->dev->lock);", "spin_unlock(&u->dev->lock);")])
def test_a_statement_that_moves_comes_in_this_trees_words(here: str, unlock: str) -> None:
    lines = ["spin_lock(&u->lock);", "u->state = 1;", "spin_unlock(&u->lock);", "", "ret = start(u);", "notify(u);"]
    upstream, fixed = body(*lines), body(*lines[:2], "", lines[4], lines[2], lines[5])
    older = body(here, lines[1], unlock, *lines[3:])
    assert b"spin_unlock(&u->lock)" not in result(run(upstream, fixed, older), older)


def test_a_return_for_a_jump_is_put_only_where_every_jump_of_upstream_is_a_return() -> None:
    lines = ["ret = -ENOMEM;", "if (!u->a)", "\tgoto out;", "size += u->size;", "if (!u->b)", "\tgoto out;", "ret = 0;"]
    tail = b"out:\n\tlog_end(u);\n\treturn ret;\n}\n"
    upstream = body(*lines, tail=tail)
    fixed = body(*lines[:4], "if (size > MAX) {", "\tret = -E2BIG;", "\tgoto out;", "}", *lines[4:], tail=tail)
    older = body("if (!u->a)", "\treturn -ENOMEM;", "buf = alloc();", "size += u->size;", "if (!u->b) {",
                 "\tkfree(buf);", "\treturn -ENOMEM;", "}", tail=b"\tkfree(buf);\n\treturn 0;\n}\n")
    assert declined(run(upstream, fixed, older), "out")


def test_a_comment_about_a_line_that_is_not_here_is_left_out_and_told() -> None:
    lines = ["if (u->dead)", "\treturn 1;", "", "u->can_match = true;", "debug_it(u);"]
    fixed = body(*lines[:3], "if (!ready(u))", "\treturn 2;", "", "/*", " * Set can_match only now,",
                 " * or somebody else would probe.", " */", *lines[3:])
    older = body(*lines[:3], lines[4])
    answer = run(body(*lines), fixed, older)
    made = result(answer, older)
    assert b"ready(u)" in made
    assert b"can_match" not in made
    assert answer.sure is Sure.REVIEW
    assert any("can_match" in note and "left out" in note for hunk in answer.hunks for note in hunk.notes)


@pytest.mark.parametrize(("here", "tabs"), [(2, 2), (0, 0)])
def test_added_lines_are_as_deep_as_their_block_is_here(here: int, tabs: int) -> None:
    lines = ["first(u);", "second(u);", "third(u);"]
    upstream, fixed = (["if (u->a) {", *(f"\t{x}" for x in some), "}"] for some in
                       (lines, [*lines[:2], "/* wake it", " * now */", "wake_up(u);", lines[2]]))
    older = [f"{chr(9) * here}{x}" for x in lines]
    if here:
        older = ["if (u->a) {", "\tif (u->b) {", *older, "\t}", "}"]
    answer = run(body(*upstream), body(*fixed), body(*older))
    made = result(answer, body(*older)).split(b"\n")
    assert b"\t" * (tabs + 1) + b"wake_up(u);" in made
    assert b"\t" * (tabs + 1) + b" * now */" in made
    assert answer.sure is Sure.REVIEW
    assert any("indented" in note for hunk in answer.hunks for note in hunk.notes)


LEAVING = ["if (!u->a) {", "\tret = -EINVAL;", "\tgoto out;", "}", "ret = start(u);", "if (ret)", "\tgoto out;",
           "last(u);"]


OUT = b"out:\n\tput_it(u);\n\treturn ret;\n}\n"


@pytest.mark.parametrize("braces", [False, True])
def test_an_added_return_leaves_as_its_neighbours_do_here(braces: bool) -> None:
    lines = ["if (!u->a)", "\treturn -EINVAL;", "ret = start(u);", "if (ret)", "\treturn ret;", "last(u);"]
    added = ["if (!u->b) {", "\tsay(u);", "\treturn -EXDEV;", "}"] if braces else ["if (!u->b)", "\treturn -EXDEV;"]
    older = body(*LEAVING, tail=OUT)
    answer = run(body(*lines), body(*lines[:2], *added, *lines[2:]), older)
    made = result(answer, older)
    assert b"\t\tret = -EXDEV;\n\t\tgoto out;\n\t}\n" in made
    assert b"if (!u->b) {\n" in made
    assert b"return -EXDEV" not in made
    assert answer.sure is Sure.REVIEW
    assert any("goto out" in note for hunk in answer.hunks for note in hunk.notes)


def test_a_return_that_upstream_adds_between_jumps_stays() -> None:
    added = ["if (!u->b)", "\treturn -EXDEV;"]
    older = body(*LEAVING, tail=OUT).replace(b"last(u)", b"last_one(u)")
    upstream, fixed = body(*LEAVING, tail=OUT), body(*LEAVING[:4], *added, *LEAVING[4:], tail=OUT)
    answer = run(upstream, fixed, older)
    assert b"\t\treturn -EXDEV;\n" in result(answer, older)
