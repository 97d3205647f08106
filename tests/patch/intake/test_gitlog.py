"""What git show and git log print is read as the mail that git format-patch writes of the same commit."""

from __future__ import annotations

from pathlib import Path

import pytest

from backport.git import Git
from backport.patch.compose import adapted_mail
from backport.patch.intake import read_bytes, read_commit
from backport.patch.intake.gitlog import entries
from backport.patch.mail import Mail, read_mail
from backport.patch.model import Patch, Refused
from tests.support.mails import LONG, commit, repository

MESSAGE = ("x86: a title that goes on\nin a second line\n\nWhy, as in J\u00f6rg's mail:\n\n  indented\n---\n"
           "diff --git a/quoted b/quoted\n--- a/quoted\n+++ b/quoted\n@@ -1 +1 @@\n\nNotes:\n"
           "Fixes: 1234567890ab (\"x\")\nCc: stable@vger.kernel.org # 6.1+\nSigned-off-by: A <a@example.org>\n")
AUTHOR = "J\u00f6rg D. \u00c4uthor <j@example.org>"


@pytest.fixture
def repo(tmp_path: Path) -> Path:
    """Three commits on top of START: the second and the third change what the one before made."""
    root = tmp_path / "repo"
    with repository(root) as git:
        for number, text in enumerate((b"one", b"two", b"three")):
            (root / "f.c").write_bytes(LONG.replace(b"line 5\n", text + b"\n"))
            commit(git, MESSAGE if number == 2 else f"step {number}\n\nWhy.\n", author=AUTHOR)
        git.run("notes", "add", "-m", "a note\n---\nof the note", "HEAD")
    return root


def git_prints(repo: Path, *args: str) -> bytes:
    with Git(repo) as git:
        return git.run(*args).out


def only(items: list[Patch | Refused]) -> tuple[Patch, Mail]:
    (patch,) = items
    assert isinstance(patch, Patch), patch
    return patch, read_mail(patch)


@pytest.mark.parametrize("options", [
    (), ("--stat", "-p"), ("--pretty=fuller",), ("--pretty=raw",), ("--decorate=full",), ("--date=iso",),
    ("--date=iso-strict",), ("--date=rfc",), ("--date=raw",), ("--date=unix",), ("--full-index", "-U5")])
def test_a_commit_that_git_show_printed_says_what_format_patch_says(repo: Path, options: tuple[str, ...]) -> None:
    _, wanted = only(read_commit(repo, "HEAD"))
    patch, seen = only(read_bytes(git_prints(repo, "show", *options), "x"))
    assert seen.is_mail
    assert (seen.title, seen.author, seen.upstream) == (wanted.title, wanted.author, wanted.upstream)
    assert seen.title == "x86: a title that goes on in a second line"
    assert seen.date == wanted.date
    assert seen.tags
    assert [(tag.name, tag.value) for tag in seen.tags] == [("Fixes", '1234567890ab ("x")'), (
        "Cc", "stable@vger.kernel.org # 6.1+"), ("Signed-off-by", "A <a@example.org>")]
    assert "  indented\n" in seen.text
    assert "a note" not in seen.text
    assert patch.paths == ("f.c",)
    assert "git show" in patch.said[0]
    assert not patch.review


def test_git_am_takes_what_is_made_of_it_with_author_date_and_message(repo: Path, tmp_path: Path) -> None:
    patch, seen = only(read_bytes(git_prints(repo, "show"), "x"))
    shown = ("log", "-1", "--format=%an <%ae>%n%s%n%ad", "--date=iso")
    with Git(repo) as git:
        original = git.rev("HEAD") or ""
        for data in (patch.render(), adapted_mail(patch, patch.files, series="5.10", upstream_sha=seen.upstream_sha)):
            (tmp_path / "mail").write_bytes(data)
            git.run("reset", "-q", "--hard", f"{original}~1")
            git.run("am", "-q", str(tmp_path / "mail"))
            assert git.run(*shown).text == git.run(*shown, original).text
            assert "Signed-off-by: A <a@example.org>" in git.run("log", "-1", "--format=%B").text
            assert git.rev("HEAD^{tree}") == git.rev(f"{original}^{{tree}}")


@pytest.mark.parametrize("options", [(), ("--reverse",), ("--date=relative",), ("--reverse", "--date=relative"),
                                     ("--stat",), ("--pretty=fuller",)])
def test_the_commits_of_git_log_come_oldest_first_and_belong_together(repo: Path, options: tuple[str, ...]) -> None:
    data = git_prints(repo, "log", "-p", "-3", *options)
    found = read_bytes(data, "x")
    assert sorted(entries(data)) == sorted(part for part in entries(data) if part.startswith(b"commit "))
    patches = [item for item in found if isinstance(item, Patch)]
    assert [read_mail(p).title[:6] for p in patches] == ["step 0", "step 1", "x86: a"]
    assert [(p.part, p.parts) for p in patches] == [(1, 3), (2, 3), (3, 3)]
    assert len({p.thread for p in patches}) == 1
    with Git(repo) as git:
        git.run("read-tree", "HEAD~3")
        for patch in patches:
            git.run("apply", "--cached", "-", stdin=patch.diff)
        assert git.run("write-tree").text == git.rev("HEAD^{tree}")


def test_an_abbreviated_commit_is_no_upstream_commit_and_a_date_in_words_is_said(repo: Path) -> None:
    patch, seen = only(read_bytes(git_prints(repo, "show", "--abbrev-commit", "--date=relative"), "x"))
    assert seen.upstream == ""
    assert "only" in patch.said[1]
    assert "cannot be read" in patch.said[2]
    assert seen.date == ""


def test_merges_and_empty_commits_of_a_log_are_passed_over_and_said(repo: Path) -> None:
    with Git(repo) as git:
        commit(git, "nothing in it\n")
    items = read_bytes(git_prints(repo, "log", "-p", "-3"), "x")
    assert [isinstance(item, Patch) for item in items] == [True, True, False]
    assert isinstance(items[2], Refused)
    assert items[2].skipped
    assert items[2].subject == "nothing in it"
    (alone,) = read_bytes(git_prints(repo, "show"), "x")
    assert isinstance(alone, Refused)
    assert not alone.skipped
    assert "empty commit" in alone.reason


def test_a_damaged_hunk_is_told_by_its_line_in_the_file(repo: Path) -> None:
    data = git_prints(repo, "show").replace(b"-two\n", b"two\n")
    (item,) = read_bytes(data, "x")
    assert isinstance(item, Refused)
    assert item.line == data[:data.index(b"\ntwo\n")].count(b"\n") + 2


def test_a_commit_block_inside_a_mail_is_text() -> None:
    data = (b"From: A <a@example.org>\nSubject: [PATCH] x: y\n\ncommit " + b"3" * 40 + b"\nAuthor: B <b@example.org>\n"
            b"Date:   Mon Nov 2 10:00:00 2026 +0000\n\n    x: y\n\n---\n--- a/f.c\n+++ b/f.c\n@@ -1 +1 @@\n-a\n+b\n")
    patch, seen = only(read_bytes(data, "x"))
    assert patch.render() == data
    assert seen.author.address == "a@example.org"


def test_what_redirected_output_of_other_kinds_is() -> None:
    for data, reason in (("commit 1\ndiff --git a/f b/f\n".encode("utf-16"), "UTF-16"),
                         (b"\x1b[1mdiff --git a/f b/f\x1b[m\n", "terminal colours")):
        (item,) = read_bytes(data, "x")
        assert isinstance(item, Refused)
        assert reason in item.reason
