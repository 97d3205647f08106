"""Hunks without context: placed by the file that they were made for, or refused; never evidence of anything."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from backport.adapt.context import bare, bare_hunks, with_context
from backport.adapt.engine import adapt
from backport.adapt.simulated_apply import apply_as_is
from backport.carry import Carried, Carrier
from backport.check import check
from backport.manifest import Tree
from backport.patch.model import Patch
from backport.patch.parse import parse
from backport.trees.store import Head
from backport.treeview import MemoryView
from backport.verdict import Apply, Sure
from tests.support.gitrepo import TestRepo

HEAD = b"From: A <a@example.org>\nSubject: [PATCH] fix\n\nText.\n---\n"
DEFINES = b"".join(b"#define WIDGET_%d %d\n" % (i, i) for i in range(8))
WALK = b"""int walk(struct unit *u)
{
\tint ret = prepare(u);

\tif (ret)
\t\treturn ret;

\tlog_start(u, ret);
\twait_for(u);
\treturn 0;
}
"""
BEFORE = b"#ifndef W_H\n#define W_H\n\n" + DEFINES + b"\n" + WALK + b"\nint other(void)\n{\n\treturn 1;\n}\n\n#endif\n"
AFTER = BEFORE.replace(b"#define WIDGET_4 4\n", b"#define WIDGET_4 4\n#define WIDGET_NEW 9\n")


@dataclass
class Bench:
    """A store with one tree a name, and the diff between two of them with any number of context lines."""

    repo: TestRepo
    heads: list[Head]
    carrier: Carrier

    def diff(self, old: str, new: str, *extra: str) -> bytes:
        return self.repo.diff(self.commit(old), self.commit(new), *extra)

    def commit(self, name: str) -> str:
        return next(head.commit for head in self.heads if head.tree == name)

    def carry(self, diff: bytes, name: str) -> Carried:
        head = next(head for head in self.heads if head.tree == name)
        return self.carrier.carry(parse(HEAD + diff), Tree(name, "6.1", ()), head)


def bench(tmp_path: Path, trees: dict[str, bytes]) -> Bench:
    repo = TestRepo(tmp_path / "store.git")
    heads = [Head(name, repo.commit({"w.h": data}), f"6.{n}.1", "made here", 0.0)
             for n, (name, data) in enumerate(trees.items())]
    return Bench(repo, heads, Carrier(tmp_path / "store.git" / ".git", heads, heads[0]))


@pytest.fixture
def trees(tmp_path: Path) -> Iterator[Bench]:
    made = bench(tmp_path, {"before": BEFORE, "after": AFTER, "older": b"/* older */\n" * 40 + BEFORE,
                            "other": BEFORE.replace(b"WIDGET_", b"GADGET_")})
    yield made
    made.carrier.close()


def result(carried: Carried, source: bytes) -> bytes:
    """The file with what was handed out, by git apply's own rules: no offset is allowed."""
    assert carried.patch is not None, carried.reason
    (file,) = carried.patch.files
    there = apply_as_is(file.hunks, source)
    assert there is not None
    return there.made(source)


def test_an_insertion_goes_to_the_line_of_the_file_that_the_index_line_names(trees: Bench) -> None:
    diff = trees.diff("before", "after", "-U0")
    assert b"@@ -8,0 +9 @@" in diff
    carried = trees.carry(diff, "before")
    assert (carried.outcome, carried.sure) == (Apply.CLEAN, Sure.CERTAIN)
    assert result(carried, BEFORE) == AFTER
    assert b" #define WIDGET_4 4\n+#define WIDGET_NEW 9\n #define WIDGET_5 5\n" in carried.mail
    assert trees.carry(diff, "after").outcome is Apply.ALREADY


def test_another_tree_is_judged_as_with_context(trees: Bench) -> None:
    for name in ("older", "other"):
        bare_answer = trees.carry(trees.diff("before", "after", "-U0"), name)
        whole = trees.carry(trees.diff("before", "after"), name)
        assert (bare_answer.outcome, bare_answer.sure) == (whole.outcome, whole.sure)
        assert (bare_answer.patch and bare_answer.patch.diff) == (whole.patch and whole.patch.diff)


