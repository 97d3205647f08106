"""One patch on one tree, from the store to the answer that a person reads."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from backport import carry
from backport.adapt.engine import adapt
from backport.bounded import Bounded
from backport.carry import Carried, Carrier
from backport.check import Preimages
from backport.manifest import Tree
from backport.patch.parse import parse
from backport.trees.store import Head
from backport.verdict import Apply, Sure
from tests.support.adapting import body, file_diff
from tests.support.gitrepo import TestRepo

UPSTREAM = b"""int stop(struct unit *u)
{
\tint ret = prepare(u);

\tlog_start(u, ret);
\twait_for(u);
\treturn ret;
}
"""
FIXED = UPSTREAM.replace(b"\twait_for(u);\n", b"\tif (!unit_is_quiet(u))\n\t\twait_for(u);\n")
OLDER = UPSTREAM.replace(b"log_start(u, ret)", b"log_start(u)").replace(b"return ret;", b"return 0;")
NAMES = b"static inline int unit_is_quiet(struct unit *u);\n"


@pytest.fixture
def carrier(tmp_path: Path) -> Iterator[Carrier]:
    repo = TestRepo(tmp_path / "store.git")
    commits = {"tree-old": repo.commit({"a.c": OLDER, "a.h": b"int x;\n"}),
               "tree-mid": repo.commit({"a.c": OLDER, "a.h": NAMES}),
               "tree-new": repo.commit({"a.c": UPSTREAM, "a.h": NAMES})}
    heads = [Head(name, commits[name], version, "made here", 0.0)
             for name, version in (("tree-new", "6.3.1"), ("tree-mid", "6.2.1"), ("tree-old", "6.1.1"))]
    repo.git.close()
    made = Carrier(tmp_path / "store.git" / ".git", heads, heads[0])
    yield made
    made.close()


def test_a_name_that_is_missing_is_told_with_the_oldest_tree_that_has_it(carrier: Carrier) -> None:
    patch = parse(b"From: A <a@example.org>\nSubject: [PATCH] fix\n\nText.\n---\n" + file_diff("a.c", UPSTREAM, FIXED))
    carried = carrier.carry(patch, Tree("tree-old", "6.1", ()), carrier.heads[2])
    assert carried.outcome is Apply.CONFLICT
    assert "`unit_is_quiet` is not in this tree" in carried.reason
    assert carried.evidence[-1] == (
        "the patch needs unit_is_quiet, which this tree does not have "
        "(tree-mid is the oldest tree here that does)")
    assert carrier.carry(patch, Tree("tree-mid", "6.2", ()), carrier.heads[1]).outcome is Apply.MERGED


def test_what_there_is_no_room_for_is_found_again_and_what_was_given_stays(
        carrier: Carrier, monkeypatch: pytest.MonkeyPatch) -> None:
    patch = parse(b"From: A <a@example.org>\nSubject: [PATCH] fix\n\nText.\n---\n" + file_diff("a.c", UPSTREAM, FIXED))
    kept = carrier.preimages(patch)
    assert carrier.preimages(patch) is kept
    monkeypatch.setattr(carry, "_PREIMAGES", 0)
    small = replace(carrier, _preimages=Bounded(0))
    assert small.preimages(patch) == kept
    assert small.preimages(patch) is not small.preimages(patch)
    given = Preimages({"a.c": OLDER}, {"a.c": "given"})
    with carrier.seen_from(carrier.heads[2], patch, given) as other:
        assert other.preimages(patch) is given
    assert carrier.preimages(patch) is kept


@pytest.mark.parametrize(("head", "said"), [
    (b"From: A <a@example.org>\nSubject: [PATCH] fix\n\nText.\n---\n", ""),
    (b"Subject: [PATCH] fix\n\nText.\n---\n", "names no author"), (b"", "a bare diff"),
    (b"aFrom 55 Mon Sep 17 00:00:00 2001\nFrom: A <a@example.org>\nSubject: x\n\nT.\n---\n", "the first line, `aFrom"),
    (b"From: A <a@example.org>\nSubject: [PATCH] fix\n\nT.\n\n(cherry picked from commit " + b"3" * 40 + b")\n"
     b"(cherry picked from commit " + b"4" * 40 + b")\n---\n", "more than one commit"),
])
@pytest.mark.parametrize("edited", [False, True])
def test_a_mail_that_is_not_ready_for_git_am_is_for_review(carrier: Carrier, head: bytes, said: str,
                                                           edited: bool) -> None:
    before, after = (UPSTREAM, FIXED) if edited else (OLDER, OLDER.replace(b"\twait_for(u);\n", b""))
    carried = carrier.carry(parse(head + file_diff("a.c", before, after)), Tree("tree-mid", "6.2", ()),
                            carrier.heads[1])
    assert carried.outcome is (Apply.MERGED if edited else Apply.CLEAN)
    likely = [note for note in carried.notes if "likely to be right" in note]
    assert any(said in note for note in carried.notes) if said else likely == list(carried.notes)
    assert (carried.agreed is Sure.REVIEW) is bool(said)


@pytest.mark.parametrize("twin", [False, True])
def test_a_function_that_only_has_another_name_is_told_and_not_suspect(tmp_path: Path, twin: bool) -> None:
    fixed = UPSTREAM.replace(b"\twait_for(u);\n", b"\twait_for(u);\n\tflush(u);\n")
    halt = b"int early;\n\n" + UPSTREAM.replace(b"int stop(", b"int halt(")
    # where upstream's function is here as well, in other words, landing in another one is no matter of names
    older = halt + b"\n" + OLDER.replace(b"wait_for", b"await") if twin else halt
    repo = TestRepo(tmp_path / "store.git")
    commits = [repo.commit({"a.c": older}), repo.commit({"a.c": UPSTREAM})]
    heads = [Head(name, commit, version, "made here", 0.0)
             for name, commit, version in (("new", commits[1], "6.3.1"), ("old", commits[0], "6.1.1"))]
    repo.git.close()
    carrier = Carrier(tmp_path / "store.git" / ".git", heads, heads[0])
    patch = parse(b"From: A <a@example.org>\nSubject: [PATCH] fix\n\nText.\n---\n" + file_diff("a.c", UPSTREAM, fixed))
    carried = carrier.carry(patch, Tree("old", "6.1", ()), heads[1])
    carrier.close()
    assert carried.outcome is (Apply.SUSPECT if twin else Apply.OFFSET)
    if not twin:
        assert any("lands in halt(); upstream changed stop()" in note for note in carried.notes)


def test_the_mail_says_in_one_block_what_was_adapted_and_what_was_left_out(tmp_path: Path) -> None:
    two = UPSTREAM.replace(b"stop", b"halt")
    two_fixed = two.replace(b"\twait_for(u);\n", b"\twait_for(u);\n\tsettle(u);\n")
    fixed = UPSTREAM.replace(b"\twait_for(u);\n", b"\twait_for(u);\n\tflush(u);\n")
    repo = TestRepo(tmp_path / "store.git")
    commits = [repo.commit({"old/a.c": OLDER, "b.c": two_fixed, "a.h": b"void flush(struct unit *u);\n"}),
               repo.commit({"new/a.c": UPSTREAM, "b.c": two, "a.h": b"void flush(struct unit *u);\n"})]
    heads = [Head(name, commit, version, "made here", 0.0)
             for name, commit, version in (("new", commits[1], "6.3.1"), ("old", commits[0], "6.1.1"))]
    repo.git.close()
    carrier = Carrier(tmp_path / "store.git" / ".git", heads, heads[0])
    patch = parse(b"From: A <a@example.org>\nSubject: [PATCH] fix\n\nText.\n---\n"
                  + file_diff("new/a.c", UPSTREAM, fixed) + file_diff("b.c", two, two_fixed))
    carried = carrier.carry(patch, Tree("old", "6.1", ()), heads[1])
    carrier.close()
    assert carried.outcome is Apply.MERGED
    message = carried.mail.split(b"\n\n", 1)[1].split(b"\n---\n")[0].decode()
    assert " ".join(message.split()) == (
        "Text. [ adapted for 6.1.y: new/a.c is old/a.c in this tree; left out the change to b.c, which this tree has "
        "already ]")
    assert "left out the change to b.c, which this tree has already" in carried.notes
    assert carried.sure is Sure.REVIEW


@pytest.mark.parametrize(("path", "source", "name"), [
    ("a.c", UPSTREAM + b"\n" + UPSTREAM.replace(b"stop", b"other").replace(b"wait_for", b"pause"), "gone"),
    ("a.S", b"SYM_FUNC_START(stop)\n\tmov %rax, %rbx\n\tlog_start(u, ret);\n\twait_for(u);\n\treturn ret;\n"
            b"SYM_FUNC_END(stop)\n", "gone"),
])
def test_a_tree_that_a_hunk_fits_once_is_not_upstreams_file_if_the_header_names_another_function(
        tmp_path: Path, path: str, source: bytes, name: str) -> None:
    """Compared with itself every tree has the change in upstream's function."""
    repo = TestRepo(tmp_path / "store.git")
    head = Head("old", repo.commit({path: source}), "6.1.1", "made here", 0.0)
    repo.git.close()
    carrier = Carrier(tmp_path / "store.git" / ".git", [head], head)
    hunk = "@@ -90,3 +90,4 @@ {}\n \tlog_start(u, ret);\n+\tmore(u);\n \twait_for(u);\n \treturn ret;\n"
    opening = "int {}(struct unit *u)" if path == "a.c" else "SYM_FUNC_START({})"
    answers = {}
    for function in ("stop", name):
        text = f"--- a/{path}\n+++ b/{path}\n" + hunk.format(opening.format(function))
        answers[function] = carrier.carry(parse(text.encode()), Tree("old", "6.1", ()), head)
    carrier.close()
    assert answers["stop"].outcome is Apply.OFFSET
    assert answers[name].outcome in (Apply.SUSPECT, Apply.CONFLICT)
    assert f"upstream changed {name}()" in answers[name].reason


