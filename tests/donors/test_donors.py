"""A fix that an older tree takes in the form that somebody made for a newer one, and every way in which that lies."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from backport.adapt.signals import Signal
from backport.carry import Carrier
from backport.compute import compute
from backport.context import Context, Options
from backport.donors.find import by_hand
from backport.donors.match import bracketed, claims, differences, dropped, resembles, series_of
from backport.donors.model import DonorKind
from backport.donors.weigh import weighed
from backport.job import job_of
from backport.patch.mail import read_mail
from backport.patch.model import Patch
from backport.patch.parse import parse
from backport.report.proof import circumstances
from backport.results.record import detail, records
from backport.verdict import Apply, Sure
from tests.support.donors import BUG, MAINLINE, MORE, NEWER, OLDER, SIZE, SIZES, THEIRS, TREE, UPSTREAMS, World


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    made = World(tmp_path)
    yield made
    made.close()


def test_without_a_donor_nobody_knows_and_with_one_its_form_goes_in(world: World) -> None:
    fix = world.fix()
    assert world.carry(fix).outcome is Apply.CONFLICT
    sha = world.backport(fix, note="opened compare_int(), which 6.1 does not have")
    (donor,) = world.found(fix).donors
    carried = world.carry(fix, [donor])
    assert (carried.outcome, carried.sure) == (Apply.MERGED, Sure.REVIEW)
    mail = carried.mail.decode()
    assert f"\n+\t{THEIRS}\n" in mail
    assert f"[ based on the 6.1.y backport {sha[:12]}; " in " ".join(mail.split())
    assert "opened compare_int()" in " ".join(mail.split())
    assert "stable@example.org" not in mail          # nobody signed this one off
    assert [form.stands for form in carried.forms] == ["used"]
    assert (f"+{UPSTREAMS}", f"+{THEIRS}") in carried.forms[0].changed
    assert carried.notes[0].startswith("upstream's form does not apply: ")


def test_a_note_that_speaks_of_other_lines_is_shown_and_not_signed(world: World) -> None:
    fix = world.fix()
    world.backport(fix, THEIRS + "\n\t/* to_item() */", note="kept the comment")
    world.repo.edit(OLDER, "sort.c", BUG, "return a->number - b->number;  ", "white space")
    (donor,) = world.found(fix).donors
    carried = world.carry(fix, [replace(donor, patch=replace(donor.patch, files=world.patch(NEWER).files))])
    if carried.outcome is Apply.MERGED and "kept the comment" not in carried.mail.decode():
        assert any("its own note, which may not be true here: kept the comment" in note for note in carried.notes)


def test_where_both_forms_agree_there_is_nothing_to_review(world: World) -> None:
    """A file that moved is for review, whoever finds it; that somebody took the fix there before settles it."""
    fix = world.fix()
    world.move(NEWER, OLDER)
    for branch in (NEWER, OLDER):
        world.repo.edit(branch, "sort.h", "", "int compare_int(int a, int b);\n", "bring it")
    alone = world.carry(fix)
    sha = world.backport(fix, UPSTREAMS, path="lib/sort.c")
    both = world.carry(fix, world.found(fix).donors)
    assert (alone.outcome, alone.sure) == (Apply.MERGED, Sure.REVIEW)
    assert (both.outcome, both.sure) == (Apply.MERGED, Sure.CERTAIN)
    assert both.patch == alone.patch
    assert "based on" not in both.mail.decode()
    assert both.evidence[-1] == f"the 6.1.y backport {sha[:12]}, carried here, gives the same result"


def test_a_place_that_only_this_tree_has_is_settled_by_nobody_elses_form(world: World) -> None:
    fix = world.fix()
    world.move(NEWER, OLDER)
    for branch in (NEWER, OLDER):
        world.repo.edit(branch, "sort.h", "", "int compare_int(int a, int b);\n", "bring it")
    world.backport(fix, UPSTREAMS, path="lib/sort.c")
    donors, head = world.found(fix).donors, world.head(OLDER)
    carrier = Carrier(world.repo.git.path, world.heads(), world.head(MAINLINE))
    own = carrier.carry(fix, TREE, head)
    further = replace(own, hunks=tuple(replace(hunk, signals=(*hunk.signals, Signal.REMAINS.id)) for hunk in own.hunks))
    sure = [weighed(one, carrier, fix, TREE, head, donors).sure for one in (own, further)]
    carrier.close()
    assert sure == [Sure.CERTAIN, Sure.REVIEW]


def test_a_donor_with_another_empty_line_neither_replaces_upstreams_form_nor_settles_it(world: World) -> None:
    fix = world.fix()
    world.move(NEWER, OLDER)
    for branch in (NEWER, OLDER):
        world.repo.edit(branch, "sort.h", "", "int compare_int(int a, int b);\n", "bring it")
    alone = world.carry(fix)
    world.backport(fix, f"{UPSTREAMS}\n", path="lib/sort.c")
    both = world.carry(fix, world.found(fix).donors)
    assert (both.patch, both.sure) == (alone.patch, Sure.REVIEW)
    assert both.evidence[-1].endswith("gives the same result, empty lines or the order of operands apart")


def test_where_they_differ_the_donors_is_given_for_review_beside_upstreams(world: World) -> None:
    fix = world.fix()
    world.repo.edit(OLDER, "sort.h", "", "int compare_int(int a, int b);\n", "bring it")
    world.backport(fix)
    carried = world.carry(fix, world.found(fix).donors)
    assert carried.sure is Sure.REVIEW
    assert THEIRS in carried.mail.decode()
    assert UPSTREAMS in carried.alternatives[0].decode()


def test_a_mail_of_a_stranger_puts_nothing_in_doubt_that_is_certain(world: World) -> None:
    fix = world.fix()
    world.repo.edit(OLDER, "sort.h", "", "int compare_int(int a, int b);\n", "bring it")
    world.backport(fix, UPSTREAMS)
    sure = world.carry(fix, world.found(fix).donors)
    stranger = mail_for("6.1.y", fix.head[5:45].decode(), THEIRS)
    found = world.found(fix, [fix, stranger])
    assert [donor.kind for donor in found.donors] == [DonorKind.HISTORY, DonorKind.MAIL]
    carried = world.carry(fix, [found.donors[1]])
    assert carried.sure is Sure.REVIEW or carried.patch == sure.patch
    assert world.carry(fix, found.donors).patch == sure.patch


def mail_for(series: str, sha: str, new: str, old: str = BUG, path: str = "sort.c",
             subject: str = "sort: compare without overflow") -> Patch:
    return parse(
        f"From: Stranger <s@x.org>\nSubject: [PATCH {series}] {subject}\n\n[ Upstream commit {sha} ]\n\nT.\n---\n"
        f"diff --git a/{path} b/{path}\n--- a/{path}\n+++ b/{path}\n@@ -5,4 +5,4 @@\n \n"
        f" \tcount_compare(a);\n-\t{old}\n+\t{new}\n }}\n".encode(), source=f"mails/{series}.mbox")


def test_who_vouches_for_a_mail_is_told(world: World) -> None:
    fix = world.fix()
    mail = mail_for("6.1.y", fix.head[5:45].decode(), THEIRS)
    (donor,) = world.found(fix, [fix, mail]).donors
    carried = world.carry(fix, [donor])
    assert carried.outcome is Apply.MERGED
    assert "[ based on the 6.1.y backport sent by Stranger;" in " ".join(carried.mail.decode().split())
    assert "made from the 6.1.y backport in mails/6.1.y.mbox, sent by Stranger" in carried.notes[1]


def test_a_queue_among_the_inputs_is_told_by_its_directory(world: World) -> None:
    fix = world.fix()
    queued = replace(mail_for("6.9", fix.head[5:45].decode(), THEIRS), source="stable-queue/queue-6.1/sort.patch")
    (donor,) = world.found(fix, [fix, queued]).donors
    assert (donor.kind, donor.series, donor.credit) == (DonorKind.QUEUE, "6.1", "the patch queued for 6.1.y")


@pytest.mark.parametrize("series", ["5.4.y", "4.19"])
def test_a_form_for_an_older_tree_is_no_donor(world: World, series: str) -> None:
    fix = world.fix()
    assert world.found(fix, [fix, mail_for(series, fix.head[5:45].decode(), THEIRS)]).donors == ()


def test_a_forged_upstream_line_is_told_and_not_used(world: World) -> None:
    fix = world.fix()
    forged = mail_for("6.1.y", fix.head[5:45].decode(), "grant_root(current, everything);", "check_caller(task);")
    found = world.found(fix, [fix, forged])
    assert found.donors == ()
    (said,) = found.said
    assert "names this commit but makes another change: not used" in said
    assert said in world.carry(fix, found.donors, found.said).notes


def test_another_commit_with_the_same_subject_is_no_donor(world: World) -> None:
    fix = world.fix()
    assert world.found(fix, [fix, mail_for("6.1.y", "5" * 40, THEIRS)]).donors == ()


def test_a_backport_that_was_reverted_is_no_donor_and_is_told(world: World) -> None:
    fix = world.fix()
    sha = world.backport(fix)
    world.repo.edit(NEWER, "sort.c", THEIRS, BUG,
                    f'Revert "sort: compare without overflow"\n\nThis reverts commit {sha}.\n')
    found = world.found(fix)
    assert found.donors == ()
    assert found.said[0].startswith("6.1.y reverted its backport in ")
    again = world.backport(fix)
    assert [donor.commit for donor in world.found(fix).donors] == [again]


def test_the_nearest_tree_comes_first_and_one_that_disagrees_is_told(world: World) -> None:
    fix = world.fix()
    world.repo.branch("linux-6.6.y", NEWER)
    far = world.backport(fix, "return a->number < b->number ? -1 : a->number > b->number;", branch="linux-6.6.y")
    near = world.backport(fix)
    found = world.found(fix)
    assert [donor.commit for donor in found.donors] == [near, far]
    carried = world.carry(fix, found.donors)
    assert THEIRS in carried.mail.decode()
    assert f"the 6.6.y backport {far[:12]} gives another result: see the alternatives" in carried.notes
    assert "? -1" in carried.alternatives[0].decode()


def test_a_donor_that_leaves_out_what_this_tree_has_is_not_taken(tmp_path: Path) -> None:
    world = World(tmp_path, MORE)
    try:
        files = world.repo.files["mainline"]
        files["sort.c"] = files["sort.c"].replace(BUG, UPSTREAMS)
        world.repo.edit("mainline", "sort.c", SIZE, SIZES, "sort: compare without overflow\n\nText.\n")
        fix = world.patch("mainline")
        world.backport(fix)                          # by_number() alone
        (donor,) = world.found(fix).donors
        carried = world.carry(fix, [donor])
    finally:
        world.close()
    assert carried.outcome is Apply.CONFLICT
    assert any("leaves out `return a->size - b->size;` of sort.c, and this tree has that at sort.c:" in note
               and note.endswith(": not taken") for note in carried.notes)
    assert THEIRS in carried.alternatives[0].decode()


def test_a_tree_that_has_the_donors_form_is_not_asked_to_take_it_twice(world: World) -> None:
    fix = world.fix()
    world.backport(fix)
    world.repo.edit(OLDER, "sort.c", BUG, THEIRS, "sort: ours")
    carried = world.carry(fix, world.found(fix).donors)
    assert (carried.outcome, carried.sure) == (Apply.ALREADY, Sure.REVIEW)
    assert carried.patch is None
    assert "in the form of the 6.1.y backport" in carried.reason


def test_a_resolution_beside_the_patch_is_a_donor_for_older_trees(world: World) -> None:
    fix = replace(world.fix(), source=str(world.path / "sort.patch"), slug="sort")
    world.backport(fix)
    place = world.path / "sort.resolved"
    place.mkdir()
    (place / "6.1.patch").write_bytes(world.patch(NEWER).diff)
    (place / "notes.patch").write_bytes(b"no patch")
    (place / "6.6.patch").write_bytes(b"no patch either")
    (place / "6.7.patch").symlink_to("/nonexistent")
    (donor,) = world.found(fix).donors               # the same form as the branch's, and the user's word comes first
    assert (donor.kind, donor.series, donor.credit) == (DonorKind.RESOLUTION, "6.1", "the resolution for 6.1.y")
    assert world.carry(fix, [donor]).outcome is Apply.MERGED


def test_a_resolution_for_this_very_tree_is_given_while_it_fits(world: World) -> None:
    fix = replace(world.fix(), source=str(world.path / "sort.patch"), slug="sort")
    world.backport(fix)
    place = world.path / "sort.resolved"
    place.mkdir()
    (place / "6.1.patch").write_bytes(world.patch(NEWER).diff)
    assert [donor.series for donor in world.found(fix).donors] == ["6.1"]
    (place / "5.10.patch").write_bytes(world.patch(NEWER).diff)
    assert [donor.series for donor in world.found(fix).donors] == ["5.10"]      # the same diff; this tree's own first


def test_a_donor_by_hand_may_be_anything_and_what_it_is_not_is_told(world: World) -> None:
    fix = world.fix()
    other = parse(mail_for("6.1.y", "5" * 40, "unlock(a);", "lock(a);", subject="other").render())
    donor = by_hand(fix, other, "linux-6.1.y")
    assert (donor.series, donor.doubt) == ("6.1", "it changes something else than upstream's commit")
    older = by_hand(fix, mail_for("5.4", fix.head[5:45].decode(), THEIRS))
    carried = world.carry(fix, [older])
    assert "it is for 5.4.y, which is older than this tree" in carried.notes


@pytest.mark.parametrize("path", ["../../etc/passwd", ".git/hooks/post-checkout"])
def test_a_donor_whose_paths_leave_the_tree_is_no_patch(world: World, path: str) -> None:
    with pytest.raises(Exception, match=r"(?i)path|leave|\.git"):
        mail_for("6.1.y", "5" * 40, THEIRS, path=path)


def test_files_that_only_the_donor_touches_are_told(world: World) -> None:
    fix = world.fix()
    world.repo.files[NEWER]["Makefile"] = "VERSION = 2\n"
    world.backport(fix)
    carried = world.carry(fix, world.found(fix).donors)
    assert any("it also changes Makefile, which upstream's commit does not" in note for note in carried.notes)


def test_what_is_the_same_commit(world: World) -> None:
    fix = world.fix()
    sha = fix.head[5:45].decode()
    assert claims(fix, mail_for("6.1.y", sha, THEIRS)) == "commit"
    assert claims(fix, mail_for("6.1.y", sha[:12], THEIRS)) == "commit"
    assert claims(fix, mail_for("6.1.y", "5" * 40, THEIRS)) == ""
    assert resembles(fix, mail_for("6.1.y", sha, THEIRS))
    assert series_of(mail_for("6.1.y 3/7", sha, THEIRS)) == "6.1"
    assert series_of(mail_for("AUTOSEL 6.1-5.10", sha, THEIRS)) == ""
    assert dropped(fix, mail_for("6.1.y", sha, THEIRS)) == []
    assert differences(fix, fix) == ()


def test_notes_are_told_from_the_upstream_line() -> None:
    mail = read_mail(parse(b"From: A <a@x.org>\nSubject: x\n\n[ Upstream commit " + b"3" * 40 + b" ]\n\nT.\n\n"
                           b"Signed-off-by: A <a@x.org>\n[ Name: dropped the\n  kunit test ]\n---\n"
                           b"diff --git a/f b/f\n--- a/f\n+++ b/f\n@@ -1 +1 @@\n-a\n+b\n"))
    assert bracketed(mail, mail) == ""
    original = read_mail(parse(b"From: A <a@x.org>\nSubject: x\n\nT.\n---\n"
                               b"diff --git a/f b/f\n--- a/f\n+++ b/f\n@@ -1 +1 @@\n-a\n+b\n"))
    assert bracketed(mail, original) == "Name: dropped the kunit test"


def test_a_cell_is_computed_with_its_donors_and_its_key_knows_them(world: World) -> None:
    fix = world.fix()
    heads = world.heads()
    context = Context(world.path, tuple(heads), heads[0], Options(build=False))
    try:
        before = job_of(context, fix, TREE, world.head(OLDER))
        sha = world.backport(fix)
        context.close()
        context = Context(world.path, tuple(world.heads()), heads[0], Options(build=False))
        job = job_of(context, fix, TREE, world.head(OLDER))
        cell = compute(context, job)
        mailed = job_of(context, fix, TREE, world.head(OLDER), patches=[
            fix, mail_for("6.1.y", fix.head[5:45].decode(), THEIRS + " /* */")])
    finally:
        context.close()
    assert "" != before.key != job.key != mailed.key
    assert (cell.apply, cell.sure) == (Apply.MERGED, Sure.REVIEW)
    assert cell.adaptation is not None
    (told,) = cell.adaptation.donors
    assert (told.name, told.stands) == (f"the 6.1.y backport {sha[:12]}", "used")
    assert (f"+{UPSTREAMS}", f"+{THEIRS}") in told.changed
    assert records(detail(cell))["adaptation"] == cell.adaptation
    assert ("Donors", f"the 6.1.y backport {sha[:12]}: its form is given") in circumstances(cell)
