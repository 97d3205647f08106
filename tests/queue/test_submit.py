from __future__ import annotations

import os
import re
import shlex
import subprocess
from dataclasses import replace
from datetime import UTC, datetime
from email import message_from_bytes
from pathlib import Path

import pytest

from backport.cell import Cell
from backport.errors import UserError
from backport.manifest import Manifest, Tree
from backport.patch.am import KEEP_CR, objections
from backport.patch.mail import mail_of, read_mail
from backport.patch.model import Patch
from backport.patch.parse import parse
from backport.patch.stable import read_failed
from backport.queue.failed import failed_mail
from backport.queue.submit import signed_by_submitter, submission
from backport.queue.table import reply, rows
from backport.report.registry import FORMATS, render
from backport.results.run import PatchInfo, Run, TreeInfo
from backport.stable.newer import marked, newer_trees, supported, warning
from backport.stable.nomination import Standing, asked, nomination
from backport.verdict import Apply, Build
from tests.support.queues import tree

SHA = "0123456789abcdef0123456789abcdef01234567"
DIFF = """diff --git a/x.c b/x.c
index 1111111..2222222 100644
--- a/x.c
+++ b/x.c
@@ -1,1 +1,1 @@
-old
+new
"""


def patch(*, subject: str = "[PATCH 5.10.y] x: do y", tags: str = "", notes: str = "", extra: str = "",
          author: str = "Ann Author <ann@example.org>") -> Patch:
    return parse(f"From {SHA} Mon Sep 17 00:00:00 2001\nFrom: {author}\nDate: Mon, 20 Apr 2026 11:18:56 -0400\n"
                 f"Subject: {subject}\n{extra}\n[ Upstream commit {SHA} ]\n\nText.\n\n"
                 f"Signed-off-by: Ann Author <ann@example.org>\n{notes}{tags}---\n x.c | 2 +-\n\n{DIFF}-- \n2.39.5\n"
                 .encode(), source="t")


def test_the_submission_goes_to_stable_and_to_those_whom_the_tags_name(tmp_path: Path) -> None:
    tags = ("Reviewed-by: Rev Iewer <rev@example.org>\nCc: stable@vger.kernel.org # 5.10.x\n"
            "Cc: Hid Den <hid@xxxxxxxxxx>\nSigned-off-by: ANN <ann@Example.org>\n")
    sub = submission(patch(tags=tags), "5.10", tmp_path / "out dir", in_reply_to="<2026-x@gregkh>")
    words = shlex.split(sub.command)
    assert words == ["git", "send-email", "--to=stable@vger.kernel.org", "--cc=ann@example.org", "--cc=rev@example.org",
                     "--in-reply-to=<2026-x@gregkh>", "--suppress-cc=all", "--confirm=always", str(sub.file)]
    assert any("hid@xxxxxxxxxx" in remark for remark in sub.remarks)
    assert sub.draft
    assert b"Subject: [DRAFT PATCH 5.10.y] x: do y\n" in sub.file.read_bytes()


@pytest.mark.skipif(not (Path(subprocess.run(["git", "--exec-path"], capture_output=True, text=True, check=True)
                              .stdout.strip()) / "git-send-email").exists()
                    or subprocess.run(["perl", "-MMail::Address", "-e1"], capture_output=True, check=False).returncode,
                    reason="git send-email is not installed whole (apt-get install git-email libmailtools-perl)")
def test_git_send_email_understands_the_line(tmp_path: Path) -> None:
    sub = submission(patch(), "5.10", tmp_path)
    words = [*shlex.split(sub.command), "--dry-run", "--from=me@example.org"]
    somebody = {"GIT_COMMITTER_NAME": "Me", "GIT_COMMITTER_EMAIL": "me@example.org", "GIT_AUTHOR_NAME": "Me",
                "GIT_AUTHOR_EMAIL": "me@example.org"}
    done = subprocess.run(words, capture_output=True, text=True, check=False, cwd=tmp_path, stdin=subprocess.DEVNULL,
                          env={**os.environ, **somebody})
    assert "stable@vger.kernel.org" in done.stdout, done.stderr


