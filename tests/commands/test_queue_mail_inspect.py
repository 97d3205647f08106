"""queue, mail and inspect through the command line, on made-up trees with a real compiler, git, quilt."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from backport.cli import cli
from backport.patch.mail import read_mail
from backport.patch.parse import parse
from backport.queue.failed import failed_mail
from tests.support.desk import NEW, OLD, X86, Desk
from tests.support.fakekernel import diff_of, git

TITLE = "kvm-made-up-good"
REST, GONE = f"{OLD}\t\treturn -16;\n\treturn kvm_clamp(vcpu->id);\n", "\tdo_it_another_way(vcpu);\n\treturn 0;\n"
LATER = "\tif (vcpu->pending || vcpu->injected || vcpu->id)\n"


@pytest.fixture
def desk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Desk:
    desk = Desk(tmp_path)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "none"))
    monkeypatch.delenv("GIT_CONFIG_GLOBAL", raising=False)
    (tmp_path / ".gitconfig").write_text("[user]\n\tname = Sub Mitter\n\temail = sub@example.org\n")
    return desk


def call(desk: Desk, *args: str, db: bool = True) -> tuple[int, str]:
    """One command: exit code and output."""
    where = ["--manifest", str(desk.path / "trees.yaml"), "--cache", str(desk.path / "cache")]
    result = CliRunner().invoke(cli, [*args, *where, *(["--db", str(desk.path / "results.sqlite")] if db else [])],
                                standalone_mode=False)
    if result.exception:
        raise result.exception
    return result.return_value or 0, result.output


def series(desk: Desk) -> Path:
    """An mbox of two patches of one series; the second needs the first."""
    first = diff_of(desk.trees["fake-reference"],
                    {X86: (desk.trees["fake-reference"] / X86).read_text().replace(OLD, NEW)})
    text = (desk.trees["fake-reference"] / X86).read_text()
    middle = text.replace(OLD, NEW)
    target = desk.trees["fake-reference"] / X86
    target.write_text(middle)
    git(desk.trees["fake-reference"], "commit", "-qam", "one")
    second = diff_of(desk.trees["fake-reference"], {X86: middle.replace(NEW, LATER)})
    target.write_text(text)
    git(desk.trees["fake-reference"], "commit", "-qam", "back")
    mbox = desk.path / "series.mbox"
    mails = []
    for number, (title, diff) in enumerate([("kvm: a: one", first), ("kvm: a: two", second)], 1):
        reply = b"" if number == 1 else b"In-Reply-To: <1@example.org>\nReferences: <1@example.org>\n"
        mails.append(b"From %s Mon Sep 17 00:00:00 2001\nFrom: A Person <a@example.org>\n"
                     b"Date: Thu, 1 Jan 2026 00:00:00 +0000\nMessage-ID: <%d@example.org>\n%s"
                     b"Subject: [PATCH %d/2] %s\n\nWhy.\n\nSigned-off-by: A Person <a@example.org>\n---\n\n"
                     b"%s-- \n2.39.5\n"
                     % (b"%d" % number * 40, number, reply, number, title.encode(), diff))
    mbox.write_bytes(b"\n".join(mails))
    return mbox


def test_a_run_becomes_a_queue_that_is_tested_and_built(desk: Desk) -> None:
    desk.patch("good", OLD, NEW)
    desk.run()
    code, out = call(desk, "queue", "export", "--to", "q", "--signoff")
    assert code == 0
    assert "added" in out
    assert "not acked: unknown" in out
    assert "DRAFT" not in out
    queue = desk.path / "q" / "queue-9.1"
    assert (queue / "series").read_text() == f"{TITLE}.patch\n"
    mail = read_mail(parse((queue / f"{TITLE}.patch").read_bytes()))
    assert mail.tags[-1].value == "Sub Mitter <sub@example.org>"
    code, out = call(desk, "queue", "test", "q/queue-9.1", "--bisectable", db=False)
    assert (code, f"exact    {TITLE}.patch, build pass" in out) == (0, True), out
    broken = (queue / f"{TITLE}.patch").read_bytes().replace(b"vcpu->injected)", b"vcpu->no_such)")
    (queue / f"{TITLE}.patch").write_bytes(broken)
    code, out = call(desk, "queue", "test", "q/queue-9.1", "--bisectable", db=False)
    assert code == 1
    assert "build fail <- this entry" in out


def test_a_later_patch_of_a_series_sees_the_earlier_ones(desk: Desk) -> None:
    mbox = series(desk)
    code, cells = desk.run(str(mbox), "--tree", "9.1")
    one, two = cells[("kvm-a-one", "fake-9.1.y")], cells[("kvm-a-two", "fake-9.1.y")]
    assert (code, one["apply"], two["apply"], two["build"]) == (0, "clean", "clean", "pass"), (one, two)
    assert two["detail"]["series"] == {"good": True, "text": "all 2 patches are in the tree or apply", "part": 2}
    _code, again = desk.run(str(mbox), "--tree", "9.1")
    assert all(cell["cached"] for cell in again.values())
    code, out = call(desk, "queue", "export", "--to", "q", "--tree", "9.1")
    assert code == 0, out
    assert (desk.path / "q/queue-9.1/series").read_text().split() == ["kvm-a-one.patch", "kvm-a-two.patch"]


def test_the_mails_of_a_series_are_sent_by_one_command_and_know_their_originals(desk: Desk) -> None:
    mbox = series(desk)
    _code, out = call(desk, "mail", str(mbox), "--to", "out", "--tree", "9.1", "--no-build", "--signoff")
    (line,) = [row for row in out.splitlines() if "0001-9.1-" in row and "0002-9.1-" in row]
    assert "send it with: git send-email --to=stable@vger.kernel.org --cc=a@example.org" in line
    assert "series fake-9.1.y: 2 mails" in out
    desk.edit("fake-9.0.y", REST, GONE)
    _code, out = call(desk, "mail", str(mbox), "--to", "out", "--tree", "9.0", "--no-build")
    assert "no longer available" not in out
    assert len(list((desk.path / "out").glob("9.0-FAILED-*.eml"))) == 2
    _code, out = call(desk, "mail", "--to", "again")                       # read back from `series.mbox[1]`
    assert "no longer available" not in out
    assert len(list((desk.path / "again").glob("9.0-FAILED-*.eml"))) == 2


def test_newer_trees_that_the_run_did_not_try_are_looked_at_for_the_mail(desk: Desk) -> None:
    path = desk.patch("good", OLD, NEW)
    desk.run("--no-build")                                                 # all trees come into the store
    desk.edit("fake-9.1.y", OLD, NEW)
    call(desk, "trees", "fetch", "--update", "fake-9.1.y", db=False)
    _code, out = call(desk, "mail", str(path), "--to", "out", "--tree", "9.0", "--no-build", "--offline")
    assert "newer supported trees must have it too" not in out.split("submission")[1]
    (reply,) = (desk.path / "out").glob("reply-*")
    assert "9.1.y | Present (found by content" in reply.read_text()
    desk.edit("fake-9.1.y", NEW, OLD)
    call(desk, "trees", "fetch", "--update", "fake-9.1.y", db=False)
    _code, out = call(desk, "mail", str(path), "--to", "out", "--tree", "9.0", "--no-build", "--offline")
    assert "newer supported trees must have it too: 9.1 (lacks it)" in out.split("submission")[1]


def test_alone_the_second_patch_does_not_apply_and_a_broken_first_one_is_named(desk: Desk) -> None:
    mbox = series(desk)
    desk.edit("fake-9.1.y", REST, GONE)
    _code, cells = desk.run(str(mbox), "--tree", "9.1", "--no-build")
    assert cells[("kvm-a-one", "fake-9.1.y")]["apply"] == "conflict"
    assert cells[("kvm-a-two", "fake-9.1.y")]["apply"] == "conflict"
    assert any("did not apply" in note for note in cells[("kvm-a-two", "fake-9.1.y")]["notes"])


def test_a_failed_notice_in_a_built_signed_submission_out(desk: Desk) -> None:
    path = desk.patch("good", OLD, NEW)
    notice = desk.path / "FAILED.eml"
    notice.write_bytes(b"From: Stable <stable@example.org>\n" + failed_mail(parse(path.read_bytes()), "9.0"))
    code, out = call(desk, "mail", str(notice), "--to", "out", "--signoff")
    assert code == 0, out
    (mail,) = (desk.path / "out").glob("9.0-*.mbox")
    assert not list((desk.path / "out").glob("9.1-*"))             # the notice names its tree
    assert "pass" in out
    assert "send it with: git send-email --to=stable@vger.kernel.org --cc=a@example.org '--in-reply-to=<" in out
    git(desk.trees["fake-9.0.y"], "am", "-q", str(mail))
    assert "Signed-off-by: Sub Mitter <sub@example.org>" in git(desk.trees["fake-9.0.y"], "log", "-1", "--format=%B")
    reply = next((desk.path / "out").glob("reply-*.txt")).read_text()
    assert "| stable/fake-9.0.y         |  Success    |  Success   |" in reply


def test_notices_about_one_patch_for_two_trees_are_each_answered_in_their_own_tree(desk: Desk) -> None:
    patch = parse(desk.patch("good", OLD, NEW).read_bytes())
    other = parse(desk.patch("other", OLD, LATER).read_bytes())
    first = b"From a@b Mon Apr 20 11:18:56 2026\nFrom: Stable <stable@example.org>\n"
    box = b"".join(first + failed_mail(one, series) + b"\n"
                   for one, series in ((patch, "9.0"), (patch, "9.1"), (other, "9.0")))
    (desk.path / "notices.mbox").write_bytes(box.replace(b"\nFrom 1111", b"\n>From 1111"))
    _code, out = call(desk, "mail", str(desk.path / "notices.mbox"), "--to", "out", "--signoff", "--no-build")
    mails = sorted(path.name for path in (desk.path / "out").glob("*.mbox"))
    assert len(mails) == 3, out
    assert len([name for name in mails if "9.1-" in name]) == 1
    ids = [row.rpartition("--in-reply-to=<")[2].partition(">")[0] for row in out.splitlines() if "in-reply-to" in row]
    assert len(ids) == len(set(ids)) == 3
    assert all(f"Message-ID: <{one}>".encode() in box for one in ids)


def test_a_conflict_becomes_the_failed_notice(desk: Desk) -> None:
    path = desk.patch("good", OLD, NEW)
    desk.edit("fake-9.0.y", REST, GONE)
    code, _ = call(desk, "mail", str(path), "--tree", "9.0", "--to", "out", "--no-build")
    assert code == 1
    (notice,) = (desk.path / "out").glob("9.0-FAILED-*.eml")
    assert "failed to apply to 9.0-stable tree" in notice.read_text()
    assert "(unknown: " in notice.read_text()


def test_no_notice_is_written_where_a_part_of_the_fix_is_in(desk: Desk) -> None:
    header = "arch/x86/kvm/x86.h"
    reference = desk.trees["fake-reference"]
    fixed = (reference / header).read_text() + "#define KVM_MADE_UP_LIMIT\t4\n"
    both = diff_of(reference, {X86: (reference / X86).read_text().replace(OLD, NEW), header: fixed})
    path = desk.patch("good", OLD, NEW)
    mail = path.read_bytes()
    path.write_bytes(mail[:mail.index(b"diff --git")] + both + b"-- \n2.39.5\n")
    desk.edit("fake-9.0.y", REST, GONE)
    (desk.trees["fake-9.0.y"] / header).write_text(fixed)
    git(desk.trees["fake-9.0.y"], "commit", "-qam", "a part of it")
    code, out = call(desk, "mail", str(path), "--tree", "9.0", "--to", "out", "--no-build")
    assert code == 1
    assert not list((desk.path / "out").glob("9.0-FAILED-*.eml"))
    assert f"no FAILED notice: fake-9.0.y may have the change already, or a part of it: {header}" in out


def test_inspect_reads_the_run_and_adapts_what_no_run_has_tried(desk: Desk) -> None:
    path = desk.patch("good", OLD, NEW)
    desk.run(str(path), "--tree", "9.1")
    assert "fake-9.0.y: no-tree" in call(desk, "inspect", str(path))[1]
    call(desk, "trees", "fetch", "9.0", db=False)
    code, out = call(desk, "inspect", str(path), "--format", "json")
    facts = [fact for phase in json.loads(out)["phases"] for fact in phase["facts"]]
    status = [fact["text"] for fact in facts if fact["key"] == "status"]
    assert code == 0
    assert any(text.startswith("fake-9.1.y 9.1.5: clean") and "build pass" in text for text in status)
    assert any(text.startswith("fake-9.0.y 9.0.7: clean") and "build" not in text for text in status)


def test_a_prerequisite_named_by_the_mail_goes_on_the_tree_first(desk: Desk) -> None:
    both = series(desk).read_bytes()
    one, two = both.split(b"\nFrom 2222", 1)
    alone = b"From 2222" + two
    for old, new in ((b"[PATCH 2/2]", b"[PATCH]"), (b"In-Reply-To: <1@example.org>\n", b""),
                     (b"References: <1@example.org>\n", b""),
                     (b"Signed-off-by",
                      b"Cc: <stable@vger.kernel.org> # 9.1.x: a1a1a1a1a1a1: kvm: a: one\nSigned-off-by")):
        assert old in alone
        alone = alone.replace(old, new)
    (desk.path / "two.patch").write_bytes(alone)
    (desk.path / "one.patch").write_bytes(one.replace(b"1" * 40, b"a1" * 20).replace(b"[PATCH 1/2]", b"[PATCH]"))
    _code, cells = desk.run("two.patch", "--tree", "9.1")
    (cell,) = cells.values()
    assert cell["apply"] not in ("clean", "offset")
    assert any("a1a1a1a1a1a1" in note and "not found" in note for note in cell["notes"])
    _code, cells = desk.run("one.patch", "two.patch", "--tree", "9.1")
    cell = cells[("kvm-a-two", "fake-9.1.y")]
    assert (cell["apply"], cell["build"]) == ("clean", "pass")
    assert any("applied first" in note for note in cell["notes"])


def test_range_diff_shows_what_the_adaptation_changed(desk: Desk) -> None:
    path = desk.patch("good", OLD, NEW)
    desk.edit("fake-9.0.y", "\treturn kvm_clamp(vcpu->id);\n}\n\n#ifdef", "\treturn vcpu->id;\n}\n\n#ifdef")
    call(desk, "trees", "fetch", db=False)
    _code, out = call(desk, "adapt", str(path), "--tree", "9.0", "--range-diff", "--offline", db=False)
    assert "1:  " in out
    assert " ! 1:  " in out or " = 1:  " in out
    assert "arch/x86/kvm/x86.c" in out


def test_a_terminal_gets_no_backslashes_of_markdown() -> None:
    from backport.commands.inspect import plain
    assert plain(r"kvm\_is\_pending \[1\] a &lt;dev&#64;example.org&gt; C:\\x") == (
        "kvm_is_pending [1] a <dev@example.org> C:\\x")
