"""What is never an answer, however many strategies agree on it."""

from __future__ import annotations

import signal

import pytest

from backport.adapt.token_merge import merge
from backport.verdict import Apply, Sure
from tests.support.adapting import result, run


def body(*lines: str) -> bytes:
    return ("int stop(struct unit *u)\n{\n\tint ret;\n\n" + "".join(f"\t{line}\n" for line in lines)
            + "\tlog_end(u);\n\treturn ret;\n}\n").encode()


@pytest.mark.parametrize("fresh", ["fresh(u);", ""])
def test_this_trees_own_line_among_the_removed_ones_is_for_a_person(fresh: str) -> None:
    lines = ["old_one(u, 1);", "old_two(u, 2);", "old_three(u, 3);"]
    new = [fresh] if fresh else []
    upstream, fixed = body("first(u);", *lines, "last(u);"), body("first(u);", *new, "last(u);")
    assert result(run(upstream, fixed, upstream), upstream) == fixed
    for own in ("own_thing(u);", "if (u->own)"):
        answer = run(upstream, fixed, body("first(u);", lines[0], own, *lines[1:], "last(u);"))
        assert answer.outcome is Apply.CONFLICT, answer.reason
        assert answer.patch is None


@pytest.mark.parametrize(("base", "ours", "theirs", "mixed"), [
    (b"x = a;", b"x = n a;", b"x = c;", True),            # upstream's word, then this tree's
    (b"x = a;", b"x = a n;", b"x = c;", True),            # this tree's, then upstream's
    (b"f(a)", b"f(a, n)", b"f(c)", False),                # a comma between them
    (b"if (a)", b"if (n && a)", b"if (c)", False),
    (b"f(a)", b"f(a)", b"f(c)", False),
])
def test_a_merge_says_where_two_changes_meet_without_a_separator(base: bytes, ours: bytes, theirs: bytes,
                                                                mixed: bool) -> None:
    made = merge(base, ours, theirs)
    assert made is not None
    assert made.mixed is mixed


def test_words_of_both_sides_that_meet_are_no_answer() -> None:
    upstream = body("first(u);", "ret = one two;", "last(u);")
    fixed = body("first(u);", "ret = one more two;", "last(u);")
    here = body("first(u);", "ret = one other;", "last(u);")
    answer = run(upstream, fixed, here)
    assert answer.outcome is Apply.CONFLICT, answer.reason


def test_a_renamed_variable_is_learned_from_lines_that_have_as_many_words() -> None:
    """The first line that has it gets an argument more: it says nothing about the name, and ends nothing."""
    head = "struct ops *ops = info->par;"
    upstream = body(head, "first(ops->a);", "second(ops->b);", "third(ops->c);")
    fixed = body("struct par *par = info->par;", "first(par->a, 1);", "second(par->b);", "third(par->c);")
    here = body(head, "first(ops->a);", "second(ops->b);", "third(ops->c);", "own(ops->d);", "more(u);", "again(u);")
    assert result(run(upstream, fixed, here), here) == body(
        "struct par *par = info->par;", "first(par->a, 1);", "second(par->b);", "third(par->c);", "own(par->d);",
        "more(u);", "again(u);")


class Index:
    """A tree that lacks one name."""

    def __init__(self, missing: str) -> None:
        self._missing = missing

    def contains(self, identifier: str) -> bool:
        return identifier != self._missing

    defines = contains


def test_a_line_that_is_cut_at_another_place_is_no_older_form_of_an_added_one() -> None:
    """The words before the cut are the same but for the name: what follows on the next line is not."""
    upstream = body("ret = take(u, OLD_FLAGS", "| MORE);", "last(u);")
    fixed = body("ret = take(u, NEW_FLAGS |", "MORE | OTHER);", "last(u);")
    answer = run(upstream, fixed, upstream.replace(b"last(u)", b"last(u, 0)"), symbols=Index("NEW_FLAGS"))
    assert answer.outcome is Apply.CONFLICT
    assert "NEW_FLAGS" in answer.reason


def test_a_line_that_stands_elsewhere_in_the_function_is_not_taken_away_yet() -> None:
    """The reverse of the patch fits: its two neighbours touch. The line is still there, one statement further down."""
    upstream = body("first(u);", "second(u);", "clear_it(u);", "third(u);", "fourth(u);", "fifth(u);", "sixth(u);")
    fixed = body("first(u);", "second(u);", "third(u);", "fourth(u);", "fifth(u);", "sixth(u);")
    assert run(upstream, fixed, fixed).outcome is Apply.ALREADY
    here = body("first(u);", "second(u);", "third(u);", "fourth(u);", "fifth(u);", "sixth(u);", "more(u);",
                "clear_it(u);")
    assert run(upstream, fixed, here).outcome is Apply.CONFLICT


def test_the_same_lines_in_another_function_are_no_place_while_upstreams_function_is_here() -> None:
    def two(one: str, other: str) -> bytes:
        return (f"int one(struct unit *u)\n{{\n{one}\treturn 0;\n}}\n\nint two(struct unit *u)\n{{\n{other}"
                "\treturn 1;\n}\n").encode()

    part = "\tfirst_thing(u);\n\tsecond_thing(u);\n\tthird_thing(u);\n\tfourth_thing(u);\n"
    upstream = two(part, "\tnothing(u);\n")
    fixed = two(part.replace("\tthird", "\tadded(u);\n\tthird"), "\tnothing(u);\n")
    here = two("\tother_words(u);\n\tnot_the_same(u);\n", part)
    answer = run(upstream, fixed, here)
    assert answer.sure is Sure.REVIEW
    if answer.patch is not None:
        assert result(answer, here).endswith(here[here.index(b"int two"):])


@pytest.mark.parametrize(("base", "ours", "theirs"), [
    (b"one two", b"uno two", b"one dos"),        # neighbouring words, a new one from each side
    (b"two one", b"two uno", b"dos one"),
    (b"f f f", b"f", b"( f )"),                  # what would be left of the tree's brackets is one of them
])
def test_a_merge_of_what_cannot_be_told_apart_is_none(base: bytes, ours: bytes, theirs: bytes) -> None:
    assert merge(base, ours, theirs) is None


@pytest.mark.parametrize("word", ["as", "x->", "kfree_", "a, ", "(", "= f"])
def test_a_line_that_nobody_writes_is_not_read_and_that_is_said(word: str) -> None:
    """80 kB of one word took minutes, because some questions take the square of a line."""
    def ring(*_: object) -> None:
        raise AssertionError("one line takes too long")

    upstream = body("first(u);", "second(u);", "third(u);")
    fixed = body("first(u);", "second(u);", f"/* {word * (200_000 // len(word))} */", "third(u);")
    before = signal.signal(signal.SIGPROF, ring)
    signal.setitimer(signal.ITIMER_PROF, 60)         # of this process alone
    try:
        answer = run(upstream, fixed, upstream)
        again = run(fixed, fixed.replace(b"third(u);", b"third(u);\n\tmore(u);"), fixed)
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
        signal.signal(signal.SIGPROF, before)
    for one, there in ((answer, upstream), (again, fixed)):
        assert one.sure is Sure.REVIEW
        assert any("the result was not checked" in note
                   for note in (*one.notes, *(n for hunk in one.hunks for n in hunk.notes)))
        assert len(result(one, there)) > len(there)
