"""What a mail says: subject, author, tags, upstream commit, what it asks of the stable trees."""

from __future__ import annotations

import pytest

from backport.patch.mail import Mail, mail_of, person, read_mail, split_subject
from backport.patch.parse import parse
from backport.patch.stable import asked_for, read_autosel, read_failed, read_request, series_number

SHA = "e907b4e72488f1df878e7e8acf88d23e49cb3ca7"
DIFF = b"diff --git a/f.c b/f.c\n--- a/f.c\n+++ b/f.c\n@@ -1 +1 @@\n-a\n+b\n-- \n2.39.5\n"
STAT = b" f.c | 2 +-\n 1 file changed, 1 insertion(+), 1 deletion(-)\n\n"


def mail(body: bytes, *, subject: bytes = b"[PATCH] x: y", headers: bytes = b"", first: bytes = b"") -> Mail:
    data = (first + b"From: A U Thor <author@example.org>\nDate: Mon, 20 Apr 2026 11:18:56 +0200\nSubject: " + subject
            + b"\n" + headers + b"\n" + body + b"---\n" + STAT + DIFF)
    return read_mail(parse(data))


@pytest.mark.parametrize(("subject", "prefix", "title", "number", "total"), [
    ("[PATCH] x: y", "PATCH", "x: y", 0, 0),
    ("[PATCH v2 03/17] x: y", "PATCH v2 03/17", "x: y", 3, 17),
    ("[PATCH 6.1.y 1/2] x: y", "PATCH 6.1.y 1/2", "x: y", 1, 2),
    ("[PATCH AUTOSEL 7.0-6.1] x: y", "PATCH AUTOSEL 7.0-6.1", "x: y", 0, 0),
    ("[PATCH] [media] x: y", "PATCH", "[media] x: y", 0, 0),
    ("[stable] [PATCH 2/3] x", "stable] [PATCH 2/3", "x", 2, 3),
    ("Re: [PATCH net] x", "PATCH net", "x", 0, 0),
    ("[RFC PATCH 0/4] x", "RFC PATCH 0/4", "x", 0, 4),
    ("[media] x: y", "", "[media] x: y", 0, 0),
    ("[v2,3/7] x: y", "v2,3/7", "x: y", 3, 7),                     # as patchwork writes them
    ("[3/7] x: y", "3/7", "x: y", 3, 7), ("[v2] x: y", "v2", "x: y", 0, 0),
    ("[V3,01/12] x: y", "V3,01/12", "x: y", 1, 12),
    ("[net-next,v2,3/7] x: y", "net-next,v2,3/7", "x: y", 3, 7), ("[RFC,v2,3/7] x", "RFC,v2,3/7", "x", 3, 7),
    ("[3/7,net] x: y", "3/7,net", "x: y", 3, 7), ("[for-6.1,v2,RESEND,2/2] x", "for-6.1,v2,RESEND,2/2", "x", 2, 2),
    ("[v2,0/7] x: y", "v2,0/7", "x: y", 0, 7), ("[v2,3/7] [media] x: y", "v2,3/7", "[media] x: y", 3, 7),
    ("[PATCH net,v2,3/7] x", "PATCH net,v2,3/7", "x", 3, 7), ("[patch 2/3] x: y", "patch 2/3", "x: y", 2, 3),
    ("[S390] x: y", "", "[S390] x: y", 0, 0), ("[media,dvb] x: y", "", "[media,dvb] x: y", 0, 0),
    ("[v4l2] x: y", "", "[v4l2] x: y", 0, 0), ("[TCP]: v2, 3/7", "", "[TCP]: v2, 3/7", 0, 0),
    ("x: read 1/2 of it", "", "x: read 1/2 of it", 0, 0),
    ("x: [PATCH] in the middle", "", "x: [PATCH] in the middle", 0, 0),
    ("", "", "", 0, 0),
])
def test_subjects(subject: str, prefix: str, title: str, number: int, total: int) -> None:
    assert split_subject(subject) == (prefix, title, number, total)