def test_an_abbreviation_and_the_name_of_the_result_lead_to_the_file_as_well(trees: Bench) -> None:
    full = trees.diff("before", "after", "-U0", "--full-index")
    old, new = full.split(b"index ", 1)[1].split(b" ", 1)[0].split(b"..")
    for was, now in ((old[:7], new[:7]), (old, new[:12])):
        carried = trees.carry(full.replace(old + b".." + new, was + b".." + now), "before")
        assert carried.outcome is Apply.CLEAN
        assert result(carried, BEFORE) == AFTER


def test_the_file_after_the_patch_gives_the_file_before_it(tmp_path: Path) -> None:
    older = b"/* older */\n" * 40 + BEFORE
    made = bench(tmp_path, {"after": AFTER, "older": older})
    scratch = TestRepo(tmp_path / "scratch")
    diff = scratch.diff(scratch.commit({"w.h": BEFORE}), scratch.commit({"w.h": AFTER}), "-U0")
    carried = made.carry(diff, "older")
    made.carrier.close()
    assert carried.outcome is Apply.OFFSET
    assert any("with the patch reverted" in source for source in carried.preimages.sources.values())
    assert result(carried, older) == b"/* older */\n" * 40 + AFTER


@pytest.mark.parametrize("index", [b"", b"index 1111111..2222222 100644\n", b"index 0000000..0000000\n"])
@pytest.mark.parametrize("body", [
    b"@@ -8,0 +9 @@\n+#define WIDGET_NEW 9\n",                            # git apply: at the end of the file
    b"@@ -40,0 +41 @@\n+#endif\n",                                        # is at the end of the file, and says nothing
    b"@@ -100 +99,0 @@\n-#define NEVER_HERE 1\n",                         # git apply: its reverse fits
    b"@@ -20 +19,0 @@ int other(void)\n-\twait_for(u);\n",                 # unique, and in another function
    b"@@ -17,1 +17,2 @@\n \n+\tadded(u);\n",
    b"@@ -21,2 +21,3 @@\n \treturn 0;\n+\tadded(u);\n }\n",
    b"@@ -9 +9 @@ int walk(struct unit *u)\n-}\n+};\n",
])
def test_without_its_file_it_is_refused_with_what_to_do(trees: Bench, index: bytes, body: bytes) -> None:
    diff = b"diff --git a/w.h b/w.h\n" + index + b"--- a/w.h\n+++ b/w.h\n" + body
    for name in ("before", "after", "other"):
        carried = trees.carry(diff, name)
        assert carried.outcome is Apply.INVALID
        assert carried.patch is None
        assert "hunk 1 has no context" in carried.reason
        assert "-U3" in carried.reason
    assert check(trees.repo.git, trees.commit("before"), parse(HEAD + diff)).outcome is Apply.INVALID
    answer = adapt(parse(HEAD + diff), MemoryView("before", {"w.h": BEFORE}))
    assert (answer.outcome, answer.patch) == (Apply.CONFLICT, None)


def test_a_line_that_stands_once_below_the_headers_line_is_a_place_and_for_review(trees: Bench) -> None:
    diff = (b"--- a/w.h\n+++ b/w.h\n@@ -120 +120 @@ int walk(struct unit *u)\n"
            b"-\twait_for(u);\n+\twait_for(u, ret);\n")
    carried = trees.carry(diff, "older")
    assert carried.outcome in (Apply.CLEAN, Apply.OFFSET)
    assert carried.sure is Sure.REVIEW
    assert any("placed by the lines that they remove" in note for note in carried.notes)
    assert b"wait_for(u, ret)" in result(carried, b"/* older */\n" * 40 + BEFORE)


def test_a_blob_whose_lines_are_others_is_not_believed(trees: Bench) -> None:
    """Somebody edited the patch: the index line is right, and the header's line is not."""
    diff = trees.diff("before", "after", "-U0").replace(
        b"@@ -8,0 +9 @@", b"@@ -9 +9 @@").replace(b"+#define WIDGET_NEW 9\n", b"-#define WIDGET_7 7\n+#define X 9\n")
    assert trees.carry(diff, "before").outcome is Apply.INVALID


