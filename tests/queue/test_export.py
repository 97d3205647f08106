from __future__ import annotations

import shutil
from contextlib import suppress
from pathlib import Path

import pytest

from backport.errors import InfraError, UserError
from backport.patch.mail import read_mail
from backport.patch.parse import parse
from backport.queue.export import export
from backport.queue.seriesfile import read_series
from backport.queue.verify import verify
from tests.support.queues import CODE, mail, quilt_takes, quiltimport_takes, ready, tree

quilt = pytest.mark.skipif(shutil.which("quilt") is None, reason="quilt is not installed (apt-get install quilt)")

ONE = CODE.replace("r = 1;", "r = 10;")
LONGER = CODE.replace("#include <x.h>\n", "#include <x.h>\n#include <y.h>\n#include <z.h>\n")


@quilt
def test_what_is_exported_is_taken_by_quilt_without_fuzz_and_by_quiltimport(tmp_path: Path) -> None:
    repo, base = tree(tmp_path / "r.git")
    patches = [
        mail(repo, base, {"kvm/x.c": LONGER}, "KVM: x86: Include more", upstream="1" * 40),
        mail(repo, base, {"kvm/x.c": ONE}, "KVM: x86: Return ten, please", upstream="2" * 40),   # made on the bare tree
        mail(repo, base, {"kvm/new.c": "int n;\n", "kvm/y.c": None}, "KVM: move y", upstream="3" * 40),
    ]
    result = export(repo.git, base, "6.1", [ready(p) for p in patches], tmp_path)
    assert [row.outcome for row in result.rows] == ["added"] * 3
    queue = tmp_path / "queue-6.1"
    assert (queue / "series").read_text().splitlines() == [
        "kvm-x86-include-more.patch", "kvm-x86-return-ten-please.patch", "kvm-move-y.patch"]
    out = quilt_takes(repo.git, base, queue, tmp_path / "work")
    assert "fuzz" not in out
    assert "offset" not in out                 # refreshed: the second one was made at other lines
    assert "Now at patch" in out
    assert quiltimport_takes(repo.git, base, queue, tmp_path / "git") == [
        "KVM: x86: Include more", "KVM: x86: Return ten, please", "KVM: move y"]


def test_a_refreshed_patch_keeps_its_mail_and_its_change(tmp_path: Path) -> None:
    repo, base = tree(tmp_path / "r.git")
    first, second = (mail(repo, base, {"kvm/x.c": LONGER}, "a: b", upstream="1" * 40),
                     mail(repo, base, {"kvm/x.c": ONE}, "c: d", upstream="2" * 40))
    export(repo.git, base, "6.1", [ready(first), ready(second)], tmp_path)
    got = parse((tmp_path / "queue-6.1" / "c-d.patch").read_bytes())
    assert got.head == second.head
    assert got.tail == second.tail
    assert got.files[0].hunks[0].lines == second.files[0].hunks[0].lines
    assert got.files[0].hunks[0].old_start == second.files[0].hunks[0].old_start + 2


def test_an_entry_without_an_author_is_told(tmp_path: Path) -> None:
    repo, base = tree(tmp_path / "r.git")
    nobody = mail(repo, base, {"kvm/x.c": ONE}, "c: d")
    nobody = parse(nobody.render().replace(b"From: Up Stream <up@example.org>\n", b""), slug="test")
    (row,) = export(repo.git, base, "6.1", [ready(nobody)], tmp_path).rows
    assert row.outcome == "added"
    assert any("names no author" in remark for remark in row.remarks)


def test_an_existing_queue_is_appended_to_once_and_otherwise_untouched(tmp_path: Path) -> None:
    repo, base = tree(tmp_path / "r.git")
    first = mail(repo, base, {"kvm/x.c": LONGER}, "a: b", upstream="1" * 40)
    second = mail(repo, base, {"kvm/x.c": ONE}, "c: d", upstream="2" * 40)
    export(repo.git, base, "6.1", [ready(first)], tmp_path)
    queue = tmp_path / "queue-6.1"
    (queue / "series").write_bytes(b"# our queue\n\na-b.patch  # keep")           # a comment, and no newline at the end
    old = (queue / "a-b.patch").read_bytes()
    for _ in range(2):
        result = export(repo.git, base, "6.1", [ready(first), ready(second)], tmp_path)
    assert [row.outcome for row in result.rows] == ["in the queue", "in the queue"]
    assert (queue / "series").read_bytes() == b"# our queue\n\na-b.patch  # keep\nc-d.patch\n"
    assert (queue / "a-b.patch").read_bytes() == old