def test_folded_and_encoded_headers_are_decoded_for_display_and_offsets_are_exact() -> None:
    data = (b"From: =?UTF-8?q?J=C3=B6rg_R=C3=B6del?= <j@example.org>\n"
            b"Subject: [PATCH] =?UTF-8?q?x=3A_na?=\n =?UTF-8?q?=C3=AFve?= title that\n goes on\n"
            b"Message-ID: <1@example.org>\nIn-Reply-To: <0@example.org>\n"
            b"References: <00@example.org>\n\t<0@example.org>\n\nBody.\n---\n" + DIFF)
    patch = parse(data)
    seen = read_mail(patch)
    assert seen.title == "x: naïve title that goes on"
    assert str(seen.author) == "Jörg Rödel <j@example.org>"
    assert seen.message_id == "1@example.org"
    assert seen.in_reply_to == "0@example.org"
    assert seen.references == ("00@example.org", "0@example.org")
    assert seen.message == b"Body.\n"
    for header in seen.headers:
        assert patch.head[header.start:header.end] == header.raw
    assert patch.head[seen.message_start:seen.message_end] == b"Body.\n"


def test_the_in_body_from_is_the_author_and_no_part_of_the_message() -> None:
    seen = mail(b"From: Real Author <real@example.org>\nDate: Tue, 1 Apr 2025 00:00:00 +0000\n\nWhy.\n")
    assert seen.author.address == "real@example.org"
    assert seen.sender.address == "author@example.org"
    assert seen.message == b"Why.\n"
    assert seen.date == "Tue, 1 Apr 2025 00:00:00 +0000"


def test_prose_that_looks_like_a_header_stays_prose() -> None:
    assert mail(b"Subject: what this is about.\nMore.\n").message == b"Subject: what this is about.\nMore.\n"


def test_latin_1_bytes_are_kept_and_shown() -> None:
    seen = mail(b"Caf\xe9.\n\nSigned-off-by: J\xf6rg <j@example.org>\n")
    assert b"Caf\xe9" in seen.message
    assert seen.tags[0].value == "Jörg <j@example.org>"


def test_tags_in_order_with_notes_and_tool_lines_between() -> None:
    seen = mail(b"""\
Note: this is prose, and so is the next line.
Example: 1

Fixes: 4f926bf29186 ("KVM: x86: Polish exception injection via KVM_SET_GUEST_DEBUG")
Cc: stable@vger.kernel.org # 6.6.x
Reported-by: R <r@example.org>
Closes: https://example.org/bug
Link: https://example.org/1
 [1]
Signed-off-by: A <a@example.org>
base-commit: a68a4bbc5b9ce5b722473399f05cb05217abaee8
change-id: 20260420-topic-1
[ M: changed a thing,
  and another ]
Signed-off-by: M <m@example.org>
""")
    assert [tag.name for tag in seen.tags] == [
        "Fixes", "Cc", "Reported-by", "Closes", "Link", "Signed-off-by", "Signed-off-by"]
    assert seen.fixes[0].sha == "4f926bf29186"
    assert seen.fixes[0].subject == "KVM: x86: Polish exception injection via KVM_SET_GUEST_DEBUG"
    assert [(name, p.address) for name, p in seen.people][-1] == ("Signed-off-by", "m@example.org")


def test_tags_in_two_paragraphs() -> None:
    seen = mail(b"Why.\n\nFixes: 123456789abc (\"x\")\n\nCc: stable@vger.kernel.org\n"
                b"Signed-off-by: A <a@example.org>\n")
    assert [tag.name for tag in seen.tags] == ["Fixes", "Cc", "Signed-off-by"]


def test_the_analysis_below_the_separator_gives_no_tags() -> None:
    data = (b"From: A <a@example.org>\nSubject: [PATCH AUTOSEL 6.12-6.1] x\n\nWhy.\n\n"
            b"Signed-off-by: A <a@example.org>\n---\n\nAnalysis.\nFixes: 123456789abc (\"not ours\")\n"
            b"Signed-off-by: Not Ours <n@example.org>\ndiff --git a/quoted b/quoted\n--- a/quoted\n+++ b/quoted\n"
            b"@@ -1 +1 @@\n-q\n+r\nand so on\n\n f.c | 2 +-\n 1 file changed, 1 insertion(+), 1 deletion(-)\n\n" + DIFF)
    patch = parse(data)
    seen = read_mail(patch)
    assert patch.paths == ("f.c",)
    assert [tag.value for tag in seen.tags] == ["A <a@example.org>"]
    assert seen.fixes == ()
    assert b"Analysis." in seen.notes
    assert seen.nomination == "autosel"


