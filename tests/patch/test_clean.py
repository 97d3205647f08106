"""No text of a stranger begins a header of its own, in any mail that leaves."""

from __future__ import annotations

import email
import email.policy
from pathlib import Path

import pytest

from backport.patch.compose import adapted_mail
from backport.patch.mail import read_mail
from backport.patch.parse import parse
from backport.queue.failed import failed_mail
from backport.queue.submit import submission

DIFF = b"diff --git a/f.c b/f.c\n--- a/f.c\n+++ b/f.c\n@@ -1 +1 @@\n-a\n+b\n-- \n2.39.5\n"
BREAKS = [b"\r", b"\x0b", b"\x0c", b"\x1c", b"\x1d", b"\x1e", "\x85".encode(), "\u2028".encode(), b"\0",
          "\u2029".encode()]
KNOWN = {"from", "date", "subject", "mime-version", "content-type", "content-transfer-encoding", "to", "cc",
         "message-id"}


def bad(where: str, mark: bytes) -> bytes:
    """A mail with a Bcc behind `mark` in one of its places."""
    evil = mark + b"Bcc: evil@example.org"
    word = b"=?UTF-8?q?x" + b"".join(b"=%02X" % byte for byte in mark) + b"Bcc:_evil@example.org?="
    at = {where: evil, "word": word if where == "word" else b""}
    return (b"From: A" + at.get("author", b"") + b" <a@example.org>\nDate: Mon, 2 Nov 2026 10:00:00 +0000"
            + at.get("date", b"") + b"\nSubject: [PATCH] x" + at.get("subject", b"") + at["word"] + b"\n\n"
            + (b"From: B" + evil + b" <b@example.org>\n\n" if where == "in-body" else b"") + b"W"
            + at.get("message", b"") + b".\n\nReported-by: R" + at.get("tag", b"") + b" <r@example.org>\n---\n" + DIFF)


def headers(mail: bytes) -> set[str]:
    """The names of the headers, as Python's reader has them, which is what a sender with smtplib sends."""
    found: set[str] = set()
    for policy in (email.policy.default, email.policy.compat32):
        found |= {name.lower() for name in email.message_from_bytes(mail, policy=policy)}
    return found


@pytest.mark.parametrize("where", ["author", "subject", "date", "word", "in-body", "message", "tag"])
@pytest.mark.parametrize("mark", BREAKS)
def test_no_field_brings_a_header_along(where: str, mark: bytes, tmp_path: Path) -> None:
    source = parse(bad(where, mark))
    mail = adapted_mail(source, source.files, series="6.1", notes=("a" + mark.decode() + "Bcc: evil@example.org",),
                        upstream_sha="3" * 40, signoff="J" + mark.decode() + "Bcc: evil@example.org <j@example.org>")
    sub = submission(parse(mail), "6.1", tmp_path, in_reply_to="x@example.org" + mark.decode() + "Bcc: e@example.org")
    for out in (mail, sub.file.read_bytes(), failed_mail(source, "6.1", unknown="x" + mark.decode() + "Bcc: y")):
        text = out[:out.rindex(b"diff --git")]
        assert headers(out[out.startswith(b"From ") and out.index(b"\n") + 1:]) <= KNOWN
        assert not any(byte < 32 and byte not in b"\t\n" for byte in text)
        assert len(text.decode("utf-8", "replace").splitlines()) == text.count(b"\n")
    assert "Bcc" not in sub.command.split("--cc")[0]
    assert read_mail(parse(mail)).title.startswith("x")


def test_a_title_inside_encoded_words_is_cleaned_when_its_prefix_is_replaced() -> None:
    source = parse(b"From: A <a@example.org>\nSubject: =?UTF-8?q?[PATCH]_x=1B[31m=0D=0ABcc:_evil?=\n\nW.\n---\n" + DIFF)
    mail = adapted_mail(source, source.files, series="6.1")
    assert read_mail(parse(mail)).title == "x?[31m Bcc: evil"
    assert b"\x1b" not in mail
    assert b"=1B" not in mail


def test_a_path_brings_no_line_along() -> None:
    source = parse(b"From: A <a@example.org>\nSubject: x\n\nW.\n---\n"
                   + DIFF.replace(b"a/f.c b/f.c", b'"a/f\\tg.c" "b/f\\tg.c"').replace(b"--- a/f.c", b'--- "a/f\\tg.c"')
                   .replace(b"+++ b/f.c", b'+++ "b/f\\tg.c"'))
    assert b'\n "f\\tg.c" | 2 +-\n' in adapted_mail(source, source.files, series="6.1")


def test_what_holds_no_control_character_stays_byte_for_byte() -> None:
    head = (b"From: =?UTF-8?q?J=C3=B6rg?=\n\t<j@example.org>\nDate: Mon, 2 Nov 2026 10:00:00 +0000\n"
            b"Subject: [PATCH] x: a\n folded one, " + "größer".encode() + b"\n\nCaf\xe9\tau lait.\n---\n" + DIFF)
    mail = adapted_mail(parse(head), parse(head).files, series="6.1")
    for kept in (head[:head.index(b"Subject")], b"] x: a\n folded one, " + "größer".encode() + b"\n",
                 b"Caf\xe9\tau lait.\n"):
        assert kept in mail
