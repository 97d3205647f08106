"""Every form in which people have patches; one bad mail never hides the others."""

from __future__ import annotations

import base64
import gzip
import io
import quopri
from pathlib import Path

import pytest
from click.testing import CliRunner

from backport.commands.import_ import command
from backport.errors import SourceUnavailable, UserError
from backport.git import Git
from backport.patch.compose import adapted_mail
from backport.patch.intake import read_all, read_bytes, read_commit
from backport.patch.intake.mbox import split_mbox
from backport.patch.mail import read_mail
from backport.patch.model import IN_ORDER, Patch, Refused
from tests.support.mails import commit, repository

SHA = b"e907b4e72488f1df878e7e8acf88d23e49cb3ca7"
DIFF = b"diff --git a/f.c b/f.c\nindex 1111111..2222222 100644\n--- a/f.c\n+++ b/f.c\n@@ -1 +1 @@\n-a\n+b\n"
SIGNATURE = b"-- \n2.39.5\n\n"


def mail(title: bytes = b"x: y", *, prefix: bytes = b"PATCH", headers: bytes = b"", body: bytes = b"Why.\n",
         diff: bytes = DIFF, first: bytes = b"From " + SHA + b" Mon Sep 17 00:00:00 2001\n") -> bytes:
    return (first + b"From: A <a@example.org>\nDate: Mon, 20 Apr 2026 11:18:56 +0000\nSubject: [" + prefix
            + b"] " + title + b"\n" + headers + b"\n" + body + b"\nSigned-off-by: A <a@example.org>\n---\n\n"
            + diff + SIGNATURE)


def patches(items: list[Patch | Refused]) -> list[Patch]:
    assert all(isinstance(item, Patch) for item in items), items
    return [item for item in items if isinstance(item, Patch)]


def reasons(items: list[Patch | Refused]) -> list[str]:
    return [item.reason if isinstance(item, Refused) else "" for item in items]


def test_an_mbox_of_several_mails_gives_each_and_joined_they_are_the_input() -> None:
    box = mail(b"one") + mail(b"two") + mail(b"three")
    assert b"".join(split_mbox(box)) == box
    found = patches(read_bytes(box, "box.mbox"))
    assert [patch.slug for patch in found] == ["one", "two", "three"]
    assert b"".join(patch.render() for patch in found) == box
    assert found[1].source == "box.mbox[2]"


def test_from_at_the_start_of_a_line_of_prose_is_no_separator() -> None:
    body = (b"The text goes on.\n\nFrom what I saw at 10:00 in 2024 it broke:\n\nFrom here: it is prose.\n"
            b"\n>From the list: quoted by the mbox writer.\nand in the middle of it\n"
            b"From me@example.org Mon Jan  1 10:00:00 2024\nSubject: is how such a line looks\n")
    box = mail(b"one", body=body) + mail(b"two")
    found = patches(read_bytes(box, "box"))
    assert len(found) == 2
    assert b">From the list" in read_mail(found[0]).message
    assert found[0].render() + found[1].render() == box


def test_one_bad_mail_does_not_hide_the_others() -> None:
    truncated = mail(b"two", diff=DIFF.replace(b"@@ -1 +1 @@", b"@@ -1,9 +1,9 @@"))
    items = read_bytes(mail(b"one") + truncated + mail(b"three") + mail(b"four", diff=b"nothing\n"), "box")
    assert [type(item) for item in items] == [Patch, Refused, Patch, Refused]
    assert isinstance(items[1], Refused)
    assert "truncated hunk" in items[1].reason
    assert items[1].line == 18
    assert items[1].subject == "two"
    assert items[1].slug == "two"
    assert "no diff" in reasons(items)[3]
    assert not items[3].skipped  # type: ignore[union-attr]


def test_cover_letter_and_replies_are_passed_over_and_said() -> None:
    cover = mail(b"x: a series", prefix=b"PATCH 0/2", diff=b"A (2):\n  x: one\n  x: two\n\n f.c | 4 ++--\n")
    reply = mail(b"x: one", prefix=b"PATCH 1/2", diff=b"> looks good\n", headers=b"In-Reply-To: <1@x>\n").replace(
        b"Subject: [", b"Subject: Re: [")
    one, two = (mail(b"x: " + name, prefix=b"PATCH %d/2" % n) for n, name in ((1, b"one"), (2, b"two")))
    items = read_bytes(cover + one + reply + two, "box")
    assert [isinstance(item, Patch) or item.skipped for item in items] == [True] * 4
    assert "cover letter of a series of 2" in reasons(items)[0]
    assert "a reply" in reasons(items)[2]
    found = [item for item in items if isinstance(item, Patch)]
    assert [(p.part, p.parts) for p in found] == [(1, 2), (2, 2)]
    assert found[0].thread == found[1].thread != ""


def test_a_series_in_another_order_comes_out_in_its_own() -> None:
    two, one = (mail(b"x: %d" % n, prefix=b"PATCH v3 %d/2" % n, headers=b"References: <cover@x>\n") for n in (2, 1))
    other = mail(b"alone")
    found = patches(read_bytes(two + other + one, "box"))
    assert [read_mail(p).title for p in found] == ["x: 1", "alone", "x: 2"]
    assert found[1].thread == ""


