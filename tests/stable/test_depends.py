"""What a patch of a directory needs in the tree first, told by files and names."""

from __future__ import annotations

from dataclasses import replace

import pytest

from backport.patch.model import Patch
from backport.patch.parse import parse
from backport.stable.depends import depends, groups, parts

TREE = {"known", "ret", "size"}      # the words that the bare tree has


def patch(name: str, *diffs: str, thread: str = "queue/series", part: int = 0, total: int = 0) -> Patch:
    made = parse("".join(diffs).encode(), source=name, slug=name)
    return replace(made, slug=name, thread=thread, part=part, parts=total)


def change(path: str, added: str, *, context: str = "a") -> str:
    lines = "".join(f"+{line}\n" for line in added.split("\n"))
    return (f"diff --git a/{path} b/{path}\n--- a/{path}\n+++ b/{path}\n"
            f"@@ -1,2 +1,{2 + added.count(chr(10)) + 1} @@\n {context}\n{lines} b\n")


def new(path: str, text: str = "int x;") -> str:
    return f"diff --git a/{path} b/{path}\nnew file mode 100644\n--- /dev/null\n+++ b/{path}\n@@ -0,0 +1 @@\n+{text}\n"


def needs(*patches: Patch) -> list[tuple[int, ...]]:
    return depends(patches, TREE.__contains__)


def test_patches_that_share_no_file_and_no_name_need_nothing() -> None:
    found = [patch("1", change("a.c", "\tint ret;")), patch("2", change("b.c", "\tret = known;")),
             patch("3", change("a.c", "\tret = 2;", context="c"))]
    assert needs(*found) == [(), (), (0,)]
    assert parts(found, needs(*found)) == [parts(found, needs(*found))[0], None, parts(found, needs(*found))[2]]
    first, _none, third = parts(found, needs(*found))
    assert first is not None
    assert third is not None
    assert (first.first, first.number, third.number, third.total) == ("1", 1, 2, 2)


def test_what_is_needed_is_needed_with_what_that_needs() -> None:
    assert needs(patch("1", change("a.c", "x")), patch("2", change("a.c", "y"), change("b.c", "y")),
                 patch("3", change("b.c", "z")), patch("4", change("c.c", "z"))) == [(), (0,), (0, 1), ()]


@pytest.mark.parametrize(("brings", "uses"), [
    (change("h.h", "int fresh(int);"), "\tret = fresh(1);"),               # a declaration
    (change("h.h", "#define known 2"), "\tret = known;"),                  # others see it, though it is not new
    (change("h.h", "\tint fresh_field;"), "\tret = box->fresh_field;"),    # a field
    (change("a.c", "EXPORT_SYMBOL_GPL(known);"), "\tknown();"),            # a module may use it now
    (change("a.c", "int known(int size, int ret)\n{"), "\tknown(1, 2);"),  # it takes other arguments now
    (change("drivers/Kconfig", "config FRESH"), "#ifdef CONFIG_FRESH"),
    (new("fresh.h"), "#include \"fresh.h\""),
])
def test_a_name_that_only_an_earlier_patch_brings_joins(brings: str, uses: str) -> None:
    assert needs(patch("1", brings), patch("2", change("b.c", uses))) == [(), (0,)]
    assert needs(patch("1", change("b.c", uses)), patch("2", brings)) == [(), ()]


def test_a_makefile_needs_the_file_that_it_builds() -> None:
    assert needs(patch("1", new("drivers/fresh.c")), patch("2", change("drivers/Makefile", "obj-y += fresh.o"))) \
        == [(), (0,)]


def test_local_names_that_every_file_has_join_nothing() -> None:
    assert needs(patch("1", change("a.c", "\tint ret, size;")), patch("2", change("b.c", "\tint ret = size;"))) \
        == [(), ()]


def test_a_word_in_a_comment_or_a_document_joins_nothing() -> None:
    brings = patch("1", change("a.c", "int fresh(void)\n{"))
    assert needs(brings, patch("2", change("b.c", "\t/* fresh() */"))) == [(), ()]
    assert needs(brings, patch("2", change("Documentation/x.rst", "fresh() does it."))) == [(), ()]


def test_in_a_numbered_series_a_header_counts_for_all_behind_it() -> None:
    def numbered(number: int, diff: str) -> Patch:
        return patch(str(number), diff, thread="<x@y>#3", part=number, total=3)

    assert needs(numbered(1, change("h.h", "\tint ret;")), numbered(2, change("a.c", "\tret = 1;")),
                 numbered(3, change("b.c", "\tret = 1;"))) == [(), (0,), (0,)]
    # one series all the same
    found = [numbered(1, change("a.c", "\tret = 1;")), numbered(2, change("b.c", "\tret = 1;"))]
    assert needs(*found) == [(), ()]
    assert [part.number for part in parts(found, needs(*found)) if part is not None] == [1, 2]


def test_groups_keep_their_order() -> None:
    one, two, three = patch("1", new("a"), thread="t", part=2), patch("2", new("b"), thread=""), \
        patch("3", new("c"), thread="t", part=1)
    assert [[one.slug for one in group] for group in groups([one, two, three])] == [["3", "1"], ["2"]]
