"""What became of a conflict is kept, and made again of the very same one; of no other."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from backport.resolve.rerere import Conflict, read, recorded, render, replayed

HEAD, TAIL = b"int before(void);\n\n", b"\nint after(void);\n"
BLOCK = (b"<<<<<<< ours\n\tknown->two = fresh->two;\n||||||| before 1234\n\tknown->use &= fresh->use;\n"
         b"\tknown->why = fresh->why;\n=======\n\tknown->use = fresh->use;\n\tknown->why = fresh->why;\n>>>>>>> 1234\n")
MADE = b"\tknown->two = fresh->two;\n\tknown->use = fresh->use;\n"

rows = st.lists(st.binary(max_size=20).map(lambda x: x.replace(b"\n", b" ") + b"\n"), max_size=4).map(b"".join)


def learned(marked: bytes, final: bytes, path: str = "drivers/foo.c") -> dict[Conflict, bytes]:
    return dict(recorded(path, marked, final))


def test_the_same_conflict_becomes_the_same_in_another_place_of_another_version() -> None:
    known = learned(HEAD + BLOCK + TAIL, HEAD + MADE + TAIL)
    there = b"/* new */\n" + BLOCK.replace(b"1234", b"cafe") + b"int other;\n"
    assert replayed("drivers/net/foo.c", there, known)[0] == b"/* new */\n" + MADE + b"int other;\n"


def test_another_conflict_or_another_file_is_left_alone() -> None:
    known = learned(HEAD + BLOCK + TAIL, HEAD + MADE + TAIL)
    other = BLOCK.replace(b"use &=", b"use |=")
    assert replayed("drivers/foo.c", other, known) == (other, [])
    assert replayed("drivers/bar.c", BLOCK, known) == (BLOCK, [])


def test_of_two_blocks_the_one_that_is_known_is_filled_in() -> None:
    known = learned(HEAD + BLOCK + TAIL, HEAD + MADE + TAIL)
    other = BLOCK.replace(b"use &=", b"use |=")
    text, found = replayed("foo.c", BLOCK + b"int between;\n" + other, known)
    assert text == MADE + b"int between;\n" + other
    assert len(found) == 1


def test_nothing_is_learned_where_the_lines_around_were_changed_as_well() -> None:
    assert learned(HEAD + BLOCK + TAIL, b"int all_new;\n" + MADE + b"int quite;\n") == {}


def test_a_brace_against_nothing_is_the_same_everywhere_and_is_not_learned() -> None:
    brace = b"<<<<<<< ours\n||||||| b\n=======\n}\n>>>>>>> t\n"
    assert learned(HEAD + brace + TAIL, HEAD + b"}\n" + TAIL) == {}


def test_a_heading_underlined_with_seven_is_no_conflict() -> None:
    text = b"Heading\n=======\n\n" + BLOCK + TAIL
    assert learned(text, b"Heading\n=======\n\n" + MADE + TAIL) == learned(HEAD + BLOCK + TAIL, HEAD + MADE + TAIL)
    inside = BLOCK.replace(b"=======\n", b"=======\n=======\n")
    assert learned(HEAD + inside + TAIL, HEAD + MADE + TAIL) == {}


@given(st.lists(st.tuples(st.binary(min_size=1, max_size=9).filter(lambda x: b"\n" not in x), rows, rows, rows, rows),
                max_size=4))
def test_what_is_kept_is_read_again(made: list[tuple[bytes, bytes, bytes, bytes, bytes]]) -> None:
    known = [(Conflict(name.rstrip(), a, b, c), text) for name, a, b, c, text in made]
    assert list(read(render(known))) == known


@given(st.binary(max_size=200))
def test_a_damaged_file_is_no_traceback(data: bytes) -> None:
    list(read(data))
    list(read(b"conflict x\nours\n" + data))