def test_files_named_one_by_one_are_a_series_and_two_series_are_not_mixed(tmp_path: Path) -> None:
    for n in (1, 2):
        (tmp_path / f"000{n}.patch").write_bytes(mail(b"x: %d" % n, prefix=b"PATCH %d/2" % n))
    found = patches(read_all(tmp_path / "0002.patch", tmp_path / "0001.patch"))
    assert [p.part for p in found] == [1, 2]
    assert found[0].thread == found[1].thread != ""
    (tmp_path / "other.patch").write_bytes(mail(b"y: 1", prefix=b"PATCH 1/2"))
    found = patches(read_all(tmp_path))
    assert [p.thread for p in found if p.part == 1] == ["", ""]
    assert all("treated as a single patch" in p.doubts[-1] for p in found if p.part == 1)


def test_a_series_as_patchwork_writes_it_is_held_together() -> None:
    first = b"From patchwork Mon Nov  2 10:00:00 2026\nX-Patchwork-Id: 1\n"
    box = b"".join(mail(b"x: %d" % n, prefix=b"net,v2,%d/3" % n, first=first, headers=b"References: <cover@x>\n")
                   for n in (3, 1, 2))
    found = patches(read_bytes(box, "box"))
    assert [(read_mail(p).title, p.part, p.parts) for p in found] == [("x: 1", 1, 3), ("x: 2", 2, 3), ("x: 3", 3, 3)]
    assert len({p.thread for p in found} - {""}) == 1


def test_an_autosel_batch_is_no_series() -> None:
    box = b"".join(mail(b"x", prefix=b"PATCH AUTOSEL 6.12 %d/9" % n) for n in (1, 2))
    found = patches(read_bytes(box, "box"))
    assert [p.thread for p in found] == ["", ""]


def test_slugs_are_the_stable_queues_and_each_its_own() -> None:
    box = mail(b"KVM: x86: Don't (ever) do it_this/way") * 2 + mail(b"../../x")
    assert [p.slug for p in patches(read_bytes(box, "box"))] == [
        "kvm-x86-don-t-ever-do-it_this-way", "kvm-x86-don-t-ever-do-it_this-way-2", "x"]


def test_gzip_and_stdin() -> None:
    box = mail(b"one") + mail(b"two")
    assert len(patches(read_bytes(gzip.compress(box), "box.mbox.gz"))) == 2
    assert len(patches(read_all("-", stdin=io.BytesIO(box)))) == 2
    assert "damaged gzip" in reasons(read_bytes(gzip.compress(box)[:-9], "box.gz"))[0]


def test_a_directory_sorted_with_what_is_passed_over_named(tmp_path: Path) -> None:
    for name, data in {"b.patch": mail(b"b"), "a.eml": mail(b"a"), "c.mbox": mail(b"c") + mail(b"d"),
                       "README.md": b"x", "notes.odt": b"x", ".hidden.patch": b"x",
                       "bad.patch": b"nothing", "e.txt": mail(b"e")}.items():
        (tmp_path / name).write_bytes(data)
    (tmp_path / "a.repro").mkdir()
    items = read_all(tmp_path)
    assert [p.slug for p in items if isinstance(p, Patch)] == ["a", "b", "c", "d", "e"]
    skipped = {Path(i.source).name: i.reason for i in items if isinstance(i, Refused) and i.skipped}
    assert set(skipped) == {"README.md", "notes.odt", "a.repro"}
    assert "reproducer" in skipped["a.repro"]
    assert [Path(i.source).name for i in items if isinstance(i, Refused) and not i.skipped] == ["bad.patch"]


def test_a_quilt_directory_follows_its_series(tmp_path: Path) -> None:
    for name in ("z", "a", "left-out"):
        (tmp_path / f"{name}.patch").write_bytes(mail(name.encode()))
    (tmp_path / "series").write_text("# queue\nz.patch -p1\na.patch\nmissing.patch\n../escape.patch\n")
    items = read_all(tmp_path)
    found = [item for item in items if isinstance(item, Patch)]
    assert [p.slug for p in found] == ["z", "a"]
    assert found[0].thread == found[1].thread != ""
    assert [r for r in reasons(items) if r] == [
        "named in `series`, but no such file exists", "'../escape.patch' leaves the directory",
        "not named in `series`"]


def test_a_path_that_is_not_there_is_the_users_mistake(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="no such file"):
        read_all(tmp_path / "none.patch")


def test_commits_of_a_clone(tmp_path: Path) -> None:
    with repository(tmp_path / "repo") as git:
        (tmp_path / "repo/f.c").write_bytes(b"changed\n")
        one = commit(git, "x: one\n\nWhy.\n")
        (tmp_path / "repo/g.c").write_bytes(b"new\n")
        two = commit(git, "x: two\n")
        git.run("checkout", "-q", "-b", "side", one)
        (tmp_path / "repo/h.c").write_bytes(b"side\n")
        commit(git, "x: side\n")
        git.run("merge", "-q", "--no-edit", two)
        merge = git.rev("HEAD") or ""
        empty = commit(git, "x: empty")
        # a clone's own configuration must not change the patch
        for key, value in {"diff.noprefix": "true", "format.attach": "true", "diff.algorithm": "patience",
                           "format.subjectPrefix": "XX", "format.signature": "me", "diff.context": "0"}.items():
            git.run("config", key, value)
    repo = tmp_path / "repo"
    (patch,) = patches(read_commit(repo, one[:12]))
    assert read_mail(patch).upstream == one
    assert read_mail(patch).title == "x: one"
    assert patch.paths == ("f.c",)
    found = patches(read_commit(repo, f"{one}~1..{two}"))
    assert [(read_mail(p).title, p.part, p.parts) for p in found] == [("x: one", 1, 2), ("x: two", 2, 2)]
    assert "a merge" in reasons(read_commit(repo, merge))[0]
    assert "empty" in reasons(read_commit(repo, empty))[0]
    with pytest.raises(UserError, match="no commit"):
        read_commit(repo, "nothing")
    with pytest.raises(UserError, match="no commit"):
        read_commit(repo, "--output=/tmp/x")
    with pytest.raises(UserError, match="not a git repository"):
        read_commit(tmp_path, "HEAD")


