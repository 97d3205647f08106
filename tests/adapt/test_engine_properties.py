"""What must hold for any input."""

from __future__ import annotations

import random
import sys
from contextlib import suppress
from types import FrameType

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from backport.adapt.engine import adapt
from backport.errors import BackportError
from backport.patch.parse import parse, split_lines
from backport.treeview import MemoryView
from backport.verdict import Apply, Sure
from tests.support.adapting import file_diff, patch_of, result

BODY = st.lists(st.sampled_from([b"\tfoo(a);", b"\tif (a)", b"\t\treturn b;", b"\ta = b + c;", b"", b"\tbar(&x->y, 1);",
                                 b"\twhile (i--)", b"\t}", b"\tint i;"]), min_size=1, max_size=8)
FILE = st.lists(st.tuples(st.sampled_from(["alpha", "beta", "gamma", "delta"]), BODY), min_size=1, max_size=4,
                unique_by=lambda f: f[0]).map(
    lambda fs: b"\n".join(b"int %s(int a)\n{\n%s\n}\n" % (name.encode(), b"\n".join(body)) for name, body in fs))
HEAD = b"".join(b"static int head_%d;\n" % i for i in range(12))
TAIL = b"".join(b"static int tail_%d;\n" % i for i in range(12))
SLOW = settings(max_examples=30, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))


def changed(source: bytes, seed: int, edits: int = 2) -> bytes:
    rng = random.Random(seed)
    lines = split_lines(source)
    for _ in range(edits):
        at = rng.randrange(len(lines) + 1)
        if rng.random() < 0.5 or at == len(lines):
            lines.insert(at, b"\tnew_%d(a);\n" % rng.randrange(99))
        else:
            lines[at] = b"\tchanged_%d = a;\n" % rng.randrange(99)
    return b"".join(lines)


@given(FILE, st.integers(0, 10**6))
@SLOW
def test_the_tree_it_was_made_for_gets_the_patch_unchanged(source: bytes, seed: int) -> None:
    after = changed(source, seed)
    if after == source:
        return
    patch = patch_of({"a.c": (source, after)})
    answer = adapt(patch, MemoryView("t", {"a.c": source}), preimages={"a.c": source})
    assert answer.patch is not None
    assert answer.patch.render() == patch.render()
    assert result(answer, source) == after


@given(FILE, st.integers(0, 10**6), st.integers(0, 10**6))
@SLOW
def test_an_answer_goes_in_and_out_again(source: bytes, seed: int, drift: int) -> None:
    after, target = changed(source, seed), changed(source, drift, 3)
    if after == source:
        return
    answer = adapt(patch_of({"a.c": (source, after)}), MemoryView("t", {"a.c": target}), preimages={"a.c": source})
    if answer.patch is None:
        assert answer.outcome in (Apply.CONFLICT, Apply.ALREADY, Apply.ABSENT)
        return
    there = result(answer, target)
    reverse = answer.patch.with_files(tuple(
        file.with_hunks(tuple(hunk.reversed() for hunk in file.hunks)) for file in answer.patch.files))
    from backport.adapt.simulated_apply import apply_as_is
    back = apply_as_is(reverse.files[0].hunks, there)
    assert back is not None
    assert back.made(there) == target


class Lacking:
    """A tree without every third name."""

    def contains(self, identifier: str) -> bool:
        return sum(identifier.encode()) % 3 > 0

    defines = contains


@given(FILE, st.integers(0, 10**6), st.integers(0, 10**6))
@SLOW
def test_what_is_mended_goes_in_is_told_and_is_never_certain(source: bytes, seed: int, drift: int) -> None:
    after, target = changed(source, seed, 4), changed(source, drift, 4)
    if after == source:
        return
    answer = adapt(patch_of({"a.c": (source, after)}), MemoryView("t", {"a.c": target}), preimages={"a.c": source},
                   symbols=Lacking())
    if answer.patch is not None:
        result(answer, target)
    mended = [h for h in answer.hunks if {"substitution", "drop"} & set(h.strategies)]
    assert not mended or (answer.sure is Sure.REVIEW and all(h.notes for h in mended))