def test_a_part_that_was_left_out_without_a_reason_is_for_review(carrier: Carrier,
                                                                 monkeypatch: pytest.MonkeyPatch) -> None:
    two = b"int other(void)\n{\n\treturn 7;\n}\n"
    patch = parse(b"From: A <a@example.org>\nSubject: [PATCH] fix\n\nText.\n---\n"
                  + file_diff("a.c", UPSTREAM, FIXED) + file_diff("b.c", two, two.replace(b"7", b"8")))
    answer = adapt(parse(patch.head + patch.files[0].render()), carrier.view(carrier.heads[1]),
                   upstream=carrier.view(carrier.heads[0]), preimages={"a.c": UPSTREAM})
    monkeypatch.setattr("backport.carry.adapt", lambda *_a, **_k: replace(answer, sure=Sure.CERTAIN))
    carried = carrier.carry(patch, Tree("tree-mid", "6.2", ()), carrier.heads[1])
    assert carried.outcome is Apply.MERGED
    assert carried.sure is Sure.REVIEW
    assert "left out the change to b.c" in carried.notes
    assert b"left out the change to b.c ]" in carried.mail


def carried_to(tmp_path: Path, here: bytes, before: bytes, fixed: bytes) -> Carried:
    """Upstream's change of a.c on a tree that has it as `here`."""
    repo = TestRepo(tmp_path / "store.git")
    commits = [repo.commit({"a.c": data, "a.h": NAMES}) for data in (here, before)]
    repo.git.close()
    heads = [Head(name, commit, version, "made here", 0.0)
             for name, commit, version in (("new", commits[1], "6.3.1"), ("old", commits[0], "6.1.1"))]
    carrier = Carrier(tmp_path / "store.git" / ".git", heads, heads[0])
    patch = parse(b"From: A <a@example.org>\nSubject: [PATCH] fix\n\nText.\n---\n" + file_diff("a.c", before, fixed))
    try:
        return carrier.carry(patch, Tree("old", "6.1", ()), heads[1])
    finally:
        carrier.close()


