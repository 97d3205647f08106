"""Checks of the way through a function, asked of whole adaptations: conditions, returns, jumps, locks, values."""

from __future__ import annotations

import pytest

from backport.adapt.checks import unused_label
from backport.adapt.checks.base import Context, Result
from backport.adapt.revisions import Problem
from backport.csource.locks import halves
from backport.patch.edits import Edit
from backport.verdict import Sure
from tests.support.adapting import Index, body, declined, result, run, told, unopposed

UP = ["ret = prepare(u);", "log_start(u, ret);", "if (ret) {", "\tundo_start(u);", "\tmark(u, 0);", "} else {",
      "\tu->ready = true;", "}", "wait_for(u);"]


def test_the_opposite_condition_is_no_place_for_the_line() -> None:
    upstream = body(*UP)
    fixed = body(*UP[:3], "\tu->owner = -1;", *UP[3:])
    older = body("ret = prepare(u);", "log_start(u);", "if (!ret) {", "\tundo_start(u);", "\tmark(u, 0);",
                 "\tu->ready = true;", "}", "wait_for(u);")
    assert declined(run(upstream, fixed, older), "if(!ret)", "if(ret)")


def test_a_condition_that_reads_differently_is_told_and_no_reason_to_decline() -> None:
    upstream = body(*UP)
    fixed = body(*UP[:4], "\tu->owner = -1;", *UP[4:])
    older = body("ret = prepare(u);", "log_start(u, ret);", "if (ret && !u->forced) {", *UP[3:])
    answer = run(upstream, fixed, older)
    assert result(answer, older) == body("ret = prepare(u);", "log_start(u, ret);", "if (ret && !u->forced) {",
                                         "\tundo_start(u);", "\tu->owner = -1;", *UP[4:])
    assert any("if(ret&&!u->forced)" in note for hunk in answer.hunks for note in hunk.notes)


def test_a_label_that_nothing_jumps_to_is_doubted() -> None:
    source = body("ret = prepare(u);", "if (ret)", "\tgoto out;", tail=b"out:\n\treturn ret;\n}\n")
    at = source.split(b"\n").index(b"out:")
    edit = Edit(at, at, (b"undo:\n", b"\tunprepare(u);\n"))
    found = unused_label.ask(Context(Result(Problem((), source), [edit]), 0, [edit]))
    assert [one.text for one in found] == ["nothing in stop() jumps to the added label `undo`"]
    used = source.replace(b"if (ret)\n\t\tgoto out;", b"if (ret)\n\t\tgoto undo;")
    assert not unused_label.ask(Context(Result(Problem((), used), [edit]), 0, [edit]))


def test_the_middle_of_a_conditional_expression_is_no_label() -> None:
    source = body("ret = u->a ?", "\tLONG_WAIT :", "\tSHORT_WAIT;")
    at = source.split(b"\n").index(b"\t\tLONG_WAIT :")
    edit = Edit(at, at + 1, (b"\t\tOTHER_WAIT :\n",))
    assert not unused_label.ask(Context(Result(Problem((), source), [edit]), 0, [edit]))


EXIT = b"out:\n\tput(u);\n\treturn ret;\n}\n"


def test_an_error_that_the_label_does_not_return_is_told() -> None:
    lines = ["ret = one(u);", "if (ret)", "\tgoto out;", "two(u);", "three(u);"]
    added = ["if (bad(u)) {", "\tret = -EINVAL;", "\tgoto out;", "}"]
    upstream, fixed = body(*lines, tail=EXIT), body(*lines[:4], *added, lines[4], tail=EXIT)
    for value in b"0", b"err":
        assert told(run(upstream, fixed, upstream.replace(b"return ret;", b"return %s;" % value)), "goto out;",
                    f"returns `{value.decode()}`")


def test_an_error_that_was_set_in_advance_upstream_is_told() -> None:
    lines = ["if (!u->a)", "\tgoto out;", "two(u);", "three(u);", "ret = 0;"]
    head = b"int stop(struct unit *u)\n{\n\tint ret = -EINVAL;\n\n"
    upstream = body(*lines, head=head, tail=EXIT)
    fixed = body(*lines[:3], "if (bad(u))", "\tgoto out;", *lines[3:], head=head, tail=EXIT)
    zero = head.replace(b"-EINVAL", b"0")
    for older in (body(*lines, head=zero, tail=EXIT), body(
            "if (!u->a) {", "\tret = -EINVAL;", "\tgoto out;", "}", *lines[2:4], head=zero, tail=EXIT)):
        assert told(run(upstream, fixed, older), "goto out;", "`0` here", "`-EINVAL` upstream")
    more = upstream.replace(b"\ttwo(u);", b"\tif (u->b) {\n\t\tret = -EIO;\n\t\tgoto out;\n\t}\n\ttwo(u);")
    assert not told(run(upstream, fixed, more), "`-EIO`")


