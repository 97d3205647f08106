"""A file is cut into pieces and read piece by piece: nothing of it is lost, and it reads as the whole would."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from backport.csource.layout import blocks_in, functions_in
from backport.csource.pieces import code
from backport.csource.source import Piece, Source

PARTS = st.sampled_from([
    b"}\n",
    b"};\n", b"{\n", b"int f(void)\n", b"\treturn 0;\n", b"/*\n", b"*/\n", b"/* } */\n", b"// }\n", b"\n", b"'",
    b'\t"/*";\n', b"struct s {\n", b"\tint a;\n", b"#if X\n", b"#endif\n", b"\tg('}', \"}\");\n", b"} /* more\n",
    b"\\\n"])


@given(st.lists(PARTS, max_size=14).map(b"".join))
def test_pieces_are_the_file_and_read_as_the_file_does(data: bytes) -> None:
    source = Source(data)
    lines = data.split(b"\n")
    functions = functions_in(lines)
    assert b"".join(piece.text for _, piece in source.pieces) == data
    assert source.bare_lines == tuple(source.bare.split(b"\n"))
    assert len(source.bare) == len(data)
    assert list(source.functions) == functions
    assert list(source.blocks) == blocks_in(lines, functions)
    for line in range(1, len(lines) + 1):    # one piece is read for a line, and the answer is the whole file's
        begun = [f for f in functions if f.start <= line]
        assert source.enclosing(line) == (begun[-1] if begun and line <= begun[-1].end else None)
        assert source.block(line) == next((b for b in source.blocks if b.start < line <= b.end), None)
    assert source.functions_named("f") == [f for f in functions if f.name == "f"]
    assert source.has_word(b"return") == (b"return" in data)


def test_a_brace_in_a_comment_ends_no_piece() -> None:
    data = b"int a;\n/* old:\n}\n*/\nint b;\n}\nint c;\n"
    assert [piece.text for _, piece in Source(data).pieces] == [b"int a;\n/* old:\n}\n*/\nint b;\n}\n", b"int c;\n"]
    assert Source(data).bare == code(data)


def test_revisions_share_what_is_equal_in_them() -> None:
    one = b"int f(void)\n{\n\treturn 0;\n}\n\nint g(void)\n{\n\treturn 1;\n}\n"
    two = one.replace(b"return 1", b"return 2")
    assert Source(one).pieces[0][1] is Source(two).pieces[0][1]
    assert Source(one).pieces[1][1] is not Source(two).pieces[1][1]
    assert Piece.of(b"x\n") is Piece.of(b"x\n")


def test_a_function_that_is_there_twice_is_not_the_only_one() -> None:
    data = b"#if A\nint f(void)\n{\n}\n#else\nint f(void)\n{\n\tg();\n}\n#endif\nint h(void)\n{\n}\n"
    source = Source(data)
    assert source.function("f") is None
    only = source.function("h")
    assert only is not None
    assert source.text(only) == b"int h(void)\n{\n}\n"
