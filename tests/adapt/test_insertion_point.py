"""Lines added where upstream's neighbours touch and this tree has lines of its own between them: before or behind."""

from __future__ import annotations

import pytest

from backport.verdict import Apply, Sure
from tests.support.adapting import HEAD, TAIL, body, result, run


def placed(upstream: list[str], fixed: list[str], older: list[str]) -> list[str]:
    """The function's own lines after the patch; what was chosen between two places is never certain."""
    answer = run(body(*upstream), body(*fixed), body(*older))
    assert answer.sure is Sure.REVIEW
    inside = result(answer, body(*older)).removeprefix(HEAD).removesuffix(TAIL).decode()
    return [line.removeprefix("\t") for line in inside.splitlines()]


def test_a_paragraph_of_its_own_does_not_tear_this_trees_paragraph_apart() -> None:
    lines = ["first(u);", "", "second(u);", "third(u);"]
    fixed = [*lines[:2], "u->vcpu = NULL;", "", *lines[2:]]
    older = [*lines[:2], "own(u);", *lines[2:]]
    assert placed(lines, fixed, older) == [*lines[:2], "u->vcpu = NULL;", "", "own(u);", *lines[2:]]


def test_a_paragraph_of_its_own_goes_before_the_one_that_follows_it_upstream() -> None:
    lines = ["first(u);", "", "second(u);", "third(u);"]
    fixed = [*lines[:2], "u->vcpu = NULL;", "", *lines[2:]]
    older = [*lines[:2], "own(u);", "", *lines[2:]]
    assert placed(lines, fixed, older) == [*older[:4], "u->vcpu = NULL;", "", *lines[2:]]


def test_a_declaration_opens_the_block_that_upstream_opens_with_it() -> None:
    lines = ["if (exp) {", "\t/* expected */", "\tuse(exp->helper);", "}"]
    fixed = ["if (exp) {", "\tstruct helper *own;", "", "\t/* expected */", "\town = get(exp);", "\tuse(own);", "}"]
    older = ["if (exp) {", '\tpr_debug("arrives %p\\n",', "\t\t exp);", *lines[1:]]
    assert placed(lines, fixed, older) == [*fixed[:3], *older[1:3], *fixed[3:]]


def test_a_label_opens_the_paragraph_that_follows_it() -> None:
    def source(*lines: str) -> bytes:
        return body("if (u->bad)", "\tgoto out;", "work(u);", *lines).replace(b"\tout:", b"out:")

    upstream = source("out:", "finish(u);", "", "put(u);", "unlock(u);")
    fixed = source("finish(u);", "", "out:", "put(u);", "unlock(u);")
    there = source("out:", "finish(u);", "", "mark_last_busy(u);", "put(u);", "unlock(u);")
    answer = run(upstream, fixed, there)
    assert answer.sure is Sure.REVIEW
    assert b"\nout:\n\tmark_last_busy(u);\n\tput(u);\n" in result(answer, there)


def test_nothing_is_put_before_an_early_exit_that_upstream_did_not_pass() -> None:
    lines = ["struct unit *w;", "", "w = next(u);", "last(w);"]
    fixed = [*lines[:2], "guard(srcu)(&u->srcu);", "", *lines[2:]]
    for exits in (["if (!u->its)", "\treturn -ENODEV;", ""], ["if (!u->its)", "\tgoto out;", ""]):
        older = [*lines[:2], *exits, *lines[2:]]
        assert placed(lines, fixed, older) == [*lines[:2], *exits, "guard(srcu)(&u->srcu);", "", *lines[2:]]
    older = [*lines[:2], "own(u);", "", *lines[2:]]
    assert placed(lines, fixed, older) == [*fixed[:4], *older[2:]]


def test_of_lines_without_an_order_this_trees_own_come_first() -> None:
    lines = ["struct unit *w;", "const char *name;", "", "first(w, name);"]
    fixed = [lines[0], "struct file *file = NULL;", *lines[1:3], "first(w, name, file);"]
    older = [lines[0], "struct mm *mm;", *lines[1:]]
    assert placed(lines, fixed, older) == [*older[:2], fixed[1], *fixed[2:]]
    lines = ["first(u);", "second(u);"]          # statements have one: as before, right behind what upstream has above
    assert placed(lines, [lines[0], "fix(u);", lines[1]], [lines[0], "own(u);", lines[1]]) == [
        lines[0], "fix(u);", "own(u);", lines[1]]


def test_includes_are_lines_without_an_order() -> None:
    before = b"#include <linux/a.h>\n#include <linux/d.h>\n\nint x;\n"
    after = before.replace(b"#include <linux/d.h>", b"#include <linux/c.h>\n#include <linux/d.h>")
    there = before.replace(b"#include <linux/d.h>", b"#include <crypto/b.h>\n#include <linux/d.h>")
    answer = run(before, after, there)
    assert answer.sure is Sure.REVIEW
    assert result(answer, there).startswith(b"#include <linux/a.h>\n#include <crypto/b.h>\n#include <linux/c.h>\n")


