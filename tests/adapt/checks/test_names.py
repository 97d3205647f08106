"""Checks of names, types and calls, asked of whole adaptations."""

from __future__ import annotations

import pytest

from backport.adapt.checks import declarations
from backport.adapt.checks.base import Context, Result
from backport.adapt.revisions import Problem
from backport.csource.calls import VARIES, calls
from backport.csource.pieces import code
from backport.patch.edits import Edit
from backport.replay.score import WithIndex
from backport.verdict import Apply, Sure
from tests.support.adapting import Index, body, declined, result, run, told, unopposed


def test_a_name_that_would_be_declared_twice_is_declined() -> None:
    lines = ["ret = prepare(u);", "ret |= check(u);", "log_start(u, ret);"]
    upstream = body(*lines, head=b"int stop(struct unit *u)\n{\n\tint ret;\n\tint a;\n\n")
    fixed = upstream.replace(b"\tint a;\n", b"\tint a;\n\tlong flags;\n").replace(b"log_start(u, ret)",
                                                                                    b"log_start(u, flags)")
    older = body(*lines, head=b"int stop(struct unit *u)\n{\n\tunsigned int flags = 0;\n\tint ret;\n\tint a;\n\n")
    assert declined(run(upstream, fixed, older), "flags", "twice")


def test_a_member_that_the_struct_would_have_twice_is_declined() -> None:
    def unit(*members: str) -> bytes:
        return b"struct unit {\n" + "".join(f"\t{member};\n" for member in members).encode() + b"};\n"

    rows = ["int a", "struct list head", "long c", "bool (*stop)(struct unit *u)"]
    upstream = unit(*rows)
    fixed = unit(*rows[:2], "bool quiet:1", *rows[2:])
    older = unit("u8 quiet", "int b", "struct list head", "long c")
    assert declined(run(upstream, fixed, older), "struct unit has the member `quiet` twice")
    assert run(upstream, fixed, unit("int b", "struct list head", "long c")).patch is not None


def test_a_variable_whose_last_use_in_its_block_goes_is_doubted() -> None:
    source = body("if (a(u)) {", "\tbool wp = get_wp(u);", "\tclear(u, wp);", "} else if (b(u)) {",
                  "\tbool wp = get_wp(u);", "\tset(u, wp);", "}", "ret = 0;")
    at = source.split(b"\n").index(b"\t\tclear(u, wp);")
    edit = Edit(at, at + 1, (b"\t\tclear(u, 0);\n",))
    found = declarations.ask(Context(Result(Problem((), source), [edit]), 0, [edit]))
    assert [one.text for one in found] == ["stop() declares `wp` and never uses it"]


def test_a_helper_that_goes_while_this_tree_still_calls_it_is_told_although_git_takes_it() -> None:
    helper = b"static int old_len(void *buf)\n{\n\treturn *(int *)buf;\n}\n\n"
    upstream, fixed = helper + body("ret = 0;"), body("ret = 0;")
    assert unopposed(run(upstream, fixed, helper + body("ret = 1;", "first(u);")))
    answer = run(upstream, fixed, helper + body("ret = 1;", "first(u, old_len(u));"))
    assert answer.sure is Sure.REVIEW
    assert any("the definition of `old_len` is removed" in note for note in answer.notes)


def test_what_every_function_has_and_what_a_new_function_brings_is_in_scope() -> None:
    lines = ["ret = prepare(u);", "log_start(u, ret);", "warn(__func__);"]
    upstream, older = body(*lines), body("ret = prepare(u, 0);", *lines[1:2])
    fixed = body(*lines[:2], "trace(__func__);", *lines[2:]) + (
        b"\nstatic void each(struct unit *u)\n{\n\tfor_each_scoped(u, child)\n\t\tstop(child, 0);\n}\n")
    answer = run(upstream, fixed, older + b"\nint last;\n")
    assert b"trace(__func__);" in result(answer, older + b"\nint last;\n"), answer.reason


def test_calls_with_a_format_take_any_number_of_arguments() -> None:
    text = code(b'report(u, "one %d", ret); stop(void); go(a, b); never();')
    assert calls(text) == [(b"report", VARIES), (b"stop", 0), (b"go", 2), (b"never", 0)]


