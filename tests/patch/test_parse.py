"""Parsing is lossless, and what is not a patch is refused with a line."""

from __future__ import annotations

import pytest

from backport.errors import InvalidPatch
from backport.patch.parse import parse

MAIL = b"""\
From e907b4e72488f1df878e7e8acf88d23e49cb3ca7 Mon Sep 17 00:00:00 2001
From: =?UTF-8?q?J=C3=B6rg?= <j@example.org>
Subject: [PATCH] x: a thing

Quoted at column 0, which is text:

diff --git a/quoted.c b/quoted.c
--- a/quoted.c
+++ b/quoted.c
@@ -1 +1 @@
-a
+b

Signed-off-by: J\xf6rg <j@example.org>
---
 f.c | 2 +-
 1 file changed, 1 insertion(+), 1 deletion(-)

diff --git a/f.c b/f.c
index 1111111..2222222 100644
--- a/f.c
+++ b/f.c
@@ -1,3 +1,3 @@ int f(void)
 a\x0cb
-old \xe9
+new \xe9
 c
""" + b"-- \n2.39.5\n"


def test_renders_to_the_bytes_that_came_in() -> None:
    assert parse(MAIL).render() == MAIL


def test_a_diff_quoted_in_the_message_is_text() -> None:
    assert parse(MAIL).paths == ("f.c",)


def test_the_signature_is_no_removed_line() -> None:
    patch = parse(MAIL)
    assert patch.tail == b"-- \n2.39.5\n"
    assert patch.files[0].hunks[0].removed == (b"old \xe9\n",)


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", "empty input"),
        (b"From: a\n\nhello\n", "no diff"),
        (MAIL.replace(b" c\n-- \n2.39.5\n", b""), "truncated hunk"),
        (MAIL.replace(b"@@ -1,3 +1,3 @@", b"@@ -1,x +1,3 @@"), "malformed hunk header"),
        (MAIL.replace(b"+++ b/f.c\n@@ -1,3", b"+++ b/../../f.c\n@@ -1,3"), "leaves the tree"),
        (MAIL.replace(b"+++ b/f.c\n@@ -1,3", b"+++ b/.git/hooks/x\n@@ -1,3"), "inside .git"),
        (MAIL.replace(b"+++ b/f.c\n@@ -1,3", b"+++ /etc/passwd\n@@ -1,3"), "not a path below the tree"),
    ],
)
def test_refuses_what_is_no_patch(data: bytes, reason: str) -> None:
    with pytest.raises(InvalidPatch, match=reason):
        parse(data)


@pytest.mark.parametrize("lines", [
    pytest.param(b"---\n x\n y\n", id="a removed line of two dashes"),
    pytest.param(b"-x\n f.c | 1 +\n 1 file changed, 1 insertion(+)\n", id="the diffstat of a document"),
    pytest.param(b"-x\n f.c | 2 +-\n 1 file changed, 1 insertion(+), 1 deletion(-)\n", id="one that agrees"),
])
@pytest.mark.parametrize("head", [b"", b"From: A <a@example.org>\nSubject: [PATCH] x\n\nText.\n---\n"])
def test_what_a_hunk_says_drops_no_file_above_it(lines: bytes, head: bytes) -> None:
    diff = (b"diff --git a/doc.txt b/doc.txt\n--- a/doc.txt\n+++ b/doc.txt\n@@ -1,3 +1,2 @@\n" + lines
            + b"diff --git a/g.c b/g.c\n--- a/g.c\n+++ b/g.c\n@@ -1,3 +1,3 @@\n a\n-b\n+c\n d\n")
    assert parse(head + diff).paths == ("doc.txt", "g.c")


def test_a_diff_that_the_message_quotes_is_text() -> None:
    quoted = b"diff --git a/q.c b/q.c\n--- a/q.c\n+++ b/q.c\n@@ -1 +1 @@\n-a\n+b\n\n"
    mail = (b"From: A <a@example.org>\nSubject: [PATCH] x\n\nText.\n\n" + quoted + b"More.\n---\n g.c | 2 +-\n"
            b" 1 file changed, 1 insertion(+), 1 deletion(-)\n\ndiff --git a/g.c b/g.c\n--- a/g.c\n+++ b/g.c\n"
            b"@@ -1,3 +1,3 @@\n a\n-b\n+c\n d\n")
    assert parse(mail).paths == ("g.c",)
    assert parse(mail.replace(b"More.\n", b"")).paths == ("g.c",)
