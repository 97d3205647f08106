"""The adapted mail: git am takes it, and the commit is upstream's with what was changed said."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from backport.git import Git
from backport.patch.compose import adapted_mail
from backport.patch.mail import read_mail
from backport.patch.model import Hunk, Line, Patch
from backport.patch.parse import parse
from tests.support.mails import CHANGES, commit, mails, repository

SHA = "e907b4e72488f1df878e7e8acf88d23e49cb3ca7"
OTHER = "1" * 40
DIFF = b"diff --git a/f.c b/f.c\nindex 11111..22222 100644\n--- a/f.c\n+++ b/f.c\n@@ -1 +1 @@\n-a\n+b\n-- \n2.39.5\n"


def patch(message: bytes, *, subject: bytes = b"[PATCH v2 3/7] x: y", headers: bytes = b"") -> Patch:
    return parse(b"From " + SHA.encode() + b" Mon Sep 17 00:00:00 2001\nFrom: A U Thor <author@example.org>\n"
                 b"Date: Mon, 20 Apr 2026 11:18:56 +0200\nSubject: " + subject + b"\n" + headers + b"\n" + message
                 + b"---\nv2: changes\n\n f.c | 99 +-\n 1 file changed, 1 insertion(+), 1 deletion(-)\n\n" + DIFF)


def made(message: bytes, *, series: str = "5.10", notes: tuple[str, ...] = (), sha: str | None = SHA,
         signoff: str | None = None, subject: bytes = b"[PATCH v2 3/7] x: y", headers: bytes = b"") -> bytes:
    source = patch(message, subject=subject, headers=headers)
    return adapted_mail(source, source.files, series=series, notes=notes, upstream_sha=sha, signoff=signoff)


def body(mail: bytes) -> str:
    return mail.split(b"\n\n", 1)[1].split(b"\n---\n", 1)[0].decode()


MESSAGE = b"Why.\n\nFixes: 123456789abc (\"z\")\nCc: stable@vger.kernel.org\n" \
          b"Signed-off-by: A U Thor <author@example.org>\n"


def test_the_order_is_upstream_message_tags_note_signoff() -> None:
    mail = made(MESSAGE, notes=("use the raw field, this tree has no helper",), signoff="Jane Doe <jane@example.org>")
    assert body(mail) == f"""\
[ Upstream commit {SHA} ]

Why.