def test_an_added_line_runs_under_upstreams_locks() -> None:
    lines = ["mutex_lock(&u->lock);", "one(u);", "two(u);", "mutex_unlock(&u->lock);", "three(u);"]
    upstream, fixed = body(*lines), body(*lines[:2], "u->n++;", *lines[2:])
    free = body("one(u);", "two(u);", lines[0], "four(u);", *lines[3:])
    assert told(run(upstream, fixed, free), "`u->n++;`", "under no lock", "mutex `lock`")
    assert told(run(upstream, fixed, upstream.replace(b"mutex", b"spin")), "`u->n++;`", "spin `lock`")
    same = body(lines[0], "if (u->dead) {", "\tmutex_unlock(&u->lock);", "\treturn -1;", "}", *lines[1:])
    assert not told(run(upstream, fixed, same), "runs under")
    same = body("switch (c) {", "case A:", "\tspin_lock(&u->b);", "\tspin_unlock(&u->b);", "\tbreak;", "}", *lines)
    assert not told(run(upstream, fixed, same), "runs under")
    assert not told(run(upstream, fixed, body("guard(mutex)(&u->lock);", *lines[1:3], lines[4])), "lock`")


def test_what_is_given_back_is_not_used_behind_it_and_not_given_back_twice() -> None:
    lines = [f"step{n}(u);" for n in range(12)]
    upstream, fixed = body(*lines), body(*lines[:2], "kfree(u->buf);", *lines[2:])
    assert told(run(upstream, fixed, body(*lines[:4], "show(u->buf);", *lines[4:])), "show(u->buf);", "kfree(u->buf);")
    tail = b"out:\n\tkfree(u->buf);\n\treturn ret;\n}\n"
    inner = ["if (u->odd) {", "\tkfree(u->buf);", "\treturn -1;", "}"]
    fixed = body(*lines[:2], *inner, *lines[2:])
    assert not told(run(upstream, fixed, body(*lines[:4], "show(u->buf);", *lines[4:])), "show(u->buf);")
    assert told(run(upstream, fixed, body(*lines, tail=tail)), "is in this tree's function already")
    new = body(*lines[:4], "u->buf = get(u);", "show(u->buf);", *lines[4:])
    assert not told(run(upstream, body(*lines[:2], "kfree(u->buf);", *lines[2:]), new), "show(u->buf);")


def test_a_break_ends_the_same_kind_of_block() -> None:
    lines = ["for (i = 0; i < 9; i++) {", "\tif (x) {", "\t\tone(i);", "\t\ttwo(i);", "\t}", "}"]
    upstream, fixed = body(*lines), body(*lines[:3], "\t\tif (q)", "\t\t\tbreak;", *lines[3:])
    answer = run(upstream, fixed, body("switch (i) {", "default:", *lines[1:]))
    assert told(answer, "`break;` ends a switch in this tree, a loop upstream")
    assert not told(run(upstream, fixed, body("while (i--) {", *lines[1:])), "`break;`")


END = b"\treturn 0;\n}\n"


STEPS = ["one(u);", "two(u);", "three(u);"]


def test_a_variable_has_its_value_before_an_added_line_uses_it() -> None:
    head = b"int stop(struct unit *u)\n{\n\tint n;\n\n"
    upstream = body("n = count(u);", *STEPS, head=head, tail=END)
    fixed = body("n = count(u);", *STEPS[:2], "use(n);", STEPS[2], head=head, tail=END)
    assert told(run(upstream, fixed, body(*STEPS, "n = count(u);", head=head, tail=END)), "use(n);", "`n`", "no value")
    assert not told(run(upstream, fixed, body("fill(u, &n);", *STEPS, head=head, tail=END)), "no value")


def test_a_pointer_is_asked_before_it_is_used() -> None:
    upstream = body("p = find(u);", *STEPS, "p->x = 1;")
    fixed = body("p = find(u);", *STEPS[:2], "if (!p)", "\treturn -1;", STEPS[2], "p->x = 1;")
    answer = run(upstream, fixed, body("p = find(u);", "p->y = 1;", *STEPS, "p->x = 1;"))
    assert told(answer, "`if (!p)`", "`p->y = 1;`")
    assert not told(run(upstream, fixed, body("p->y = 1;", "p = find(u);", *STEPS, "p->x = 1;")), "`p->y = 1;`")


def test_what_is_given_back_was_taken() -> None:
    upstream = body("dev = get_device(u->dev);", *STEPS)
    fixed = body("dev = get_device(u->dev);", *STEPS[:2], "put_device(dev);", STEPS[2])
    assert told(run(upstream, fixed, body("dev = u->dev;", *STEPS)), "put_device(dev);", "`u->dev` here")
    assert not told(run(upstream, fixed, body("dev = get_device(u->x->dev);", *STEPS)), "put_device(dev);")


