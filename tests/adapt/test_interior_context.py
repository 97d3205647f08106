"""What stands amid a change, or nowhere, speaks against an answer that fits."""

from __future__ import annotations

from backport.adapt.token_merge import merge
from backport.verdict import Apply, Sure
from tests.support.adapting import result, run

UPSTREAM = b"""\
#include <linux/kernel.h>
#include <linux/list.h>

int walk(struct dir *dir)
{
	int len;

	prepare(dir);
	order = first(dir);
	len = extract(dir, order);
	release(dir);
	name_len += len;
	finish(dir);
	return name_len;
}
"""
FIXED = (UPSTREAM.replace(b"order = first(dir);", b"order = checked_first(dir);")
         .replace(b"\tname_len += len;\n", b"\tif (len > MAX_LEN)\n\t\treturn -EIO;\n\tname_len += len;\n"))


def test_a_kept_line_that_stands_elsewhere_in_this_function_is_a_decline() -> None:
    older = (UPSTREAM.replace(b"\trelease(dir);\n", b"")
             .replace(b"\tprepare(dir);\n", b"\trelease(dir);\n\tprepare(dir);\n")
             .replace(b"\tint len;\n", b"\tint len, other;\n"))
    answer = run(UPSTREAM, FIXED, older)
    assert answer.outcome is Apply.CONFLICT
    assert "is elsewhere in this tree's function" in answer.reason


def test_a_kept_line_that_is_nowhere_here_is_never_certain() -> None:
    older = UPSTREAM.replace(b"\trelease(dir);\n", b"")
    answer = run(UPSTREAM, FIXED, older)
    assert answer.sure is Sure.REVIEW
    assert answer.outcome in (Apply.MERGED, Apply.CONFLICT)


def test_taking_an_include_away_is_never_certain_where_the_patch_had_to_be_adapted() -> None:
    fixed = UPSTREAM.replace(b"#include <linux/kernel.h>\n", b"")
    older = UPSTREAM.replace(b"#include <linux/list.h>\n", b"#include <linux/slist.h>\n")
    answer = run(UPSTREAM, fixed, older)
    assert answer.patch is not None
    assert answer.sure is Sure.REVIEW


def test_a_line_that_stands_elsewhere_in_the_function_was_not_taken_away_already() -> None:
    fixed = UPSTREAM.replace(b"\trelease(dir);\n", b"")
    older = fixed.replace(b"\tfinish(dir);\n", b"\tfinish(dir);\n\trelease(dir);\n")
    assert run(UPSTREAM, fixed, older).outcome is not Apply.ALREADY
    assert run(UPSTREAM, fixed, fixed).outcome is Apply.ALREADY


def test_an_argument_that_only_this_tree_has_survives_beside_a_changed_one() -> None:
    upstream = UPSTREAM.replace(b"release(dir);", b"release(dir, false);")
    fixed = upstream.replace(b"release(dir, false);", b"release(dir, dir->sync);")
    older = upstream.replace(b"release(dir, false);", b"release(dir, false, isdir);")
    answer = run(upstream, fixed, older)
    assert result(answer, older) == older.replace(b"(dir, false, isdir)", b"(dir, dir->sync, isdir)")
    assert answer.sure is Sure.REVIEW


def test_a_merge_knows_a_separator_from_a_word_of_the_other_side() -> None:
    apart = merge(b"f(a, false);", b"f(a, b->c);", b"f(a, false, d);")
    assert apart is not None
    assert apart.text == b"f(a, b->c, d);"
    assert not apart.mixed
    together = merge(b"if (!get(x))\n", b"if (!y)\n", b"if (get(x) == NULL)\n")
    assert together is None or together.mixed


def test_an_added_comment_line_is_no_code() -> None:
    upstream = UPSTREAM.replace(b"int walk", b"/*\n * Walks what is there,\n * and back.\n */\nint walk")
    fixed = upstream.replace(b" * Walks what is there,\n", b" * Walks frobnicated (all) of it,\n")

    class Index:
        def contains(self, identifier: str) -> bool:
            return identifier != "frobnicated"

        def defines(self, name: str) -> bool:
            return False

    older = upstream.replace(b" * and back.\n", b" * and never back.\n")
    answer = run(upstream, fixed, older, symbols=Index())
    assert answer.patch is not None, answer.reason