def test_who_signed_is_told_apart_from_who_wrote() -> None:
    note = "[ adapted: raw field ]\n"
    assert not signed_by_submitter(read_mail(patch()))
    assert not signed_by_submitter(read_mail(patch(notes=note)))
    mine = "Signed-off-by: Sub Mitter <sub@example.org>\n"
    assert signed_by_submitter(read_mail(patch(notes=note, tags=mine)))
    assert signed_by_submitter(read_mail(patch(tags=mine)), "Sub Mitter <sub@example.org>")
    assert not signed_by_submitter(read_mail(patch(tags=mine)), "Some Body <some@example.org>")


def test_a_signed_mail_is_no_draft(tmp_path: Path) -> None:
    sub = submission(patch(notes="[ adapted ]\n", tags="Signed-off-by: S M <sub@example.org>\n"), "5.10", tmp_path)
    assert not sub.draft
    assert sub.file.read_bytes() == patch(notes="[ adapted ]\n", tags="Signed-off-by: S M <sub@example.org>\n").render()


@pytest.mark.parametrize("address", [
    "evil@example.org --smtp-server=evil", "$(reboot)@example.org", "a,b@example.org", "-x@example.org", "a@b\tc",
    "x@example.org;reboot", "`id`@example.org",
])
def test_an_address_is_an_address_or_it_is_left_out(tmp_path: Path, address: str) -> None:
    sub = submission(patch(tags=f"Cc: Evil <{address}>\n"), "5.10", tmp_path)
    assert [word for word in shlex.split(sub.command) if word.startswith("--cc")] == ["--cc=ann@example.org"]
    assert all(word.startswith(("--", "git", "send-email", str(tmp_path))) for word in shlex.split(sub.command))


def test_what_is_not_known_to_be_in_mainline_is_a_draft(tmp_path: Path) -> None:
    text = patch(tags="Signed-off-by: Sub Mitter <sub@example.org>\n").render()
    nowhere = parse(text.replace(f"[ Upstream commit {SHA} ]\n\n".encode(), b"").replace(SHA.encode(), b"0" * 40))
    sub = submission(nowhere, "5.10", tmp_path, identity="Sub Mitter <sub@example.org>")
    assert sub.draft
    assert b"Subject: [DRAFT PATCH 5.10.y] x: do y" in sub.file.read_bytes()
    assert "the commit in mainline is not known" in sub.remarks[0]
    # git format-patch writes the id of any tree's commit there
    local = parse(text.replace(f"[ Upstream commit {SHA} ]\n\n".encode(), b"").replace(b"PATCH 5.10.y", b"PATCH 1/5"))
    sub = submission(parse(text), "5.10", tmp_path, original=read_mail(local), identity="Sub Mitter <sub@example.org>")
    assert not sub.draft
    assert any("was read from the mail's From line" in remark for remark in sub.remarks)


def test_what_git_am_does_not_take_is_a_draft(tmp_path: Path) -> None:
    signed = patch(tags="Signed-off-by: Sub Mitter <sub@example.org>\n", author="Ann Author")
    repo, _base = tree(tmp_path / "r.git")
    trouble = objections(repo.git, signed.render())
    sub = submission(signed, "5.10", tmp_path, identity="Sub Mitter <sub@example.org>", trouble=trouble)
    assert sub.draft
    assert any(remark.startswith("DRAFT: the mail names no author") for remark in sub.remarks)
    assert not submission(signed, "5.10", tmp_path, identity="Sub Mitter <sub@example.org>", trouble=[KEEP_CR]).draft


def test_a_message_id_cannot_bring_headers_or_options_along(tmp_path: Path) -> None:
    for bad in ("a@b\nBcc: x@y", "x y@z", "--smtp-server=evil", ""):
        assert "--in-reply-to" not in submission(patch(), "5.10", tmp_path, in_reply_to=bad).command