def test_a_change_that_git_would_make_a_second_time_is_there(tmp_path: Path) -> None:
    """The tree has the fix behind a line of its own, and a twin further down takes the patch once more."""
    before = UPSTREAM + b"int between;\n" * 9 + UPSTREAM.replace(b"int stop", b"int halt") + b"int between;\n"
    fixed = FIXED + before[len(UPSTREAM):]
    here = fixed.replace(b"prepare(u)", b"prepare_it(u)", 1)
    carried = carried_to(tmp_path, here, before, fixed)
    assert (carried.outcome, carried.sure) == (Apply.ALREADY, Sure.REVIEW)
    assert "git apply accepts the patch a second time: do not apply it again" in carried.notes
    assert carried.evidence == ("a.c: in this tree already: a three-way merge of upstream's change into this file "
                                "changes nothing",)


def test_a_change_that_a_maintainer_adapted_is_there_and_not_made_beside_itself(tmp_path: Path) -> None:
    """It stands in front of a line that upstream has above it: git apply refuses its reverse, and it fits once more."""
    lines = ["age(u);", "if (time_is_up(u))", "\treturn -1;", "", "if (size_of(u) > limit)", "\treturn -1;"]
    guard = ["if (room_of(u->queue) < packet_len)", "\treturn -1;", ""]
    before, fixed = body(*lines), body(*lines[:4], *guard, *lines[4:])
    here = body(*guard, *lines[:4], "check(u);", *lines[4:])
    carried = carried_to(tmp_path, here, before, fixed)
    assert carried.outcome in (Apply.ALREADY, Apply.CONFLICT), carried.mail
    assert carried.patch is None


