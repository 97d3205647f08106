"""What a file defines, read in one pass, is what the readers of single places find."""

from __future__ import annotations

import re

import pytest
from hypothesis import given

from backport.csource import definitions
from backport.csource.layout import functions_in
from tests.support.c_source import SOURCE


@given(SOURCE)
def test_definitions_are_those_of_the_readers_they_stand_for(source: bytes) -> None:
    data = b"\n" + source
    functions, found = definitions._functions_and_types(data)
    assert functions == {one.name.encode() for one in functions_in(data.split(b"\n"))}
    types = set()
    for match in definitions._BODY.finditer(data) if b"\n}" in data else ():
        alias = re.findall(rb"[A-Za-z_$]\w*", match[6]) if match[1] else []
        types |= {match[3]} - {None} | set(definitions.identifiers(match[6])[:1] if alias else [])
    assert found == types


@pytest.mark.parametrize(("source", "names"), [
    (b"struct a\n{\n\tint x;\n};\n", {b"a"}), (b"static const struct a {\n\tint x;\n} b;\n", {b"a"}),
    (b"typedef struct __packed {\n\tint x;\n} t;\n", {b"t"}), (b"struct a { int x; };\n", set()),
    (b"struct a { int x; };\nint f(void)\n{\n}\n", {b"a"}), (b"union u __aligned(8) {\n\tint x;\n};\n", set()),
    (b"struct __aligned(8) a {\n};\nenum e {\n\tA,\n};\n", {b"a", b"e"}), (b"struct a *f(void)\n{\n}\n", set()),
    (b"struct a {\n\tstruct b {\n\t} b;\n};\nstruct c {\n};\n", {b"a", b"c"})])
def test_types(source: bytes, names: set[bytes]) -> None:
    assert {name for kind, name in definitions.names(source) if kind == definitions.TYPE} == names


@given(SOURCE)
def test_macros_are_those_of_the_lines_that_begin_with_the_word(source: bytes) -> None:
    assert definitions.macros(source) == set(re.findall(rb"\n[ \t]*#[ \t]*define[ \t]+([A-Za-z_]\w*)", b"\n" + source))


@pytest.mark.parametrize("line", [b"#define A 1", b"  #define A", b"\t# define\tA(x) x", b"# \tdefine A"])
def test_a_macro_may_be_indented(line: bytes) -> None:
    for source in (line, b"int x;\n" + line + b"\n"):
        assert definitions.macros(source) == {b"A"}


@pytest.mark.parametrize("line", [b"x #define A", b" * #define A", b"#define 1A", b"##define A", b"#defineA"])
def test_no_macro(line: bytes) -> None:
    for source in (line, b"int x;\n" + line + b"\n"):
        assert definitions.macros(source) == set()


def test_macros_are_found_wherever_a_stretch_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    source = b"".join(b"#define A%d 1\n  #define B%d 2\n" % (number, number) for number in range(50))
    for stretch in range(1, 40):
        monkeypatch.setattr(definitions, "_STRETCH", stretch)
        assert len(definitions.macros(source)) == 100


def test_a_register_list_is_known_as_one_and_its_macros_are_not_named() -> None:
    several = b"".join(b"#define REG_%d 0x%x\n" % (number, number) for number in range(definitions.LIST_OF_MACROS))
    twice = several + several
    assert len(definitions.names(twice)) == definitions.LIST_OF_MACROS
    more = twice + b"#define ONE_MORE 1\nstruct list {\n\tint a;\n};\n"
    assert definitions.names(more) == {(definitions.BIG, b"-"), (definitions.TYPE, b"list")}