def test_the_failed_notice_is_in_the_stable_trees_own_words() -> None:
    when = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
    data = failed_mail(patch(subject="[PATCH] x: do y"), "5.10", dependencies=[(SHA, "x: before")], now=when)
    mail = message_from_bytes(data)
    assert mail["Subject"] == 'FAILED: patch "[PATCH] x: do y" failed to apply to 5.10-stable tree'
    assert mail["Cc"] == "<stable@vger.kernel.org>"
    assert mail["To"] == "ann@example.org"
    assert mail["From"] is None
    body = mail.get_payload()
    assert isinstance(body, str)
    for text in ("The patch below does not apply to the 5.10-stable tree.\n",
                 "git fetch https://git.kernel.org/pub/scm/linux/kernel/git/stable/linux.git/ linux-5.10.y\n",
                 f"git cherry-pick -x {SHA}\n", "--subject-prefix 'PATCH 5.10.y' HEAD^..\n",
                 f'Possible dependencies:\n\n{SHA[:12]} ("x: before")\n',
                 "------------------ original commit in Linus's tree ------------------\n\n"
                 f"From {SHA} Mon Sep 17 00:00:00 2001\nFrom: Ann Author <ann@example.org>\n"):
        assert text in body
    # what we write is what we read: sha, series, message id and dependencies come back
    back = read_failed(mail["Subject"], body, mail["Message-ID"].strip("<>"))
    assert back is not None
    assert (back.series, back.sha, back.dependencies) == ("5.10", SHA, ((SHA[:12], "x: before"),))
    assert f"<{back.message_id}>" == mail["Message-ID"]
    assert "Upstream commit" not in body
    inner = parse(body[body.index(f"From {SHA}"):].encode())
    assert inner.diff == DIFF.encode()


def test_unknown_dependencies_are_said_to_be_unknown() -> None:
    data = failed_mail(patch(), "5.10", unknown="linux-5.10.y has no history")
    assert b"Possible dependencies:\n\n(unknown: linux-5.10.y has no history)\n" in data


def test_a_subject_cannot_bring_a_header_into_the_notice() -> None:
    evil = patch(subject="[PATCH] =?utf-8?q?x=0ABcc=3A_victim=40example=2Eorg=0A=0A?= y")
    mail = message_from_bytes(failed_mail(evil, "5.10"))
    assert mail["Bcc"] is None
    assert set(mail.keys()) == {"Subject", "To", "Cc", "Date", "Message-ID", "MIME-Version", "Content-Type",
                                "Content-Transfer-Encoding"}
    with pytest.raises(UserError):
        failed_mail(evil, "5.10\nBcc: x")


def test_nomination_is_read_and_never_assumed() -> None:
    plain = read_mail(patch())
    assert nomination(plain).standing is Standing.UNKNOWN
    assert asked(plain, "5.10").answer is None
    stable = read_mail(patch(tags="Cc: <stable@vger.kernel.org> # 6.6.x\n"))
    assert nomination(stable).standing is Standing.NOMINATED
    assert [asked(stable, s).answer for s in ("6.12", "6.6", "6.1", "5.10")] == [True, True, False, False]
    every = read_mail(patch(tags="Cc: stable@vger.kernel.org\n"))
    assert asked(every, "5.10").answer is True
    auto = read_mail(patch(subject="[PATCH AUTOSEL 7.0-6.1] x: do y", tags="Acked-by: Up <up@example.org>\n"))
    assert nomination(auto).standing is Standing.CANDIDATE        # upstream's ack is no ack for stable
    assert (asked(auto, "5.10").answer, "outside" in asked(auto, "5.10").why) == (None, True)
    assert "inside" in asked(auto, "6.6").why
    assert nomination(auto, acks=["P B <p@example.org>"]).standing is Standing.ACKED
    never = read_mail(patch(tags="Cc: <stable+noautosel@kernel.org> # depends on a rework\n"))
    assert nomination(never).standing is Standing.EXCLUDED
    assert "ignore list" in nomination(auto, ["arch/x86/kvm/x86.c"]).note


MANIFEST = Manifest(Path("trees.yaml"), (
    Tree("linux-7.2.y", "7.2", (), status="stable", upstream=True), Tree("linux-6.19.y", "6.19", (), status="eol"),
    Tree("linux-6.12.y", "6.12", ()), Tree("linux-6.6.y", "6.6", ()), Tree("linux-6.1.y", "6.1", ()),
    Tree("linux-5.10.y", "5.10", ())))


