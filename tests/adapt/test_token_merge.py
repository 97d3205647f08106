"""A three-way merge of C tokens."""

from __future__ import annotations

from backport.verdict import Sure
from tests.support.adapting import body, result, run


def test_a_merge_never_takes_whole_statements_of_the_tree_along() -> None:
    lines = ["ret = load(u, false);", "if (WARN_ON_ONCE(ret))", "\tgoto out;", "", "u->fresh = true;"]
    upstream, fixed = body(*lines), body(lines[0], "if (ret)", *lines[2:])
    older = body("if (!valid(u, u->size))", "\treturn -1;", "if (u->size < sizeof(*u))", "\treturn -1;", "",
                 "ret = -2;", "buf = alloc(sizeof(*buf), FLAGS);", "if (!buf || !ret)", "\tgoto out;", "", "ret = -3;")
    answer = run(upstream, fixed, older)
    assert answer.patch is None, result(answer, older).decode()


def test_what_upstream_wraps_is_wrapped_in_this_trees_words() -> None:
    upstream = body("first(u);", "ret = wait_for(journal, ei->inode);", "second(u);")
    fixed = upstream.replace(b"ei->inode", b"READ_ONCE(ei->inode)")
    older = upstream.replace(b"ei->inode", b"pos->inode")
    answer = run(upstream, fixed, older)
    assert b"\tret = wait_for(journal, READ_ONCE(pos->inode));\n" in result(answer, older)
    assert answer.sure is Sure.REVIEW
    older = upstream.replace(b"journal, ", b"")
    assert b"\tret = wait_for(READ_ONCE(ei->inode));\n" in result(run(upstream, fixed, older), older)
