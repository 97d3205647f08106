"""Repairs of names and declarations: each goes in, is told, and is for review."""

from __future__ import annotations

from collections.abc import Collection

import pytest

from backport.verdict import Sure
from tests.support.adapting import Index, body, declined, result, run


def test_a_name_whose_declaration_goes_follows_upstreams_new_name_in_this_trees_further_lines() -> None:
    head = b"int draw(struct info *info)\n{\n\tstruct ops *ops = info->par;\n\n"
    lines = ["first(ops->a);", "second(ops->b);", "third(ops->c);", "ret = 0;"]
    upstream = body(*lines, head=head)
    fixed = upstream.replace(b"struct ops *ops", b"struct par *par").replace(b"ops->", b"par->")
    older = body(*lines[:3], "also(ops->d);", "many(info);", "more(info);", "ret = 0;", head=head)
    answer = run(upstream, fixed, older)
    assert result(answer, older) == older.replace(b"struct ops *ops", b"struct par *par").replace(b"ops->", b"par->")
    assert answer.sure is Sure.REVIEW
    assert any("1 further line" in note for note in answer.notes)


def test_an_added_declaration_goes_to_the_declarations() -> None:
    upstream = body("ret = prepare(u);", "log_start(u, ret);",
                    head=b"int stop(struct unit *u)\n{\n\tint ret;\n\tlong a;\n\n")
    fixed = upstream.replace(b"\tlong a;\n", b"\tlong a;\n\tvoid *where;\n").replace(b"log_start(u, ret)",
                                                                                   b"log_start(u, where)")
    older = upstream.replace(b"\tlong a;\n\n", b"\tclear(u);\n\tlong_clear(u);\n\n")
    answer = run(upstream, fixed, older)
    assert b"\tint ret;\n\tvoid *where;\n\tclear(u);\n" in result(answer, older)
    assert any("declarations of stop()" in note for note in answer.notes)


def test_a_name_that_nothing_declares_comes_with_upstreams_declaration_if_that_has_a_value() -> None:
    head = b"int stop(struct device *dev)\n{\n\tstruct unit *u = get_unit(dev);\n\n"
    lines = ["suspend(dev);", "", "if (u->tx)", "\trelease(u->tx);"]
    tail = b"\treturn 0;\n}\n"
    upstream = body(*lines, head=head, tail=tail)
    fixed = body("close_unit(u);", "", *lines, head=head, tail=tail)
    older = body("suspend(dev);", head=b"int stop(struct device *dev)\n{\n", tail=tail)
    answer = run(upstream, fixed, older, symbols=Index())
    assert b"{\n\tstruct unit *u = get_unit(dev);\n\n\tclose_unit(u);\n" in result(answer, older)
    assert answer.sure is Sure.REVIEW
    bare = upstream.replace(b" = get_unit(dev);", b";"), fixed.replace(b" = get_unit(dev);", b";")
    assert declined(run(*bare, older, symbols=Index()), "`u`")


@pytest.mark.parametrize(("extra", "kept"), [("", True), ("\tnew_alloc(d);\n", False)])
def test_an_older_name_is_kept_only_where_the_newer_one_always_takes_its_place(extra: str, kept: bool) -> None:
    lines = ["master = old_alloc(u);", "if (!master)", "\treturn -1;", "master->a = 1;", "setup(master, u);"]
    upstream = body(*lines)
    fixed = upstream.replace(b"master", b"host").replace(b"old_alloc", b"new_alloc")
    fixed = fixed.replace(b"\tlog_end(u);\n", extra.encode() + b"\tlog_end(u);\n")
    older = upstream.replace(b"\tlog_end(u);\n", b"\tlog_it(u);\n\tlog_end(u);\n")
    answer = run(upstream, fixed, older, symbols=Index({"new_alloc"}), upstream=None)
    if kept:
        assert result(answer, older) == older.replace(b"master", b"host")
        assert any("`old_alloc` was kept" in note for note in answer.notes)
    else:
        assert declined(answer, "new_alloc")