@pytest.mark.parametrize("encoding", ["quoted-printable", "base64"])
@pytest.mark.parametrize("crlf", [False, True])
def test_transfer_encodings_are_undone_and_said(encoding: str, crlf: bool) -> None:
    plain = mail(body="Jörg = \u00e9, a line with a blank at its end \n".encode(),
                 diff=DIFF.replace(b"+b\n", "+b = \"ü\"; \t\n".encode()))
    head, body = plain.split(b"\n\n", 1)
    raw = body.replace(b"\n", b"\r\n") if crlf else body
    coded = base64.encodebytes(raw) if encoding == "base64" else quopri.encodestring(raw)
    data = (head + b"\nContent-Type: text/plain; charset=\"utf-8\"\nContent-Transfer-Encoding: "
            + encoding.encode() + b"\n\n" + coded)
    (patch,) = patches(read_bytes(data, "x"))
    assert patch.said == (f"decoded from {encoding}",)
    assert patch.diff == DIFF.replace(b"+b\n", "+b = \"ü\"; \t\n".encode())
    assert "Jörg = é" in read_mail(patch).text
    assert not patch.review
    assert patches(read_bytes(patch.render(), "y"))[0].render() == patch.render()


def test_git_reads_the_decoded_mail_as_it_reads_the_encoded_one(tmp_path: Path) -> None:
    plain = mail(body="Jörg.\n".encode())
    head, body = plain.split(b"\n\n", 1)
    data = (head + b"\nContent-Type: text/plain; charset=UTF-8\nContent-Transfer-Encoding: base64\n\n"
            + base64.encodebytes(body))
    (patch,) = patches(read_bytes(data, "x"))
    seen = []
    with Git(tmp_path) as git:
        git.run("init", "-q", ".")
        for form in (data, patch.render()):
            info = git.run("mailinfo", "msg", "patch", stdin=form).out
            seen.append((info, (tmp_path / "msg").read_bytes(), (tmp_path / "patch").read_bytes()))
    assert seen[0] == seen[1]


def multipart(*parts: tuple[bytes, bytes]) -> bytes:
    body = b"".join(b"--XX\nContent-Type: " + kind + b"\nContent-Transfer-Encoding: base64\n\n"
                    + base64.encodebytes(text) for kind, text in parts)
    return (b"From: A <a@example.org>\nSubject: [PATCH] x: y\nMIME-Version: 1.0\n"
            b"Content-Type: multipart/mixed; boundary=XX\n\n" + body + b"--XX--\n")


def test_several_patches_attached_to_one_mail_are_read_in_order() -> None:
    one, two = mail(b"first fix"), mail(b"second fix")
    said = multipart((b"text/plain", b"both attached\n"), (b"text/x-patch", one),
                     (b"application/octet-stream; name=two.patch", two))
    found = patches(read_bytes(said, "both.eml"))
    assert [(patch.slug, patch.source) for patch in found] == [
        ("first-fix", "both.eml[1]"), ("second-fix", "both.eml[2]")]
    assert [patch.render() for patch in found] == [one, two]
    # a bare diff has no author and no message: which text belongs to it is not known
    assert "2 parts" in reasons(read_bytes(multipart((b"text/x-patch", one), (b"text/x-diff", DIFF)), "x"))[0]


def test_a_patch_in_a_part_of_a_multipart_mail() -> None:
    whole = mail(b"inner")
    (patch,) = patches(read_bytes(multipart((b"text/plain", b"see attachment\n"), (b"text/x-patch", whole)), "x"))
    assert patch.render() == whole
    (patch,) = patches(read_bytes(multipart((b"text/plain", b"Why.\n\nSigned-off-by: A <a@example.org>\n"),
                                            (b"text/x-diff; name=x.diff", DIFF)), "x"))
    assert patch.diff == DIFF
    assert read_mail(patch).title == "x: y"
    assert [t.name for t in read_mail(patch).tags] == ["Signed-off-by"]
    assert "2 parts" in reasons(read_bytes(multipart((b"text/x-diff", DIFF), (b"text/x-diff", DIFF)), "x"))[0]
    assert "HTML" in reasons(read_bytes(multipart((b"text/html", b"<pre>x</pre>")), "x"))[0]


