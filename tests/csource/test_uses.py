"""Where names are used, set and gone through."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backport.csource.uses import (
    assigned,
    assignment,
    compared,
    goes_through,
    has,
    locals_of,
    paths,
    sized,
    uses,
    value,
    values,
    variables,
)


def test_names_on_a_line() -> None:
    line = b"\tx = f(&y, p->z) + s.w;"
    assert variables(line) == {b"x", b"f", b"y", b"p", b"s"}
    assert values(line) == {b"x", b"p", b"s"}
    assert assigned(line) == {b"x"}
    assert assigned(b"*p = 1; a == b") == set()
    assert compared(b"if (a < 0 || b == 1) return c;") == {b"a", b"c"}
    assert locals_of(b"struct foo *p = F(q->r, bar(t));") == {b"struct", b"p", b"q", b"t"}
    assert sized(b"sizeof(*p->buf) + ARRAY_SIZE(tab) + sizeof(struct x)") == {b"buf", b"tab", b"x"}
    assert paths(b"a->b.c + d") == {b"a->b", b"a->b.c"}


@pytest.mark.parametrize(("line", "name", "what"), [
    (b"\tp->buf = g(1);", b"p->buf", b"g(1)"), (b"\tp->buf == g(1);", b"p->buf", None),
    (b"\tq->p->buf = 1;", b"p->buf", None), (b"\tp = p2 = 3;", b"p2", b"3"),
    (b"\tx = 1", b"x", b"1"), (b"\txx = 1;", b"x", None)])
def test_what_a_name_is_set_to(line: bytes, name: bytes, what: bytes | None) -> None:
    assert value(line, name) == what


def test_uses_are_no_new_values() -> None:
    assert uses(b"\tf(p);", b"p")
    assert not uses(b"\tp = 1;", b"p")
    assert uses(b"\tp = p + 1;", b"p")
    assert not uses(b"\tq->p;", b"p")
    assert goes_through(b"\tp ->a;", b"p")
    assert not goes_through(b"\tq.p->a;", b"p")
    assert assignment(b"\tret = -EIO;\n") == (b"ret", b"-EIO")
    assert assignment(b"\tif (a) ret = -EIO;") is None


PARTS = st.sampled_from([b"ab", b"a", b"_", b"->", b".", b" ", b"=", b"==", b"(", b"1", b";"])


@given(st.lists(PARTS, max_size=20).map(b"".join))
def test_a_name_is_found_as_a_pattern_would_find_it(line: bytes) -> None:
    assert has(line, b"a") == (re.search(rb"(?<![\w.>])a(?!\w)", line) is not None)