@pytest.mark.parametrize(("body", "sha", "where"), [
    (f"[ Upstream commit {SHA} ]\n\nWhy.\n", SHA, "message"),
    (f"commit {SHA} upstream.\n\nWhy.\n", SHA, "message"),
    (f"[ upstream commit {SHA}]\n\nWhy.\n", SHA, "message"),
    (f"Upstream commit {SHA}\n", "", ""),
    (f"commit {SHA[:12]} upstream\n", SHA[:12], "message"),
    (f"Why.\n\n(cherry picked from commit {SHA})\nSigned-off-by: A <a@example.org>\n", SHA, "cherry-pick line"),
    (f"This reverts commit {SHA}.\n", "", ""),
    (f"Since commit {SHA} upstream. behaviour changed, this\n", "", ""),
    ("Why.\n", "", ""),
])
def test_the_upstream_commit_is_read_from_what_says_so(body: str, sha: str, where: str) -> None:
    seen = mail(body.encode())
    assert (seen.upstream, seen.upstream_from) == (sha, where)


def test_the_from_line_counts_only_where_nothing_says_it_is_a_stable_commit() -> None:
    line = f"From {SHA} Mon Sep 17 00:00:00 2001\n".encode()
    assert mail(b"Why.\n", first=line).upstream == SHA
    assert mail(b"Why.\n", first=line).upstream_from == "From line"
    assert mail(b"Why.\n", first=line, subject=b"[PATCH 6.1.y] x").upstream == ""
    assert mail(b"Why.\n", first=b"From " + b"0" * 40 + b" Mon Sep 17 00:00:00 2001\n").upstream == ""
    other = b"1" * 40
    assert mail(b"[ Upstream commit " + other + b" ]\n", first=line).upstream == other.decode()
    assert mail(b"Why.\n", first=b"From " + SHA.encode() + b" Thu Jan  1 00:00:00 1970\n").upstream == ""


def test_a_revert_says_what_it_reverts() -> None:
    assert mail(f"This reverts commit {SHA}.\n\nBad.\n".encode()).reverts == SHA


@pytest.mark.parametrize(("value", "versions", "prerequisite", "limited"), [
    ("stable@vger.kernel.org", (), "", False),
    ("<stable@vger.kernel.org>", (), "", False),
    ("<stable@vger.kernel.org> # 6.6.x", ("6.6",), "", False),
    ("stable@vger.kernel.org # v5.10+", ("5.10",), "", False),
    ("stable@vger.kernel.org # 6.1+", ("6.1",), "", False),
    ("<stable@kernel.org> # 6.6.x, 6.1.x", ("6.6", "6.1"), "", False),
    ("stable@vger.kernel.org [v3.10+]", ("3.10",), "", False),
    ("<stable@vger.kernel.org> # 5.10.x: a1f84a3: sched: Check for idle", ("5.10",), "a1f84a3", False),
    ("<stable@vger.kernel.org> # 5.10.x: 1b9508f6a7b3: sched: x", ("5.10",), "1b9508f6a7b3", False),
    ("<stable@vger.kernel.org> # see patch description, needs adjustments for <= 6.3", (), "", False),
    ("stable@vger.kernel.org # after -rc3", (), "", False),
    ("stable@vger.kernel.org # 6.6 only", ("6.6",), "", True),
    ("Stable <stable@vger.kernel.org> # v6.12", ("6.12",), "", False),
])
def test_stable_annotations(value: str, versions: tuple[str, ...], prerequisite: str, limited: bool) -> None:
    request = read_request(value)
    assert request is not None
    assert request.versions == versions
    assert request.prerequisite == prerequisite
    assert request.limited is limited