UNIT = b"int stop(struct unit *u)\n{\n\tint ret;\n\n"


END = b"\treturn 0;\n}\n"


def local(*added: str) -> tuple[bytes, bytes]:
    """A function before and after it gets a variable `done`."""
    lines = ["ret = one(u);", "two(u);"]
    head = UNIT.replace(b"ret;\n", b"ret;\n\tbool done;\n")
    return body(*lines, head=UNIT, tail=END), body(lines[0], *added, lines[1], head=head, tail=END)


def test_a_variable_that_is_a_parameter_in_this_tree_is_declared_twice() -> None:
    upstream, fixed = local("done = three(u);", "if (done)", "\treturn 1;")
    older = upstream.replace(b"unit *u)", b"unit *u, bool done)")
    assert told(run(upstream, fixed, older), "declares `done` twice") or declined(run(upstream, fixed, older), "`done`")
    assert declined(run(upstream, fixed, older.replace(b"one(u)", b"one(u, done)")), "declares `done` twice")


def test_an_added_variable_does_not_capture_this_trees_own_use_of_one_of_the_file() -> None:
    upstream, fixed = local("done = three(u);", "if (done)", "\treturn 1;")
    older = b"static bool done;\n\n" + upstream.replace(b"\ttwo(u);\n", b"\ttwo(u);\n\tdone = true;\n")
    assert declined(run(upstream, fixed, older), "existing uses of `done` in stop()")
    # and where the function has no use of it, it is told
    answer = run(upstream, fixed, b"static bool done;\n\n" + upstream)
    assert any("hides one of this tree's file" in note for note in answer.notes)


def test_a_local_variable_upstream_is_not_one_of_the_file_here() -> None:
    lines = ["count = one(u);", "two(u);"]
    upstream = body(*lines, head=UNIT.replace(b"ret", b"count"), tail=END)
    fixed = body(lines[0], "if (count > 3)", "\tcount = 3;", lines[1], head=UNIT.replace(b"ret", b"count"), tail=END)
    older = b"static int count;\n\n" + body("u->n = one(u);", lines[1], head=UNIT, tail=END)
    answer = run(upstream, fixed, older)
    assert declined(answer)


COPY = b"static int copy(struct dev *d, int to, int from)\n{\n\treturn d->x[to] - d->x[from];\n}\n\n"


@pytest.mark.parametrize(("was", "now"), [(b"int to, int from", b"int from, int to"), (b"int to,", b"void *to,"),
                                          (b"static int", b"static bool")])
def test_a_function_that_takes_or_returns_other_things_here_is_told(was: bytes, now: bytes) -> None:
    lines = ["one(u);", "two(u);", "three(u);"]
    upstream, fixed = COPY + body(*lines), COPY + body(*lines[:2], "ret = copy(u->d, 1, 2);", lines[2])
    for first in lines[0], "one(u, 0);":
        older = COPY.replace(was, now) + body(first, *lines[1:])
        assert told(run(upstream, fixed, older), "copy()", "in this tree", "upstream")
    assert unopposed(run(upstream, fixed, COPY.replace(b"struct dev *d", b"struct dev *dev") + body(*lines)))


def test_a_call_of_another_kind_than_this_tree_uses_on_the_member_is_told() -> None:
    uses = (b"void add(struct unit *u)\n{\n\tspin_lock(&u->lock);\n\tlist_add_tail(&u->node, &all);\n}\n\n"
            b"void del(struct unit *u)\n{\n\tlist_del(&u->node);\n\tspin_unlock(&u->lock);\n}\n\n")
    lines = ["one(u);", "two(u);", "three(u);"]
    for call, here in (("list_del(&u->node);", "list_del_rcu"), ("spin_lock(&u->lock);", "spin_lock_irq"),
                       ("spin_lock(&u->lock);", "mutex_lock")):
        upstream, fixed = uses + body(*lines), uses + body(*lines[:2], call, lines[2])
        older = upstream.replace(call.split("(")[0].encode() + b"(", here.encode() + b"(")
        assert told(run(upstream, fixed, older), f"uses {here}()", call.split("(")[0])


