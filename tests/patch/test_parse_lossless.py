"""What comes in goes out byte for byte, whatever bytes a patch holds; and git agrees about what it does."""

from __future__ import annotations

import time
from pathlib import Path

import pytest
from hypothesis import given, settings

from backport.patch.intake import read_bytes
from backport.patch.mail import read_mail
from backport.patch.model import Hunk, Line, Patch
from backport.patch.parse import parse
from tests.support.mails import CHANGES, commit, mails, repository


@given(mails())
@settings(max_examples=300, deadline=None)
def test_any_mail_renders_to_its_own_bytes(data: bytes) -> None:
    assert parse(data).render() == data


@given(mails())
@settings(max_examples=150, deadline=None)
def test_a_hunk_rendered_afresh_reads_the_same(data: bytes) -> None:
    patch = parse(data)
    fresh = patch.with_files(tuple(
        file.with_hunks(tuple(Hunk(h.old_start, h.new_start, h.lines, h.section) for h in file.hunks))
        for file in patch.files))
    again = parse(fresh.render())
    assert [[h.lines for h in f.hunks] for f in again.files] == [[h.lines for h in f.hunks] for f in patch.files]
    assert [[(h.old_start, h.new_start) for h in f.hunks] for f in again.files] == [
        [(h.old_start, h.new_start) for h in f.hunks] for f in patch.files]


@given(mails())
@settings(max_examples=100, deadline=None)
def test_reversing_twice_gives_the_same_change(data: bytes) -> None:
    for file in parse(data).files:
        for hunk in file.hunks:
            assert hunk.reversed().old == hunk.new
            assert hunk.reversed().reversed().old == hunk.old
            assert hunk.reversed().reversed().new == hunk.new


@pytest.mark.parametrize("kind", CHANGES)
def test_what_git_writes_is_read_and_does_the_same(kind: str, tmp_path: Path) -> None:
    with repository(tmp_path / "repo") as git:
        base = git.rev("HEAD") or ""
        CHANGES[kind](tmp_path / "repo")
        commit(git, f"{kind}: change\n\nWhy.\n")
        wanted = git.rev("HEAD^{tree}")
        for options in (("-M", "-C", "--find-copies-harder"), ("--no-renames",), ("-M", "--full-index", "-U1")):
            data = git.run("format-patch", "-1", "--stdout", "--binary", *options).out
            patch = parse(data, source=kind)
            assert patch.render() == data
            assert patch.files
            # the diff alone, through git's own reader, gives the very tree
            git.run("read-tree", base)
            git.run("apply", "--cached", "--whitespace=nowarn", "-", stdin=patch.diff)
            assert git.run("write-tree").text == wanted
        git.run("read-tree", "HEAD")


def test_an_empty_context_line_that_lost_its_blank_is_read() -> None:
    data = b"--- a/f.c\n+++ b/f.c\n@@ -1,3 +1,3 @@\n a\n\n-b\n+c\n"
    patch = parse(data)
    assert patch.files[0].hunks[0].old == (b"a\n", b"\n", b"b\n")
    assert patch.render() == data


def test_a_large_mail_takes_no_time_of_the_square_of_its_size() -> None:
    line = b"a line of code that is about as long as most(%d);\n"
    hunk = b"".join(b"@@ -%d,7 +%d,7 @@ int f(void)\n" % (i, i) + b"".join(
        kind + line % i for kind in (b" ", b" ", b" ", b"-", b"+", b" ", b" ", b" ")) for i in range(1, 3000, 10))
    body = b"".join(b"diff --git a/%d b/%d\n--- a/%d\n+++ b/%d\n" % ((n,) * 4) + hunk for n in range(16))
    message = b"From: A <a@example.org>\nSubject: [PATCH] big\n\n" + b"text\n" * 20000 + b"---\n\n"
    data = message + body + b"-- \n2.39.5\n"
    assert len(data) > 2_000_000
    start = time.process_time()
    patch = parse(data)
    read_mail(patch)
    assert patch.render() == data
    assert time.process_time() - start < 30         # 0.3 s of the processor where it was written; the square is minutes


@pytest.mark.parametrize("line", [b" " * 200_000, b" a |" * 50_000, b"[" * 200_000, b"\t" * 200_000 + b"x",
                                  b"Cc: stable@vger.kernel.org # " + b"a " * 100_000, b"[PATCH " * 30_000,
                                  b"From " * 40_000, b"=?utf-8?q?" * 20_000])
def test_long_lines_made_to_be_slow_are_not(line: bytes) -> None:
    diff = b"--- a/f.c\n+++ b/f.c\n@@ -1 +1 @@\n-a\n+b\n"
    data = b"From: A <a@example.org>\nSubject: " + line + b"\n\n" + line + b"\n\n" + line + b"\n---\n" + line \
        + b"\n" + diff
    start = time.process_time()
    for item in read_bytes(data, "x") + read_bytes(line + b"\n" + diff, "x"):
        if isinstance(item, Patch):
            read_mail(item)
    assert time.process_time() - start < 30


@pytest.mark.parametrize("text", [b"\r", b"\x0c", b"a\rb", b"\x85", b"-- ", b"--", b"-- a/f.c", b"++ b/f.c"])
def test_odd_lines_inside_a_hunk_are_content(text: bytes) -> None:
    data = b"--- a/f.c\n+++ b/f.c\n@@ -1,2 +1,3 @@\n x\n-" + text + b"\n+" + text + b"\n+y\n"
    assert parse(data).files[0].hunks[0].lines[1] == Line(b"-", text + b"\n")


