"""Cases made up against the rewriter: an answer that compiles and does something else than upstream's."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from backport.adapt.edits import Edit, render_hunks
from backport.adapt.engine import adapt
from backport.adapt.records import Adaptation
from backport.adapt.view import MemoryView
from backport.patch.parse import parse, split_lines
from backport.verdict import Apply, Sure
from tests.adapt.support import result, run
from tests.adapt.test_checks import body, declined
from tests.adapt.test_review import told


def cut(before: bytes, edits: Sequence[Edit], target: bytes) -> Adaptation:
    """`run` with a diff that is cut as given: more than one diff makes the same file."""
    hunks = b"".join(hunk.render() for hunk in render_hunks(split_lines(before), edits))
    patch = parse(b"From: A <a@example.org>\nSubject: [PATCH] fix\n\nText.\n---\n"
                  b"diff --git a/a.c b/a.c\n--- a/a.c\n+++ b/a.c\n" + hunks)
    return adapt(patch, MemoryView("tree", {"a.c": target}), preimages={"a.c": before})


# line ends

FILE = b"int a;\n\nint b(void)\n{\n\treturn 1;\n}"


def test_what_is_put_behind_a_last_line_without_end_is_a_line_of_its_own() -> None:
    older = FILE.replace(b"1", b"2")
    for upstream in (FILE, FILE + b"\n"):
        answer = run(upstream, FILE + b"\nint tail;\n", older)
        assert result(answer, older) == older + b"\nint tail;\n"
        assert not any("kept as this tree" in note for note in answer.notes)


def test_a_line_without_end_gets_one_where_more_follows() -> None:
    upstream, fixed = b"int a;\nint b;\nint c;\nint x;\nint y;", b"int a;\nint b;\nint c;\nint x;\nint z;"
    older = b"int a;\nint q;\nint c;\nint x;\nint y;\nint more;\n"
    assert result(run(upstream, fixed, older), older) == older.replace(b"int y;", b"int z;")
    assert result(run(upstream, fixed, older.removesuffix(b"\nint more;\n")), older.removesuffix(
        b"\nint more;\n")) == older.replace(b"int y;\nint more;\n", b"int z;")


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


# where a diff is cut

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


# what a name means

HEAD = b"int stop(struct unit *u)\n{\n\tint ret;\n\n"
END = b"\treturn 0;\n}\n"


def test_a_renamed_variable_leaves_another_one_of_that_name_in_a_deeper_block_alone() -> None:
    lines = ["ret = one(u);", "if (ret)", "\treturn ret;", "two(u);"]
    inner = ["if (u->x) {", "\tint ret = three(u);", "\tlog_it(ret);", "}"]
    upstream = body(*lines, head=HEAD, tail=END)
    older = body(*lines[:3], *inner, "two(u, ret);", head=HEAD, tail=END)
    wanted = body("rc = one(u);", "if (rc)", "\treturn rc;", *inner, "two(u, rc);", head=HEAD.replace(b"ret", b"rc"),
                  tail=END)
    assert result(run(upstream, upstream.replace(b"ret;", b"rc;").replace(b"ret =", b"rc =").replace(
        b"(ret)", b"(rc)"), older), older) == wanted


def local(*added: str) -> tuple[bytes, bytes]:
    """A function before and after it gets a variable `done`."""
    lines = ["ret = one(u);", "two(u);"]
    head = HEAD.replace(b"ret;\n", b"ret;\n\tbool done;\n")
    return body(*lines, head=HEAD, tail=END), body(lines[0], *added, lines[1], head=head, tail=END)


def test_a_variable_that_is_a_parameter_in_this_tree_is_declared_twice() -> None:
    upstream, fixed = local("done = three(u);", "if (done)", "\treturn 1;")
    older = upstream.replace(b"unit *u)", b"unit *u, bool done)")
    assert told(run(upstream, fixed, older), "declares `done` twice") or declined(run(upstream, fixed, older), "`done`")
    assert declined(run(upstream, fixed, older.replace(b"one(u)", b"one(u, done)")), "declares `done` twice")


def test_an_added_variable_does_not_capture_this_trees_own_use_of_one_of_the_file() -> None:
    upstream, fixed = local("done = three(u);", "if (done)", "\treturn 1;")
    older = b"static bool done;\n\n" + upstream.replace(b"\ttwo(u);\n", b"\ttwo(u);\n\tdone = true;\n")
    assert declined(run(upstream, fixed, older), "`done` on this tree's own lines of stop()")
    # and where the function has no use of it, it is told
    answer = run(upstream, fixed, b"static bool done;\n\n" + upstream)
    assert any("hides one of this tree's file" in note for note in answer.notes)


def test_a_local_variable_upstream_is_not_one_of_the_file_here() -> None:
    lines = ["count = one(u);", "two(u);"]
    upstream = body(*lines, head=HEAD.replace(b"ret", b"count"), tail=END)
    fixed = body(lines[0], "if (count > 3)", "\tcount = 3;", lines[1], head=HEAD.replace(b"ret", b"count"), tail=END)
    older = b"static int count;\n\n" + body("u->n = one(u);", lines[1], head=HEAD, tail=END)
    answer = run(upstream, fixed, older)
    assert declined(answer)


# tables

TABLE = (b"static const struct usb_device_id ids[] = {\n\t{ USB_DEVICE(0x1234, 0x0001) },\n"
         b"\t{ USB_DEVICE(0x1234, 0x0002), .driver_info = A },\n\t{ USB_DEVICE(0x1234, 0x0009) },\n\t{ }\n};\n")
ENTRY = b"\t{ USB_DEVICE(0x1234, 0x5678), .driver_info = A },\n"


@pytest.mark.parametrize("own", [b"\t{ USB_DEVICE(0x1234, 0x5678), .driver_info = B },\n",
                                 b"\t{\n\t\tUSB_DEVICE(0x1234, 0x5678),\n\t\t.driver_info = B,\n\t},\n",
                                 b"\t{ USB_DEVICE(0x1234,0x5678) },\t/* ours */\n"])
def test_a_table_gets_no_second_entry_for_the_same_thing(own: bytes) -> None:
    first = b"\t{ USB_DEVICE(0x1234, 0x0001) },\n"
    fixed = TABLE.replace(b"\t{ USB_DEVICE(0x1234, 0x0009) },\n", ENTRY + b"\t{ USB_DEVICE(0x1234, 0x0009) },\n")
    more = b"".join(b"\t{ USB_DEVICE(0x99, 0x%x) },\n" % n for n in range(20))
    older = TABLE.replace(first, own + more + first)
    assert declined(run(TABLE, fixed, older), "USB_DEVICE(0x1234,0x5678)", "at line 2 with other values")
    assert run(TABLE, fixed, TABLE.replace(first, more + first)).sure is Sure.CERTAIN


def test_a_first_word_that_upstreams_entries_share_is_no_key() -> None:
    rows = "".join(f'\t{{ INTEL, {n}, "{n}" }},\n' for n in ("0x1", "0x2", "0x3"))
    table = b"static struct id ids[] = {\n" + rows.encode() + b"};\n"
    fixed = table.replace(b"\t{ INTEL, 0x3", b"\t{ INTEL, 0x9, \"n\" },\n\t{ INTEL, 0x3")
    assert run(table, fixed, table.replace(b"0x1,", b"0x7,")).sure is Sure.CERTAIN
    assert declined(run(table, fixed, table.replace(b"0x1, \"0x1\"", b"0x9, \"old\"")), "INTEL, 0x9", "line 2")


def test_a_switch_has_each_case_once_and_the_line_of_the_other_is_told() -> None:
    upstream, fixed = body(*SWITCH), body(*SWITCH[:4], "case N:", "\tdo_n();", "\tbreak;", *SWITCH[4:])
    twice = body(SWITCH[0], "case M: case N:", *SWITCH[1:])
    assert told(run(upstream, fixed, twice), "`N` would stand twice", "line 6")
    other = body("switch (d) {", "case N:", "\tx();", "\tbreak;", "}", *SWITCH)
    assert run(upstream, fixed, other).sure is Sure.CERTAIN


def test_a_designator_that_stands_twice_is_told_with_its_line() -> None:
    upstream = b"static const char *const names[] = {\n\t[A] = \"a\",\n\t[B] = \"b\",\n\t[C] = \"c\",\n};\n"
    fixed, older = upstream.replace(b"\t[C]", b"\t[FOO] = \"foo\",\n\t[C]"), upstream.replace(
        b"\t[A]", b"\t[FOO] = \"old\",\n\t[A]")
    assert declined(run(upstream, fixed, older), "`[FOO]`", "line 2")


# values

ENUM = b"enum flags {\n\tFLAG_A = BIT(0),\n\tFLAG_B = BIT(1),\n\tFLAG_D = BIT(3),\n};\n"


@pytest.mark.parametrize("own", [b"FLAG_OLD = BIT(2),", b"FLAG_OLD = 1 << 2,", b"FLAG_OLD = 0x4U,"])
def test_the_bit_of_an_added_flag_is_free(own: bytes) -> None:
    fixed, older = ENUM.replace(b"\tFLAG_D", b"\tFLAG_C = BIT(2),\n\tFLAG_D"), ENUM.replace(
        b"\tFLAG_A", b"\t" + own + b"\n\tFLAG_A")
    assert told(run(ENUM, fixed, older), "`FLAG_C` is 0x4", "`FLAG_OLD`", "line 2")
    alias = fixed.replace(b"\tFLAG_A", b"\t" + own + b"\n\tFLAG_A")
    assert run(older, alias, older + b"\nint q;\n").sure is Sure.CERTAIN


def test_the_value_of_an_added_define_is_free_among_those_that_begin_alike() -> None:
    upstream = b"#define X_A\t0x1\n#define X_B\t0x2\n#define X_D\t0x8\n\nint a;\n"
    fixed = upstream.replace(b"#define X_D", b"#define X_FLAG\t0x4\n#define X_D")
    for own in (b"#define X_OLD\t0x4\n", b"#define X_OLD\tBIT(2)\n"):
        assert told(run(upstream, fixed, upstream.replace(b"#define X_A", own + b"#define X_A")), "`X_OLD`", "line 1")
    other = upstream.replace(b"#define X_A", b"#define OTHER_REG\t0x4\n#define X_A")
    assert run(upstream, fixed, other).sure is Sure.CERTAIN


def test_user_space_knows_one_value_of_a_name() -> None:
    upstream = b"enum k {\n\tA,\n\tB,\n\tC,\n\tMAX,\n};\n"
    fixed, older = upstream.replace(b"\tMAX", b"\tN,\n\tMAX"), upstream.replace(b"\tB,\n", b"")
    assert told(run(upstream, fixed, older, path="include/uapi/linux/k.h"), "`N` is 2", "3 upstream")
    assert not told(run(upstream, fixed, older, path="include/linux/k.h"), "user space")
    middle = upstream.replace(b"\tB,\n", b"\tB,\n\tN,\n")
    assert not told(run(upstream, middle, upstream, path="include/uapi/linux/k.h"), "`C`")
    own = upstream.replace(b"\tC,\n", b"\tOWN,\n\tC,\n")
    assert told(run(upstream, middle, own, path="include/uapi/linux/k.h"), "`OWN` becomes 3 and was 2")


# functions that are called otherwise

COPY = b"static int copy(struct dev *d, int to, int from)\n{\n\treturn d->x[to] - d->x[from];\n}\n\n"


@pytest.mark.parametrize(("was", "now"), [(b"int to, int from", b"int from, int to"), (b"int to,", b"void *to,"),
                                          (b"static int", b"static bool")])
def test_a_function_that_takes_or_returns_other_things_here_is_told(was: bytes, now: bytes) -> None:
    lines = ["one(u);", "two(u);", "three(u);"]
    upstream, fixed = COPY + body(*lines), COPY + body(*lines[:2], "ret = copy(u->d, 1, 2);", lines[2])
    for first in lines[0], "one(u, 0);":
        older = COPY.replace(was, now) + body(first, *lines[1:])
        assert told(run(upstream, fixed, older), "copy()", "in this tree", "upstream")
    assert run(upstream, fixed, COPY.replace(b"struct dev *d", b"struct dev *dev") + body(*lines)).sure is Sure.CERTAIN


# comments and nesting

def test_no_fix_goes_into_a_comment_of_this_tree() -> None:
    lines = ["one(u);", "two(u);", "three(u);"]
    upstream, fixed = body(*lines), body(*lines[:2], "fix(u);", lines[2])
    assert declined(run(upstream, fixed, body("one(u, 0);", "/*", *lines, "*/", "four(u);")), "inside a comment")
    assert declined(run(upstream, fixed, b"/*\n" + body("one(u, 0);", *lines[1:]) + b"*/\n"), "inside a comment")
    assert told(run(upstream, fixed, b"/*\n" + upstream + b"*/\n"), "inside a comment")


STRUCT = (b"struct s {\n\tint a;\n\tint b;\n\tunion {\n\t\tint x;\n\t\tint y;\n\t};\n\tint c;\n};\n")
OTHER = b"\nstruct t {\n\tint q;\n\tint r;\n\tint s;\n};\n"


@pytest.mark.parametrize(("at", "older"), [
    (b"\tint b;\n", b"struct s {\n\tunion {\n\t\tint a;\n\t\tint b;\n\t};\n\tint c;\n};\n" + OTHER),
    (b"\t\tint y;\n", b"struct s {\n\tint a;\n\tint b;\n\tint x;\n\tint y;\n\tint c;\n};\n" + OTHER),
    (b"\tint b;\n", b"struct s {\n\tint a;\n\tstruct {\n\t\tint b;\n\t\tint bb;\n\t} q;\n\tint c;\n};\n" + OTHER),
    (b"\tint r;\n", b"struct s {\n\tint a;\n\tint q;\n\tint r;\n\tint s;\n};\n")])
def test_a_member_goes_into_the_struct_or_union_that_upstreams_is_in(at: bytes, older: bytes) -> None:
    upstream = STRUCT + OTHER
    assert declined(run(upstream, upstream.replace(at, at + b"\tint n;\n"), older), "`int n;` stands inside")


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


# cases that a maintainer would think of

LOOP = ["list_for_each_entry_safe(p, n, &u->list, node) {", "\ttouch(p);", "}"]


@pytest.mark.parametrize("head", ["list_for_each_entry(p, &u->list, node) {",
                                  "list_for_each_entry_rcu(p, &u->list, node) {"])
def test_what_is_taken_off_a_list_inside_another_kind_of_loop_is_for_review(head: str) -> None:
    upstream, fixed = body(*LOOP), body(*LOOP[:2], "\tlist_del(&p->node);", "\tkfree(p);", LOOP[2])
    assert told(run(upstream, fixed, body(head, *LOOP[1:])), "list_del(&p->node);", "list_for_each_entry_safe")


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
    assert run(upstream, fixed, upstream.replace(b"__le16 type", b"u16 type")).sure is Sure.CERTAIN


def test_what_is_given_back_is_not_used_behind_it_and_not_given_back_twice() -> None:
    lines = [f"step{n}(u);" for n in range(12)]
    upstream, fixed = body(*lines), body(*lines[:2], "kfree(u->buf);", *lines[2:])
    assert told(run(upstream, fixed, body(*lines[:4], "show(u->buf);", *lines[4:])), "show(u->buf);", "kfree(u->buf);")
    tail = b"out:\n\tkfree(u->buf);\n\treturn ret;\n}\n"
    inner = ["if (u->odd) {", "\tkfree(u->buf);", "\treturn -1;", "}"]
    fixed = body(*lines[:2], *inner, *lines[2:])
    assert not told(run(upstream, fixed, body(*lines[:4], "show(u->buf);", *lines[4:])), "show(u->buf);")
    assert told(run(upstream, fixed, body(*lines, tail=tail)), "stands in this tree's function already")
    new = body(*lines[:4], "u->buf = get(u);", "show(u->buf);", *lines[4:])
    assert not told(run(upstream, body(*lines[:2], "kfree(u->buf);", *lines[2:]), new), "show(u->buf);")


def test_a_break_ends_the_same_kind_of_block() -> None:
    lines = ["for (i = 0; i < 9; i++) {", "\tif (x) {", "\t\tone(i);", "\t\ttwo(i);", "\t}", "}"]
    upstream, fixed = body(*lines), body(*lines[:3], "\t\tif (q)", "\t\t\tbreak;", *lines[3:])
    answer = run(upstream, fixed, body("switch (i) {", "default:", *lines[1:]))
    assert told(answer, "`break;` ends a switch in this tree, a loop upstream")
    assert not told(run(upstream, fixed, body("while (i--) {", *lines[1:])), "`break;`")


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
    assert run(upstream, fixed, body("zero(u);", *lines)).sure is Sure.CERTAIN


def test_what_stands_between_two_statements_is_told_where_they_changed_places() -> None:
    upstream = body("setup(u);", "enroll(u);", "two(u);")
    fixed = body("setup(u);", "prime(u);", "enroll(u);", "two(u);")
    answer = run(upstream, fixed, body("enroll(u);", "setup(u);", "two(u);"))
    assert answer.outcome is Apply.CONFLICT or told(answer, "on its other side")
    upstream = body("rcu_read_lock();", *STEPS[:2], "rcu_read_unlock();", "last(u);")
    fixed = body("rcu_read_lock();", *STEPS[:2], "fix(u);", "rcu_read_unlock();", "last(u);")
    answer = run(upstream, fixed, body("rcu_read_lock();", STEPS[0], "rcu_read_unlock();", STEPS[1], "last(u);"))
    assert answer.outcome is Apply.CONFLICT or told(answer, "`fix(u);`")
