"""Results that go in and make no sense: each question on the smallest function that raises it."""

from __future__ import annotations

import pytest

from backport.adapt.checks import nesting
from backport.adapt.checks.base import Context, Result
from backport.adapt.checks.lock_balance import halves
from backport.adapt.edits import Edit
from backport.adapt.revisions import Problem
from backport.adapt.signals import Signal
from backport.replay.score import WithIndex
from backport.verdict import Apply, Sure
from tests.adapt.support import result, run
from tests.adapt.test_checks import Index, body, declined


def test_a_line_of_this_tree_never_falls_out_of_its_block() -> None:
    source = body("if (unshare(u, 1)) {", "\tunlock(u);", "\tnotify(u, 1);", "", "\treturn 2;", "}")
    at = source.split(b"\n").index(b"\tif (unshare(u, 1)) {")
    edits = [Edit(at, at + 2, ()),
             Edit(at + 4, at + 4, (b"\tif (unshare(&t, 1)) {\n", b"\t\tunlock(u);\n"))]
    found = nesting.ask(Context(Result(Problem((), source), edits), 0, edits))
    assert [(d.kind, "`notify(u, 1);` would stand in another block" in d.text) for d in found] \
        == [(Signal.NESTED, True)]


def test_braces_that_go_move_nothing() -> None:
    upstream = body("first(u);", "if (u->hot) {", "\tflush(u);", "\tgoto out;", "}", "second(u);", "third(u);")
    fixed = body("first(u);", "if (u->hot)", "\tgoto out;", "second(u);", "third(u);")
    older = upstream.replace(b"second", b"other")
    assert run(upstream, fixed, older).sure is Sure.CERTAIN


LOCKED = ["first(u);", "mutex_lock(&u->lock);", "u->a = 1;", "u->b = 2;", "mutex_unlock(&u->lock);", "last(u);"]


def test_an_unlock_without_its_lock_is_declined() -> None:
    # upstream takes the inner unlock away for one at the end; here nothing takes the lock
    fixed = body(*LOCKED[:3], "if (bad(u)) {", "\tmutex_unlock(&u->lock);", "\treturn;", "}", *LOCKED[3:])
    older = body("first(u);", "u->a = 1;", "u->b = 2;", "last(u);")
    assert declined(run(body(*LOCKED), fixed, older), "never takes `mutex_lock`")


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


def test_an_argument_that_lands_in_a_call_of_another_shape_is_declined() -> None:
    upstream = body("u->v = make_objs(*u->v, u->count);", "second(u);")
    fixed = body("u->v = make_objs(*u->v, u->count,", "\t\t     GFP_KERNEL | NOWARN);", "second(u);")
    older = body("u->v = make_array(u->count,", "\t\t      sizeof(*u->v), GFP_KERNEL);", "second(u);")
    answer = run(upstream, fixed, older)
    assert answer.outcome is Apply.CONFLICT or b"NOWARN," not in result(answer, older)


def test_an_argument_more_on_both_sides_is_no_such_case() -> None:
    upstream, fixed = (body("first(u);", f"ret = take(u, u->a{x});", "second(u);") for x in ("", ", flags"))
    older = body("first(u);", "ret = take(u, ns, u->a);", "second(u);")
    answer = run(upstream, fixed, older)
    assert b"take(u, ns, u->a, flags)" in result(answer, older)


def test_the_same_argument_twice_in_a_merged_call_is_declined() -> None:
    upstream = body("first(u);", "take_away(start, size, NULL);", "second(u);")
    fixed = body("first(u);", "take_away(start, size, u->altmap);", "second(u);")
    older = body("first(u);", "take_away(start, size, u->altmap, NULL);", "second(u);")
    answer = run(upstream, fixed, older)
    assert answer.outcome is not Apply.MERGED or b"u->altmap, u->altmap" not in result(answer, older)


def test_a_statement_behind_a_goto_whose_label_is_not_here_is_declined() -> None:
    lines = ["if (bad(u))", "\tgoto free_data;", "u->gov = NULL;", "u->exit(u);", "", "free_data:", "\tkfree(u->data);"]
    fixed = body(*lines[:3], "put_it(u);", "goto out;", *lines[4:])
    older = body("if (bad(u))", "\treturn 1;", "u->gov = NULL;", "u->exit(u);", "kfree(u->data);")
    assert declined(run(body(*lines), fixed, older), "`kfree(u->data);`", "reached")