@pytest.mark.parametrize(("data", "reason", "line"), [
    (b"", "empty input", 0),
    (b"  \n\n", "empty input", 2),
    (mail().replace(b"\n", b"\r\n"), "CRLF", 1),
    (mail().replace(DIFF, DIFF.replace(b"\n", b"\r\n")), "CRLF", 11),
    (b"\r\n" + mail().replace(b"\n", b"\r\n").replace(DIFF.replace(b"\n", b"\r\n"), DIFF), "CRLF", 2),
    (DIFF.replace(b"\n", b"\r\n"), "CRLF", 1),
    (mail(headers=b"Content-Type: text/html\n"), "HTML", 0),
    (mail(headers=b"Content-Type: text/plain; charset=utf-8; format=flowed\n"), "format=flowed", 0),
    (mail(headers=b"Content-Type: text/plain; format=\"flowed\"\n"), "format=flowed", 0),
    (mail(diff=b"> " + DIFF.replace(b"\n", b"\n> ")), "only a quoted one", 0),
    (mail(diff=DIFF.replace(b"@@ -1 +1 @@", b"@@@ -1 -1 +1 @@@")), "", 0),
    (b"diff --cc f.c\nindex 1,2..3\n--- a/f.c\n+++ b/f.c\n@@@ -1,1 -1,1 +1,1 @@@\n- a\n -b\n++c\n", "combined diff", 1),
    (mail(diff=DIFF.replace(b"-a\n+b\n", b"-a\n+b\n+c\n")), "continues after", 18),
    (mail(diff=DIFF + b"some text\n" + DIFF), "more diff after text", 19),
    (mail(diff=DIFF + b"@@ -5 +5 @@\n-a\n"), "truncated", 0),
    (mail(diff=DIFF.replace(b"+b", "\u00a0b".encode())), "no-break space", 17),
    (mail(diff=DIFF.replace(b"+b", b"wrapped b")), "damaged hunk", 17),
    (mail(diff=b"diff --git a/x.o b/x.o\nindex 111111..222222 100644\nBinary files a/x.o and b/x.o differ\n"),
     "without its content", 13),
    (mail(diff=b" f.c | 4 ++--\n 2 files changed, 2 insertions(+), 2 deletions(-)\n\n" + DIFF,
          headers=b"Message-ID: <1@x>\n").replace(SIGNATURE, b""),
     "truncated mail", 0),
    (mail(diff=DIFF.replace(b"--- a/f.c", b"--- a/other.c")), "the `---` line says", 0),
    (mail(diff=DIFF.replace(b"@@ -1 +1 @@\n-a\n+b\n", b"@@ -1 +1 @@\n a\n")), "changes nothing", 0),
    (mail(diff=DIFF.replace(b"@@ -1 ", b"@@ -" + b"9" * 5000 + b" ")), "malformed hunk header", 0),
    (mail(diff=b"diff --git a/f.c b/f.c\n"), "without a change", 0),
    (mail(diff=b"diff --git a/s b/s\nnew file mode 160000\nindex 0000000..1111111\n--- /dev/null\n+++ b/s\n"
               b"@@ -0,0 +1 @@\n+Subproject commit 1\n"), "submodule", 0),
    (mail(diff=b"diff --git arch/x86/f.c arch/x86/f.c\n--- arch/x86/f.c\n+++ arch/x86/f.c\n@@ -1 +1 @@\n-a\n+b\n"),
     "no a/ and b/", 0),
])
def test_what_is_no_patch_is_refused_with_line_and_reason(data: bytes, reason: str, line: int) -> None:
    (item,) = read_bytes(data, "x")
    assert isinstance(item, Refused)
    assert reason in item.reason
    assert not item.skipped
    if line:
        assert item.line == line


def test_cr_inside_a_hunk_is_content() -> None:
    data = mail(diff=DIFF.replace(b"-a\n+b\n", b"-a\r\n+b\r\n"))
    (patch,) = patches(read_bytes(data, "x"))
    assert patch.files[0].hunks[0].added == (b"b\r\n",)
    assert patch.render() == data


def test_a_diffstat_that_disagrees_is_a_doubt() -> None:
    stat = b" f.c | 4 ++--\n 2 files changed, 2 insertions(+), 2 deletions(-)\n\n"
    (patch,) = patches(read_bytes(mail(diff=stat + DIFF), "x"))
    assert patch.review
    assert "the diffstat says 2 files, +2 -2; the diff has 1 files, +1 -1" in patch.doubts[0]


def test_an_editors_copy_is_the_same_file() -> None:
    for old in (b"f.c~", b"f.c.orig", b"f.c~mm-fix-it", b"f.c"):
        data = DIFF.split(b"\n", 2)[2].replace(b"--- a/f.c", b"--- linux.org/" + old + b"\t2022-12-11 22:15:18")
        assert patches(read_bytes(data, "x"))[0].paths == ("f.c",)


NOTICE = b"""\
From gregkh@linuxfoundation.org Mon Apr 20 11:18:56 2026
Subject: FAILED: patch "[PATCH] x: y" failed to apply to 6.6-stable tree
To: a@example.org
Cc: <stable@vger.kernel.org>
From: <gregkh@linuxfoundation.org>
Date: Mon, 20 Apr 2026 11:18:56 +0200
Message-ID: <2026042001-a-b@gregkh>
MIME-Version: 1.0
Content-Type: text/plain; charset=ANSI_X3.4-1968
Content-Transfer-Encoding: 8bit


The patch below does not apply to the 6.6-stable tree.
If someone wants it applied there, or to any other stable or longterm
tree, then please email the backport, including the original git commit
id to <stable@vger.kernel.org>.

To reproduce the conflict and resubmit, you may use the following commands:

git fetch https://git.kernel.org/pub/scm/linux/kernel/git/stable/linux.git/ linux-6.6.y
git checkout FETCH_HEAD
git cherry-pick -x e907b4e72488f1df878e7e8acf88d23e49cb3ca7
# <resolve conflicts, build, test, etc.>
git commit -s
git send-email --to '<stable@vger.kernel.org>' --in-reply-to '2026042001-a-b@gregkh' --subject-prefix 'PATCH 6.6.y' HEAD

Possible dependencies:



thanks,

greg k-h

------------------ original commit in Linus's tree ------------------

"""
ORIGINAL = mail(first=b"From " + SHA + b" Mon Sep 17 00:00:00 2001\n").replace(b"---\n\n", b"\n").rstrip(b"\n") + b"\n"