@pytest.mark.parametrize(("comment", "versions", "sha", "subject", "opens"), [
    ("3.3.x: a1f84a3: sched: Check for idle", ("3.3",), "a1f84a3", "sched: Check for idle", False),
    ("5.10.x: 12345678: x: digits only", ("5.10",), "12345678", "x: digits only", False),
    ("5.10.x: 1234567890123456789012345678901234567890", ("5.10",), "1234567890" * 4, "", False),
    ('5.10.x: 1b9e96d: "x: y"', ("5.10",), "1b9e96d", "x: y", False),
    ('5.10.x: 1b9e96d ("x: y")', ("5.10",), "1b9e96d", "x: y", False),
    ("5.10.x: a6f51f2efa742df0 ravb: Add support", ("5.10",), "a6f51f2efa742df0", "ravb: Add support", False),
    ("v5.10+: a1b2c3d", ("5.10",), "a1b2c3d", "", True),
    ("v5.10+: commit a1b2c3d4e5f6 (\"x\")", ("5.10",), "a1b2c3d4e5f6", "x", True),
    ("3.3.x- : a1b2c3d: x", ("3.3",), "a1b2c3d", "x", True),
    ("5.10.x, 5.15.x: a1b2c3d: x", ("5.10", "5.15"), "a1b2c3d", "x", False),
    ("5.10-stable: a1b2c3d: x", ("5.10",), "a1b2c3d", "x", False),
    ("6.1 and newer: a1b2c3d: x", ("6.1",), "a1b2c3d", "x", True),
    ("5.10.x: depends on a1b2c3d", ("5.10",), "a1b2c3d", "", False),
    ("depends on 941f7298c70c", (), "941f7298c70c", "", False),
    ("5.10.x: effaced: x: a word that is an id, where an id must be", ("5.10",), "effaced",
     "x: a word that is an id, where an id must be", False),
    # these name a commit, and not one to pick
    ("introduced by a1b2c3d", (), "", "", False), ("5.10.x: introduced by a1b2c3d: x", ("5.10",), "", "", False),
    ("see commit a1b2c3d", (), "", "", False), ("commit 6dd514f48110 (\"x\")", (), "", "", False),
    ("5.10.x effaced pages", ("5.10",), "", "", False), ("5.10.x since 20231005 or so", ("5.10",), "", "", False),
    ("depends on openrisc: Add icache_all_inv", (), "", "", False),
    ("requires all other patches from the series", (), "", "", False),
    ("Prerequisite for \"writeback: Avoid skipping\"", (), "", "", False), ("v5.10+", ("5.10",), "", "", True),
])
def test_prerequisites_as_mails_write_them(comment: str, versions: tuple[str, ...], sha: str, subject: str,
                                           opens: bool) -> None:
    for address in ("<stable@vger.kernel.org>", "stable@kernel.org"):
        request = read_request(f"{address} # {comment}")
        assert request is not None
        seen = (request.versions, request.prerequisite, request.subject, request.open)
        assert seen == (versions, sha, subject, opens)


def test_the_commit_that_fixes_names_is_no_prerequisite() -> None:
    seen = mail(b'Why.\n\nFixes: 6dd514f48110 ("pfcp: x")\nCc: stable@vger.kernel.org # v6.9+: 6dd514f48110\n'
                b"Cc: stable@vger.kernel.org # v6.9+: a1b2c3d\nSigned-off-by: A <a@example.org>\n")
    assert [r.prerequisite for r in seen.prerequisites] == ["a1b2c3d"]


@pytest.mark.parametrize("comment", [
    "see patch description, needs adjustments for <= 6.3", "needs backporting for < 5.11",
    "needs wrapping in $(cc-option) for < 6.9", "Requires trivial backporting, simple remove"])
def test_what_has_to_be_done_in_old_trees_asks_for_them_all(comment: str) -> None:
    request = read_request(f"stable@vger.kernel.org # {comment}")
    assert request is not None
    assert asked_for((request,), "5.10") is True
    assert request.problem in comment
    assert request.problem


@pytest.mark.parametrize(("value", "oldest"), [
    ("stable@vger.kernel.org v6.1+", "6.1"), ("stable@vger.kernel.org // 6.1+", "6.1"),
    ("stable@vger.kernel.org#v6.1", "6.1"), ("stable@vger.kernel.org, # 6.1", "6.1"),
    ('"stable@vger.kernel.org" <stable@vger.kernel.org> # 6.1', "6.1"), ("stable@vger.kernel.org (6.1+)", "6.1")])
def test_a_version_without_its_proper_mark_is_a_version(value: str, oldest: str) -> None:
    request = read_request(value)
    assert request is not None
    assert request.versions == (oldest,)
    assert asked_for((request,), "5.15") is False


def test_noautosel_is_no_request() -> None:
    request = read_request("<stable+noautosel@kernel.org> # depends on X")
    assert request is not None
    assert request.noautosel
    assert request.comment == "depends on X"
    assert asked_for((request,), "6.6") is None


