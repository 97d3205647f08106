"""Where the old side of a hunk stands."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backport.patch.edits import edited, file_edits, hunk_edits, render_hunks
from backport.patch.locate import exact_edits, find_preimage, locate_all, nearest
from backport.patch.model import Hunk, Line
from backport.patch.parse import split_lines

FILE = b"a;\nx;\nb;\nx;\nc;\n"


def hunk(line: int, *lines: bytes) -> Hunk:
    return Hunk(line, line, tuple(Line(text[:1], text[1:] + b"\n") for text in lines))


@pytest.mark.parametrize(("line", "found"), [(2, 2), (4, 4), (3, 0)])
def test_the_headers_own_line_wins_and_otherwise_two_places_are_none(line: int, found: int) -> None:
    assert find_preimage(FILE, hunk(line, b"-x;", b"+y;")) == found


def test_a_preimage_that_moved_is_found_where_it_stands_once() -> None:
    assert find_preimage(FILE, hunk(9, b" b;", b"-x;", b"+y;")) == 3


def test_exact_edits_ask_for_the_headers_line_and_its_order() -> None:
    lines = split_lines(FILE)
    made = exact_edits([hunk(2, b"-x;", b"+y;"), hunk(5, b"-c;")], lines)
    assert made is not None
    assert edited(FILE, made) == b"a;\ny;\nb;\nx;\n"
    assert exact_edits([hunk(3, b"-x;", b"+y;")], lines) is None
    assert exact_edits([hunk(5, b"-c;"), hunk(2, b"-x;", b"+y;")], lines) is None


def test_hunks_are_located_in_order_and_drift_together() -> None:
    lines = split_lines(b"new;\nnew;\n" + FILE)
    assert locate_all([hunk(2, b"-x;", b"+y;"), hunk(4, b"-x;", b"+z;")], lines) == (3, 5)
    assert locate_all([hunk(2, b"-x;"), hunk(4, b"-x;"), hunk(5, b"-x;")], lines) is None


@pytest.mark.parametrize(("hint", "at"), [(0, 1), (1, 1), (2, 1), (3, 3), (9, 3)])
def test_the_nearest_place_is_taken_and_the_upper_one_of_two_as_near(hint: int, at: int) -> None:
    assert nearest([b"x;\n"], split_lines(FILE), hint) == at


@given(st.lists(st.sampled_from([b"a;\n", b"b;\n", b"{\n", b"\n"]), max_size=20),
       st.lists(st.sampled_from([b"a;\n", b"b;\n", b"c;\n", b"\n"]), max_size=20))
def test_the_hunks_of_two_files_stand_in_the_first_and_lead_to_the_second(old: list[bytes], new: list[bytes]) -> None:
    hunks = render_hunks(old, file_edits(old, new))
    made = exact_edits(hunks, old)
    assert made is not None
    assert edited(b"".join(old), made) == b"".join(new)
    starts = locate_all(hunks, old)
    assert starts is not None
    assert [edit for one, start in zip(hunks, starts, strict=True) for edit in hunk_edits(one, start)] == made
