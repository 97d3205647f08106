"""What speaks against a result although it fits: each question, on the smallest function that raises it."""

from __future__ import annotations

from collections.abc import Collection

import pytest

from backport.adapt.checks import declarations, unused_label
from backport.adapt.checks.base import Context, Result
from backport.adapt.checks.call_arity import VARIES, calls
from backport.adapt.edits import Edit
from backport.adapt.engine import adapt
from backport.adapt.records import Adaptation
from backport.adapt.revisions import Problem
from backport.adapt.view import MemoryView
from backport.csource.pieces import code
from backport.patch.parse import parse
from backport.verdict import Apply, Sure
from tests.adapt.support import result, run

HEAD = b"int stop(struct unit *u, int err)\n{\n\tint ret;\n\n"
TAIL = b"\tlog_end(u);\n\treturn ret;\n}\n"


def body(*lines: str, head: bytes = HEAD, tail: bytes = TAIL) -> bytes:
    return head + "".join(f"\t{line}\n" for line in lines).encode() + tail


class Index:
    """A tree that has every name but some."""

    def __init__(self, missing: Collection[str] = ()) -> None:
        self.missing = missing

    def contains(self, identifier: str) -> bool:
        return identifier not in self.missing

    def defines(self, name: str) -> bool:
        return name not in self.missing


def declined(answer: Adaptation, *words: str) -> bool:
    return answer.outcome is Apply.CONFLICT and all(word in answer.reason for word in words)


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
    assert [one.text for one in found] == ["stop() declares `wp`, which nothing uses"]


def test_a_helper_that_goes_while_this_tree_still_calls_it_is_told_although_git_takes_it() -> None:
    helper = b"static int old_len(void *buf)\n{\n\treturn *(int *)buf;\n}\n\n"
    upstream, fixed = helper + body("ret = 0;"), body("ret = 0;")
    assert run(upstream, fixed, helper + body("ret = 1;", "first(u);")).sure is Sure.CERTAIN
    answer = run(upstream, fixed, helper + body("ret = 1;", "first(u, old_len(u));"))
    assert answer.sure is Sure.REVIEW
    assert any("the definition of `old_len` goes" in note for note in answer.notes)


def test_an_added_declaration_goes_to_the_declarations() -> None:
    upstream = body("ret = prepare(u);", "log_start(u, ret);",
                    head=b"int stop(struct unit *u)\n{\n\tint ret;\n\tlong a;\n\n")
    fixed = upstream.replace(b"\tlong a;\n", b"\tlong a;\n\tvoid *where;\n").replace(b"log_start(u, ret)",
                                                                                   b"log_start(u, where)")
    older = upstream.replace(b"\tlong a;\n\n", b"\tclear(u);\n\tlong_clear(u);\n\n")
    answer = run(upstream, fixed, older)
    assert b"\tint ret;\n\tvoid *where;\n\tclear(u);\n" in result(answer, older)
    assert any("declarations of stop()" in note for note in answer.notes)


def test_a_statement_is_not_cut_in_two() -> None:
    upstream = body("ret = prepare(u);", "u->buf = alloc(u->count * sizeof(*u->buf), FLAGS);", "log_start(u, ret);")
    fixed = upstream.replace(b"alloc(u->count * sizeof(*u->buf), FLAGS)", b"calloc(u->count, sizeof(*u->buf), FLAGS)")
    older = upstream.replace(b"u->buf = alloc(u->count * sizeof(*u->buf), FLAGS);",
                             b"u->buf =\n\t\tzalloc(u->count * sizeof(*u->buf),\n\t\t\t0);")
    answer = run(upstream, fixed, older)
    assert answer.patch is None or b"u->buf =\n\tu->buf =" not in result(answer, older)


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