def test_a_file_that_comes_or_goes_is_whole_without_context() -> None:
    made = parse(HEAD + b"--- /dev/null\n+++ b/n.h\n@@ -0,0 +1 @@\n+int x;\n")
    gone = parse(HEAD + b"--- a/n.h\n+++ /dev/null\n@@ -1 +0,0 @@\n-int x;\n")
    assert not any(bare_hunks(file) for patch in (made, gone) for file in patch.files)


def one(diff: bytes) -> Patch:
    return parse(HEAD + b"diff --git a/w.h b/w.h\n--- a/w.h\n+++ b/w.h\n" + diff)


@pytest.mark.parametrize(("body", "says"), [
    (b"@@ -8,0 +9 @@\n+x1();\n", False),
    (b"@@ -8,2 +8,3 @@\n }\n+x1();\n \n", False),
    (b"@@ -8,2 +8,3 @@\n foo(1);\n+x1();\n \n", True),
    (b"@@ -8,6 +8,7 @@\n }\n \n }\n+x1();\n }\n \n }\n", True),            # made with -U3
])
def test_which_hunks_are_bare(body: bytes, says: bool) -> None:
    (file,) = one(body).files
    assert bare(file.hunks[0]) is not says


def test_context_comes_from_the_file_and_neighbours_become_one_hunk() -> None:
    lines = b"".join(b"line %d\n" % n for n in range(1, 13))
    (file,) = one(b"@@ -3,0 +4 @@\n+new a\n@@ -6 +7 @@\n-line 6\n+new b\n").files
    got = with_context(file, lines)
    assert [(hunk.old_start, len(hunk.old)) for hunk in got.hunks] == [(1, 9)]
    assert with_context(got, lines) == got
    top = with_context(one(b"@@ -0,0 +1 @@\n+new a\n").files[0], b"line 1\nline 2")
    assert top.hunks[0].render() == b"@@ -1,2 +1,3 @@\n+new a\n line 1\n line 2\n\\ No newline at end of file\n"
    assert with_context(one(b"@@ -3 +3 @@\n-line 9x\n+new\n").files[0], lines).hunks[0].old == (b"line 9x\n",)


def test_a_line_that_stands_twice_places_nothing(tmp_path: Path) -> None:
    twice = BEFORE.replace(b"\twait_for(u);\n", b"\twait_for(u);\n\tcheck(u);\n\twait_for(u);\n")
    made = bench(tmp_path, {"twice": twice})
    line = twice[:twice.index(b"\twait_for")].count(b"\n") + 1     # at its header's own line, as it happens
    diff = b"--- a/w.h\n+++ b/w.h\n@@ -%d +%d @@ int walk(struct unit *u)\n-\twait_for(u);\n+\tgo(u);\n" \
        % (line, line)
    carried = made.carry(diff, "twice")
    made.carrier.close()
    assert carried.outcome is Apply.INVALID


def test_the_file_after_the_patch_is_believed_where_it_gives_the_file_before_it(trees: Bench) -> None:
    full = trees.diff("before", "after", "-U0", "--full-index")
    old = full.split(b"index ", 1)[1].split(b"..")[0]
    assert trees.carry(full.replace(old, b"3" * 40), "after").outcome is Apply.INVALID


def test_an_abbreviation_that_the_store_has_twice_is_looked_up_at_the_path(
        trees: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    full = trees.diff("before", "after", "-U0", "--full-index")
    old, new = full.split(b"index ", 1)[1].split(b" ", 1)[0].split(b"..")
    git, blob = trees.carrier.git, trees.carrier.git.blob
    monkeypatch.setattr(git, "blob", lambda spec: None if len(spec) == 7 else blob(spec))
    carried = trees.carry(full.replace(old + b".." + new, old[:7] + b".." + new[:7]), "before")
    assert carried.outcome is Apply.CLEAN
    assert result(carried, BEFORE) == AFTER