def cell(tree: str, apply: Apply, build: Build = Build.PASS, **more: str) -> Cell:
    return replace(Cell("p", tree, apply, build), **more)  # type: ignore[arg-type]


def test_a_tree_is_marked_when_a_newer_supported_tree_lacks_the_fix() -> None:
    cells = [cell("linux-6.12.y", Apply.ALREADY), cell("linux-6.6.y", Apply.CONFLICT, Build.SKIPPED),
             cell("linux-6.1.y", Apply.OFFSET)]
    newer = newer_trees(MANIFEST, "linux-5.10.y", cells)
    assert [(r.series, r.status) for r in newer] == [
        ("6.12", "has it"), ("6.6", "lacks it"), ("6.1", "ready in this run")]         # eol and upstream do not count
    assert warning(newer).endswith("6.6 (lacks it); 6.1 (ready in this run)")
    assert warning(newer_trees(MANIFEST, "linux-6.12.y", cells)) == ""
    assert newer_trees(MANIFEST, "linux-6.6.y", [])[0].status == "unknown"


def test_the_mark_is_in_every_report_and_goes_when_the_newer_tree_has_the_fix() -> None:
    run = Run(1, 0.0, 1.0, exit_code=0, patches=(PatchInfo("p", "x: do y"),), supported=supported(MANIFEST),
              trees=tuple(TreeInfo(f"linux-{n}.y", series=n) for n in ("6.12", "6.6", "5.10")))
    cells = [cell("linux-6.12.y", Apply.ALREADY), cell("linux-6.6.y", Apply.CONFLICT, Build.SKIPPED),
             cell("linux-5.10.y", Apply.OFFSET)]
    mark = "newer supported trees must have it too: 6.6 (lacks it); 6.1 (unknown: not part of this run)"
    for form in FORMATS:
        if not FORMATS[form].site:
            assert mark.encode() in render(form, run, cells).replace(b"\\", b""), form
    assert [mark in one.notes for one in marked(run, cells)] == [False, False, True]
    cells[1] = cell("linux-6.6.y", Apply.OFFSET)
    cells.append(cell("linux-6.1.y", Apply.OFFSET))
    assert not any(one.notes for one in marked(run, cells))          # all of them go out together
    cells[0] = cell("linux-6.12.y", Apply.CONFLICT, Build.SKIPPED)
    assert all("6.12 (lacks it)" in one.notes[0] for one in marked(run, cells)[1:])


def test_the_reply_table_blames_nobody_for_the_tools_faults() -> None:
    cells = [cell("linux-6.12.y", Apply.OFFSET), cell("linux-6.6.y", Apply.OFFSET, Build.ERROR, reason="cc1 died"),
             cell("linux-6.1.y", Apply.CONFLICT, Build.SKIPPED, reason="x.c:1 \x1b[31m differs"),
             cell("linux-5.10.y", Apply.REWRITTEN)]
    text = reply("x: do y", cells, newer_trees(MANIFEST, "linux-6.1.y", cells))
    assert rows([("stable/linux-6.12.y", "Success", "Success")]) == [        # as the bot writes it
        "| Branch                    | Patch Apply | Build Test |",
        "|---------------------------|-------------|------------|",
        "| stable/linux-6.12.y       |  Success    |  Success   |"]
    assert re.search(r"stable/linux-6\.12\.y +\| +Success +\| +Success", text)
    assert re.search(r"stable/linux-6\.6\.y +\| +Success +\| +Tool error", text)
    assert re.search(r"stable/linux-6\.1\.y +\| +Failed +\| +N/A", text)
    assert re.search(r"stable/linux-5\.10\.y +\| +Adapted +\| +Success", text)
    assert "6.12.y | Not found" in text
    assert "\x1b" not in text
    assert "Build failures" not in text


def test_mail_of_is_stable_under_drafts(tmp_path: Path) -> None:
    sub = submission(patch(), "5.10", tmp_path)
    data = sub.file.read_bytes()
    assert mail_of(parse(data).head).title == "x: do y"
