from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from backport.csource import tokens
from backport.csource.tokens import Kind, apart, identifiers, is_identifier, lex, vocabulary
from tests.support.c_source import SOURCE

FRAGMENTS = st.lists(st.sampled_from([
    b"foo", b"(", b")", b"{", b"}", b"[", b"]", b",", b";", b"->", b".", b"&", b"*", b"!", b" ", b"\t", b"\n", b"\\\n",
    b"/*", b"*/", b"//", b'"', b"'", b"\\", b"#", b"#define ", b"if ", b"return ", b"0x1f", b"1.5e+3", b"\f", b"\xff",
    b"\r\n", b" * ", b"struct ", b"a", b"||", b"=", b"@", b"`"]), max_size=40).map(b"".join)


@given(FRAGMENTS | st.binary(max_size=80))
def test_tokens_add_up_to_the_input(source: bytes) -> None:
    tokens = lex(source)
    assert b"".join(token.text for token in tokens) == source
    assert all(source[token.start:token.end] == token.text for token in tokens)


def kinds(source: bytes) -> list[tuple[Kind, bytes]]:
    return [(t.kind, t.text) for t in lex(source) if t.kind is not Kind.SPACE]


def test_a_name_in_a_comment_or_string_is_no_name() -> None:
    source = b'/* foo */ "foo" \'f\' // foo \\\n foo\n"a\\"foo" L"foo" bar'
    assert [text for kind, text in kinds(source) if kind is Kind.NAME] == [b"bar"]


def test_an_apostrophe_in_prose_does_not_hide_the_end_of_a_comment() -> None:
    assert kinds(b"doesn't call foo(x)\n\t */\n\tfoo(x);") == [
        (Kind.COMMENT, b"doesn't call foo(x)\n\t */"), (Kind.NAME, b"foo"), (Kind.PUNCT, b"("), (Kind.NAME, b"x"),
        (Kind.PUNCT, b")"), (Kind.PUNCT, b";")]


def test_a_fragment_inside_a_comment_is_a_comment() -> None:
    assert [kind for kind, _ in kinds(b"\t * foo(x)\n\t *\n\t * bar\n")] == [Kind.COMMENT]


def test_a_dereference_at_the_beginning_is_code() -> None:
    assert (Kind.NAME, b"foo") in kinds(b"\t*foo = bar(x);\n")


def test_stringification_is_no_directive() -> None:
    assert [t for t in kinds(b"#define A(x) #x\n  # ifdef B\n") if t[0] is Kind.DIRECTIVE] == [
        (Kind.DIRECTIVE, b"#define"), (Kind.DIRECTIVE, b"# ifdef")]


def test_a_comment_close_in_a_string_closes_nothing() -> None:
    assert kinds(b'\tfoo("*/");\n')[0] == (Kind.NAME, b"foo")


@settings(deadline=None)
@given(FRAGMENTS)
def test_identifiers_are_the_names_of_the_lexer(source: bytes) -> None:
    headers = (b"#include", b"#error", b"#warning", b"#pragma")
    if b"#" not in source and b"\\" not in source and not any(header in source for header in headers):
        assert identifiers(source) == [t.text for t in lex(source) if t.kind is Kind.NAME and t.text.isascii()]


def test_no_number_literal_comment_or_header_is_an_identifier() -> None:
    source = (b"#include <linux/foo.h>\n#define A 0x9fd3b1c7\nint x = 0x1fUL + 0b1 + 1e5f + 1.e5 + .5e-y; /* com */\n"
              b"char *s = L\"str\\\"ing\" \"on\"; // end\nchar c = u8'c';\n#error don't\nint last;\n")
    names = [b"A", b"int", b"x", b"y", b"char", b"s", b"char", b"c", b"int", b"last"]
    assert [name for name in identifiers(source) if name not in (b"define", b"y")] == [n for n in names if n != b"y"]
    assert {b"com", b"end", b"str", b"A", b"foo"} <= set(identifiers(source, comments=True))
    assert not {b"x9fd3b1c7", b"x1fUL", b"b1", b"e5f"} & set(identifiers(source, comments=True))


def test_the_words_of_a_file_are_told_from_those_of_its_comments() -> None:
    code, rest = vocabulary(b"int a; /* b c */ f(\"d\", 0x1f);\n")
    assert {b"int", b"a", b"f"} <= code
    assert not {b"b", b"c", b"d"} & code
    assert rest == {b"b", b"c", b"d"}


def test_an_identifier_is_one_name() -> None:
    assert all(is_identifier(text) for text in (b"a", b"_a1"))
    assert not any(is_identifier(text) for text in (b"1a", b"a b", b"", b"a.b", b"0x1"))


@given(SOURCE)
def test_a_file_is_taken_apart_where_the_pattern_of_comments_and_literals_splits_it(source: bytes) -> None:
    code, skipped = apart(source)
    parts = tokens._SKIPPED.split(source)
    assert (code, skipped) == (parts[::2], parts[1::2])


def test_a_division_is_code_and_an_open_comment_goes_on_to_the_end() -> None:
    assert apart(b"a / b /* c \"d */ 'e' // f\n/ g /* h") == (
        [b"a / b ", b" ", b" ", b"\n/ g ", b""], [b"/* c \"d */", b"'e'", b"// f", b"/* h"])
    assert apart(b'a /"b"/**/') == ([b"a /", b"", b""], [b'"b"', b"/**/"])
