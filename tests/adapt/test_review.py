"""Answers that were wrong and certain, or wrong without a word: each on the smallest function that shows it."""

from __future__ import annotations

from collections.abc import Collection

import pytest

from backport.verdict import Sure
from tests.adapt.support import result, run
from tests.adapt.test_checks import Index, body, declined


def told(answer: object, *words: str) -> bool:
    notes = [note for hunk in answer.hunks for note in hunk.notes]  # type: ignore[attr-defined]
    return answer.sure is Sure.REVIEW and any(all(w in n for w in words) for n in notes)  # type: ignore[attr-defined]


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


@pytest.mark.parametrize(("was", "now", "here"), [
    ("u->a", "u->a && ok(u)", "u->z || u->a"), ("u->a", "u->a || ok(u)", "u->b && u->a"),
    ("u->a && u->b", "u->a && u->b && u->c", "u->a || u->b"), ("u->a", "u->a && ok(u)", "!u->a")])
def test_operators_of_both_sides_in_one_expression_are_for_review(was: str, now: str, here: str) -> None:
    source = [body(f"if ({x})", "\tgo(u);", "last(u);") for x in (was, now, here)]
    assert told(run(*source), "operators")


def test_a_further_condition_of_the_same_kind_is_no_such_case() -> None:
    source = [body(f"if ({x})", "\tgo(u);", "last(u);") for x in ("u->a", "u->a && ok(u)", "u->b && u->a")]
    assert run(*source).sure is Sure.CERTAIN


@pytest.mark.parametrize(("here", "unlock"), [("mutex_lock(&u->lock);", "mutex_unlock(&u->lock);"),
                                              ("spin_lock(&u->dev->lock);", "spin_unlock(&u->dev->lock);")])
def test_a_statement_that_moves_comes_in_this_trees_words(here: str, unlock: str) -> None:
    lines = ["spin_lock(&u->lock);", "u->state = 1;", "spin_unlock(&u->lock);", "", "ret = start(u);", "notify(u);"]
    upstream, fixed = body(*lines), body(*lines[:2], "", lines[4], lines[2], lines[5])
    older = body(here, lines[1], unlock, *lines[3:])
    assert b"spin_unlock(&u->lock)" not in result(run(upstream, fixed, older), older)


@pytest.mark.parametrize("kind", [b"bool stop(", b"void stop(", b"struct unit *stop("])
def test_a_return_of_another_kind_is_declined(kind: bytes) -> None:
    lines = ["ret = try(u);", "if (ret)", "\treturn ret;", "last(u);"]
    upstream = body(*lines)
    fixed = body(*lines[:3], "if (other(u))", "\treturn -EIO;", lines[3])
    older = upstream.replace(b"int stop(", kind).replace(b"try(u)", b"try(u, 0)")
    assert declined(run(upstream, fixed, older), "stop()")


def test_a_return_that_skips_this_trees_own_cleanup_is_told() -> None:
    lines = ["ret = check(u);", "log_it(u);", "mutex_lock(&u->lock);", "u->state = 0;", "mutex_unlock(&u->lock);"]
    upstream, fixed = body(*lines), body(lines[0], "if (ret)", "\treturn ret;", *lines[1:])
    older = body(lines[2], *lines[:2], *lines[3:])
    assert told(run(upstream, fixed, older), "mutex_unlock()")


def test_a_label_behind_which_this_tree_gives_other_things_back_is_told() -> None:
    lines = ["ret = get_b(u);", "if (ret)", "\tgoto out;", "ret = get_c(u);", "if (ret)", "\tgoto err;", "",
             "return 0;"]
    tail = b"err:\n\tput_b(u);\nout:\n\tput_a(u);\n\treturn ret;\n}\n"
    upstream = body(*lines, tail=tail)
    fixed = body(*lines[:3], "if (!u->ok)", "\tgoto err;", "", *lines[3:], tail=tail)
    older = upstream.replace(b"put_b(u)", b"put_c(u)").replace(b"get_c(u)", b"get_c(u, 0)")
    assert told(run(upstream, fixed, older), "put_c(u);", "put_b(u);")


