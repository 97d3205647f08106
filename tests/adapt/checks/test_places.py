"""Checks of where a line lands, asked of whole adaptations: blocks, functions, sections, line ends, comments."""

from __future__ import annotations

import pytest

from backport.adapt.checks import nesting
from backport.adapt.checks.base import Context, Result
from backport.adapt.revisions import Problem
from backport.adapt.signals import Signal
from backport.patch.edits import Edit
from backport.verdict import Apply, Sure
from tests.support.adapting import body, declined, result, run, told, unopposed


def test_a_statement_is_not_cut_in_two() -> None:
    upstream = body("ret = prepare(u);", "u->buf = alloc(u->count * sizeof(*u->buf), FLAGS);", "log_start(u, ret);")
    fixed = upstream.replace(b"alloc(u->count * sizeof(*u->buf), FLAGS)", b"calloc(u->count, sizeof(*u->buf), FLAGS)")
    older = upstream.replace(b"u->buf = alloc(u->count * sizeof(*u->buf), FLAGS);",
                             b"u->buf =\n\t\tzalloc(u->count * sizeof(*u->buf),\n\t\t\t0);")
    answer = run(upstream, fixed, older)
    assert answer.patch is None or b"u->buf =\n\tu->buf =" not in result(answer, older)


def test_a_block_that_is_worded_anew_line_by_line_has_no_line_for_what_the_tree_lacks() -> None:
    lines = ["m->a = one(1);", "m->num = N;", "m->gpio = true;", "m->bits = 8;", "m->speed = max;", "m->one = run;"]
    here = [line for line in lines if "gpio" not in line]
    upstream, older = body(*lines), body("check(u);", *here)
    answer = run(upstream, upstream.replace(b"\tm->", b"\thost->"), older)
    assert result(answer, older) == body("check(u);", *here).replace(b"\tm->", b"\thost->")
    assert answer.sure is Sure.REVIEW


def test_a_function_of_another_name_is_told_and_for_review_unless_it_is_the_same_one() -> None:
    lines = ["ret = prepare(u);", "ret |= check(u);", "log_start(u, ret);", "wait_for(u);"]
    upstream = body(*lines)
    fixed = body(*lines[:3], "flush(u);", lines[3])
    older = body("ret = older(u);", *lines[1:]).replace(b"int stop(", b"int halt(")
    answer = run(upstream, fixed, older)
    assert b"\tflush(u);\n" in result(answer, older)
    assert unopposed(answer)
    assert any("lands in halt(); upstream changed stop()" in note for hunk in answer.hunks for note in hunk.notes)
    other = body(*[f"work(u, {n});" for n in range(20)], *lines[2:]).replace(b"int stop(", b"int halt(")
    assert run(upstream, fixed, other).sure is Sure.REVIEW


@pytest.mark.parametrize(("theirs", "ours", "shown"), [(b"\n", b"\r\n", "CRLF"), (b"\r\n", b"\n", "LF")])
def test_added_lines_end_as_those_of_the_file(theirs: bytes, ours: bytes, shown: str) -> None:
    lines = ["one(u);", "two(u);", "three(u);"]
    upstream, fixed, older, wanted = (text.replace(b"\n", end) for text, end in (
        (body(*lines), theirs), (body(*lines[:2], "fix(u);", lines[2]), theirs),
        (body("one(u, 0);", *lines[1:]), ours), (body("one(u, 0);", lines[1], "fix(u);", lines[2]), ours)))
    answer = run(upstream, fixed, older)
    assert result(answer, older) == wanted
    assert any(f"end with {shown}" in note for note in answer.notes)


def test_a_file_with_both_kinds_of_line_ends_is_for_review() -> None:
    lines = ["one(u);", "two(u);", "three(u);"]
    older = body("one(u, 0);", *lines[1:]).replace(b"\n", b"\r\n").replace(b"\r\n", b"\n", 3)
    answer = run(body(*lines), body(*lines[:2], "fix(u);", lines[2]), older)
    assert told(answer, "CRLF", "LF")
    assert b"\tfix(u);\r\n" in result(answer, older)


def test_no_fix_goes_into_a_comment_of_this_tree() -> None:
    lines = ["one(u);", "two(u);", "three(u);"]
    upstream, fixed = body(*lines), body(*lines[:2], "fix(u);", lines[2])
    assert declined(run(upstream, fixed, body("one(u, 0);", "/*", *lines, "*/", "four(u);")), "inside a comment")
    assert declined(run(upstream, fixed, b"/*\n" + body("one(u, 0);", *lines[1:]) + b"*/\n"), "inside a comment")
    assert told(run(upstream, fixed, b"/*\n" + upstream + b"*/\n"), "inside a comment")


def test_a_line_of_kconfig_goes_to_the_same_option() -> None:
    def option(name: str, *more: str) -> bytes:
        return "".join([f"config {name}\n", "\ttristate\n", "\tselect X\n", *more, "\tselect Z\n\n"]).encode()

    upstream, fixed = option("A") + option("B"), option("A") + option("B", "\tselect Y\n")
    for older in (option("C") + option("A") + option("D"), option("B") + option("A")):
        answer = run(upstream, fixed, older, path="drivers/Kconfig")
        right = option("B", "\tselect Y\n")
        assert declined(answer) or told(answer) or right in result(answer, older, "drivers/Kconfig")