@pytest.mark.parametrize("quoted", [b"", b">"])
def test_a_failed_mail_gives_its_tree_sha_and_message_id_and_the_patch_below(quoted: bytes) -> None:
    box = NOTICE + quoted + ORIGINAL + b"\n" + mail(b"another")
    first, second = patches(read_bytes(box, "box"))
    assert first.render() == ORIGINAL + b"\n"
    assert first.envelope == NOTICE
    seen = read_mail(first)
    assert seen.failed is not None
    assert (seen.failed.series, seen.failed.sha, seen.failed.message_id) == (
        "6.6", SHA.decode(), "2026042001-a-b@gregkh")
    assert (seen.upstream, seen.nomination, seen.title) == (SHA.decode(), "failed", "x: y")
    assert read_mail(second).title == "another"


def test_a_failed_mail_in_an_encoding_and_with_a_lists_footer() -> None:
    plain = b"Content-Type: text/plain; charset=ANSI_X3.4-1968\nContent-Transfer-Encoding: 8bit\n"
    head, notice = NOTICE.split(plain)
    whole = notice + ORIGINAL
    footers = (b"\n\n_______________________________________________\nA mailing list\nhttps://lists.example.org/x\n",
               b"\n-- \nYou received this message because you are subscribed to the \"x\" group.\n")
    for footer in footers:
        for name, body in ((b"8bit", whole + footer), (b"base64", base64.encodebytes(whole + footer)),
                           (b"quoted-printable", quopri.encodestring(whole + footer))):
            kind = b"Content-Type: text/plain; charset=utf-8\nContent-Transfer-Encoding: %s\n\n" % name
            (patch,) = patches(read_bytes(head + kind + body.removeprefix(b"\n"), "x"))
            seen = read_mail(patch)
            assert seen.failed is not None, (name, footer)
            assert (seen.failed.series, seen.failed.message_id) == ("6.6", "2026042001-a-b@gregkh")
            assert seen.upstream == SHA.decode()
            made = adapted_mail(patch, patch.files, series="6.6", upstream_sha=seen.upstream_sha)
            assert b"mailing list" not in made
            assert b"You received" not in made
            assert made.endswith(patch.diff + b"-- \n2.39.5\n\n")


def test_the_notice_that_a_patch_was_added_is_passed_over_and_the_patch_is_taken() -> None:
    notice = (b'Subject: Patch "x: y" has been added to the 6.1-stable tree\nTo: a@example.org\n'
              b"From: <gregkh@linuxfoundation.org>\nDate: Thu, 23 Apr 2026 14:35:06 +0200\nMessage-ID: <1@gregkh>\n\n\n"
              b"This is a note to let you know that I've just added the patch titled\n\n    x: y\n\n"
              b"to the 6.1-stable tree which can be found at:\n    http://www.example.org/\n\n\n")
    below = (b"From stable+bounces-1-greg=kroah.com@vger.kernel.org Tue Apr  7 02:49:29 2026\n"
             b"From: A <a@example.org>\nDate: Mon, 06 Apr 2026 17:49:08 -0700\nSubject: x: y\nMessage-ID: <2@x>\n\n"
             b"From: A <a@example.org>\n\ncommit " + SHA + b" upstream.\n\nWhy.\n\nSigned-off-by: A <a@example.org>\n"
             b"---\n f.c | 2 +-\n\n" + DIFF + b"\n\nPatches currently in stable-queue which might be from a are\n\n"
             b"queue-6.1/x-y.patch\n")
    skipped, patch = read_bytes(notice + below, "x")
    assert isinstance(skipped, Refused)
    assert skipped.skipped
    assert "was added to a stable tree" in skipped.reason
    assert isinstance(patch, Patch)
    seen = read_mail(patch)
    assert (seen.title, seen.upstream, seen.author.address) == ("x: y", SHA.decode(), "a@example.org")
    assert b"Patches currently" not in adapted_mail(patch, patch.files, series="5.10")


def test_sashas_failed_mail() -> None:
    notice = (b"From: Sasha Levin <sashal@kernel.org>\nTo: stable@vger.kernel.org, a@example.org\n"
              b"Subject: FAILED: Patch \"x: y\" failed to apply to v6.1-stable tree\n"
              b"Message-ID: <20260420-1-sashal@kernel.org>\n\n"
              b"The patch below does not apply to the v6.1-stable tree.\n\nThanks,\nSasha\n\n"
              b"------------------ original commit in Linus's tree ------------------\n\n")
    (patch,) = patches(read_bytes(notice + ORIGINAL, "x"))
    seen = read_mail(patch)
    assert seen.failed is not None
    assert (seen.failed.series, seen.failed.sha, seen.failed.message_id) == (
        "6.1", SHA.decode(), "20260420-1-sashal@kernel.org")