def test_a_caller_that_only_this_tree_has_is_told_of_a_patch_that_git_takes(tmp_path: Path) -> None:
    """The build compiles one configuration; the driver that is broken may not be in it."""
    unit = b"int unit_grow(struct unit *u)\n{\n\treturn u->size++;\n}\n"
    grown = unit.replace(b"unit *u)", b"unit *u, int by)").replace(b"++", b" += by")
    driver = b"int probe(struct unit *u)\n{\n\treturn unit_grow(u);\n}\n"
    repo = TestRepo(tmp_path)
    commits = [repo.commit({"a.c": unit, "old.c": driver}), repo.commit({"a.c": unit, "old.c": b"int old;\n"})]
    repo.git.close()
    heads = [Head("new", commits[1], "6.3.1", "made here", 0.0), Head("old", commits[0], "6.1.1", "made here", 0.0)]
    patch = parse(b"From: A <a@example.org>\nSubject: [PATCH] fix\n\nText.\n---\n" + file_diff("a.c", unit, grown))
    carrier = Carrier(repo.path / ".git", heads, heads[0])
    old, new = (carrier.carry(patch, Tree(head.tree, head.version[:3], ()), head) for head in reversed(heads))
    carrier.close()
    told = "old.c calls unit_grow() with 1 argument, and it takes 2 with this patch"
    assert (old.outcome, old.sure, old.unready, told in old.notes) == (Apply.CLEAN, Sure.REVIEW, True, True)
    assert (new.outcome, new.unready, told in new.notes) == (Apply.CLEAN, False, False)


def test_an_adaptation_that_includes_what_is_not_here_is_declined(tmp_path: Path) -> None:
    before, fixed = (b"#include <linux/a.h>\n\n" + data for data in (UPSTREAM, FIXED))
    fixed = fixed.replace(b"#include <linux/a.h>\n", b"#include <linux/a.h>\n#include <linux/later.h>\n")
    repo = TestRepo(tmp_path)
    commits = [repo.commit({"a.c": b"#include <linux/a.h>\n\n" + data, "include/linux/a.h": NAMES})
               for data in (OLDER, UPSTREAM)]
    repo.git.close()
    heads = [Head("new", commits[1], "6.3.1", "made here", 0.0), Head("old", commits[0], "6.1.1", "made here", 0.0)]
    other = Carrier(repo.path / ".git", heads, heads[0])
    patch = parse(b"From: A <a@example.org>\nSubject: [PATCH] fix\n\nText.\n---\n" + file_diff("a.c", before, fixed))
    adapted = other.carry(patch, Tree("old", "6.1", ()), heads[1])
    as_it_is = other.carry(patch, Tree("new", "6.3", ()), heads[0])
    other.close()
    reason = "an added line includes linux/later.h, which this tree does not have"
    assert (adapted.outcome, adapted.reason, adapted.mail) == (Apply.CONFLICT, reason, b"")
    assert b"+#include <linux/later.h>" in adapted.alternatives[0]
    assert (as_it_is.outcome, as_it_is.sure) == (Apply.CLEAN, Sure.REVIEW)
    assert reason in as_it_is.notes
