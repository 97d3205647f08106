"""Which commit a mail is, in the words of every tree that mails come from; never the one that it was made from."""

from __future__ import annotations

import pytest

from backport.patch.compose import adapted_mail
from backport.patch.mail import Mail, read_mail
from backport.patch.parse import parse
from backport.patch.upstream import read_upstream

UP, OTHER, MADE = "3" * 40, "4" * 40, "5" * 40
DIFF = "diff --git a/f.c b/f.c\n--- a/f.c\n+++ b/f.c\n@@ -1 +1 @@\n-a\n+b\n-- \n2.39.5\n"
FIXES = 'Fixes: 123456789abc ("z")\nReported-by: Doe, Jane <jane@example.org>\n'


def mail(body: str, *, subject: str = "[PATCH] x: y", headers: str = "") -> Mail:
    return read_mail(parse(f"From {MADE} Mon Sep 17 00:00:00 2001\nFrom: A <a@example.org>\n{headers}"
                           f"Subject: {subject}\n\n{body}\n---\n{DIFF}".encode()))


@pytest.mark.parametrize("body", [
    f"W.\n\n(cherry picked from commit {UP})",
    f"W.\n\n(cherry picked from commit {UP}\n https://git.example.org/kvm.git next)",
    f"W.\n\n(cherry picked from commit\n {UP}\n https://git.example.org/kvm.git\n next)",
    f"W.\n\n(cherry picked\nfrom commit {UP})", f"W.\n\n(cherry picked from commit {UP}",
    f"W.\n\n(cherry-picked from {UP})", f"W.\n\n(cherry picked from upstream commit {UP})",
    f"W.\n\n(backported from commit {UP})", f"W.\n\n(backported from commit {UP} linux-next)",
    f"W.\n\n(backported from commit {UP} https://git.example.org/net.git)",
    f"W.\n\n(backported from https://git.example.org/linux.git/commit/?id={UP})",
    f"W.\n\n(back-ported from commit {UP})", f"W.\n\n(rebased from commit {UP})",
    f"W.\n\n[cherry-picked from commit {UP}]",
    f"W.\n\n(cherry picked from commit {UP[:12]})\n(cherry picked from commit {UP})",
    f"This is a backport of upstream commit {UP}.\n\nW.", f"upstream: {UP}\n\nW.", f"Upstream-commit: {UP}\n\nW.",
    f"W.\n\nUpstream-Status: Backport [https://git.example.org/linux.git/commit/?id={UP}]",
    f"W.\n\nBackported-from: {UP}",
    f"JIRA: X-1\n\ncommit {UP}\nAuthor: J <j@example.org>\nDate:   Mon Nov 2 10:00:00 2026\n\n    x: y\n\n    W.",
    f"Bugzilla: https://example.org/1\n\ncommit {UP}\n\nW.",
    f"jira X-1\ncommit-author J <j@example.org>\ncommit {UP}\nupstream-diff none\n\n    W.",
    f"mainline inclusion\nfrom mainline-v6.0-rc1\ncommit {UP}\ncategory: bugfix\n\nW.",
    f"[ Upstream commit {UP} ]\n\nW.", f"[Upstream commit {UP}]\n\nW.", f"[ upstream commit {UP}\n]\n\nW.",
    f"[ Upstream Commit: {UP} ]\n\nW.", f"[ Upstream commit\n  {UP} ]\n\nW.", f"[ commit {UP} upstream ]\n\nW.",
    f"Commit {UP} upstream\n\nW.", f"commit {UP} Upstream.\n\nW.", f"commit {UP} in mainline\n\nW.",
    f"commit {UP.upper()} upstream.\n\nW.", f"[ Upsteam commit {UP} ]\n\nW.",
])
def test_the_commit_that_the_mail_names_comes_before_the_one_that_it_was_made_from(body: str) -> None:
    seen = mail(f"{body}\n\n{FIXES}Signed-off-by: A <a@example.org>")
    assert seen.upstream == UP
    assert seen.upstream_from in ("message", "cherry-pick line")
    assert not seen.upstream_doubt


@pytest.mark.parametrize("below", [
    f"(cherry picked from commit {OTHER})",
    f"(cherry picked from commit {OTHER}\n https://git.example.org/x linux-6.6.y)",
    f"This reverts commit {MADE} which is\ncommit {OTHER} upstream.", f"commit {OTHER} upstream."])
def test_what_stable_writes_at_the_top_comes_before_what_stands_below(below: str) -> None:
    assert mail(f"[ Upstream commit {UP} ]\n\nW.\n\n{below}").upstream == UP
    stable = f"stable inclusion\nfrom stable-v5.10.9\ncommit {OTHER}\n\n"
    assert mail(f"{stable}[ Upstream commit {UP} ]\n\nW.").upstream == UP


def test_a_message_that_is_quoted_below_names_no_commit_of_this_mail() -> None:
    quoted = f"    x: y\n\n    [ Upstream commit {OTHER} ]\n    (cherry picked from commit {OTHER})\n"
    assert mail(f"JIRA: X-1\n\ncommit {UP}\nAuthor: J <j@example.org>\n\n{quoted}").upstream == UP