def test_send_email_and_b4_output() -> None:
    sent = (b"From: Submitter <s@example.org>\nTo: stable@vger.kernel.org\nCc: A <a@example.org>\n"
            b"Subject: [PATCH 6.1.y] x: y\nDate: Mon, 20 Apr 2026 11:18:56 +0000\nMessage-ID: <1-s@example.org>\n"
            b"X-Mailer: git-send-email 2.39.5\nIn-Reply-To: <0@gregkh>\nReferences: <0@gregkh>\nMIME-Version: 1.0\n"
            b"Content-Transfer-Encoding: 8bit\n\nFrom: A <a@example.org>\n\n[ Upstream commit " + SHA
            + b" ]\n\nWhy.\n---\n" + DIFF + SIGNATURE)
    b4 = b"From git@z Thu Jan  1 00:00:00 1970\n" + sent
    for data in (sent, b4, b4 + b"\n" + b4.replace(b"x: y", b"x: z")):
        for patch in patches(read_bytes(data, "x")):
            seen = read_mail(patch)
            assert seen.author.address == "a@example.org"
            assert seen.upstream_sha == SHA.decode()
            assert seen.in_reply_to == "0@gregkh"
            assert seen.message.startswith(b"[ Upstream")


def test_a_message_id_without_b4_says_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nonexistent")
    with pytest.raises(SourceUnavailable, match="b4 is not installed") as error:
        read_all("20260227011306.3111731-4-yosry@example.org")
    assert "save the mail" in error.value.hint