def test_a_helper_that_the_tree_lacks_is_left_out_only_beside_others_and_told() -> None:
    lines = ["ret = prepare(u);", "log_start(u, ret);", "count = u->count;"]
    check = ["if (count > 9) {", "\twarn(u);", "\tu->bad = true;", "\tnew_report(u, 5);", "\tret = -1;", "}"]
    upstream, fixed = body(*lines), body(*lines, *check)
    older = body("ret = prepare(u, 0);", "log_start(u, ret);", "count = u->size;")
    answer = run(upstream, fixed, older, symbols=Index({"new_report"}))
    assert result(answer, older) == body("ret = prepare(u, 0);", "log_start(u, ret);", "count = u->size;",
                                         *(line for line in check if "new_report" not in line))
    assert any("`new_report(u, 5);` was left out" in note for note in answer.notes)
    alone = body(*lines, "new_report(u, 5);")
    assert declined(run(upstream, alone, older, symbols=Index({"new_report"})), "new_report")


UNIT = b"int stop(struct unit *u)\n{\n\tint ret;\n\n"


END = b"\treturn 0;\n}\n"


def test_a_renamed_variable_leaves_another_one_of_that_name_in_a_deeper_block_alone() -> None:
    lines = ["ret = one(u);", "if (ret)", "\treturn ret;", "two(u);"]
    inner = ["if (u->x) {", "\tint ret = three(u);", "\tlog_it(ret);", "}"]
    upstream = body(*lines, head=UNIT, tail=END)
    older = body(*lines[:3], *inner, "two(u, ret);", head=UNIT, tail=END)
    wanted = body("rc = one(u);", "if (rc)", "\treturn rc;", *inner, "two(u, rc);", head=UNIT.replace(b"ret", b"rc"),
                  tail=END)
    assert result(run(upstream, upstream.replace(b"ret;", b"rc;").replace(b"ret =", b"rc =").replace(
        b"(ret)", b"(rc)"), older), older) == wanted


def test_a_name_that_is_the_whole_change_of_a_line_is_not_kept() -> None:
    lines = ["ret = del_timer(&u->timer);", "u->a = 1;", "u->dead = true;"]
    upstream = body(*lines)
    fixed = body("ret = timer_shutdown(&u->timer);", *lines[1:], "u->buf = NULL;")
    older = upstream.replace(b"u->a = 1", b"u->a = 2")
    assert declined(run(upstream, fixed, older, symbols=Index({"timer_shutdown"})), "timer_shutdown")


@pytest.mark.parametrize("own", [["if (!u->dev)", "\treturn -1;"], ["u->dev = find(u);"]])
def test_no_declaration_reads_what_this_tree_sets_or_asks_first(own: Collection[str]) -> None:
    head = b"int stop(struct unit *u)\n{\n\tint ret;\n\tstruct net *n = u->dev->net;\n\n"
    lines = ["ret = setup(u);", "use(n);"]
    upstream, fixed = body(*lines, head=head), body(lines[0], "mark(n);", lines[1], head=head)
    older = body(*own, "ret = setup(u, 0);", "use(u->dev->net);", head=b"int stop(struct unit *u)\n{\n\tint ret;\n\n")
    answer = run(upstream, fixed, older, symbols=Index())
    assert answer.patch is None or b"*n = u->dev" not in result(answer, older)


def test_a_renamed_variable_does_not_change_a_string() -> None:
    head = b"int stop(struct unit *u)\n{\n\tint err;\n\n"
    lines = ["err = one(u);", "if (err)", "\treturn err;", "two(u);"]
    upstream = body(*lines, head=head, tail=b"\treturn 0;\n}\n")
    older = body(*lines[:3], 'info("err %d", err);', lines[3], head=head, tail=b"\treturn 0;\n}\n")
    assert b'info("err %d", rc);' in result(run(upstream, upstream.replace(b"err", b"rc"), older), older)
