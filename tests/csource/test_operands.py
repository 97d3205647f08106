from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from backport.csource.operands import condition, without_operators


@pytest.mark.parametrize(("source", "operands", "joiner"), [
    (b"\tif (a || b(c, d) != 0)\n\t\tgo();\n", (b"a ", b" b(c, d) != 0"), b"||"),
    (b"\twhile (a)\n", (b"a",), b""),
    (b"\treturn a && (b || c);\n", (b" a ", b" (b || c)"), b"&&"),
])
def test_operands(source: bytes, operands: tuple[bytes, ...], joiner: bytes) -> None:
    found = condition(source)
    assert found is not None
    assert (found.operands, found.joiner) == (operands, joiner)


@pytest.mark.parametrize("source", [b"\tif (a || b && c)\n", b"\tif (a ? b : c)\n", b"\tif (a ||\n",
                                    b"\tfoo(a || b);\n", b"\tif (a /* || */ || b)\n", b"\tif foo\n", b""])
def test_what_cannot_be_told_apart(source: bytes) -> None:
    assert condition(source) is None


@pytest.mark.parametrize(("one", "other", "same"), [
    (b"if(a->b<c&&!d)", b"if(a->b>=c||d)", True),
    (b"if(a->b<c)", b"if(a.b<c)", False),
    (b"if(a<<2)", b"if(a>>2)", False),
])
def test_two_conditions_differ_in_their_operators_alone(one: bytes, other: bytes, same: bool) -> None:
    assert (without_operators(one) == without_operators(other)) is same


@settings(deadline=None)
@given(st.lists(st.sampled_from([b"if", b" ", b"(", b")", b"a", b"||", b"&&", b";", b"return", b"\n", b"{", b'"',
                                 b"\xff"]), max_size=20).map(b"".join))
def test_the_parts_add_up(source: bytes) -> None:
    found = condition(source)
    if found is not None:
        assert found.head + found.joiner.join(found.operands) + found.tail == source
