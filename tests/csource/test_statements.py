"""How lines begin, jump and return."""

from __future__ import annotations

import pytest

from backport.csource.statements import (
    asked_pointer,
    controls,
    first_word,
    gotos,
    head_kind,
    is_case,
    is_jumped_to,
    jump,
    label,
    leaves,
    returned,
    sets_or_asks,
    walker,
)


@pytest.mark.parametrize(("line", "word", "way", "behind"), [
    (b"\treturn x;", b"return", b"return", True), (b"\tgoto out;", b"goto", b"goto", True),
    (b"\tbreak;", b"break", b"break", True), (b"\treturned = 1;", b"returned", b"", False),
    (b"\tBUG();", b"BUG", b"", True), (b"\tif (a)", b"if", b"", False), (b"\t}", b"", b"", False)])
def test_how_a_line_begins(line: bytes, word: bytes, way: bytes, behind: bool) -> None:
    assert (first_word(line), jump(line), leaves(line)) == (word, way, behind)


@pytest.mark.parametrize(("line", "name"), [
    (b"out:", b"out"), (b" out :", b"out"), (b"default:", b""), (b"a::b", b""), (b"\tcase A:", b""),
    (b"x ? a : b", b"")])
def test_labels(line: bytes, name: bytes) -> None:
    assert label(line) == name


def test_cases_jumps_and_returns() -> None:
    assert is_case(b"\tcase A:")
    assert is_case(b"\tdefault :")
    assert not is_case(b"\tcases = 1;")
    assert gotos(b"if (a) goto one; goto two;") == [b"one", b"two"]
    assert is_jumped_to(b"p = &&out;", b"out")
    assert not is_jumped_to(b"out:", b"out")
    assert returned(b"x;\nreturn\n\t-EINVAL ;") == b"-EINVAL"
    assert returned(b"return;") == b""
    assert returned(b"returned;") is None


@pytest.mark.parametrize(("head", "kind", "macro"), [
    (b"if(a)", b"if", b""), (b"else", b"else", b""), (b"elseif(a)", b"if", b""), (b"dofor", b"", b""),
    (b"list_for_each_entry_safe(a,b)", b"for", b"list_for_each_entry_safe"), (b"switch(x)", b"switch", b""),
    (b"structs", b"", b"")])
def test_heads_of_blocks(head: bytes, kind: bytes, macro: bytes) -> None:
    assert (head_kind(head), walker(head)) == (kind, macro)


def test_what_rules_the_next_statement_and_what_asks() -> None:
    assert controls(b"\tif (a) /* why */")
    assert controls(b"\t} else")
    assert not controls(b"\tif (a) {")
    assert not controls(b"\tcase A:")
    assert asked_pointer(b"\tif (!p)") == b"p"
    assert asked_pointer(b"\t} else if (IS_ERR_OR_NULL(q))") == b"q"
    assert asked_pointer(b"\tif (a && !p)") == b""
    assert sets_or_asks(b"\ta = b;")
    assert not sets_or_asks(b"\tf(a == b);")