@given(FILE, FILE, st.integers(0, 10**6), st.integers(0, 10**6))
@SLOW
def test_the_order_of_files_does_not_matter(one: bytes, two: bytes, seed: int, drift: int) -> None:
    diffs = [file_diff("a.c", one, changed(one, seed)), file_diff("b.c", two, changed(two, seed + 1))]
    if not all(b"@@" in diff for diff in diffs):
        return
    view = MemoryView("t", {"a.c": changed(one, drift), "b.c": changed(two, drift)})
    before = {"a.c": one, "b.c": two}
    answers = [adapt(parse(b"".join(order)), view, preimages=before) for order in (diffs, diffs[::-1])]
    assert answers[0].outcome == answers[1].outcome
    assert answers[0].sure == answers[1].sure
    if answers[0].patch is not None and answers[1].patch is not None:
        assert sorted(f.render() for f in answers[0].patch.files) == sorted(f.render() for f in answers[1].patch.files)


@given(FILE, FILE, st.integers(0, 10**6), st.integers(0, 10**6))
@SLOW
def test_the_order_of_hunks_does_not_matter(one: bytes, two: bytes, seed: int, drift: int) -> None:
    source = one + HEAD + two
    patch = patch_of({"a.c": (source, changed(one, seed) + HEAD + changed(two, seed + 1))})
    if not patch.files:
        return
    file = patch.files[0]
    view = MemoryView("t", {"a.c": changed(one, drift) + HEAD + changed(two, drift)})
    answers = [adapt(patch.with_files((file.with_hunks(hunks),)), view, preimages={"a.c": source})
               for hunks in (file.hunks, file.hunks[::-1])]
    assert answers[0].outcome == answers[1].outcome
    assert answers[0].sure == answers[1].sure
    made = [answer.patch.files for answer in answers if answer.patch is not None]
    assert all(one == made[0] for one in made)


@given(FILE, st.integers(0, 10**6), st.integers(0, 10**6), st.integers(1, 30))
@SLOW
def test_edits_far_away_never_change_the_answer(source: bytes, seed: int, drift: int, count: int) -> None:
    # the ends of the file keep their distance: at the very top or end git asks for the same end of the file
    after, target = (HEAD + changed(source, n) + TAIL for n in (seed, drift))
    source = HEAD + source + TAIL
    if after == source:
        return
    far = b"".join(b"#define FAR_AWAY_%d %d\n" % (i, i) for i in range(count)) + b"\n" * 20
    patch = patch_of({"a.c": (source, after)})
    near = adapt(patch, MemoryView("t", {"a.c": target}), preimages={"a.c": source})
    other = adapt(patch, MemoryView("t", {"a.c": far + target}), preimages={"a.c": source})
    # at the very top or end of a file git asks for the same end of the file, so that the answer may be another one
    assert (near.patch is None) == (other.patch is None)
    if near.patch is not None:
        assert result(other, far + target) == far + result(near, target)


@given(st.binary(max_size=400), st.binary(max_size=400), st.integers(0, 10**6))
@SLOW
def test_no_input_makes_it_raise_anything_but_its_own_error(target: bytes, preimage: bytes, seed: int) -> None:
    source = b"int f(int a)\n{\n\treturn a;\n}\n"
    patch = patch_of({"a.c": (source, changed(source, seed))})
    with suppress(BackportError):
        adapt(patch, MemoryView("t", {"a.c": target}), preimages={"a.c": preimage})


@pytest.mark.parametrize("line", [b"\tx = 1;\n", b"\n", b"\t}\n", b"{{{{((((\n", b"\tfoo(a, b);\n" * 3])
def test_the_work_on_files_of_nothing_but_the_same_line_grows_no_faster_than_they_do(line: bytes) -> None:
    assert work(line, 1600) < 3 * work(line, 800)


def work(line: bytes, count: int) -> int:
    """How many lines of Python run: the same on every machine, unlike seconds."""
    source = b"int f(void)\n{\n" + line * count + b"}\n"
    lines = split_lines(source)
    target = b"".join([*lines[:count // 3], b"\tother(b);\n", *lines[count // 2:]])
    diff = patch_of_lines(lines, count * 3 // 4)
    ran = 0

    def trace(_frame: FrameType, _event: str, _arg: object) -> object:
        nonlocal ran
        ran += 1
        return trace

    before = sys.gettrace()
    sys.settrace(trace)
    try:
        adapt(diff, MemoryView("t", {"a.c": target}), preimages={"a.c": source})
    finally:
        sys.settrace(before)
    return ran


def patch_of_lines(lines: list[bytes], at: int):  # type: ignore[no-untyped-def]
    from backport.patch.edits import Edit, render_hunks
    hunks = render_hunks(lines, [Edit(at, at + 1, (b"\tnew(a);\n",))])
    return parse(b"diff --git a/a.c b/a.c\n--- a/a.c\n+++ b/a.c\n" + b"".join(h.render() for h in hunks))
