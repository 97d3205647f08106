"""Names that this tree spells otherwise: what is learned from the lines that go, and what is not."""

from __future__ import annotations

from backport.verdict import Sure
from tests.support.adapting import HEAD, TAIL, Index, body, declined, result, run

# this tree's file has upstream's name as well, in another function
OTHER = b"static bool other(void)\n{\n\treturn pool_enabled();\n}\n\n"
LINES = ["prepare(u, 1);", "if (pool_enabled())", "\tgo(u);", "", "ret = work(u);", "if (ret)", "\treturn ret;", "",
         "more(u, ret);", "even_more(u, ret);", "", "last(u);", "very_last(u);"]


def test_a_name_that_is_taken_away_and_added_again_comes_in_this_trees_words() -> None:
    fixed = [LINES[0], *LINES[3:11], "if (!ret && pool_enabled())", "\tgo(u);", *LINES[11:]]
    there = OTHER + body(*LINES).replace(b"pool_enabled", b"pool_ready")
    answer = run(OTHER + body(*LINES), OTHER + body(*fixed), there)
    assert answer.sure is Sure.REVIEW
    assert b"\tif (!ret && pool_ready())\n\t\tgo(u);\n\tlast(u);" in result(answer, there)
    assert any("`pool_ready` for `pool_enabled`" in note for hunk in answer.hunks for note in hunk.notes)


def test_a_patch_that_is_about_the_name_is_not_undone() -> None:
    fixed = [*LINES[:1], "if (pool_ready())", *LINES[2:11], "if (!ret && pool_ready())", "\tgo(u);", *LINES[11:]]
    answer = run(body(*LINES), body(*fixed), body(*LINES))
    assert result(answer, body(*LINES)) == body(*fixed)


def test_a_variable_that_an_added_line_declares_keeps_its_name() -> None:
    upstream = body("if (u->on) {", "\tstruct folio *zero = take(u);", "\tput_folio(zero);", "}", "last(u);")
    fixed = body("struct folio *zero;", "", "zero = take(u);", "put_folio(zero);", "last(u);")
    there = upstream.replace(b"struct folio *zero", b"struct page *page").replace(b"folio(zero)", b"folio(page)")
    answer = run(upstream, fixed, there)
    assert answer.patch is None or b"struct folio *page" not in result(answer, there)


def test_the_member_of_another_object_is_no_other_spelling() -> None:
    def unlocked(lock: str, before: str) -> bytes:
        return HEAD + f"\tclear(u, &{before});\n\tset_bit(1, u);\n{lock}\treturn ret;\n".encode() + TAIL

    upstream = unlocked("", "inode->tree_lock")
    fixed = unlocked("\tspin_lock(&inode->tree_lock);\n", "inode->tree_lock")
    there = unlocked("", "tree->lock")
    answer = run(upstream, fixed, there, symbols=Index({"tree_lock"}))
    assert answer.patch is None     # `inode->lock` would be another lock


def test_a_name_that_the_lines_around_spell_otherwise_is_spelled_so_in_added_lines() -> None:
    lines = ["if (zero_folio == u->folio)", "\tput_it(zero_folio);", "ret = prepare(u);", "log_start(u, ret);"]
    upstream = body(*lines)
    fixed = body(*lines[:3], "if (ret)", "\tfree_it(zero_folio);", lines[3])
    older = upstream.replace(b"zero_folio", b"zero_page").replace(b"log_start(u, ret)", b"log_start(u)")
    answer = run(upstream, fixed, older)
    assert b"\tif (ret)\n\t\tfree_it(zero_page);\n" in result(answer, older)
    assert answer.sure is Sure.REVIEW


def test_another_list_of_arguments_is_another_function_and_no_other_spelling() -> None:
    lines = ["buf = node_alloc(size, flags, node);", "ret = prepare(u);", "log_start(u, ret);"]
    upstream, fixed = body(*lines), body(*lines[:2], "spare = node_alloc(size, flags, node);", lines[2])
    older = upstream.replace(b"node_alloc(size, flags, node)", b"alloc(size, flags)").replace(b"(u, ret)", b"(u)")
    assert declined(run(upstream, fixed, older, symbols=Index({"node_alloc"})), "node_alloc")


def test_no_name_is_spelled_as_another_variable_of_upstreams_function() -> None:
    head = b"int stop(struct device *dev)\n{\n\tstruct priv *p = get_drvdata(dev);\n\tint ret;\n\n"
    lines = ["ret = setup(dev);", "start(p);"]
    upstream, fixed = body(*lines, head=head), body(lines[0], "p->count = 0;", lines[1], head=head)
    older = body("ret = setup(dev, 0);", "start(dev);", head=b"int stop(struct device *dev)\n{\n\tint ret;\n\n")
    answer = run(upstream, fixed, older)
    assert answer.patch is None or b"dev->count" not in result(answer, older)
