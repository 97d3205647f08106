"""What a hunk says of its place by itself: by a title in its context, by its header, by the tree."""

from __future__ import annotations

import pytest

from backport.patch.model import Hunk, Line
from backport.sections.hunks import change_scope, lands_there, named_section

KCONFIG = b"config A\n\tbool\n\tdefault n\n\nconfig B\n\tbool\n\tdefault n\n"


def hunk(section: bytes, *lines: bytes) -> Hunk:
    return Hunk(1, 1, tuple(Line(line[:1], line[1:] + b"\n") for line in lines), section)


@pytest.mark.parametrize(("one", "name"), [
    (hunk(b"config A", b" \tbool", b"-\tdefault n"), "config A"),
    (hunk(b"config A", b" \tbool", b" ", b" config B", b"+\tbool"), "config B"),       # the context overrules it
    (hunk(b"config A", b" \tbool", b" ", b"+config C", b"+\tbool", b"+"), "config C"),
    (hunk(b"", b" \tbool", b"-\tdefault n"), None),
    (hunk(b"endif", b" \tbool", b"-\tdefault n"), None),
])
def test_the_section_that_a_hunk_names(one: Hunk, name: str | None) -> None:
    said = named_section(one, "Kconfig")
    assert (said.name if said is not None else None) == name


def test_the_trees_own_text_is_asked_where_the_lines_of_a_hunk_stand() -> None:
    source = b"TITLE ONE\nM:\tA\nF:\ta/\nF:\tb/\n\nTITLE TWO\nM:\tC\nF:\tc/\nF:\td/\n"
    one = hunk(b"M:\tC", b" F:\tc/", b"+F:\tn/", b" F:\td/")
    assert named_section(one, "MAINTAINERS") is None                          # and git's header is no title
    assert lands_there(one, "TITLE TWO", source, "MAINTAINERS") is True
    assert lands_there(one, "TITLE ONE", source, "MAINTAINERS") is False
    # the last line of an entry says nothing about what follows it
    last = hunk(b"F:\tb/", b" ", b"+F:\tn/")
    assert lands_there(last, "TITLE TWO", source, "MAINTAINERS") is None


def test_a_label_inside_a_routine_is_the_routine() -> None:
    source = b"SYM_CODE_START(entry)\n\tnop\ninner:\n\tret\nSYM_CODE_END(entry)\n"
    one = hunk(b"inner:", b"-\tret", b"+\tRET")
    assert lands_there(one, "entry()", source, "a.S") is True
    assert lands_there(one, "entry()", source.replace(b"inner:\n", b""), "a.S") is False


def test_the_first_change_counts() -> None:
    one = hunk(b"", b" \tdefault n", b" ", b" config B", b"+\thelp", b" \tbool")
    assert change_scope(KCONFIG, 3, one, "Kconfig") == "config B"
