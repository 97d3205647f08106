"""One answer to whether a line is a declaration, and of what."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backport.csource.declarations import (
    byte_orders,
    declaration,
    declares_inside,
    declares_only,
    is_local,
    made_by_macro,
    of_function,
    perhaps_declared,
    types,
)

LINES = (
    (b"int a;", {b"a": b"int"}),
    (b"\tunsigned long flags;", {b"flags": b"unsigned long"}),
    (b"\tstruct foo *p = priv(x, y);", {b"p": b"struct foo *"}),
    (b"\tint a, *b, c[4];", {b"a": b"int", b"b": b"int *", b"c": b"int[]"}),
    (b"\tconst char *name = NULL;", {b"name": b"const char *"}),
    (b"\tu8 bits:3;", {b"bits": b"u8"}),
    (b"\tvoid __iomem *base;", {b"base": b"void __iomem *"}),
    (b"\tstruct list_head done __maybe_unused;", {b"done": b"struct list_head"}),
    (b"\tfoo_t x[2][3] = { 1, 2 };", {b"x": b"foo_t[]"}),
    (b"\tfoo * bar;", {b"bar": b"foo *"}),
    (b"\treturn err;", {}),
    (b"\tgoto out;", {}),
    (b"\telse x;", {}),
    (b"\tx = y;", {}),
    (b"\tx == y;", {}),
    (b"\tkfree(p);", {}),
    (b"\tint (*fn)(void);", {}),
    (b"int f(int a);", {}),
    (b"\tfor (int i = 0; i < n; i++);", {}),
    (b"\tint a", {}),
    (b"\tbreak;", {}),
    (b"\tp->next = a;", {}),
    (b"", {}),
    (b";", {}),
)


@pytest.mark.parametrize(("line", "found"), LINES)
def test_what_a_line_declares(line: bytes, found: dict[bytes, bytes]) -> None:
    assert {one.name: one.type for one in declaration(line)} == found


def test_everybody_who_asks_for_a_declaration_gets_the_same_answer() -> None:
    for line, found in LINES:
        assert bool(declaration(line)) == bool(found)
        assert is_local(line) == (bool(found) and line[:1] == b"\t")
        assert bool(of_function(line)) == is_local(line)
        assert set(types(b"\t" + line.lstrip())) == set(found)
        if not found:
            assert not declares_only(line)


def test_values_are_told_apart_from_none() -> None:
    assert [one.value for one in declaration(b"\tint a = 1, b, c = f(x, y);")] == [b"1", None, b"f(x, y)"]
    assert declares_only(b"\tint a, b;")
    assert not declares_only(b"\tint a, b = 0;")


def test_depth_and_comments() -> None:
    assert of_function(b"\tint a; /* why; */")
    assert not of_function(b"\t\tint a;")
    assert not of_function(b"int a;")
    assert is_local(b"        int a;\t// why\n")


def test_a_type_that_is_not_the_same_everywhere_is_none() -> None:
    assert types(b"\tint a;\n\t__le32 b;\n\tlong a;\n") == {b"b": b"__le32"}
    assert byte_orders(b"__le32") == [(b"le", b"32")]
    assert byte_orders(b"u32") == []


PARTS = st.sampled_from([b"int", b"*", b" ", b"a", b",", b"=", b"[", b"]", b"(", b")", b";", b"struct ", b"\t", b":",
                         b"__x", b"/*", b"\xff"])


@given(st.lists(PARTS, max_size=30).map(b"".join))
def test_any_line_is_read(line: bytes) -> None:
    for one in declaration(line):
        assert one.name in line


@pytest.mark.parametrize(("line", "declared"), [
    (b"\tint nfs_ok;\n", True),
    (b"\treturn nfs_ok;\n", False),
    (b"\tgoto nfs_ok;\n", False),
    (b"#ifdef nfs_ok\n", False),
    (b"\tval = div(val * 10 * nfs_ok);\n", False),
    (b"\tsize = sizeof(struct nfs_ok);\n", False),
    (b"\tint (*nfs_ok)(int n);\n", True),
])
def test_jumps_and_directives_declare_nothing(line: bytes, declared: bool) -> None:
    assert declares_inside(b"int f(void)\n{\n" + line + b"}\n", b"nfs_ok") is declared


@pytest.mark.parametrize("line", [line for line, names in LINES if names])
def test_each_name_of_a_declaration_is_among_those_that_may_be_one(line: bytes) -> None:
    """`unsigned long flags` once gave `long` alone: the last word was read as the one behind which it stands."""
    names = {one.name for one in declaration(line)}
    assert names <= perhaps_declared(line)


@pytest.mark.parametrize(("text", "made"), [
    (b"\tLIST_HEAD(buf);\n", True),
    (b"\tstatic DEFINE_RATELIMIT_STATE(buf, HZ, 1);\n", True),
    (b"#define FIELD buf\n", True),
    (b"\tif (a) { DEFINE_WAIT(buf);\n", True),
    (b"\tcase 1: LIST_HEAD(buf);\n", True),
    (b"\tint a; DECLARE_BITMAP(buf, 3);\n", True),
    (b"\tconst struct foo *DEFX(buf);\n", True),
    (b"\tif (IS_ERR(buf))\n\t\treturn PTR_ERR(buf);\n", False),
    (b"\tret = FIELD_GET(MASK, buf);\n", False),
    (b"\tLIST_HEAD(other);\n\tkfree(buf);\n", False)])
def test_a_macro_declares_where_a_statement_begins_with_it(text: bytes, made: bool) -> None:
    assert made_by_macro(text, b"buf") is made