@pytest.mark.parametrize("body", [
    f"W.\n\n(cherry picked from commit {UP})\n(cherry picked from commit {OTHER})",
    f"Bugzilla: https://example.org/1\n\ncommit {UP}\ncommit {OTHER}\n\nW.",
    f"commit {UP} upstream.\ncommit {OTHER} upstream.\n\nW.",
    f"W.\n\ncommit {UP}\nAuthor: J <j@example.org>\n\n(cherry picked from commit {OTHER})",
])
def test_two_commits_are_none_and_it_is_said(body: str) -> None:
    seen = mail(body)
    assert (seen.upstream, seen.upstream_from) == ("", "")
    assert UP[:12] in seen.upstream_doubt
    assert OTHER[:12] in seen.upstream_doubt


@pytest.mark.parametrize(("body", "subject"), [
    (f"W.\n\n(cherry picked from commit {OTHER}\n https://git.example.org/stable/linux.git linux-6.6.y)",
     "[PATCH] x: y"),
    (f"stable inclusion\nfrom stable-v5.10.9\ncommit {OTHER}\n\nW.", "[PATCH] x: y"),
    (f"Upstream commit {OTHER}\n\nW.", "[PATCH] x: y"), (f"W.\n\nTaken from upstream: see {OTHER}.", "[PATCH] x: y"),
    (f"W.\n\n    (cherry picked from commit {OTHER})", "[PATCH] x: y"), ("W.\n\nChange-Id: I11", "[PATCH] x: y"),
    ("W.", "[PATCH] BACKPORT: FROMGIT: x: y"), ("W.", "[PATCH] ANDROID: x: y"), ("W.", "[SRU][J][PATCH 1/1] x: y"),
    ("JIRA: X-1\nUpstream Status: RHEL only\n\nW.", "[PATCH] x: y"),
    ("W.\n\n(backported from a mail on the list)", "[PATCH] x: y"),
])
def test_a_distributions_commit_is_not_upstreams_and_it_is_said(body: str, subject: str) -> None:
    seen = mail(body, subject=subject)
    assert seen.upstream == ""
    assert seen.upstream_doubt


@pytest.mark.parametrize("body", [
    "W.", f"This reverts commit {OTHER}.", f"This reverts commit {OTHER} which is\ncommit {UP} upstream.",
    f"Since commit {OTHER[:12]} (\"z\") the box\ndoes not boot.", "Upstream has more of it.\n\n(found by reading)",
    FIXES])
def test_a_mail_that_names_no_commit_is_the_one_that_it_was_made_from(body: str) -> None:
    assert (mail(body).upstream, mail(body).upstream_from) == (MADE, "From line")


def test_headers_of_a_quilt_patch_name_it_too() -> None:
    assert mail("W.", headers=f"Git-commit: {UP}\nPatch-mainline: v6.1\nReferences: bsc#1\n").upstream == UP


def test_the_failed_notice_decides_unless_the_message_says_otherwise() -> None:
    def named(body: str) -> tuple[str, str]:
        head = f"From: A <a@example.org>\nSubject: [PATCH] x: y\n\n{body}\n".encode()
        seen = read_upstream(head, head.index(b"\n\n"), len(head), notice=UP)
        return seen.sha, seen.where

    assert named("W.") == (UP, "FAILED notice")
    assert named(f"W.\n\n(cherry picked from commit {OTHER})") == (UP, "FAILED notice")
    assert named(f"[ Upstream commit {UP[:12]} ]\n\nW.") == (UP[:12], "message")
    assert named(f"[ Upstream commit {OTHER} ]\n\nW.") == ("", "")


def test_no_id_that_is_not_believed_goes_out_in_the_first_line() -> None:
    first = f"From {MADE} Mon Sep 17 00:00:00 2001\nFrom: A <a@example.org>\nSubject: x: y\n\n"
    for body, wanted in ((f"W.\n\n(cherry picked from commit {UP})", UP), ("W.\n\nChange-Id: I11", "0" * 40),
                         ("W.", MADE)):
        source = parse(f"{first}{body}\n---\n{DIFF}".encode())
        mail_ = adapted_mail(source, source.files, series="6.1", upstream_sha=read_mail(source).upstream_sha)
        assert mail_.startswith(f"From {wanted} Mon Sep 17 00:00:00 2001\n".encode())
        assert wanted == MADE or MADE.encode() not in mail_


@pytest.mark.parametrize("note", [
    f"(cherry picked from commit {UP}\n https://git.example.org/kvm.git next)",
    f"(cherry picked from commit\n {UP}\n https://git.example.org/kvm.git\n next)",
    f"(backported from commit {UP})\n[jane: context]", f"(rebased from commit {UP})"])
def test_a_note_on_the_origin_ends_no_block_of_tags(note: str) -> None:
    tags = mail(f"W.\n\n{FIXES}{note}\nSigned-off-by: A <a@example.org>").tags
    assert [tag.name for tag in tags] == ["Fixes", "Reported-by", "Signed-off-by"]