def test_another_patch_with_the_same_subject_gets_a_name_of_its_own(tmp_path: Path) -> None:
    repo, base = tree(tmp_path / "r.git")
    (tmp_path / "queue-6.1").mkdir()
    (tmp_path / "queue-6.1" / "c-d.patch").write_text("somebody's notes\n")        # in no series, yet not ours
    result = export(repo.git, base, "6.1", [ready(mail(repo, base, {"kvm/x.c": ONE}, "c: d"))], tmp_path)
    assert result.rows[0].file == "c-d-2.patch"
    assert (tmp_path / "queue-6.1" / "c-d.patch").read_text() == "somebody's notes\n"


def test_what_a_failed_or_killed_export_left_is_not_in_the_way(tmp_path: Path,
                                                               monkeypatch: pytest.MonkeyPatch) -> None:
    """The next export named the patch x-2.patch, and x.patch stayed beside the series for good."""
    repo, base = tree(tmp_path / "r.git")
    patch = ready(mail(repo, base, {"kvm/x.c": ONE}, "KVM: Return ten"))

    def full(path: Path, names: list[str]) -> None:
        raise InfraError("the disk is full")

    with monkeypatch.context() as broken:
        broken.setattr("backport.queue.export.append_series", full)
        with pytest.raises(InfraError):
            export(repo.git, base, "6.1", [patch], tmp_path)
        assert list((tmp_path / "queue-6.1").iterdir()) == []
        broken.setattr(Path, "unlink", lambda path, missing_ok=False: full(path, []))       # as a kill leaves it
        broken.setattr("backport.queue.export.suppress", lambda _error: suppress(InfraError))
        with pytest.raises(InfraError):
            export(repo.git, base, "6.1", [patch], tmp_path)
    assert [path.name for path in (tmp_path / "queue-6.1").iterdir()] == ["kvm-return-ten.patch"]
    (row,) = export(repo.git, base, "6.1", [patch], tmp_path).rows
    assert (row.outcome, row.file) == ("added", "kvm-return-ten.patch")
    (tmp_path / "queue-6.1" / "series").unlink()
    (tmp_path / "queue-6.1" / "kvm-return-ten.patch").write_text("the user's own")
    (row,) = export(repo.git, base, "6.1", [patch], tmp_path).rows
    assert (row.file, (tmp_path / "queue-6.1" / "kvm-return-ten.patch").read_text()) == (
        "kvm-return-ten-2.patch", "the user's own")


def test_a_broken_queue_is_not_added_to(tmp_path: Path) -> None:
    repo, base = tree(tmp_path / "r.git")
    export(repo.git, base, "6.1", [ready(mail(repo, base, {"kvm/x.c": ONE}, "c: d"))], tmp_path)
    newer = repo.edit("stable", "kvm/x.c", "r = 1;", "r = 10;", "the release took it")
    fresh = ready(mail(repo, newer, {"kvm/y.c": CODE}, "e: f", upstream="9" * 40))
    with pytest.raises(UserError, match=r"c-d\.patch does not apply: the tree has it already"):
        export(repo.git, newer, "6.1", [fresh], tmp_path)
    assert (tmp_path / "queue-6.1" / "series").read_text() == "c-d.patch\n"


def test_not_asked_for_is_left_out_unless_forced_and_drafts_are_marked(tmp_path: Path) -> None:
    repo, base = tree(tmp_path / "r.git")
    tags = "Cc: <stable@vger.kernel.org> # 6.6.x\nSigned-off-by: Up Stream <up@example.org>\n"
    patch = mail(repo, base, {"kvm/x.c": ONE}, "c: d", tags=tags)
    result = export(repo.git, base, "6.1", [ready(patch, signed=False)], tmp_path)
    assert [(r.outcome, r.file) for r in result.rows] == [("not asked for", "")]
    assert "# 6.6.x" in result.rows[0].reason
    assert not (tmp_path / "queue-6.1").exists()
    result = export(repo.git, base, "6.1", [ready(patch, signed=False)], tmp_path, force=True)
    text = (tmp_path / "queue-6.1" / "c-d.patch").read_bytes()
    assert b"Subject: [DRAFT PATCH 6.1.y] c: d\n" in text
    assert read_mail(parse(text)).title == "c: d"
    assert "DRAFT: no Signed-off-by of the submitter" in result.rows[0].remarks


def test_a_candidate_is_named_as_not_acked(tmp_path: Path) -> None:
    repo, base = tree(tmp_path / "r.git")
    tags = "Acked-by: Some One <some@example.org>\nSigned-off-by: Up Stream <up@example.org>\n"
    patch = mail(repo, base, {"kvm/x.c": ONE}, "c: d", prefix="PATCH AUTOSEL 7.0-6.6", tags=tags)
    row = export(repo.git, base, "6.1", [ready(patch)], tmp_path).rows[0]
    assert row.remarks[0] == "not acked: candidate (subject prefix [PATCH AUTOSEL 7.0-6.6])"
    assert "outside" in " ".join(row.remarks)


