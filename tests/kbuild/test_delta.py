"""Lines before and after a patch, for any two files."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from backport.kbuild.delta import _replay, file_delta
from backport.patch.model import Hunk, Line
from backport.patch.parse import split_lines

LINES = st.lists(st.sampled_from([b"a\n", b"b\n", b"}\n", b"\n"]), max_size=12)


@given(LINES, LINES)
def test_blocks_replayed_on_the_old_file_give_the_new_one(old: list[bytes], new: list[bytes]) -> None:
    delta = file_delta("f", b"".join(old), b"".join(new))
    assert _replay(old, new, delta.blocks) == new


@given(LINES, LINES)
def test_a_line_that_is_kept_is_mapped_to_an_equal_line(old: list[bytes], new: list[bytes]) -> None:
    delta = file_delta("f", b"".join(old), b"".join(new))
    for i, text in enumerate(old):
        to = delta.new_line(i + 1)
        assert to == -1 or new[to - 1] == text


def test_a_hunk_that_lands_with_an_offset_is_found_where_it_landed() -> None:
    before = b"".join(b"line %d\n" % i for i in range(1, 60))
    after = before.replace(b"line 40\n", b"line 40\nadded\n")
    hunk = Hunk(9, 9, (Line(b" ", b"line 39\n"), Line(b" ", b"line 40\n"), Line(b"+", b"added\n"),
                       Line(b" ", b"line 41\n")))
    delta = file_delta("f", before, after, (hunk,))
    assert [(block.new, block.added) for block in delta.blocks] == [(40, 1)]
    assert [delta.new_line(line) for line in (9, 40, 41)] == [9, 40, 42]


def test_a_hunk_that_lies_is_not_believed() -> None:
    before, after = b"a\nb\nc\n", b"a\nx\nc\n"
    hunk = Hunk(1, 1, (Line(b" ", b"a\n"), Line(b"-", b"b\n"), Line(b" ", b"c\n")))
    delta = file_delta("f", before, after, (hunk,))
    assert _replay(split_lines(before), split_lines(after), delta.blocks) == split_lines(after)
