"""A condition in which this tree has an operand that upstream's has not."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from backport.adapt.token_merge import merge
from backport.verdict import Apply, Sure
from tests.support.adapting import result, run

HEAD = b"int check(struct unit *u, int a)\n{\n\tint ret;\n\n\tret = prepare(u);\n"
TAIL = b"\tdone(u);\n\treturn ret;\n}\n"


def file(condition: bytes) -> bytes:
    return HEAD + b"\tif (" + condition + b")\n\t\tgoto out;\n" + TAIL


def test_the_trees_own_operand_stays_where_upstream_replaces_the_other() -> None:
    tree = file(b"ret || memcmp(u->place, u->sum, 16) != 0")
    answer = run(file(b"memcmp(u->place, u->sum, 16) != 0"), file(b"differ(u->place, u->sum, 16)"), tree)
    assert result(answer, tree) == file(b"ret || differ(u->place, u->sum, 16)")


def test_an_operand_in_other_words_is_replaced_for_review_and_the_trees_own_one_stays() -> None:
    tree = file(b"ret || memcmp(u->spot, u->sum, 16) != 0")
    answer = run(file(b"memcmp(u->place, u->sum, 16) != 0"), file(b"differ(u->place, u->sum, 16)"), tree)
    if answer.outcome is not Apply.CONFLICT:
        assert answer.sure is Sure.REVIEW
        assert b"ret || differ(" in result(answer, tree)


@pytest.mark.parametrize("ours", [b"\tif (differ(u, a))\n\t\tgo(u, 1);\n", b"\tif (differ(u, a))\n\t\tgo(u->up);\n"])
def test_no_operand_of_the_tree_goes_with_a_condition_that_is_replaced_as_a_whole(ours: bytes) -> None:
    base, theirs = b"\tif (u->mode == MODE_A)\n\t\tgo(u);\n", b"\tif (a || u->mode == MODE_A)\n\t\tgo(u);\n"
    answer = run(HEAD + base + TAIL, HEAD + ours + TAIL, HEAD + theirs + TAIL)
    assert answer.patch is None or b"a ||" in result(answer, HEAD + theirs + TAIL)


OPERANDS = ("a > 3", "u->ready", "!u->dead", "holds(u, a)", "u->mode == MODE_A", "(a & MASK)", "list_empty(&u->list)")


@settings(deadline=None)
@given(st.permutations(OPERANDS), st.integers(1, 3), st.integers(0, 3), st.sampled_from(["&&", "||"]),
       st.sampled_from(["renewed(u)", "u->level >= 7"]), st.data())
def test_no_operand_of_the_tree_is_lost(names: list[str], count: int, at: int, joiner: str, new: str,
                                        data: st.DataObject) -> None:
    base, extra = names[:count], names[count]
    changed = data.draw(st.integers(0, count - 1))
    ours = [new if n == changed else name for n, name in enumerate(base)]
    tree = [*base[:at], extra, *base[at:]]
    joined = f" {joiner} ".join
    target = file(joined(tree).encode())
    answer = run(file(joined(base).encode()), file(joined(ours).encode()), target)
    if answer.patch is not None:
        wanted = [new if name == base[changed] else name for name in tree]
        assert result(answer, target) == file(joined(wanted).encode())


@pytest.mark.parametrize(("base", "ours", "theirs", "merged"), [
    # the first line of the piece is not here: what begins the tree's piece comes to stand behind upstream's `if (`
    (b"\t\tsync(u);\n\t\tfill(&u->ev, op);\n", b"\t\tsync(u);\n\t\tif (fill(u, op))\n\t\t\tkfree(u);\n",
     b"\t\tfill(&u->ev, op);\n", b"\t\tif (fill(u, op))\n\t\t\tkfree(u);\n"),
    (b"\tint a;\n", b"\tint a;\n\tint b;\n", b"\tlong\t\ta;\n", b"\tlong\t\ta;\n\tint b;\n"),
])
def test_a_merged_line_has_the_white_space_of_one_side(base: bytes, ours: bytes, theirs: bytes, merged: bytes) -> None:
    done = merge(base, ours, theirs)
    assert done is not None
    assert done.text == merged


PIECES = st.lists(st.sampled_from([b"\tfoo(a, b);\n", b"\t\tx = y;\n", b"\tif (a)\n\t\tb();\n", b"#define A\t\t1\n",
                                   b"\tu32\t\tcount;\n", b"\treturn a + b;\n"]), min_size=1, max_size=4).map(b"".join)


@settings(deadline=None)
@given(PIECES, PIECES, PIECES)
def test_no_run_of_tabs_stands_in_a_line_that_no_side_has_there(base: bytes, ours: bytes, theirs: bytes) -> None:
    done = merge(base, ours, theirs)
    for line in done.text.split(b"\n") if done is not None else ():
        inside = line.strip().split(b"\t")
        for left, right in pairwise(inside):
            if left and right:
                assert left.split()[-1] + b"\t" in ours + theirs
