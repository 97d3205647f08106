"""What the tree has already, wholly or in part."""

from __future__ import annotations

from backport.adapt.engine import adapt
from backport.patch.parse import parse
from backport.treeview import MemoryView
from backport.verdict import Sure
from tests.support.adapting import body, result, run

THERE = b"""--- a/a.c
+++ b/a.c
@@ -5,12 +5,14 @@ int stop(struct unit *u, int err)
 \tfor (;;) {
 \t\tif (bad(u)) {
 \t\t\tset_flag(u, BAD);
 \t\t\thandle(u,
 \t\t\t       ERR);
-\t\t\tbreak;
+\t\t\tret = -1;
+\t\t\tgoto cleanup;
 \t\t}
\x20
+\t\th = find(u);
 \t\tif (!h || u->h)
 \t\t\tcontinue;
 \t}
 \tlog_end(u);
"""


def test_what_is_there_already_is_not_made_twice_and_the_rest_is_made() -> None:
    upstream = body("for (;;) {", "\tif (bad(u)) {", "\t\tset_flag(u, BAD);", "\t\thandle(u,", "\t\t       ERR);",
                    "\t\tbreak;", "\t}", "", "\tif (!h || u->h)", "\t\tcontinue;", "}").replace(b"\t\n", b"\n")
    older = upstream.replace(b"\t\t\thandle(u,\n\t\t\t       ERR);\n\t\t\tbreak;\n",
                             b"\t\t\tret = -1;\n\t\t\tgoto cleanup;\n")
    assert older != upstream
    answer = adapt(parse(b"Subject: x\n\n" + THERE), MemoryView("tree", {"a.c": older}), preimages={"a.c": upstream})
    assert result(answer, older) == older.replace(b"\t\tif (!h", b"\t\th = find(u);\n\t\tif (!h")
    assert answer.sure is Sure.REVIEW


def test_without_upstreams_file_a_function_that_has_every_added_statement_is_not_given_them_again() -> None:
    before = body("first(u);", "second(u);", "third(u);")
    fixed = body("first(u);", "release_all(u->chain, trans);", "second(u);", "third(u);")
    older = body("check(u);", "first(u);", "middle(u);", "third(u);", "release_all(u->chain, trans);")
    assert run(before, fixed, older, preimage=False).patch is None
    assert run(before, fixed, older.replace(b"release_all(", b"hold_all("), preimage=False).patch is not None
