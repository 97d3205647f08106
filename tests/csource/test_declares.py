"""The names that lines bring with them."""

from __future__ import annotations

import pytest

from backport.csource.declares import declared


def brought(source: bytes, *lines: int) -> set[bytes]:
    return declared(source, frozenset(lines or range(source.count(b"\n"))))


@pytest.mark.parametrize(("source", "names", "others"), [
    (b"static int\nfoo(void)\n{\n\tbar();\n}\n", {b"foo"}, {b"bar"}),
    (b"static struct unit *\nfoo(struct arg *one,\n    int two)\n{\n", {b"foo", b"one", b"two"}, set()),
    (b"static __always_inline struct unit *foo(int x)\n", {b"foo", b"x"}, set()),
    (b"\tx = a * foo(b);\n", set(), {b"foo", b"x"}),
    (b"\treturn foo(b);\n\tgoto out;\n", set(), {b"foo", b"out"}),
    (b"#ifdef CONFIG_X\n\tfoo(y);\n#endif\n\tbar(y);\n", set(), {b"foo", b"bar", b"CONFIG_X"}),
    (b"#define FOO(px, py) \\\n\t((px) + bar(py))\n", {b"FOO", b"px", b"py"}, {b"bar"}),
    (b"#define FOO 0x1f\n", {b"FOO"}, set()),
    (b"enum mode { ONE, TWO = OTHER, THREE };\n", {b"mode", b"ONE", b"TWO", b"THREE"}, {b"OTHER"}),
    (b"enum {\n\tONE,\n\tTWO\n};\n", {b"ONE", b"TWO"}, set()),
    (b"\tONE,\n\tTWO = OTHER\n};\n", {b"ONE", b"TWO"}, {b"OTHER"}),
    (b"\tfoo(a,\n\t    MINE,\n\t    b);\n", set(), {b"MINE"}),
    (b"static const int t[] = {\n\tMINE,\n\t[INDEX] = OTHER,\n};\n", {b"t"}, {b"MINE", b"INDEX", b"OTHER"}),
    (b"struct unit {\n\tint x:3;\n\tvoid (*cb)(int arg);\n\tstruct list *l, m;\n} unit_t;\n",
     {b"x", b"cb", b"l", b"m", b"unit_t"}, set()),
    (b"typedef unsigned long\nword_t;\n", {b"word_t"}, set()),
    (b"\tint a, *b = NULL, c[3];\n", {b"a", b"b", b"c"}, set()),
    (b"\tfoo(a, b);\n", set(), {b"a", b"b", b"foo"}),
    (b"out_free:\n\tkfree(x);\n", {b"out_free"}, {b"x"}),
    (b"static DEFINE_MUTEX(mine);\n", {b"mine"}, {b"DEFINE_MUTEX"}),
    (b"SYSCALL_DEFINE2(call, int, fd, char __user *, buf)\n{\n\treturn sys_call(fd);\n}\n",
     {b"call", b"fd", b"buf", b"sys_call"}, set()),
    (b"static DEVICE_ATTR_RO(speed);\nstatic void *p = &dev_attr_speed;\n", {b"dev_attr_speed", b"p"}, set()),
    (b"TRACE_EVENT(start,\n\tTP_PROTO(int x),\n\tTP_ARGS(x));\n", {b"start"}, set()),
    (b"EXPORT_SYMBOL_GPL(foo);\n", set(), {b"foo"}),
    (b"\tWARN_ON(foo);\n\tLIST_HEAD(bar);\n", {b"bar"}, {b"foo"}),
])
def test_what_a_piece_declares(source: bytes, names: set[bytes], others: set[bytes]) -> None:
    found = brought(source)
    assert names <= found
    assert not others & found


def test_only_the_lines_that_are_asked_for_declare() -> None:
    source = b"static int\nfoo(void)\n{\n\tint a;\n\tint b;\n"
    assert brought(source, 1, 4) == {b"foo", b"b"}
