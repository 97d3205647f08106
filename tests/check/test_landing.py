"""Where hunks land, from what git prints and the bytes on both sides."""

from __future__ import annotations

from backport.check.landing import landings
from backport.patch.parse import parse
from tests.support.adapting import file_diff

LINES = [b"line %d\n" % i for i in range(60)]


def test_a_later_hunk_is_found_in_the_file_as_it_was_before_the_earlier_ones() -> None:
    after = [*LINES[:10], b"one\n", b"more\n", *LINES[10:40], b"changed\n", *LINES[41:]]
    patch = parse(file_diff("f.c", b"".join(LINES), b"".join(after)))
    assert len(patch.files[0].hunks) == 2
    report = ("Checking patch f.c...\nHunk #1 succeeded at 13 (offset 5 lines).\n"
              "Hunk #2 succeeded at 45 (offset 5 lines).\n")
    tree = b"".join([b"top\n"] * 5 + LINES)
    found = landings(patch, report, {"f.c": tree}, {})
    assert [(one.line, one.offset) for one in found] == [(13, 5), (43, 5)]


def test_a_place_that_has_other_lines_is_not_known() -> None:
    """git's words and the file are from two moments then, or the numbers were read wrongly: nothing is guessed."""
    patch = parse(file_diff("f.c", b"".join(LINES), b"".join([*LINES[:10], b"one\n", *LINES[10:]])))
    report = "Checking patch f.c...\nHunk #1 succeeded at 30 (offset 22 lines).\n"
    (found,) = landings(patch, report, {"f.c": b"".join(LINES)}, {})
    assert found.line == 0
