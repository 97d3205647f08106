"""Where edits of upstream's file go in this tree's."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from backport.adapt.engine import adapt
from backport.adapt.records import Adaptation
from backport.patch.edits import Edit, render_hunks
from backport.patch.parse import parse, split_lines
from backport.treeview import MemoryView
from backport.verdict import Apply, Sure
from tests.support.adapting import body, declined, result, run, told


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


def test_a_repeated_line_that_upstream_keeps_is_not_the_one_that_goes() -> None:
    lines = ["if (enable(u))", "\tgoto out;", "", "if (!u->wanted)", "\tgoto out;", "", "ret = configure(u);",
             "if (ret)", "\tgoto out;", "", "set_protocol(u);"]
    fixed = [*lines[:8], "\tgoto out_disable;", *lines[9:]]
    tail = b"out_disable:\n\tdisable(u);\nout:\n\treturn ret;\n}\n"
    older = [*lines[:6], "configure(u);", "set_protocol(u);"]
    there = body(*older, tail=tail)
    # the search for the hunk's own lines ends at another `goto out;`, which would disable what was never enabled
    assert declined(run(body(*lines, tail=tail), body(*fixed, tail=tail), there), "leaves alone")


def cut(before: bytes, edits: Sequence[Edit], target: bytes) -> Adaptation:
    """`run` with a diff that is cut as given: more than one diff makes the same file."""
    hunks = b"".join(hunk.render() for hunk in render_hunks(split_lines(before), edits))
    patch = parse(b"From: A <a@example.org>\nSubject: [PATCH] fix\n\nText.\n---\n"
                  b"diff --git a/a.c b/a.c\n--- a/a.c\n+++ b/a.c\n" + hunks)
    return adapt(patch, MemoryView("tree", {"a.c": target}), preimages={"a.c": before})


SWITCH = ["switch (c) {", "case A:", "\tdo_a();", "\tbreak;", "case B:", "\tdo_b();", "\tbreak;", "}"]


@pytest.mark.parametrize("end", [["\treturn 1;"], ["\tmore();", "\tbreak;"], ["\tmore();", "\treturn 5;"]])
def test_an_added_case_goes_behind_the_case_before_however_the_diff_is_cut(end: list[str]) -> None:
    upstream = body(*SWITCH)
    at = split_lines(upstream).index(b"\t\tbreak;\n")
    new = (b"\t\tbreak;\n", b"\tcase N:\n", b"\t\tdo_n();\n")
    older = body(*SWITCH[:3], *end, *SWITCH[4:])
    wanted = body(*SWITCH[:3], *end, "case N:", "\tdo_n();", "\tbreak;", *SWITCH[4:])
    assert result(cut(upstream, [Edit(at, at, new)], older), older) == wanted


def test_an_added_function_or_block_is_not_cut_through_the_one_before() -> None:
    upstream = b"int one(void)\n{\n\treturn 1;\n}\n\nint three(void)\n{\n\treturn 3;\n}\n"
    new = (b"}\n", b"\n", b"int two(void)\n", b"{\n", b"\treturn 2;\n")
    older = upstream.replace(b"\treturn 1;\n", b"\treturn 1;\n\t/* never */\n").replace(b"three", b"third")
    answer = cut(upstream, [Edit(3, 3, new)], older)
    assert result(answer, older) == older.replace(b"}\n", b"}\n\nint two(void)\n{\n\treturn 2;\n}\n", 1)


STRUCT = (b"struct s {\n\tint a;\n\tint b;\n\tunion {\n\t\tint x;\n\t\tint y;\n\t};\n\tint c;\n};\n")


OTHER = b"\nstruct t {\n\tint q;\n\tint r;\n\tint s;\n};\n"


@pytest.mark.parametrize(("at", "older"), [
    (b"\tint b;\n", b"struct s {\n\tunion {\n\t\tint a;\n\t\tint b;\n\t};\n\tint c;\n};\n" + OTHER),
    (b"\t\tint y;\n", b"struct s {\n\tint a;\n\tint b;\n\tint x;\n\tint y;\n\tint c;\n};\n" + OTHER),
    (b"\tint b;\n", b"struct s {\n\tint a;\n\tstruct {\n\t\tint b;\n\t\tint bb;\n\t} q;\n\tint c;\n};\n" + OTHER),
    (b"\tint r;\n", b"struct s {\n\tint a;\n\tint q;\n\tint r;\n\tint s;\n};\n")])
def test_a_member_goes_into_the_struct_or_union_that_upstreams_is_in(at: bytes, older: bytes) -> None:
    upstream = STRUCT + OTHER
    assert declined(run(upstream, upstream.replace(at, at + b"\tint n;\n"), older), "`int n;` is inside")


def test_an_initialiser_goes_into_the_entry_that_upstreams_is_in() -> None:
    def table(*names: str) -> bytes:
        return b"static struct cfg c[] = {\n" + b"".join(
            f"\t[{n}] = {{\n\t\t.clk = 5,\n\t\t.div = 2,\n\t}},\n".encode() for n in names) + b"};\n"

    upstream = table("A", "B")
    fixed = upstream.replace(b"\t\t.div = 2,\n\t},\n};", b"\t\t.div = 2,\n\t\t.quirk = 1,\n\t},\n};")
    answer = run(upstream, fixed, table("B", "A"))
    assert declined(answer) or b"[B] = {\n\t\t.clk = 5,\n\t\t.div = 2,\n\t\t.quirk" in result(answer, table("B", "A"))
    answer = run(upstream, fixed, table("A", "C"))
    assert answer.outcome is Apply.CONFLICT or told(answer, "`[C] =`")


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