def test_what_every_function_has_and_what_a_new_function_brings_is_in_scope() -> None:
    lines = ["ret = prepare(u);", "log_start(u, ret);", "warn(__func__);"]
    upstream, older = body(*lines), body("ret = prepare(u, 0);", *lines[1:2])
    fixed = body(*lines[:2], "trace(__func__);", *lines[2:]) + (
        b"\nstatic void each(struct unit *u)\n{\n\tfor_each_scoped(u, child)\n\t\tstop(child, 0);\n}\n")
    answer = run(upstream, fixed, older + b"\nint last;\n")
    assert b"trace(__func__);" in result(answer, older + b"\nint last;\n"), answer.reason


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


def test_a_name_that_the_lines_around_spell_otherwise_is_spelled_so_in_added_lines() -> None:
    lines = ["if (zero_folio == u->folio)", "\tput_it(zero_folio);", "ret = prepare(u);", "log_start(u, ret);"]
    upstream = body(*lines)
    fixed = body(*lines[:3], "if (ret)", "\tfree_it(zero_folio);", lines[3])
    older = upstream.replace(b"zero_folio", b"zero_page").replace(b"log_start(u, ret)", b"log_start(u)")
    answer = run(upstream, fixed, older)
    assert b"\tif (ret)\n\t\tfree_it(zero_page);\n" in result(answer, older)
    assert answer.sure is Sure.REVIEW


def test_another_list_of_arguments_is_another_function_and_no_other_spelling() -> None:
    lines = ["buf = node_alloc(size, flags, node);", "ret = prepare(u);", "log_start(u, ret);"]
    upstream, fixed = body(*lines), body(*lines[:2], "spare = node_alloc(size, flags, node);", lines[2])
    older = upstream.replace(b"node_alloc(size, flags, node)", b"alloc(size, flags)").replace(b"(u, ret)", b"(u)")
    assert declined(run(upstream, fixed, older, symbols=Index({"node_alloc"})), "node_alloc")


def test_calls_with_a_format_take_any_number_of_arguments() -> None:
    text = code(b'report(u, "one %d", ret); stop(void); go(a, b); never();')
    assert calls(text) == [(b"report", VARIES), (b"stop", 0), (b"go", 2), (b"never", 0)]


def test_a_block_that_is_worded_anew_line_by_line_has_no_line_for_what_the_tree_lacks() -> None:
    lines = ["m->a = one(1);", "m->num = N;", "m->gpio = true;", "m->bits = 8;", "m->speed = max;", "m->one = run;"]
    here = [line for line in lines if "gpio" not in line]
    upstream, older = body(*lines), body("check(u);", *here)
    answer = run(upstream, upstream.replace(b"\tm->", b"\thost->"), older)
    assert result(answer, older) == body("check(u);", *here).replace(b"\tm->", b"\thost->")
    assert answer.sure is Sure.REVIEW


def test_an_entry_of_a_table_is_found_in_the_table_of_that_name() -> None:
    def table(name: str, *rows: str) -> bytes:
        inside = "".join(f"#ifdef {row}\n\t{{\n\t\tROW({row}),\n\t}},\n#endif\n" for row in rows)
        return f"static const struct entry {name}[] = {{\n{inside}\t{{}},\n}};\n\n".encode()

    end = table("third", "C", "D")
    upstream = table("first", "A") + table("second", "B", "NEW", "NEWER") + end
    fixed = table("first", "A") + table("second", "B", "NEW", "NEWER").replace(
        b"\t{},\n", b"\t{\n\t\tROW(FIX),\n\t},\n\t{}\n") + end
    older = table("zeroth", "X", "Y") + table("first", "A", "X") + table("second", "B") + table("other", "E") + end
    answer = run(upstream, fixed, older)
    assert result(answer, older) == older.replace(
        table("second", "B"), table("second", "B").replace(b"\t{},\n", b"\t{\n\t\tROW(FIX),\n\t},\n\t{}\n"))