def test_a_function_that_is_here_already_is_not_defined_once_more() -> None:
    tail = b"\nint last(void)\n{\n\treturn 3;\n}\n"
    upstream = body("first(u);") + tail
    remove = b"\nstatic void unit_remove(struct unit *u)\n{\n\tshutdown(u);\n}\n"
    older = body("other(u);") + b"\nstatic int unit_remove(struct dev *d)\n{\n\treturn 0;\n}\n" + tail
    answer = run(upstream, body("first(u);") + remove + tail, older)
    assert declined(answer, "unit_remove()", "twice")


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


def test_a_new_name_for_a_parameter_of_another_type_is_for_review() -> None:
    upstream = b"int seta(struct idmap *, struct entry *);\nint getb(struct path *);\n"
    fixed = b"int no_seta(struct idmap *idmap, struct entry *entry);\nint getb(struct path *);\n"
    older = upstream.replace(b"struct idmap", b"struct user_ns")
    answer = run(upstream, fixed, older)
    assert answer.outcome is Apply.CONFLICT or answer.sure is Sure.REVIEW


def unit(name: str, *lines: str) -> bytes:
    inside = "".join(f"\t{line}\n" for line in lines)
    return f"static int {name}(struct unit *u)\n{{\n{inside}}}\n\n".encode()


def test_a_place_in_upstreams_function_comes_before_an_exact_one_in_another() -> None:
    tail = ["u->a = 0;", "u->b = 0;", "release(u);", "return 0;"]
    lines = ["open(u);", "check(u);", "set(u, 1);", "sync(u);", "return 1;"]
    head, other = unit("head", *lines), unit("start", *tail[2:])
    upstream = head + other + unit("stop", "finish(u);", *tail)
    fixed = head.replace(b"set(u, 1)", b"set(u, 2)") + other + unit("stop", "finish(u);", *tail[:2], "wake_up(u);",
                                                                    *tail[2:])
    older = head.replace(b"sync(u)", b"sync_all(u)") + unit("start", "finish(u);", *tail) \
        + unit("stop", "finish(u);", "u->a = 0;", "u->b = false;", *tail[2:])
    answer = run(upstream, fixed, older)
    made = result(answer, older)
    assert made.index(b"wake_up(u);") > made.index(b"stop(")
    assert answer.sure is Sure.REVIEW


def test_what_the_patch_declares_among_others_or_with_an_attribute_is_declared() -> None:
    upstream = body("int a, b;", "", 'say("old %d", b);', "second(u);", "third(u);")
    fixed = body("int a, n, b;", "", "n = 0;", 'say("new %d", n);', "second(u);", "third(u);")
    older = upstream.replace(b"third", b"last")
    assert run(upstream, fixed, older).sure is Sure.CERTAIN
    fixed = body("int a, b;", "", "struct node *np __free(node) = parent(u);", "", 'say("new %d", np->b);',
                 "second(u);", "third(u);")
    answer = run(upstream, fixed, older)
    assert answer.outcome is not Apply.CONFLICT


def test_a_variable_that_nothing_declares_is_declined() -> None:
    upstream = body("first(u);", "second(u);", "third(u);")
    fixed = body("first(u);", "base = lowest(u);", "second(u);", "third(u);")
    older = upstream.replace(b"third", b"last")
    answer = run(upstream, fixed, older, symbols=Index(["base"]),
                 upstream=WithIndex("upstream", {"a.c": upstream}, Index(["base"])))
    assert declined(answer, "nothing declares `base`")


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


def test_what_upstream_wraps_is_wrapped_in_this_trees_words() -> None:
    upstream = body("first(u);", "ret = wait_for(journal, ei->inode);", "second(u);")
    fixed = upstream.replace(b"ei->inode", b"READ_ONCE(ei->inode)")
    older = upstream.replace(b"ei->inode", b"pos->inode")
    answer = run(upstream, fixed, older)
    assert b"\tret = wait_for(journal, READ_ONCE(pos->inode));\n" in result(answer, older)
    assert answer.sure is Sure.REVIEW
    older = upstream.replace(b"journal, ", b"")
    assert b"\tret = wait_for(READ_ONCE(ei->inode));\n" in result(run(upstream, fixed, older), older)


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
