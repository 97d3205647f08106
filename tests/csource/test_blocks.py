"""What rules a line of a function."""

from __future__ import annotations

import pytest

from backport.csource.blocks import Place, loops_left, places

SOURCE = b"""int f(int a)
{
\tint b = a ? 1 : 2;	/* if (x) { */

\tif (b) {
\t\tcall(a,
\t\t     b);
\t} else if (a)
\t\tother();
\tswitch (a) {
\tcase 1:
\tcase 2:
\t\tone();
#ifdef CONFIG_X
\tdefault:
\t\ttwo("};");
#endif
\t}
out:
\treturn 0;
}
"""


@pytest.mark.parametrize(("text", "place"), [
    (b"int b", Place(b"", b"", b"")),
    (b"call(a,", Place(b"if(b)", b"", b"")),
    (b"     b);", Place(b"if(b)", b"", b"call(a,")),
    (b"other();", Place(b"", b"", b"elseif(a)")),
    (b"one();", Place(b"switch(a)", b"case2:", b"")),
    (b"two(", Place(b"switch(a)", b"default:", b"")),
    (b"return 0;", Place(b"", b"", b"")),
])
def test_where_a_line_stands(text: bytes, place: Place) -> None:
    line = next(i for i, one in enumerate(SOURCE.split(b"\n"), 1) if text in one)
    found = places(SOURCE, line)
    assert found is not None
    assert found[1][line - found[0]] == place


def test_outside_of_functions_there_is_no_place() -> None:
    assert places(b"int a;\n", 1) is None


@pytest.mark.parametrize(("jump", "left"), [
    ("return 1;", 2), ("break;", 1), ("goto out;", 2), ("goto next;", 1), ("goto nowhere;", 0), ("continue;", 0),
])
def test_which_loops_a_jump_leaves(jump: str, left: int) -> None:
    source = ("int scan(struct unit *u)\n{\n\tfor_each_unit(u) {\n\t\twhile (u->left) {\n\t\t\tif (u->bad)\n"
              f"\t\t\t\t{jump}\n\t\t}}\nnext:\n\t\tadd(u);\n\t}}\nout:\n\treturn 0;\n}}\n").encode()
    assert loops_left(source, 5) == ((b"for_each_unit(u)", b"while(u->left)")[2 - left:] if left else ())
