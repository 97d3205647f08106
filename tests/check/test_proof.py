"""An adapted patch is handed out only when git takes it as it stands and gives the tree back."""

from __future__ import annotations

from pathlib import Path

from backport.check.proof import objection
from backport.patch.parse import parse
from tests.support.gitrepo import TestRepo


def test_proof(tmp_path: Path) -> None:
    repo = TestRepo(tmp_path / "made-up")
    old = repo.commit({"f.c": b"".join(b"line %d\n" % i for i in range(40))})
    new = repo.commit({"f.c": b"".join(b"line %d\n" % i for i in range(40)).replace(b"line 20\n", b"other\n")})
    good = repo.diff(old, new)
    assert objection(repo.git, old, parse(good)) == ""
    shifted = good.replace(b"@@ -18,7 +18,7 @@", b"@@ -19,7 +19,7 @@")
    assert shifted != good
    assert "offset" in objection(repo.git, old, parse(shifted))
    assert "rejects the adapted patch" in objection(repo.git, new, parse(good))


def test_a_patch_that_changes_nothing_is_not_handed_out(tmp_path: Path) -> None:
    repo = TestRepo(tmp_path / "made-up")
    commit = repo.commit({"f.c": b"".join(b"line %d\n" % i for i in range(40))})
    nothing = (b"diff --git a/f.c b/f.c\n--- a/f.c\n+++ b/f.c\n@@ -19,3 +19,3 @@\n line 18\n-line 19\n+line 19\n"
               b" line 20\n")
    assert objection(repo.git, commit, parse(nothing)) == "the adapted patch changes nothing"


def test_a_patch_that_cannot_be_taken_back_is_not_handed_out(tmp_path: Path) -> None:
    """git apply goes by the header's second line number forward and by its first in reverse: here that is another
    block, which has upstream's words already, and `git apply -R` would change it in silence."""
    repo = TestRepo(tmp_path / "made-up")

    def block(word: bytes) -> bytes:
        return b"a\nb\nc\n" + word + b"\nd\ne\nf\n"

    def lines(word: bytes) -> bytes:
        return b"".join(b"%s %d\n" % (word, i) for i in range(10))

    commit = repo.commit({"f.c": lines(b"top") + block(b"new") + lines(b"amid") + block(b"old") + lines(b"end")})
    hunk = b" a\n b\n c\n-old\n+new\n d\n e\n f\n"
    head = b"diff --git a/f.c b/f.c\n--- a/f.c\n+++ b/f.c\n"
    assert objection(repo.git, commit, parse(head + b"@@ -28,7 +28,7 @@\n" + hunk)) == ""
    assert objection(repo.git, commit, parse(head + b"@@ -11,7 +28,7 @@\n" + hunk)) \
        == "reverting the adapted patch does not restore the tree"


def test_the_proof_writes_nothing_into_the_store(tmp_path: Path) -> None:
    repo = TestRepo(tmp_path / "made-up")
    old = repo.commit({"f.c": b"one\ntwo\nthree\n"})
    before = repo.git.run("count-objects").text
    diff = b"diff --git a/f.c b/f.c\n--- a/f.c\n+++ b/f.c\n@@ -1,3 +1,3 @@\n one\n-two\n+other\n three\n"
    assert objection(repo.git, old, parse(diff)) == ""
    assert repo.git.run("count-objects").text == before


def test_what_stands_out_of_step_is_asked_of_git(tmp_path: Path) -> None:
    """The reverse of a hunk is looked for where its old side says, and that is no place of its new side here."""
    repo = TestRepo(tmp_path / "made-up")
    old = [b"line %d\n" % n for n in range(40)]
    commit = repo.commit({"f.c": b"".join(old)})
    new = repo.commit({"f.c": b"".join([*old[:10], b"more\n", *old[10:30], b"other\n", *old[31:]])})
    assert objection(repo.git, commit, parse(repo.diff(commit, new))) == ""