def test_a_pointer_is_asked_for_its_error_as_this_tree_asks_it() -> None:
    lines = ["p = alloc(u);", "if (IS_ERR(p))", "\treturn PTR_ERR(p);", "two(u);", "three(u);"]
    added = ["q = alloc(u->q);", "if (IS_ERR(q))", "\treturn PTR_ERR(q);"]
    upstream, fixed = body(*lines), body(*lines[:4], *added, lines[4])
    assert told(run(upstream, fixed, body(lines[0], "if (!p)", "\treturn -1;", *lines[3:])), "alloc()", "for NULL")
    assert unopposed(run(upstream, fixed, body("zero(u);", *lines)))


LOOP = ["list_for_each_entry_safe(p, n, &u->list, node) {", "\ttouch(p);", "}"]


@pytest.mark.parametrize("head", ["list_for_each_entry(p, &u->list, node) {",
                                  "list_for_each_entry_rcu(p, &u->list, node) {"])
def test_what_is_taken_off_a_list_inside_another_kind_of_loop_is_for_review(head: str) -> None:
    upstream, fixed = body(*LOOP), body(*LOOP[:2], "\tlist_del(&p->node);", "\tkfree(p);", LOOP[2])
    assert told(run(upstream, fixed, body(head, *LOOP[1:])), "list_del(&p->node);", "list_for_each_entry_safe")


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
    assert declined(run(upstream, fixed, older), "`N` would be there twice")


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


@pytest.mark.parametrize(("take", "give"), [("spin_lock(&u->dev->lock);", "spin_unlock(&u->dev->lock);"),
                                            ("mutex_lock(&u->lock);", "mutex_unlock(&u->lock);")])
def test_what_is_given_back_otherwise_in_this_trees_function_is_told(take: str, give: str) -> None:
    lines = ["spin_lock(&u->lock);", "drop(u);", "spin_unlock(&u->lock);", "done(u);"]
    fixed = body(lines[0], "if (u->busy) {", "\tspin_unlock(&u->lock);", "\treturn -EBUSY;", "}", *lines[1:])
    answer = run(body(*lines), fixed, body(take, lines[1], give, lines[3]))
    assert told(answer, "`spin_unlock(&u->lock);`", "and not in this tree")


LOCKED = ["first(u);", "mutex_lock(&u->lock);", "u->a = 1;", "u->b = 2;", "mutex_unlock(&u->lock);", "last(u);"]


def test_an_unlock_without_its_lock_is_declined() -> None:
    # upstream takes the inner unlock away for one at the end; here nothing takes the lock
    fixed = body(*LOCKED[:3], "if (bad(u)) {", "\tmutex_unlock(&u->lock);", "\treturn;", "}", *LOCKED[3:])
    older = body("first(u);", "u->a = 1;", "u->b = 2;", "last(u);")
    assert declined(run(body(*LOCKED), fixed, older), "unlocks without locking: `mutex_lock`")


@pytest.mark.parametrize(("text", "found"), [
    (b"spin_lock_irqsave(&a, f); spin_unlock_irqrestore(&a, f);", set()),
    (b"if (!mutex_trylock(&a)) return; mutex_unlock(&a);", set()),
    (b"down_read(&s); up_read(&s); down_write(&s); up_write(&s);", set()),
    (b"rcu_read_lock(); preempt_disable(); preempt_enable();", {(b"rcu_read_lock", "taken")}),
    (b"spin_lock_init(&a); clock_gettime(b); unblock(c); power_up(d);", set()),
    (b"local_irq_save(f); local_irq_restore(f);", set()),
    (b"up_write(&s);", {(b"write_semaphore", "given")}),
])
def test_halves_of_locks(text: bytes, found: set[tuple[bytes, str]]) -> None:
    assert halves(text) == found


def test_a_statement_behind_a_goto_whose_label_is_not_here_is_declined() -> None:
    lines = ["if (bad(u))", "\tgoto free_data;", "u->gov = NULL;", "u->exit(u);", "", "free_data:", "\tkfree(u->data);"]
    fixed = body(*lines[:3], "put_it(u);", "goto out;", *lines[4:])
    older = body("if (bad(u))", "\treturn 1;", "u->gov = NULL;", "u->exit(u);", "kfree(u->data);")
    assert declined(run(body(*lines), fixed, older), "`kfree(u->data);`", "unreachable")


@pytest.mark.parametrize("lost", ["new_lock", "new_unlock", "put_new_ref"])
def test_one_half_of_a_pair_is_never_left_out(lost: str) -> None:
    lines = ["ret = prepare(u);", "log_start(u, ret);", "count = u->count;"]
    added = ["if (count > 9) {", "\tu->a = 1;", "\tu->b = 2;", "\tret = -1;", f"\t{lost}(u);", "}"]
    older = body("ret = prepare(u, 0);", *lines[1:])
    assert declined(run(body(*lines), body(*lines, *added), older, symbols=Index({lost})), lost)