def test_a_declaration_whose_next_line_is_not_here_goes_behind_this_trees_own() -> None:
    lines = ["long resaligned;", "unsigned int dblocks = 0;", "int error;", "", "first(u, resaligned);"]
    fixed = [lines[0], "unsigned int seq = read(u);", *lines[1:4], "first(u, resaligned + seq);"]
    older = [lines[0], "short resblks;", *lines[2:]]
    there = body(*older)
    assert result(run(body(*lines), body(*fixed), there), there) == body(*older[:2], fixed[1], *fixed[3:])


def test_of_two_members_that_read_alike_the_one_of_the_same_name_is_the_neighbour() -> None:
    def source(*lines: str) -> bytes:
        return ("struct unit {\n" + "".join(f"\t{line}\n" for line in lines) + "};\n").encode()

    before = source("u32 imod;", "u32 page_size;", "/* vectors */", "int nvecs;")
    after = source("u32 imod;", "u32 page_size;", "unsigned int mask_bits;", "/* vectors */", "int nvecs;")
    there = source("u32 imod;", "u32 bei;", "int ring_max;", "/* 4KB min */", "int page_size;", "/* 12 to 20 */",
                   "int page_shift;", "/* vectors */", "int nvecs;")
    answer = run(before, after, there)
    assert answer.sure is Sure.REVIEW
    assert b"\tint page_size;\n\tunsigned int mask_bits;\n" in result(answer, there)


def test_what_upstream_adds_first_is_not_run_last() -> None:
    lines = ["INIT_LIST_HEAD(&u->handlers);", "", "lockdep_register_key(&u->mlock_key);",
             "lockdep_set_class(&u->mlock, &u->mlock_key);", "", "mutex_init(&u->mlock);",
             "mutex_init(&u->exist_lock);", "", "u->parent = parent;", "u->type = &unit_type;"]
    fixed = [*lines[:3], "lockdep_register_key(&u->exist_key);", "",
             "mutex_init_with_key(&u->mlock, &u->mlock_key);",
             "mutex_init_with_key(&u->exist_lock, &u->exist_key);", *lines[7:]]
    older = [*lines[8:], "device_initialize(&u->dev);", *lines[5:7], "INIT_LIST_HEAD(&u->attrs);", "",
             "u->id = ida_alloc(&unit_ida, GFP_KERNEL);", "if (u->id < 0)", "\treturn u->id;", "", *lines[:4]]
    assert run(body(*lines), body(*fixed), body(*older)).patch is None


def test_a_paragraph_that_upstream_begins_does_not_tear_this_trees() -> None:
    end = ["", "mutex_init(&st->lock);", "", "st->np = np;", "last(u);"]
    upstream, fixed = body("st = priv(u);", *end), body("st = priv(u);", "", "init_completion(&st->done);", *end[1:])
    older = body("st = priv(u);", "st->np = np;", "", "last_one(u);")
    answer = run(upstream, fixed, older)
    made = [line.strip() for line in result(answer, older).split(b"\n")]
    at = made.index(b"st->np = np;")
    assert made[at + 1:at + 4] == [b"", b"init_completion(&st->done);", b""]
    assert answer.sure is Sure.REVIEW


BLOCKS = b"""\
int push(struct item *lip)
{
	int error;

	unlock(lip);

	error = flush(lip);
	if (!error)
		queue(lip);
	release(lip);

out_relock:
	relock(lip);
	return error;
}
"""
COMMENTED = BLOCKS.replace(b"\trelease(lip);\n", b"\trelease(lip);\n\t/* nothing holds the item any more */\n")
CALLED = BLOCKS.replace(b"\trelease(lip);\n", b"\trelease(lip);\n\tcount_flushes(lip);\n")
OTHER_BLOCK = BLOCKS.replace(b"""	if (!error)
		queue(lip);
	release(lip);

out_relock:
""", b"""	if (!error) {
		queue(lip);
		release(lip);
	} else if (error == -EAGAIN)
		count_again(lip);

""")


@pytest.mark.parametrize(("after", "right"), [
    (COMMENTED, b"again(lip);\n\n\t/* nothing holds the item any more */\n\trelock(lip);\n"),
    (CALLED, b"again(lip);\n\tcount_flushes(lip);\n\n\trelock(lip);\n")])
def test_lines_do_not_go_into_a_block_that_upstream_s_are_not_in(after: bytes, right: bytes) -> None:
    answer = run(BLOCKS, after, OTHER_BLOCK)
    if answer.patch is None:
        assert answer.outcome is Apply.CONFLICT
        return
    assert answer.sure is Sure.REVIEW
    assert right in result(answer, OTHER_BLOCK)


def test_what_runs_in_every_configuration_does_not_go_under_an_if() -> None:
    upstream = body("stop_all(u);", "kfree(u->path);", "kfree(u);")
    fixed = body("stop_all(u);", "kfree(u->path);", "kfree(u->name);", "kfree(u);")
    ends = upstream.replace(b"\tkfree(u->path);\n", b"#ifdef CONFIG_UNIT\n\tkfree(u->path);\n#endif\n")
    assert b"#endif\n\tkfree(u->name);\n\tkfree(u);\n" in result(run(upstream, fixed, ends), ends)
    begins = upstream.replace(b"\tkfree(u);\n", b"#ifdef CONFIG_UNIT\n\tkfree(u);\n#endif\n")
    assert b"\tkfree(u->path);\n\tkfree(u->name);\n#ifdef" in result(run(upstream, fixed, begins), begins)
