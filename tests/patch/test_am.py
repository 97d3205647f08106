"""Whether `git am` takes a mail: what is said beforehand is what git does."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import nullcontext
from itertools import product
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from backport.errors import GitError
from backport.git import Git
from backport.patch.am import BARE, objections
from backport.patch.compose import adapted_mail
from backport.patch.mail import read_mail
from backport.patch.parse import parse
from tests.support.mails import commit

DIFF = (b"---\n f.c | 2 +-\n 1 file changed, 1 insertion(+), 1 deletion(-)\n\ndiff --git a/f.c b/f.c\n--- a/f.c\n"
        b"+++ b/f.c\n@@ -1 +1 @@\n-a\n+b\n-- \n2.39.5\n")
BODY = DIFF[DIFF.index(b"diff"):]
FIRST = b"From " + b"5" * 40 + b" Mon Sep 17 00:00:00 2001\n"
UTF8 = b"MIME-Version: 1.0\nContent-Type: text/plain; charset=UTF-8\nContent-Transfer-Encoding: 8bit\n"

# the From: header -> what is said of the mail that is made, "" where git am takes it
AUTHORS: dict[bytes, str] = {
    b"From: A B <a@example.org>\n": "", b"From: a@example.org\n": "", b"From: <a@example.org>\n": "",
    b"From: a@example.org (A B)\n": "", b'From: "Doe, J." <a@example.org>\n': "",
    b"From: =?UTF-8?q?J=C3=B6rg?= <a@example.org>\n": "", "From: Jörg <a@example.org>\n".encode(): "",
    b"From: J\xf6rg <a@example.org>\n": "", b"From: A\n B <a@example.org>\n": "", b"From: A <a@xxxxxxxxxx>\n": "",
    b"From: A\rBcc: evil@example.org <a@example.org>\n": "reads `evil@example.org` as the author's address",
    b"From: a@example.org <b@example.org>\n": "reads `a@example.org` as the author's address",
    b"From: A\r\x00B <a@example.org>\n": "",
    b"": "names no author", b"From: \n": "names no author", b"From: Jane Doe\n": "names no author",
    b"From: . <a@example.org>\n": "disallowed characters", b"From: Jane Doe <>\n": "no address for its author",
    b"From: Jane Doe <jane>\n": "is not a mail address", b"From: A <a at example.org>\n": "is not a mail address",
}
SUBJECTS = (b"Subject: [PATCH] x: y\n", b"Subject: x: y\n", "Subject: [PATCH] x: näher\n".encode(),
            b"Subject: [PATCH] J\xf6\n", b"Subject: =?UTF-8?q?[PATCH]_x=3A_J=C3=B6rg?=\n",
            b"Subject: [PATCH] x: a\n folded one\n",
            b"Subject: [v2,3/7] x: y\n", b"Subject: [PATCH] x\rBcc: evil@example.org\n",
            b"Subject: =?UTF-8?q?x=0D=0ABcc:_evil@example.org?=\n", b"Subject: [PATCH] x\x00y\x1b[31m\n")
MESSAGES = (b"W.\n", b"", b"From: Real Author <real@example.org>\n\nW.\n", b"W\xf6.\n", "Wö.\n".encode(),
            b"W\r\nmore\r\n", b"diff --git a/f.c b/f.c\n",
            b"W\rmore\x00\x1b[31m\n", b"Look:\n--- a/f.c\n+++ b/f.c\n@@ -1 +1 @@\n-a\n+evil\nso.\n",
            b"Index: f.c\n", b"From me Mon Sep 17 00:00:00 2001\nFrom: x <x@example.org>\n", b"From me to you.\n",
            b"Subject: not a header.\nmore\n", b">From x\n", b"--\n2.0\n", b"-- \n2.0\n")


@pytest.fixture(scope="module")
def git(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Git]:
    root = tmp_path_factory.mktemp("am")
    with Git(root) as made:
        made.run("init", "-q", ".")
        (root / "f.c").write_bytes(b"a\n")
        (root / "crlf.c").write_bytes(b"a\r\n")
        commit(made, "start")
        made.run("tag", "start")
        yield made


def taken(git: Git, mail: bytes) -> bool:
    """Whether `git am FILE` takes it; the repository is as before where not."""
    git.run("reset", "-q", "--hard", "start")
    path = Path(git.path) / ".git" / "a-mail"
    path.write_bytes(mail)
    if git.run("am", "-q", str(path), ok=()).code == 0:
        return True
    git.run("am", "--abort", ok=())
    return False


def made(first: bytes, author: bytes, subject: bytes, message: bytes, *, sha: str | None = None,
         signoff: str = "") -> bytes:
    source = parse(first + author + subject + b"\n" + message + DIFF)
    return adapted_mail(source, source.files, series="6.1", notes=("a note",), upstream_sha=sha,
                        signoff=signoff or None)


@pytest.mark.parametrize(("author", "said"), AUTHORS.items())
@pytest.mark.parametrize("first", [b"", FIRST, b"From patchwork Mon Nov  2 10:00:00 2026\n"])
def test_what_is_wrong_with_an_author_is_said(git: Git, first: bytes, author: bytes, said: str) -> None:
    mail = made(first, author, b"Subject: [PATCH] x: y\n", b"W.\n")
    found = objections(git, mail)
    assert (said in " ".join(found)) if said else found == ()
    assert taken(git, mail) is (not found or "address" in said)


@given(st.sampled_from([b"", FIRST]), st.sampled_from([a for a, said in AUTHORS.items() if not said]),
       st.sampled_from([b"", UTF8]), st.sampled_from(SUBJECTS), st.sampled_from(MESSAGES),
       st.sampled_from([None, "3" * 40]), st.sampled_from(["", "J <j@example.org>"]))
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_git_am_makes_the_commit_that_the_mail_says(git: Git, first: bytes, author: bytes, kind: bytes, subject: bytes,
                                                    message: bytes, sha: str | None, signoff: str) -> None:
    mail = made(first, author + kind, subject, message, sha=sha, signoff=signoff)
    assert objections(git, mail) == ()
    assert taken(git, mail)
    assert (Path(git.path) / "f.c").read_bytes() == b"b\n"
    seen = read_mail(parse(mail))
    assert git.run("log", "-1", "--format=%ae").text == seen.author.address
    text = git.run("log", "-1", "--format=%B").out
    assert all(word in text for word in (b"a note", (sha or "").encode(), signoff.encode()))
    assert not any(name in mail.lower() for name in (b"\nbcc:", b"\rbcc:"))


@pytest.mark.parametrize(("mail", "said"), [
    (BODY, BARE), (b"[ a note ]\n\n" + BODY, BARE),
    (b"a" + FIRST + b"From: A <a@example.org>\nSubject: x\n\nW.\n" + DIFF, "the first line, `aFrom 5555"),
    (b"commit " + b"3" * 40 + b"\nAuthor: A <a@example.org>\n\n    x: y\n\n" + BODY, "the first line"),
    (b"From: A <a@example.org>\nSubject: x\nContent-Type: text/plain; charset=nosuch\n\nW\xc3\xb6\n" + DIFF, "nosuch"),
    (b"From: A <a@example.org>\nDate: yesterday\nSubject: x\n\nW\n" + DIFF, "yesterday"),
    (FIRST + b"From: A <a@example.org>\nSubject: x\n\nW\nFrom me Mon Sep 17 00:00:00 2001\nX: y\n" + DIFF, "2"),
    (b"From: A <a@example.org>\nSubject: x\n\nW\0\n" + DIFF, "NUL"),
    (b"From: A <a@example.org>\nSubject: x\n\nW\n---\n" + BODY.replace(b"+b", b"+evil").replace(b"-- \n2.39.5\n", b"")
     + b"and so on\n\n f.c | 2 +-\n 1 file changed, 1 insertion(+), 1 deletion(-)\n\n" + BODY, "another diff"),
    (b"From: A <a@example.org>\nSubject: x\n\nW\n---\n\ndiff --git a/crlf.c b/crlf.c\n--- a/crlf.c\n+++ b/crlf.c\n"
     b"@@ -1 +1 @@\n-a\r\n+b\r\n", "--keep-cr"),
])
def test_what_git_am_does_not_take_as_it_is_said(git: Git, mail: bytes, said: str) -> None:
    found = objections(git, mail)
    assert len(found) == 1
    assert said in found[0]
    assert not taken(git, mail) or (Path(git.path) / "f.c").read_bytes() != b"b\n"


def test_a_mail_without_a_title_is_told(git: Git) -> None:
    mail = b"From: A <a@example.org>\nSubject: [PATCH]\n\nW.\n" + DIFF
    assert "title" in objections(git, mail)[0]


def test_every_kind_of_first_line_is_told_as_git_tells_it(git: Git) -> None:
    body = b"From: A <a@example.org>\nSubject: x: y\n\nW.\n" + DIFF
    for first, folded in product((b"", b"\n", FIRST, b"X-A: 1\n", b" \n", b"From me\n", b"Note this\n", b"X y: 1\n"),
                                 (b"", b" more\n")):
        mail = first + folded + body
        assert bool(objections(git, mail)) is not taken(git, mail), mail[:60]


def test_a_disk_that_takes_no_file_is_not_held_against_the_mail(git: Git, tmp_path: Path,
                                                                monkeypatch: pytest.MonkeyPatch) -> None:
    """It was a note of the cell, `git am` cannot read the mail, and the adapted patch was for review."""
    (tmp_path / "message").mkdir()
    monkeypatch.setattr("backport.patch.am.temporary_directory", lambda _what: nullcontext(str(tmp_path)))
    with pytest.raises(GitError, match="message: Is a directory") as met:
        objections(git, FIRST + b"From: A B <a@example.org>\nSubject: [PATCH] x: y\n\nW.\n" + DIFF)
    assert "free some space" in met.value.hint
