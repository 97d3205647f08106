"""From the answers for hunks and files to the answer for the commit: what may be there is not made again."""

from __future__ import annotations

from backport.adapt.engine import adapt
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
