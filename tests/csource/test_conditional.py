"""Which lines hang on an #if."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from backport.csource.conditional import layout
from backport.patch.parse import split_lines
from backport.sections.assembly import assembled_if

SOURCE = b"""/* #if 0 in a comment */
int a;
#ifdef CONFIG_X
int b;
# if defined(Y) && \\
     Z
int c;
# endif
int d;
#else
int e; // #endif
#define M(x) \\
	((x) + 1)
#endif
int f;
char *s = "/* no comment";
int g;
"""


def test_sections_guards_and_kinds() -> None:
    plan = layout(SOURCE)
    by_text = {line.strip(): (section, kind) for line, section, kind in
               zip(split_lines(SOURCE), plan.sections, plan.kinds, strict=True)}
    assert [by_text[name][0].guarded for name in (b"int a;", b"int f;", b"int g;")] == [False] * 3
    assert by_text[b"int a;"][0].number == by_text[b"int f;"][0].number
    assert by_text[b"int b;"][0].opened == "#ifdef CONFIG_X"
    assert by_text[b"int b;"][0] == by_text[b"int d;"][0]
    assert by_text[b"int c;"][0] not in (by_text[b"int b;"][0], by_text[b"int e; // #endif"][0])
    assert by_text[b"int e; // #endif"][0].guarded
    assert by_text[b"((x) + 1)"][1] == "define"
    assert by_text[b"Z"][1] == "directive"
    assert by_text[b"/* #if 0 in a comment */"][1] == "blank"
    assert by_text[b'char *s = "/* no comment";'][1] == "code"


def test_an_include_guard_is_no_condition_but_the_if_inside_it_is() -> None:
    plan = layout(b"/* x */\n#ifndef A_H\n#define A_H\nint a;\n#ifdef B\nint b;\n#endif\n#endif /* A_H */\n")
    assert [plan.sections[i].guarded for i in (3, 5)] == [False, True]
    late = layout(b"#ifndef A_H\n#define A_H\nint a;\n#endif\nint b;\n")
    assert late.sections[2].guarded          # something follows: not a guard around the whole header


@given(st.lists(st.sampled_from([b"#if A\n", b"#else\n", b"#elif B\n", b"#endif\n", b"x;\n", b"\n", b"/*\n", b"*/\n",
                                 b"#define Y \\\n", b'"\n']), max_size=30))
def test_any_file_gets_one_section_and_kind_a_line(lines: list[bytes]) -> None:
    plan = layout(b"".join(lines))
    assert len(plan.sections) == len(plan.kinds) == len(lines)


def test_what_the_assembler_may_leave_out_is_found_by_line() -> None:
    text = b".macro one\n\tnop\n.if \\x\n\tnop\n.else\n\tret\n.endif\n.endm\n\tret\n.rept 2\n\tnop\n.endr\n"
    assert assembled_if(text) == {2: ".macro one", 3: ".macro one", 4: ".if \\x", 5: ".if \\x", 6: ".if \\x",
                               7: ".macro one"}