def test_a_function_of_another_name_is_told_and_for_review_unless_it_is_the_same_one() -> None:
    lines = ["ret = prepare(u);", "ret |= check(u);", "log_start(u, ret);", "wait_for(u);"]
    upstream = body(*lines)
    fixed = body(*lines[:3], "flush(u);", lines[3])
    older = body("ret = older(u);", *lines[1:]).replace(b"int stop(", b"int halt(")
    answer = run(upstream, fixed, older)
    assert b"\tflush(u);\n" in result(answer, older)
    assert answer.sure is Sure.CERTAIN
    assert any("lands in halt(); upstream changed stop()" in note for hunk in answer.hunks for note in hunk.notes)
    other = body(*[f"work(u, {n});" for n in range(20)], *lines[2:]).replace(b"int stop(", b"int halt(")
    assert run(upstream, fixed, other).sure is Sure.REVIEW


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


def test_a_merge_never_takes_whole_statements_of_the_tree_along() -> None:
    lines = ["ret = load(u, false);", "if (WARN_ON_ONCE(ret))", "\tgoto out;", "", "u->fresh = true;"]
    upstream, fixed = body(*lines), body(lines[0], "if (ret)", *lines[2:])
    older = body("if (!valid(u, u->size))", "\treturn -1;", "if (u->size < sizeof(*u))", "\treturn -1;", "",
                 "ret = -2;", "buf = alloc(sizeof(*buf), FLAGS);", "if (!buf || !ret)", "\tgoto out;", "", "ret = -3;")
    answer = run(upstream, fixed, older)
    assert answer.patch is None, result(answer, older).decode()


THERE = b"""--- a/a.c
+++ b/a.c
@@ -5,12 +5,14 @@ int stop(struct unit *u, int err)
 \tfor (;;) {
 \t\tif (bad(u)) {
 \t\t\tset_flag(u, BAD);
 \t\t\thandle(u,
 \t\t\t       ERR);
-\t\t\tbreak;
+\t\t\tret = -1;
+\t\t\tgoto cleanup;
 \t\t}
\x20
+\t\th = find(u);
 \t\tif (!h || u->h)
 \t\t\tcontinue;
 \t}
 \tlog_end(u);
"""


def test_what_is_there_already_is_not_made_twice_and_the_rest_is_made() -> None:
    upstream = body("for (;;) {", "\tif (bad(u)) {", "\t\tset_flag(u, BAD);", "\t\thandle(u,", "\t\t       ERR);",
                    "\t\tbreak;", "\t}", "", "\tif (!h || u->h)", "\t\tcontinue;", "}").replace(b"\t\n", b"\n")
    older = upstream.replace(b"\t\t\thandle(u,\n\t\t\t       ERR);\n\t\t\tbreak;\n",
                             b"\t\t\tret = -1;\n\t\t\tgoto cleanup;\n")
    assert older != upstream
    answer = adapt(parse(b"Subject: x\n\n" + THERE), MemoryView("tree", {"a.c": older}), preimages={"a.c": upstream})
    assert result(answer, older) == older.replace(b"\t\tif (!h", b"\t\th = find(u);\n\t\tif (!h")
    assert answer.sure is Sure.REVIEW


def test_a_repeated_line_that_upstream_keeps_is_not_the_one_that_goes() -> None:
    lines = ["if (enable(u))", "\tgoto out;", "", "if (!u->wanted)", "\tgoto out;", "", "ret = configure(u);",
             "if (ret)", "\tgoto out;", "", "set_protocol(u);"]
    fixed = [*lines[:8], "\tgoto out_disable;", *lines[9:]]
    tail = b"out_disable:\n\tdisable(u);\nout:\n\treturn ret;\n}\n"
    older = [*lines[:6], "configure(u);", "set_protocol(u);"]
    there = body(*older, tail=tail)
    # the search for the hunk's own lines ends at another `goto out;`, which would disable what was never enabled
    assert declined(run(body(*lines, tail=tail), body(*fixed, tail=tail), there), "leaves alone")