def test_a_message_id_goes_through_b4(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "box").write_bytes(mail(b"one", prefix=b"PATCH 1/2") + mail(b"two", prefix=b"PATCH 2/2"))
    program = tmp_path / "b4"
    program.write_text(f"#!/bin/sh\necho \"$@\" > {tmp_path}/args\nexec /bin/cat {tmp_path}/box\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    found = patches(read_all("<1@example.org>"))
    assert [p.slug for p in found] == ["one", "two"]
    assert (tmp_path / "args").read_text().split()[-1] == "1@example.org"
    program.write_text("#!/bin/sh\necho 'Looking up' >&2\necho 'That message-id is not known.' >&2\nexit 1\n")
    with pytest.raises(SourceUnavailable, match="not known"):
        read_all("https://lore.kernel.org/all/1@example.org/")


def test_import_writes_plain_mails_and_says_what_was_refused(tmp_path: Path) -> None:
    box = tmp_path / "box.mbox"
    box.write_bytes(mail(b"one") + mail(b"two", diff=b"nothing\n"))
    result = CliRunner().invoke(command, [str(box), "--out", str(tmp_path / "out"), "--cache", str(tmp_path / "c")],
                                standalone_mode=False)
    assert result.return_value == 1
    assert [p.name for p in (tmp_path / "out").iterdir()] == ["one.patch"]
    assert (tmp_path / "out/one.patch").read_bytes() == mail(b"one")
    assert "invalid: " in result.output
    assert "no diff" in result.output


def test_quilt_form() -> None:
    quilt = (b"From: A <a@example.org>\nSubject: x\n\nWhy.\n\n---\n f.c | 2 +-\n\nIndex: linux/f.c\n"
             b"===================================================================\n--- linux.orig/f.c\n+++ linux/f.c\n"
             b"@@ -1 +1 @@\n-a\n+b\nIndex: linux/g.c\n"
             b"===================================================================\n--- linux.orig/g.c\n+++ linux/g.c\n"
             b"@@ -1 +1 @@\n-a\n+b\n")
    (patch,) = patches(read_bytes(quilt, "x"))
    assert patch.paths == ("f.c", "g.c")
    assert patch.render() == quilt


def test_the_unnumbered_mails_of_one_file_belong_together_in_order(tmp_path: Path) -> None:
    """git am takes them so; an exported queue is made so. Each alone meets a tree that lacks the ones before it."""
    box = mail(b"one") + mail(b"two", prefix=b"PATCH v2") + mail(b"three")
    for found in (read_bytes(box, "box.mbox"), read_all("-", stdin=io.BytesIO(box))):
        assert [(p.part, p.parts) for p in patches(found)] == [(1, 3), (2, 3), (3, 3)]
        assert len({p.thread for p in patches(found)}) == 1
        assert patches(found)[0].thread
    (tmp_path / "a.mbox").write_bytes(box)
    (tmp_path / "b.patch").write_bytes(mail(b"four"))
    (tmp_path / "c.patch").write_bytes(mail(b"five"))
    found = read_all(tmp_path)
    assert [bool(p.thread) for p in patches(found)] == [True] * 3 + [False] * 2      # a directory is no queue


def test_a_directory_whose_files_are_numbered_is_a_queue_in_that_order(tmp_path: Path) -> None:
    """OpenWrt's patches-6.1 (no series file, heads that are no whole mail) and linux-surface's mboxes."""
    openwrt = tmp_path / "patches-6.1"
    openwrt.mkdir()
    (openwrt / "100-two.patch").write_bytes(mail(b"two"))
    (openwrt / "020-v6.2-0001-one.patch").write_bytes(mail(b"one"))
    (openwrt / "1000-four.patch").write_bytes(mail(b"four"))
    (openwrt / "900-three.patch").write_bytes(b"no mail at all\n\n" + mail(b"x").partition(b"---\n")[2])
    found = patches(read_all(openwrt))
    assert [(p.slug, p.part, p.parts) for p in found] == [("one", 1, 4), ("two", 2, 4), ("900-three", 3, 4),
                                                          ("four", 4, 4)]
    assert len({p.thread for p in found}) == 1
    assert not any(p.numbered for p in found)
    surface = tmp_path / "surface"
    surface.mkdir()
    (surface / "0001-boot.patch").write_bytes(mail(b"s1") + mail(b"s2"))
    (surface / "0002-wifi.mbox").write_bytes(mail(b"s3") + mail(b"s4"))
    found = patches(read_all(surface))
    assert [(p.slug, p.part, p.parts) for p in found] == [("s1", 1, 4), ("s2", 2, 4), ("s3", 3, 4), ("s4", 4, 4)]
    assert len({p.thread for p in found}) == 1
    # one file without a number: nobody says in which order
    (surface / "more.patch").write_bytes(mail(b"s5"))
    assert [p.parts for p in patches(read_all(surface))] == [2, 2, 2, 2, 0]
    # a series says itself what it is
    (openwrt / "100-two.patch").write_bytes(mail(b"two", prefix=b"PATCH 1/2"))
    assert all(IN_ORDER not in p.thread for p in patches(read_all(openwrt)))


def test_mails_of_one_file_that_cannot_be_meant_together_are_not_put_together() -> None:
    notice = NOTICE + ORIGINAL
    for box, parts in (
            (mail(b"x", prefix=b"PATCH 6.1") + mail(b"x", prefix=b"PATCH 5.15"), [0, 0]),
            (mail(b"x", prefix=b"PATCH 6.1") + mail(b"y", prefix=b"PATCH 5.15") + mail(b"z", prefix=b"PATCH 6.1"),
             [1, 0, 2]),
            (mail(b"x", prefix=b"PATCH AUTOSEL 6.1") + mail(b"y", prefix=b"PATCH AUTOSEL 6.1"), [0, 0]),
            (notice + b"\n" + notice.replace(b"6.6", b"6.1"), [0, 0]),
            (mail(b"x") + mail(b"x", prefix=b"PATCH v2"), [0, 0]),
            (mail(b"x") + mail(b"y", prefix=b"PATCH 1/2") + mail(b"z", prefix=b"PATCH 2/2") + mail(b"a"), [1, 1, 2, 2]),
            (mail(b"x"), [0])):
        found = patches(read_bytes(box, "box"))
        assert [p.part for p in found] == parts
        assert all(bool(p.thread) == bool(p.part) for p in found)
    found = patches(read_bytes(mail(b"x") + mail(b"x", prefix=b"PATCH v2"), "box"))
    assert all("two versions" in p.doubts[-1] for p in found)


def test_a_queue_goes_in_the_order_of_its_series_whatever_the_subjects_say(tmp_path: Path) -> None:
    for n in (2, 1):
        (tmp_path / f"{n}.patch").write_bytes(mail(b"x: %d" % n, prefix=b"PATCH %d/2" % n))
    (tmp_path / "series").write_text("2.patch\n1.patch\n")
    found = patches(read_all(tmp_path))
    assert [(read_mail(p).title, p.part) for p in found] == [("x: 2", 1), ("x: 1", 2)]


def test_what_stands_behind_an_unreadable_mail_of_a_queue_says_so() -> None:
    bad = mail(b"two", diff=DIFF.replace(b"@@ -1 +1 @@", b"@@ -1,9 +1,9 @@"))
    first, _, third = read_bytes(mail(b"one") + bad + mail(b"three"), "box")
    assert isinstance(first, Patch)
    assert isinstance(third, Patch)
    assert not first.review
    assert "tried without box[2]" in third.doubts[0]
    assert "truncated hunk" in third.doubts[0]


FOOTER = (b"\n_______________________________________________\nlist\nlist mailing list\nlist@example.org\n"
          b"https://lists.example.org/listinfo?a=zz&b=1=\n")


@pytest.mark.parametrize("code", [base64.encodebytes, quopri.encodestring])
@pytest.mark.parametrize("fill", [b"", b"x", b"xx"])
def test_a_list_footer_behind_encoded_text_is_left_out_and_said(code: object, fill: bytes, tmp_path: Path) -> None:
    assert callable(code)
    kind = b"base64" if code is base64.encodebytes else b"quoted-printable"
    head, body = mail(body=b"J\xc3\xb6rg." + fill + b"\n").split(b"\n\n", 1)
    data = (head + b"\nContent-Type: text/plain; charset=UTF-8\nContent-Transfer-Encoding: " + kind + b"\n\n"
            + code(body))
    (plain,) = patches(read_bytes(data, "x"))
    (patch,) = patches(read_bytes(data + FOOTER, "x"))
    assert patch.render().rstrip() == plain.render().rstrip()
    assert any("mailing list" in line for line in patch.said)
    assert not any("mailing list" in line for line in plain.said)
    with Git(tmp_path) as git:                       # git am takes it too
        git.run("init", "-q", ".")
        git.run("mailinfo", "msg", "patch", stdin=data + FOOTER)
        assert DIFF in (tmp_path / "patch").read_bytes()


def test_encoded_text_that_is_damaged_or_cut_is_not_taken_for_one_with_a_footer() -> None:
    head, body = mail(body=b"text\n" * 30).split(b"\n\n", 1)
    head += b"\nContent-Type: text/plain\nContent-Transfer-Encoding: base64\n\n"
    coded = base64.encodebytes(body)
    lines = coded.splitlines(keepends=True)
    broken = b"".join([*lines[:2], b"<" + lines[2][1:], *lines[3:]])
    assert "damaged base64" in reasons(read_bytes(head + broken, "x"))[0]
    assert isinstance(read_bytes(head + b"".join(lines[:-2]) + FOOTER, "x")[0], Refused)
    quoted = head.replace(b"base64", b"quoted-printable") + quopri.encodestring(body).replace(b"text", b"te=xt", 1)
    assert "damaged quoted-printable" in reasons(read_bytes(quoted + FOOTER, "x"))[0]


CHARSETS = [b"undefined", b"\0", b"idna", b"punycode", b"utf-7", b"rot13", b"hex", b"x" * 3000, b"\xff", b""]


@pytest.mark.parametrize("charset", CHARSETS)
def test_a_charset_that_is_none_ends_nothing(charset: bytes) -> None:
    """Each is one mail that is read or refused; the one behind it is read."""
    word = b"=?" + charset + b"?q?=D8+2AA-x?="
    kinds = [
        mail(word).replace(b"From: A", b"From: " + word),
        mail(headers=b"Content-Type: text/plain; charset=" + charset + b"\nContent-Transfer-Encoding: base64\n",
             body=b"").replace(DIFF, base64.encodebytes(DIFF)),
        b"From: A <a@example.org>\nSubject: x\nContent-Type: multipart/mixed; boundary*=" + charset + b"''x\n\n--x\n"
        b"Content-Type: text/plain; charset*=" + charset + b"''y; name*=" + charset + b"''z\n\n" + DIFF + b"--x--\n",
    ]
    for data in kinds:
        first, second = [*read_bytes(data, "bad"), *read_bytes(mail(b"good"), "good")]
        assert isinstance(second, Patch)
        assert isinstance(first, Patch) or first.reason
        if isinstance(first, Patch):
            seen = read_mail(first)
            "".join([seen.title, str(seen.author)]).encode("utf-8")       # a report has to write it
            adapted_mail(first, first.files, series="6.1")


def test_any_error_of_a_reader_is_that_mails_and_the_stores_is_not(monkeypatch: pytest.MonkeyPatch) -> None:
    def raiser(error: BaseException) -> object:
        def plain(*_: object) -> None:
            raise error
        return plain

    for error in (UnicodeError("no charset"), IndexError("x"), RecursionError("deep"), KeyError("k"), TypeError("t")):
        monkeypatch.setattr("backport.patch.intake.encoded.plain", raiser(error))
        (item,) = read_bytes(mail(), "x")
        assert isinstance(item, Refused)
        assert type(error).__name__ in item.reason
        assert item.slug
    for fault in (SourceUnavailable("store"), OSError("disk"), MemoryError(), KeyboardInterrupt()):
        monkeypatch.setattr("backport.patch.intake.encoded.plain", raiser(fault))
        with pytest.raises(type(fault)):
            read_bytes(mail(), "x")


def test_a_file_of_a_directory_that_cannot_be_read_is_refused_and_the_others_are_read(tmp_path: Path) -> None:
    (tmp_path / "a.patch").symlink_to("nowhere")
    (tmp_path / "b.patch").write_bytes(mail(b"b"))
    bad, good = read_all(tmp_path)
    assert isinstance(bad, Refused)
    assert "not a regular file" in bad.reason
    assert isinstance(good, Patch)


FIRST = b"From " + SHA + b" Mon Sep 17 00:00:00 2001\n"
REAL = DIFF.replace(b"@@ -1 +1 @@\n", b"@@ -1,2 +1,2 @@\n \tint x;\n")


@pytest.mark.parametrize(("first", "commit"), [
    (b"a" + FIRST, True), (FIRST[1:], True), (b" " + FIRST, True), (b"> " + FIRST, True), (b">" + FIRST, True),
    (FIRST.replace(b"From ", b"From"), True), (FIRST[9:], False),
    (b"$ cat x.patch\n", False), (b"x\n", False)])
def test_a_damaged_first_line_is_said_and_the_mail_is_read(first: bytes, commit: bool, tmp_path: Path) -> None:
    data = mail(first=first, diff=REAL)
    (patch,) = patches(read_bytes(data, "x"))
    seen = read_mail(patch)
    assert (seen.title, seen.author.address) == ("x: y", "a@example.org")
    assert "first line" in patch.doubts[0]
    assert first[:20].decode().strip() in patch.doubts[0]
    # what is not a From line is not taken for the commit
    assert seen.upstream == (SHA.decode() if commit else "")
    made = adapted_mail(patch, patch.files, series="6.1", upstream_sha=seen.upstream_sha)
    assert made.startswith(b"From ")
    with Git(tmp_path) as git:
        git.run("init", "-q", ".")
        (tmp_path / "f.c").write_bytes(b"\tint x;\na\n")
        git.run("add", "f.c")
        git.run("commit", "-q", "-m", "x")
        for number, text in enumerate((made, patch.render())):
            (tmp_path / "mail").write_bytes(text)
            git.run("am", "-q", "mail")
            assert git.run("log", "-1", "--format=%an %s").text == "A x: y", number
            git.run("reset", "-q", "--hard", "HEAD~1")


@pytest.mark.parametrize("above", [b"\n\n", b"\xef\xbb\xbf", b"\xef\xbb\xbf\n"])
def test_empty_lines_and_a_byte_order_mark_above_a_mail_are_no_damage(above: bytes) -> None:
    for data in (mail(first=FIRST, diff=REAL), mail(first=b"", diff=REAL)):
        (patch,) = patches(read_bytes(above + data, "x"))
        assert patch.render() == data
        assert read_mail(patch).title == "x: y"
        assert not patch.review


def test_a_damaged_first_line_in_the_middle_of_an_mbox_is_named() -> None:
    (item,) = read_bytes(mail(b"one") + b"a" + mail(b"two"), "box")
    assert isinstance(item, Refused)
    assert "another mail follows this one" in item.reason
    assert item.line == mail(b"one").count(b"\n") + 1
