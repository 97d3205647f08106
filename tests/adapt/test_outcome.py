"""From the answers for hunks and files to the answer for the commit: what may be there is not made again."""

from __future__ import annotations

from backport.adapt.engine import adapt
from backport.adapt.records import Adaptation
from backport.treeview import MemoryView
from backport.verdict import Apply
from tests.support.adapting import patch_of, run

FIRST = b"int first(struct unit *u)\n{\n\tint a = 1;\n\n\topen_it(u);\n\treturn a;\n}\n\n"
SECOND = b"int second(struct unit *u)\n{\n\tbegin(u);\n\tprepare(u);\n\tgo(u);\n\tfinish(u);\n\treturn 0;\n}\n"
BEFORE = FIRST + b"int between;\n" * 12 + b"\n" + SECOND
ADDED = b"\topen_it(u);\n\tcount_it(u);\n"
AFTER = BEFORE.replace(b"\topen_it(u);\n", ADDED).replace(b"\tprepare(u);\n", b"\tprepare(u);\n\tstop_timer(u);\n")
OTHER_WORDS = b"\tgo(u);\n", b"\tgo(u, 0);\n"
# the maintainers put the line one statement further down
THERE = SECOND.replace(*OTHER_WORDS).replace(b"\tgo(u, 0);\n", b"\tgo(u, 0);\n\tstop_timer(u);\n")


def test_the_rest_of_a_change_that_is_partly_there_is_not_made_where_it_stands_near_by() -> None:
    here = BEFORE.replace(SECOND, THERE)
    partly = run(BEFORE, AFTER, here.replace(b"\topen_it(u);\n", ADDED))
    assert partly.outcome is Apply.CONFLICT
    assert "this tree may have the change in other words: hunk 2 adds lines that are already nearby" in partly.reason
    assert partly.patch is None
    alone = run(BEFORE, AFTER, here)
    assert alone.outcome is not Apply.CONFLICT       # nothing says that the change is there: for review, with a note
    assert any("is near its place in this tree already" in note for note in alone.notes)


def test_another_file_that_is_there_says_the_same() -> None:
    patch = patch_of({"a.c": (SECOND, SECOND.replace(b"\tprepare(u);\n", b"\tprepare(u);\n\tstop_timer(u);\n")),
                      "b.c": (FIRST, FIRST.replace(b"\topen_it(u);\n", ADDED))})
    files = {"a.c": THERE, "b.c": FIRST.replace(b"\topen_it(u);\n", ADDED)}
    answer = adapt(patch, MemoryView("tree", files), preimages={"a.c": SECOND, "b.c": FIRST},
                   there={"b.c": "a three-way merge changes nothing"})
    assert answer.outcome is Apply.CONFLICT
    assert "other parts of the change are there" in answer.reason


def absent_and(before: bytes, after: bytes) -> Adaptation:
    """The answer for a change of a.c, with a change of gone.c beside it, a file that the tree does not have."""
    patch = patch_of({"a.c": (before, after), "gone.c": (GONE, GONE.replace(b"\trelease_ref(&u->usage);\n", b""))})
    return adapt(patch, MemoryView("tree", {"a.c": before.replace(b"open_it(u)", b"open_it(u, 1)")}),
                 preimages={"a.c": before, "gone.c": GONE})


GONE = b"int gone_one(struct unit *u)\n{\n\tgone_two(u);\n\trelease_ref(&u->usage);\n\tgone_three(u);\n\treturn 0;\n}\n"


def test_what_upstream_moves_is_not_added_where_the_place_that_it_leaves_is_not_here() -> None:
    moved = FIRST.replace(b"\treturn a;", b"\trelease_ref(&u->usage);\n\treturn a;")
    answer = absent_and(FIRST, moved)
    assert answer.outcome is Apply.CONFLICT
    assert "upstream moves `release_ref(&u->usage);`, and the place that it takes it from is not" in answer.reason
    assert absent_and(FIRST, moved.replace(b"release_ref(&u->usage)", b"release_it(&u->other)")).outcome.good


def test_comments_alone_are_no_backport() -> None:
    answer = absent_and(FIRST, FIRST.replace(b"\treturn a;", b"\t/* the last user drops it */\n\treturn a;"))
    assert answer.outcome is Apply.CONFLICT
    assert "only comments would be left" in answer.reason