Fixes: 123456789abc ("z")
Cc: stable@vger.kernel.org
Signed-off-by: A U Thor <author@example.org>
[ use the raw field, this tree has no helper ]
Signed-off-by: Jane Doe <jane@example.org>"""


@pytest.mark.parametrize(("subject", "wanted"), [
    (b"[PATCH] x: y", b"[PATCH 5.10.y] x: y"),
    (b"[PATCH v2 3/7] x: y", b"[PATCH 5.10.y 3/7] x: y"),
    (b"[PATCH AUTOSEL 7.0-6.1] x: y", b"[PATCH 5.10.y] x: y"),
    (b"[PATCH AUTOSEL 6.12 12/35] x: y", b"[PATCH 5.10.y] x: y"),
    (b"[PATCH 6.1.y] [media] x: y", b"[PATCH 5.10.y] [media] x: y"),
    (b"x: y", b"[PATCH 5.10.y] x: y"),
    (b"[v2,3/7] x: y", b"[PATCH 5.10.y 3/7] x: y"), (b"[net,v2] x: y", b"[PATCH 5.10.y] x: y"),
    (b"[patch 3/7] [media] x: y", b"[PATCH 5.10.y 3/7] [media] x: y"),
    (b"Re: [PATCH] x: y", b"[PATCH 5.10.y] x: y"),
    (b"[PATCH] x: a long one that\n is folded", b"[PATCH 5.10.y] x: a long one that\n is folded"),
    (b"[PATCH] =?UTF-8?q?x=3A=20J=C3=B6rg?=", b"[PATCH 5.10.y] =?UTF-8?q?x=3A=20J=C3=B6rg?="),
    (b"[PATCH] J\xf6rg", b"[PATCH 5.10.y] J\xf6rg"),
])
def test_the_prefix_is_replaced(subject: bytes, wanted: bytes) -> None:
    assert b"\nSubject: " + wanted + b"\n" in made(MESSAGE, subject=subject)


def test_a_prefix_inside_encoded_words_is_replaced_too() -> None:
    mail = made(MESSAGE, subject=b"=?UTF-8?q?[PATCH]_x=3A_J=C3=B6rg?=")
    assert read_mail(parse(mail)).subject == "[PATCH 5.10.y] x: Jörg"


@pytest.mark.parametrize("first", [
    f"[ Upstream commit {SHA} ]", f"commit {SHA} upstream.", f"[ Upstream commit {OTHER} ]"])
def test_an_upstream_line_that_is_there_is_not_doubled(first: str) -> None:
    mail = made(first.encode() + b"\n\n" + MESSAGE)
    assert body(mail).startswith(first + "\n\nWhy.")
    assert len(re.findall("pstream", body(mail))) == 1


def test_no_upstream_line_without_a_full_sha() -> None:
    assert "pstream" not in body(made(MESSAGE, sha=None))
    assert "pstream" not in body(made(MESSAGE, sha=SHA[:12]))


def test_headers_of_the_old_mails_journey_are_left_out() -> None:
    mail = made(MESSAGE, headers=b"Message-ID: <1@x>\nTo: list@example.org\nCc: stable@vger.kernel.org\n"
                                 b"In-Reply-To: <0@x>\nX-Backport-Restored: something\nReceived: by x\n\tby y\n")
    head = mail.split(b"\n\n", 1)[0]
    for name in (b"Message-ID", b"To:", b"\nCc:", b"In-Reply-To", b"X-Backport", b"Received", b"by y"):
        assert name not in head
    assert b"From: A U Thor <author@example.org>" in head
    assert b"v2: changes" not in mail


def test_the_in_body_author_becomes_the_header() -> None:
    mail = made("From: Jörg <j@example.org>\n\n".encode() + MESSAGE)
    again = read_mail(parse(mail))
    assert str(again.author) == "Jörg <j@example.org>"
    assert again.in_body == ()
    assert mail.count(b"j@example.org") == 1


def test_all_notes_are_one_block_and_the_same_thing_is_said_once() -> None:
    assert body(made(b"Why.\n", notes=("one", "[ two ]", "one", " "), sha=None)) == "Why.\n\n[ one; two ]"


def test_no_signoff_unless_asked_and_none_twice() -> None:
    assert body(made(MESSAGE)).count("Signed-off-by") == 1
    assert body(made(MESSAGE, signoff="A U Thor <author@example.org>")).count("Signed-off-by") == 1


def test_a_message_without_tags_gets_an_empty_line_before_the_note() -> None:
    assert body(made(b"Why.\n", notes=("n",), sha=None)) == "Why.\n\n[ n ]"


NASTY = "first\n--- a/x\n---\ndiff --git a/x b/x\nFrom me\nIndex: y\n@@ -1 +1 @@\n\x00\x1b[31mred\r\n" + "word " * 40


def test_a_note_cannot_break_the_mail(tmp_path: Path) -> None:
    mail = made(MESSAGE, notes=(NASTY,), signoff="Jane\nX: y <jane@example.org>")
    lines = body(mail).split("\n")
    start = next(i for i, line in enumerate(lines) if line.startswith("[ first"))
    for line in lines[start + 1:-1]:
        assert line.startswith("  ")
        assert len(line) <= 75
    assert "\x1b" not in body(mail)
    assert "\r" not in body(mail)
    assert parse(mail).diff == patch(MESSAGE).diff
    assert lines[-1].startswith("Signed-off-by: Jane X: y <jane")


def test_a_diff_quoted_in_the_message_does_not_reach_git_am(tmp_path: Path) -> None:
    quoted = b"Look:\n\ndiff --git a/f.c b/f.c\n--- a/f.c\n+++ b/f.c\n@@ -1 +1 @@\n-a\n+evil\n\n" + MESSAGE
    mail = made(quoted)
    with Git(tmp_path) as git:
        git.run("init", "-q", ".")
        (tmp_path / "f.c").write_bytes(b"a\n")
        commit(git, "start")
        git.run("am", "-q", "-", stdin=mail)
        assert (tmp_path / "f.c").read_bytes() == b"b\n"
        assert b"+evil" in git.run("log", "-1", "--format=%B").out


@pytest.mark.parametrize("kind", CHANGES)
def test_git_am_takes_the_mail_and_the_diffstat_is_gits(kind: str, tmp_path: Path) -> None:
    with repository(tmp_path / "repo") as git:
        base = git.rev("HEAD") or ""
        CHANGES[kind](tmp_path / "repo")
        commit(git, f"{kind}: change\n\nWhy: Jörg said so.\n\nSigned-off-by: Jörg <j@example.org>\n",
               author="Jörg <j@example.org>")
        wanted = git.rev("HEAD^{tree}")
        sha = git.rev("HEAD") or ""
        data = git.run("format-patch", "-1", "--stdout", "--binary", "-M").out
        source = parse(data)
        mail = adapted_mail(source, source.files, series="5.10", notes=("a note",), upstream_sha=sha,
                            signoff="Jane <jane@example.org>")
        below, above = mail.split(b"\n---\n", 1)[1], data.split(b"\n---\n", 1)[1]
        assert below == above
        git.run("checkout", "-q", "--force", "--detach", base)
        git.run("clean", "-qfd")
        git.run("am", "-q", "--keep-cr", "-", stdin=mail)
        assert git.rev("HEAD^{tree}") == wanted
        assert git.run("log", "-1", "--format=%an <%ae>").text == "Jörg <j@example.org>"
        assert git.run("log", "-1", "--format=%B").text.strip() == (
            f"{kind}: change\n\n[ Upstream commit {sha} ]\n\nWhy: Jörg said so.\n\n"
            "Signed-off-by: Jörg <j@example.org>\n[ a note ]\nSigned-off-by: Jane <jane@example.org>")


@given(mails(), st.lists(st.text(max_size=200), max_size=3), st.sampled_from([None, SHA]))
@settings(max_examples=200, deadline=None)
def test_reading_the_adapted_mail_gives_exactly_those_files(data: bytes, notes: list[str], sha: str | None) -> None:
    source = parse(data)
    fresh = tuple(file.with_hunks(tuple(Hunk(h.old_start + 7, h.new_start + 7, (*h.lines[:-1], Line(
        h.lines[-1].kind, h.lines[-1].text)), h.section) for h in file.hunks)) for file in source.files)
    again = parse(adapted_mail(source, fresh, series="6.1", notes=notes, upstream_sha=sha, signoff="J <j@example.org>"))
    assert b"".join(file.render() for file in again.files) == b"".join(file.render() for file in fresh)
    assert again.doubts == ()
    assert read_mail(again).title == read_mail(source).title
    assert read_mail(again).tags[-1].value == "J <j@example.org>"


def test_latin_1_bytes_of_the_message_are_kept() -> None:
    mail = made(b"Caf\xe9.\n\nSigned-off-by: J\xf6rg <j@example.org>\n")
    assert b"Caf\xe9." in mail
    assert b"charset=ISO-8859-1" in mail


def test_a_bare_diff_stays_one_with_the_notes_above() -> None:
    source = parse(DIFF)
    out = adapted_mail(source, source.files, series="5.10", notes=("n",))
    assert out.startswith(b"[ n ]\n")
    assert parse(out).diff == source.diff


def test_a_changed_diff_gets_its_own_diffstat() -> None:
    source = patch(MESSAGE)
    hunk = source.files[0].hunks[0]
    file = source.files[0].with_hunks((hunk.with_lines((*hunk.lines, Line(b"+", b"c\n"))),))
    mail = adapted_mail(source, (file,), series="5.10", notes=())
    assert b"\n---\n f.c | 3 ++-\n 1 file changed, 2 insertions(+), 1 deletion(-)\n\ndiff --git" in mail