def test_a_version_means_that_one_and_newer() -> None:
    request = read_request("<stable@vger.kernel.org> # 6.6.x")
    assert request is not None
    assert asked_for((request,), "6.6") is True
    assert asked_for((request,), "linux-6.12.y") is True
    assert asked_for((request,), "6.1.y") is False
    assert asked_for((), "6.1") is None
    plain = read_request("stable@vger.kernel.org")
    assert plain is not None
    assert asked_for((plain,), "5.10") is True


def test_prerequisites_in_order() -> None:
    seen = mail(b"Why.\n\nCc: <stable@vger.kernel.org> # 3.3.x: a1f84a3: sched: Check for idle\n"
                b"Cc: <stable@vger.kernel.org> # 3.3.x: 1b9508f: sched: Rate-limit newidle\n"
                b"Cc: <stable@vger.kernel.org> # 3.3.x\nSigned-off-by: A <a@example.org>\n")
    assert [(r.prerequisite, r.subject, r.versions) for r in seen.prerequisites] == [
        ("a1f84a3", "sched: Check for idle", ("3.3",)), ("1b9508f", "sched: Rate-limit newidle", ("3.3",))]
    assert seen.nomination == "stable"


@pytest.mark.parametrize(("prefix", "newest", "oldest"), [
    ("PATCH AUTOSEL 7.0-6.1", "7.0", "6.1"), ("PATCH AUTOSEL 6.12", "6.12", "6.12"),
    ("PATCH AUTOSEL 5.10 12/35", "5.10", "5.10"), ("PATCH AUTOSEL for 6.6 01/22", "6.6", "6.6"),
    ("PATCH AUTOSEL 5.4-6.16", "6.16", "5.4"), ("PATCH AUTOSEL", "", ""),
])
def test_autosel_ranges(prefix: str, newest: str, oldest: str) -> None:
    found = read_autosel(prefix)
    assert found is not None
    assert (found.newest, found.oldest) == (newest, oldest)


def test_failed_notice() -> None:
    body = (f"The patch below does not apply to the 6.6-stable tree.\n\ngit cherry-pick -x {SHA}\n"
            "git send-email --to '<stable@vger.kernel.org>' --in-reply-to '2026042001-a-b@gregkh' "
            "--subject-prefix 'PATCH 6.6.y' HEAD^..\n\nPossible dependencies:\n\n"
            f"{SHA[:12]} (\"x: y\")\n123456789abc (\"x: before (it)\")\n\nthanks,\n")
    found = read_failed('FAILED: patch "[PATCH] x: y \'z\'" failed to apply to 6.6-stable tree', body, "other@id")
    assert found is not None
    assert found.series == "6.6"
    assert found.subject == "x: y 'z'"
    assert found.sha == SHA
    assert found.message_id == "2026042001-a-b@gregkh"
    assert found.dependencies == ((SHA[:12], "x: y"), ("123456789abc", "x: before (it)"))
    assert read_failed("[PATCH] x", body, "") is None


@pytest.mark.parametrize(("text", "name", "address"), [
    ("A B <a@b.org>", "A B", "a@b.org"), ('"B, A" <a@b.org>', "B, A", "a@b.org"), ("a@b.org", "", "a@b.org"),
    ("A <a@xxxxxxxxxx>", "A", "a@xxxxxxxxxx"), ("a@b.org (A B)", "A B", "a@b.org"), ("Sasha Levin", "Sasha Levin", ""),
    ("<a@b.org> # note", "", "a@b.org"),
])
def test_people(text: str, name: str, address: str) -> None:
    assert (person(text).name, person(text).address) == (name, address)


def test_a_masked_address_says_so() -> None:
    assert person("A <a@xxxxxxxxxx>").masked
    assert not person("A <a@xx.org>").masked


def test_a_bare_diff_is_no_mail() -> None:
    seen = mail_of(b"Index: f.c\n")
    assert not seen.is_mail
    assert seen.tags == ()
    assert seen.nomination == ""


@pytest.mark.parametrize("text", ["6.6", "v6.6", "6.6.x", "6.6.y", "linux-6.6.y", "6.6.12"])
def test_series_in_any_spelling(text: str) -> None:
    assert series_number(text) == (6, 6)
