"""The name in a signature is what a pattern says that is tried at each byte."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backport.csource import layout
from backport.csource.layout import signature_name

_NAME = re.compile(rb"(?<!\w)([A-Za-z_]\w*)\s*\(")
TEXT = st.lists(st.sampled_from([
    b"static ", b"int", b" ", b"\t", b"*", b"(", b")", b"f", b"9g", b"_h1", b"sizeof", b"=", b"\xe4", b"__aligned",
    b"struct s", b",", b"noinline_for_stack"])).map(b"".join)


@given(TEXT)
def test_the_name_is_the_first_word_before_a_parenthesis_that_may_be_one(text: bytes) -> None:
    names = [name for name in _NAME.findall(text) if name not in layout._NOT_A_NAME]
    data = b"=" in text.split(b"(", 1)[0] or layout._DEFINE_MACROS.match(text)
    assert data or signature_name(text) == (names or [b""])[0]


@pytest.mark.parametrize(("text", "name"), [
    (b"static int f(int a)", b"f"), (b"struct s", b""), (b"static const struct ops ops =", b""), (b"", b""),
    (b"struct s *g (void)", b"g"), (b"int __aligned(8) h(void)", b"h"),
    (b"SYSCALL_DEFINE2(open, int, a, int, b)", b"open"), (b"x = f(a)", b""), (b"EXPORT_SYMBOL(", b""),
    (b"int 9g(a) f(b)", b"f")])
def test_signatures(text: bytes, name: bytes) -> None:
    assert signature_name(text) == name