def test_a_line_goes_into_the_same_half_of_an_if_of_the_preprocessor() -> None:
    one, two = body("u->a = 1;", "go(u);"), body("ret = 0;")
    upstream = b"#ifdef CONFIG_X\n" + one + b"#else\n" + two + b"#endif\n\nint q;\n"
    fixed = upstream.replace(b"\tret = 0;\n", b"\tret = -EOPNOTSUPP;\n")
    two_first = b"#ifndef CONFIG_X\n" + two.replace(b"log_end(u)", b"log_end(u, 0)") + b"#else\n" + one + b"#endif\n"
    answer = run(upstream, upstream.replace(b"\tgo(u);\n", b"\tgo(u);\n\tmore(u);\n"), two_first)
    assert answer.patch is None or told(answer) or b"\tgo(u);\n\tmore(u);\n" in result(answer, two_first)
    assert told(run(upstream, fixed, upstream.replace(b"#ifdef", b"#ifndef")), "!CONFIG_X upstream")


SWITCH = ["switch (c) {", "case A:", "\tdo_a();", "\tbreak;", "case B:", "\tdo_b();", "\tbreak;", "}"]


def test_a_case_is_not_run_into_unseen_and_never_there_twice() -> None:
    upstream = body(*SWITCH)
    fixed = body(*SWITCH[:4], "case N:", "\tdo_n();", "\treturn 1;", *SWITCH[4:])
    assert told(run(upstream, fixed, body(*SWITCH[:3], "\tfallthrough;", *SWITCH[4:])), "fallthrough;", "case N:")
    older = body(*SWITCH[:5], "case N:", "\tdo_b(1);", *SWITCH[6:])
    assert declined(run(upstream, fixed, older), "`N` would stand twice")


def test_an_entry_is_in_its_table_once_and_behind_a_comma() -> None:
    upstream = b"static struct ops o = {\n\t.first = fa,\n\t.second = fb,\n};\n"
    fixed = upstream.replace(b"fb,\n", b"fb,\n\t.third = fc,\n")
    assert declined(run(upstream, fixed, upstream.replace(b"fb,", b"fb")), "comma")
    older = upstream.replace(b"{\n", b"{\n\t.third = old,\n").replace(b"fb", b"fq")
    assert declined(run(upstream, fixed, older), ".third")


def test_a_comparison_with_zero_of_a_variable_that_is_unsigned_here_is_told() -> None:
    upstream = body("ret = get(u);", "use(u, ret);", "last(u);")
    fixed = body("ret = get(u);", "if (ret < 0)", "\treturn ret;", "use(u, ret);", "last(u);")
    assert told(run(upstream, fixed, upstream.replace(b"\tint ret;", b"\tunsigned int ret;")), "unsigned")


def test_a_statement_behind_a_return_or_an_error_label_is_told() -> None:
    upstream, fixed = body("one(u);", "two(u);", tail=b"}\n"), body("one(u);", "two(u);", "last(u);", tail=b"}\n")
    assert told(run(upstream, fixed, body("one(u);", "return two(u);", tail=b"}\n")), "return two(u);")
    older = body("one(u);", "return 0;", tail=b"err:\n\ttwo(u);\n}\n")
    assert told(run(upstream, fixed, older), "label `err`")


@pytest.mark.parametrize(("here", "up"), [("u->a <= 3", "u->a > 3"), ("u->a == 0", "u->a"), ("!bad(u)", "bad(u)")])
def test_a_turned_comparison_is_the_opposite_condition(here: str, up: str) -> None:
    upstream = body(f"if ({up}) {{", "\tstart(u);", "\tkick(u);", "}", "last(u);")
    fixed = upstream.replace(b"\t\tkick(u);\n", b"\t\tkick(u);\n\t\tn++;\n")
    assert declined(run(upstream, fixed, upstream.replace(up.encode(), here.encode())), "n++;")


def test_another_branch_of_a_chain_is_for_review() -> None:
    lines = ["if (u->one) {", "\tx(u);", "} else if (u->two) {", "\ty(u);", "}", "last(u);"]
    upstream, fixed = body(*lines), body(*lines[:4], "\tflag(u);", *lines[4:])
    older = body("if (u->two) {", "\ty(u);", "} else if (u->one) {", "\tx(u);", "}", "last(u);")
    assert run(upstream, fixed, older).sure is Sure.REVIEW


@pytest.mark.parametrize("lost", ["new_lock", "new_unlock", "put_new_ref"])
def test_one_half_of_a_pair_is_never_left_out(lost: str) -> None:
    lines = ["ret = prepare(u);", "log_start(u, ret);", "count = u->count;"]
    added = ["if (count > 9) {", "\tu->a = 1;", "\tu->b = 2;", "\tret = -1;", f"\t{lost}(u);", "}"]
    older = body("ret = prepare(u, 0);", *lines[1:])
    assert declined(run(body(*lines), body(*lines, *added), older, symbols=Index({lost})), lost)