def test_above_the_queue_a_hunk_may_not_slide_into_another_function(tmp_path: Path) -> None:
    """After alpha() went, git apply puts alpha's hunk into its twin, and returns 0."""
    twin = CODE.replace("beta", "delta").replace("r = 2;", "r = 1;") + "\nint last;\n"
    repo, base = tree(tmp_path / "r.git", {"x.c": twin})
    alpha = twin[twin.index("static int alpha"):twin.index("static int delta")]
    gone = mail(repo, base, {"x.c": twin.replace(alpha, "")}, "x: drop alpha", upstream="1" * 40)
    fix = mail(repo, base, {"x.c": twin.replace("r = 1;", "r = 10;", 1)}, "x: fix alpha", upstream="2" * 40)
    result = export(repo.git, base, "6.1", [ready(gone), ready(fix)], tmp_path)
    assert [row.outcome for row in result.rows] == ["added", "refused"]
    assert "another function (x.c: delta)" in result.rows[1].reason
    assert read_series(tmp_path / "queue-6.1")[-1].name == "x-drop-alpha.patch"


def test_hostile_subjects_and_series_files_stay_inside_the_queue(tmp_path: Path) -> None:
    repo, base = tree(tmp_path / "r.git")
    patch = mail(repo, base, {"kvm/x.c": ONE}, "../../../etc/passwd $(reboot); `x` \"y\" \x1b[31m")
    row = export(repo.git, base, "6.1", [ready(patch)], tmp_path / "out").rows[0]
    assert (tmp_path / "out" / "queue-6.1" / row.file).is_file()
    assert set(row.file) <= set("abcdefghijklmnopqrstuvwxyz0123456789-_.")
    assert not row.file.startswith((".", "-"))
    queue = tmp_path / "evil"
    queue.mkdir()
    for name in ("../secret", "/etc/passwd", "a/../../b"):
        (queue / "series").write_text(f"{name}\n")
        with pytest.raises(UserError, match="not a file of this queue"):
            read_series(queue)
    with pytest.raises(UserError):
        export(repo.git, base, "../6.1", [ready(patch)], tmp_path)


def test_binary_and_mode_changes_are_refused_not_half_written(tmp_path: Path) -> None:
    repo, base = tree(tmp_path / "r.git")
    data = (b"From: A <a@example.org>\nSubject: [PATCH] m: x\n\nText.\n---\n"
            b"diff --git a/Makefile b/Makefile\nold mode 100644\nnew mode 100755\n")
    result = export(repo.git, base, "6.1", [ready(parse(data))], tmp_path)
    assert result.rows[0].outcome == "refused"
    assert "mode" in result.rows[0].reason
    assert not (tmp_path / "queue-6.1").exists()


def test_queue_test_shows_every_entry_and_blames_the_one_that_breaks_the_build(tmp_path: Path) -> None:
    from backport.patch.model import Patch
    from backport.verdict import Build

    repo, base = tree(tmp_path / "r.git")
    patches = [mail(repo, base, {"kvm/x.c": LONGER}, "a: one", upstream="1" * 40),
               mail(repo, base, {"kvm/y.c": "broken\n"}, "b: two", upstream="2" * 40),
               mail(repo, base, {"kvm/x.c": ONE}, "c: three", upstream="3" * 40)]
    export(repo.git, base, "6.1", [ready(p) for p in patches], tmp_path)
    queue = tmp_path / "queue-6.1"
    (queue / "stale.patch").write_bytes(
        mail(repo, base, {"kvm/x.c": CODE.replace("r = 1;", "r = 11;")}, "d: stale").render())
    (queue / "series").write_text("a-one.patch\nb-two.patch\nc-three.patch\nstale.patch\nmissing.patch\n")
    seen: list[int] = []

    def build(patch: Patch) -> tuple[Build, str]:
        seen.append(len(patch.files))
        return (Build.FAIL, "kvm/y.c: broken") if b"broken" in patch.diff else (Build.PASS, "")

    rows = list(verify(repo.git, base, queue, build=build, bisectable=True))
    assert [(r.outcome, r.build, r.blamed) for r in rows] == [
        ("exact", Build.PASS, False), ("exact", Build.FAIL, True), ("exact", Build.FAIL, False),
        ("refused", Build.SKIPPED, False), ("refused", Build.SKIPPED, False)]
    assert "does not exist" in rows[4].reason
    assert seen == [1, 2, 2]
    seen.clear()
    rows = list(verify(repo.git, base, queue, build=build))
    assert [r.build for r in rows] == [Build.SKIPPED] * 4 + [Build.FAIL]
    assert seen == [2]
    assert [r.outcome for r in verify(repo.git, base, queue)][:3] == ["exact"] * 3
