"""What the checks say of a result that a person made."""

from __future__ import annotations

from backport.adapt.checks.base import Names
from backport.adapt.given import given_findings
from backport.adapt.signals import Signal
from backport.patch.parse import parse

BASE = b"""static int one(struct foo *f)
{
\tif (!f->ready)
\t\treturn 0;
\tf->count++;
\treturn f->count;
}

static int two(struct foo *f)
{
\tif (!f->ready)
\t\treturn 0;
\tf->other++;
\treturn f->other;
}
"""
TARGET = BASE.replace(b"f->count++;", b"f->count += 1;").replace(b"f->other++;", b"f->other += 1;")
UPSTREAM = b"""--- a/x.c
+++ b/x.c
@@ -3,3 +3,3 @@ static int one(struct foo *f)
 \tif (!f->ready)
-\t\treturn 0;
+\t\treturn -ENODEV;
 \tf->count++;
@@ -11,3 +11,3 @@ static int two(struct foo *f)
 \tif (!f->ready)
-\t\treturn 0;
+\t\treturn -ENODEV;
 \tf->other++;
"""


def kinds(made: bytes) -> set[Signal]:
    (upstream,), (theirs,) = parse(UPSTREAM).files, parse(made).files
    return {one.kind for one in given_findings(upstream, BASE, theirs, TARGET, Names())}


def test_the_same_lines_in_two_functions_are_told_apart_by_the_function() -> None:
    honest = UPSTREAM.replace(b"f->count++;", b"f->count += 1;").replace(b"f->other++;", b"f->other += 1;")
    assert kinds(honest) == set()


def test_a_change_in_another_function_is_found() -> None:
    strayed = (b"--- a/x.c\n+++ b/x.c\n@@ -13,2 +13,3 @@\n \tf->other += 1;\n+\tf->count = -ENODEV;\n"
               b" \treturn f->other;\n")
    (upstream,) = parse(UPSTREAM).files
    one = upstream.with_hunks(upstream.hunks[:1])
    (theirs,) = parse(strayed).files
    found = given_findings(one, BASE, theirs, TARGET, Names())
    assert [text.text for text in found if text.kind is Signal.FUNCTION] == ["lands in two(); upstream changes one()"]


def test_what_does_not_fit_the_file_is_no_matter_for_the_checks() -> None:
    assert kinds(UPSTREAM) == set()