def test_a_name_that_is_the_whole_change_of_a_line_is_not_kept() -> None:
    lines = ["ret = del_timer(&u->timer);", "u->a = 1;", "u->dead = true;"]
    upstream = body(*lines)
    fixed = body("ret = timer_shutdown(&u->timer);", *lines[1:], "u->buf = NULL;")
    older = upstream.replace(b"u->a = 1", b"u->a = 2")
    assert declined(run(upstream, fixed, older, symbols=Index({"timer_shutdown"})), "timer_shutdown")


def test_no_name_is_spelled_as_another_variable_of_upstreams_function() -> None:
    head = b"int stop(struct device *dev)\n{\n\tstruct priv *p = get_drvdata(dev);\n\tint ret;\n\n"
    lines = ["ret = setup(dev);", "start(p);"]
    upstream, fixed = body(*lines, head=head), body(lines[0], "p->count = 0;", lines[1], head=head)
    older = body("ret = setup(dev, 0);", "start(dev);", head=b"int stop(struct device *dev)\n{\n\tint ret;\n\n")
    answer = run(upstream, fixed, older)
    assert answer.patch is None or b"dev->count" not in result(answer, older)


@pytest.mark.parametrize("own", [["if (!u->dev)", "\treturn -1;"], ["u->dev = find(u);"]])
def test_no_declaration_reads_what_this_tree_sets_or_asks_first(own: Collection[str]) -> None:
    head = b"int stop(struct unit *u)\n{\n\tint ret;\n\tstruct net *n = u->dev->net;\n\n"
    lines = ["ret = setup(u);", "use(n);"]
    upstream, fixed = body(*lines, head=head), body(lines[0], "mark(n);", lines[1], head=head)
    older = body(*own, "ret = setup(u, 0);", "use(u->dev->net);", head=b"int stop(struct unit *u)\n{\n\tint ret;\n\n")
    answer = run(upstream, fixed, older, symbols=Index())
    assert answer.patch is None or b"*n = u->dev" not in result(answer, older)


def test_a_return_for_a_jump_is_put_only_where_every_jump_of_upstream_is_a_return() -> None:
    lines = ["ret = -ENOMEM;", "if (!u->a)", "\tgoto out;", "size += u->size;", "if (!u->b)", "\tgoto out;", "ret = 0;"]
    tail = b"out:\n\tlog_end(u);\n\treturn ret;\n}\n"
    upstream = body(*lines, tail=tail)
    fixed = body(*lines[:4], "if (size > MAX) {", "\tret = -E2BIG;", "\tgoto out;", "}", *lines[4:], tail=tail)
    older = body("if (!u->a)", "\treturn -ENOMEM;", "buf = alloc();", "size += u->size;", "if (!u->b) {",
                 "\tkfree(buf);", "\treturn -ENOMEM;", "}", tail=b"\tkfree(buf);\n\treturn 0;\n}\n")
    assert declined(run(upstream, fixed, older), "out")


def test_a_renamed_variable_does_not_change_a_string() -> None:
    head = b"int stop(struct unit *u)\n{\n\tint err;\n\n"
    lines = ["err = one(u);", "if (err)", "\treturn err;", "two(u);"]
    upstream = body(*lines, head=head, tail=b"\treturn 0;\n}\n")
    older = body(*lines[:3], 'info("err %d", err);', lines[3], head=head, tail=b"\treturn 0;\n}\n")
    assert b'info("err %d", rc);' in result(run(upstream, upstream.replace(b"err", b"rc"), older), older)


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


@pytest.mark.parametrize(("take", "give"), [("spin_lock(&u->dev->lock);", "spin_unlock(&u->dev->lock);"),
                                            ("mutex_lock(&u->lock);", "mutex_unlock(&u->lock);")])
def test_what_is_given_back_otherwise_in_this_trees_function_is_told(take: str, give: str) -> None:
    lines = ["spin_lock(&u->lock);", "drop(u);", "spin_unlock(&u->lock);", "done(u);"]
    fixed = body(lines[0], "if (u->busy) {", "\tspin_unlock(&u->lock);", "\treturn -EBUSY;", "}", *lines[1:])
    assert told(run(body(*lines), fixed, body(take, lines[1], give, lines[3])), "`spin_unlock(&u->lock);`", "nowhere")
