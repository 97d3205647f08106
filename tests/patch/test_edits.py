"""Edits and the hunks that are rendered from them."""

from __future__ import annotations

from tests.support.adapting import result, run

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
