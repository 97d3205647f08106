"""Pieces of C in an order that nobody wrote, for tests of whoever reads it."""

from __future__ import annotations

from hypothesis import strategies as st

SOURCE = st.lists(st.sampled_from([
    b"a", b"_b1", b"9lives", b"0x1fU", b"\xe4\xf6", b"$", b"name", b" ", b"\n", b"\t", b"{", b"}", b"(", b")", b";",
    b",", b"/*", b"*/", b"//", b'"', b"'", b"\\", b"\r", b"struct ", b"enum ", b"typedef ", b"static ",
    b"#define ", b"\n{\n",
    b"\n}\n", b"\n};\n", b"int f(void)", b"SYSCALL_DEFINE2(", b"= ", b":", b"__packed", b"* ", b"L",
    b"\n#include <a/b.h>", b"eightlet", b"nine_lets", b"sixteen_letters_", b"and_more_than_sixteen",
])).map(b"".join)