def test_a_property_goes_to_the_same_node() -> None:
    upstream = (b"&i2c1 {\n\tstatus = \"okay\";\n\n\ttouch@10 {\n\t\treg = <0x10>;\n\t\tirq = <1>;\n\t};\n};\n\n"
                b"&i2c2 {\n\tstatus = \"okay\";\n\n\tcodec@11 {\n\t\treg = <0x11>;\n\t\tirq = <2>;\n\t};\n};\n")
    fixed = upstream.replace(b"irq = <2>;\n", b"irq = <2>;\n\t\twakeup;\n")
    for was, now in ((b"&i2c2", b"&i2c3"), (b"codec@11", b"codec@12")):
        answer = run(upstream, fixed, upstream.replace(was, now), path="a.dts")
        assert declined(answer, "`wakeup;`", now.decode()) or told(answer, "`wakeup;`", now.decode())


STEPS = ["one(u);", "two(u);", "three(u);"]


def test_what_stands_between_two_statements_is_told_where_they_changed_places() -> None:
    upstream = body("setup(u);", "enroll(u);", "two(u);")
    fixed = body("setup(u);", "prime(u);", "enroll(u);", "two(u);")
    answer = run(upstream, fixed, body("enroll(u);", "setup(u);", "two(u);"))
    assert answer.outcome is Apply.CONFLICT or told(answer, "on its other side")
    upstream = body("rcu_read_lock();", *STEPS[:2], "rcu_read_unlock();", "last(u);")
    fixed = body("rcu_read_lock();", *STEPS[:2], "fix(u);", "rcu_read_unlock();", "last(u);")
    answer = run(upstream, fixed, body("rcu_read_lock();", STEPS[0], "rcu_read_unlock();", STEPS[1], "last(u);"))
    assert answer.outcome is Apply.CONFLICT or told(answer, "`fix(u);`")


@pytest.mark.parametrize("head", ["if (u->z)", "else", "while (u->z)"])
def test_what_goes_never_leaves_a_head_without_braces_behind(head: str) -> None:
    lines = ["if (u->a)", "\tfirst(u);", "second(u);", "third(u);"]
    older = body(*lines[:2], head, "\tsecond(u);", lines[3])
    assert declined(run(body(*lines), body(*lines[:2], lines[3]), older), "third(u);", "without braces")


def test_what_comes_never_parts_a_head_from_its_statement_or_an_if_from_its_else() -> None:
    lines = ["if (u->a)", "\tfirst(u);", "second(u);", "third(u);"]
    fixed = body(*lines[:2], "fix(u);", *lines[2:])
    assert declined(run(body(*lines), fixed, body("if (u->a)", "\tsecond(u);", "third(u);")), "without braces")
    fixed = body(*lines[:2], "if (u->q)", "\tfix(u);", *lines[2:])
    assert declined(run(body(*lines), fixed, body(*lines[:2], "else", "\tsecond(u);", "third(u);")), "else")


def test_what_goes_of_this_trees_own_words_is_told() -> None:
    source = [body(f"if ({x})", "\tgo(u);", "last(u);") for x in ("u->len < max", "u->len <= max", "max > u->len")]
    assert told(run(*source), "`if (max > u->len)`")


def test_equal_places_without_the_file_before_are_for_review() -> None:
    rest = ["ret = go(u);", "if (ret)", "\treturn ret;", "finish(u);"]
    one, two = body("u->rx = 1;", *rest), body("u->tx = 1;", *rest).replace(b"stop(", b"start(")
    fixed = one + two.replace(b"\tfinish(u);\n", b"\tmore(u);\n\tfinish(u);\n")
    assert run(one + two, fixed, two + one, preimage=False).sure is Sure.REVIEW


def test_a_line_that_would_go_into_what_is_switched_off_is_declined() -> None:
    upstream, fixed = body("one(u);", "two(u);", "three(u);"), body("one(u);", "two(u);", "fix(u);", "three(u);")
    older = body("one(u);", "two(u);", "three(u);").replace(b"\tone", b"#if 0\n\tone(0);\n\tone").replace(
        b"\tlog_end", b"#endif\n\tlog_end")
    assert declined(run(upstream, fixed, older), "fix(u);")


def test_a_line_of_this_tree_never_falls_out_of_its_block() -> None:
    source = body("if (unshare(u, 1)) {", "\tunlock(u);", "\tnotify(u, 1);", "", "\treturn 2;", "}")
    at = source.split(b"\n").index(b"\tif (unshare(u, 1)) {")
    edits = [Edit(at, at + 2, ()),
             Edit(at + 4, at + 4, (b"\tif (unshare(&t, 1)) {\n", b"\t\tunlock(u);\n"))]
    found = nesting.ask(Context(Result(Problem((), source), edits), 0, edits))
    assert [(d.kind, "`notify(u, 1);` would move to another block" in d.text) for d in found] \
        == [(Signal.NESTED, True)]


def test_braces_that_go_move_nothing() -> None:
    upstream = body("first(u);", "if (u->hot) {", "\tflush(u);", "\tgoto out;", "}", "second(u);", "third(u);")
    fixed = body("first(u);", "if (u->hot)", "\tgoto out;", "second(u);", "third(u);")
    older = upstream.replace(b"second", b"other")
    assert unopposed(run(upstream, fixed, older))
