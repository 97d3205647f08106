"""What `backport adapt` says beside the mail."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner

from backport.carry import Carried
from backport.cli import cli
from backport.commands.adapt import to_check
from backport.patch.compose import adapted_mail
from backport.patch.mail import read_mail
from backport.patch.parse import parse
from backport.report.carried import render
from backport.verdict import Apply, Sure

DIFF = b"---\ndiff --git a/f.c b/f.c\n--- a/f.c\n+++ b/f.c\n@@ -1 +1 @@\n-a\n+b\n"


def test_a_mistyped_strategy_is_no_conflict(tmp_path: Path) -> None:
    (tmp_path / "x.patch").write_bytes(DIFF)
    done = CliRunner().invoke(cli, ["adapt", str(tmp_path / "x.patch"), "--tree", "6.1", "--strategy", "contxt"])
    assert done.exit_code == 2
    assert "there is no contxt; the strategies are as-is, merge3" in " ".join(done.output.split())


@pytest.mark.parametrize(("author", "body", "said"), [
    ("A <a@example.org>", "W.",
     ["upstream commit 555555555555: from the mail's From line; make sure that it is in mainline"]),
    ("A <a@example.org>", f"W.\n\n(cherry picked from commit {'3' * 40})",
     ["upstream commit 333333333333: from the mail's cherry-pick line; make sure that it is in mainline"]),
    ("A <a@example.org>", f"[ Upstream commit {'3' * 40} ]\n\nW.", []),
    ("A <a@xxxxxxxxxx>", f"[ Upstream commit {'3' * 40} ]\n\nW.",
     ["the author's address, a@xxxxxxxxxx, is masked: put the real one into From:"]),
])
def test_what_may_be_wrong_in_the_mail_is_said(author: str, body: str, said: list[str]) -> None:
    first = f"From {'5' * 40} Mon Sep 17 00:00:00 2001\n"
    patch = parse(f"{first}From: {author}\nSubject: [PATCH] x: y\n\n{body}\n".encode() + DIFF)
    mail = adapted_mail(patch, patch.files, series="6.1", upstream_sha=read_mail(patch).upstream_sha)
    assert to_check(mail, patch) == said


def test_what_the_changelog_says_is_no_note_as_well() -> None:
    carried = Carried(Apply.REWRITTEN, Sure.REVIEW, None, notes=("use old() for new()", "doubt"),
                      changelog="adapted for 6.1.y: use old() for new()")
    assert render(carried, subject="x", tree="6.1").split("\n")[-2:] == [
        "  changelog: [ adapted for 6.1.y: use old() for new() ]", "  note: doubt"]