def test_a_size_of_an_array_is_not_asked_of_a_pointer() -> None:
    head = b"int stop(struct unit *u)\n{\n\tchar buf[16];\n\tint ret;\n\n"
    lines = ["one(u);", "two(u, buf);", "three(u);"]
    upstream = body(*lines, head=head)
    fixed = body(lines[0], "strscpy(buf, u->name, sizeof(buf));", *lines[1:], head=head)
    assert told(run(upstream, fixed, upstream.replace(b"char buf[16]", b"char *buf")), "`buf` is `char *`", "`char[]`")


def test_the_order_of_bytes_of_a_member_is_upstreams() -> None:
    struct = b"struct hdr {\n\t__le16 len;\n\t__le16 type;\n};\n\n"
    lines = ["one(u);", "two(u);", "three(u);"]
    upstream = struct + body(*lines)
    fixed = struct + body(*lines[:2], "if (le16_to_cpu(h->len) > 10)", "\treturn -1;", lines[2])
    answer = run(upstream, fixed, upstream.replace(b"__le16 len", b"u16 len"))
    assert told(answer, "`len` is `u16`", "`__le16` upstream")
    assert unopposed(run(upstream, fixed, upstream.replace(b"__le16 type", b"u16 type")))


def test_a_comparison_with_zero_of_a_variable_that_is_unsigned_here_is_told() -> None:
    upstream = body("ret = get(u);", "use(u, ret);", "last(u);")
    fixed = body("ret = get(u);", "if (ret < 0)", "\treturn ret;", "use(u, ret);", "last(u);")
    assert told(run(upstream, fixed, upstream.replace(b"\tint ret;", b"\tunsigned int ret;")), "unsigned")


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


def test_a_function_that_is_here_already_is_not_defined_once_more() -> None:
    tail = b"\nint last(void)\n{\n\treturn 3;\n}\n"
    upstream = body("first(u);") + tail
    remove = b"\nstatic void unit_remove(struct unit *u)\n{\n\tshutdown(u);\n}\n"
    older = body("other(u);") + b"\nstatic int unit_remove(struct dev *d)\n{\n\treturn 0;\n}\n" + tail
    answer = run(upstream, body("first(u);") + remove + tail, older)
    assert declined(answer, "unit_remove()", "twice")


def test_a_new_name_for_a_parameter_of_another_type_is_for_review() -> None:
    upstream = b"int seta(struct idmap *, struct entry *);\nint getb(struct path *);\n"
    fixed = b"int no_seta(struct idmap *idmap, struct entry *entry);\nint getb(struct path *);\n"
    older = upstream.replace(b"struct idmap", b"struct user_ns")
    answer = run(upstream, fixed, older)
    assert answer.outcome is Apply.CONFLICT or answer.sure is Sure.REVIEW


def test_what_the_patch_declares_among_others_or_with_an_attribute_is_declared() -> None:
    upstream = body("int a, b;", "", 'say("old %d", b);', "second(u);", "third(u);")
    fixed = body("int a, n, b;", "", "n = 0;", 'say("new %d", n);', "second(u);", "third(u);")
    older = upstream.replace(b"third", b"last")
    assert unopposed(run(upstream, fixed, older))
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


@pytest.mark.parametrize(("was", "now", "here"), [
    ("u->a", "u->a && ok(u)", "u->z || u->a"), ("u->a", "u->a || ok(u)", "u->b && u->a"),
    ("u->a && u->b", "u->a && u->b && u->c", "u->a || u->b"), ("u->a", "u->a && ok(u)", "!u->a")])
def test_operators_of_both_sides_in_one_expression_are_for_review(was: str, now: str, here: str) -> None:
    source = [body(f"if ({x})", "\tgo(u);", "last(u);") for x in (was, now, here)]
    assert told(run(*source), "operators")


def test_a_further_condition_of_the_same_kind_is_no_such_case() -> None:
    source = [body(f"if ({x})", "\tgo(u);", "last(u);") for x in ("u->a", "u->a && ok(u)", "u->b && u->a")]
    assert unopposed(run(*source))
