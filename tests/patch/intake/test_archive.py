"""The text of a web archive's page: white space comes from trees, or the page is refused."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from backport.patch.intake import read_all, read_bytes
from backport.patch.mail import read_mail
from backport.patch.model import Patch, Refused
from backport.patch.restore import words
from backport.treeview import MemoryView

PAGE = (Path(__file__).parents[1] / "data" / "autosel-mail.txt").read_bytes()
FILE = "arch/x86/kvm/x86.c"
OLD = b"""\
int kvm_arch_vcpu_ioctl_set_guest_debug(struct kvm_vcpu *vcpu,
\t\t\t\t\tstruct kvm_guest_debug *dbg)
{
\tvcpu_load(vcpu);

\tif (dbg->control & (KVM_GUESTDBG_INJECT_DB | KVM_GUESTDBG_INJECT_BP)) {
\t\tr = -EBUSY;
\t\tif (kvm_is_exception_pending(vcpu))
\t\t\tgoto out;
\t\tif (dbg->control & KVM_GUESTDBG_INJECT_DB)
\t\t\tkvm_queue_exception(vcpu, DB_VECTOR);
\t\telse
\t\t\tkvm_queue_exception(vcpu, BP_VECTOR);
\t}

\treturn 0;
}
"""
NEW = OLD.replace(b"pending(vcpu))", b"pending(vcpu) || vcpu->arch.exception.injected)")


def one(items: list[Patch | Refused]) -> Patch:
    assert len(items) == 1
    assert isinstance(items[0], Patch), items[0]
    return items[0]


def refused(items: list[Patch | Refused]) -> Refused:
    assert len(items) == 1
    assert isinstance(items[0], Refused)
    return items[0]


def views(old: bytes = OLD, new: bytes = NEW) -> list[MemoryView]:
    return [MemoryView("newer", {FILE: new}), MemoryView("older", {FILE: old})]


def test_white_space_comes_from_the_trees() -> None:
    patch = one(read_bytes(PAGE, "page.txt", views=views()))
    hunk = patch.files[0].hunks[0]
    assert hunk.removed == (b"\t\tif (kvm_is_exception_pending(vcpu))\n",)
    assert hunk.added == (b"\t\tif (kvm_is_exception_pending(vcpu) || vcpu->arch.exception.injected)\n",)
    assert hunk.lines[0].text == b"\n"                       # the empty context line that the page dropped
    assert b"".join(hunk.old) in OLD
    assert patch.review
    assert any("taken from older" in note for note in patch.restored)
    assert any("added lines taken from newer" in note for note in patch.restored)
    assert any("not confirmed" in note for note in patch.restored)


def test_the_restored_mail_keeps_masked_addresses_and_drops_nothing_into_the_tags() -> None:
    mail = read_mail(one(read_bytes(PAGE, "page.txt", views=views())))
    assert str(mail.author) == "Yosry Ahmed <yosry@xxxxxxxxxx>"
    assert mail.author.masked
    assert [tag.value for tag in mail.tags] == [
        "Yosry Ahmed <yosry@xxxxxxxxxx>", "Sean Christopherson <seanjc@xxxxxxxxxx>", "Sasha Levin <sashal@xxxxxxxxxx>"]
    assert {tag.name for tag in mail.tags} == {"Signed-off-by"}
    assert mail.message.count(b"e907b4e72488f1df878e7e8acf88d23e49cb3ca7") == 1
    assert b"base-commit" not in mail.message
    assert b"base-commit: a68a4bbc5b9ce5b722473399f05cb05217abaee8" in mail.notes
    assert b"LLM Generated explanations" in mail.notes
    assert b"LLM Generated" not in mail.message
    assert mail.nomination == "autosel"
    assert mail.autosel is not None
    assert (mail.autosel.newest, mail.autosel.oldest) == ("7.0", "6.1")


def test_reading_the_restored_mail_again_still_says_review() -> None:
    patch = one(read_bytes(PAGE, "page.txt", views=views()))
    again = one(read_bytes(patch.render(), "again.patch"))
    assert again.restored == patch.restored
    assert again.render() == patch.render()


def test_without_trees_it_is_refused_with_what_to_do() -> None:
    answer = refused(read_bytes(PAGE, "page.txt"))
    assert "white space is gone" in answer.reason
    assert "fetch" in answer.hint


def test_an_added_line_that_no_tree_has_is_refused() -> None:
    answer = refused(read_bytes(PAGE, "page.txt", views=[MemoryView("older", {FILE: OLD})]))
    assert "no tree has the added lines" in answer.reason
    assert answer.line > 0


def test_two_places_that_differ_are_refused() -> None:
    block = OLD[OLD.index(b"\tif (dbg"):OLD.index(b"\t\telse")]
    twice = OLD.replace(b"\treturn 0;\n", block.replace(b"\t", b"\t\t") + b"\treturn 0;\n")
    fixed = twice.replace(b"pending(vcpu))", b"pending(vcpu) || vcpu->arch.exception.injected)")
    answer = refused(read_bytes(PAGE, "page.txt", views=views(old=twice, new=fixed)))
    assert "ways" in answer.reason


def test_counts_that_do_not_fit_are_refused() -> None:
    page = PAGE.replace(b"r = -EBUSY;\n- if", b"r = -EBUSY;\nint more;\nint again;\n- if")
    assert "counts of its header" in refused(read_bytes(page, "page.txt", views=views())).reason


def test_a_file_argument(tmp_path: Path) -> None:
    path = tmp_path / "page.txt"
    path.write_bytes(PAGE)
    assert one(read_all(path, views=views())).slug == \
        "kvm-x86-check-for-injected-exceptions-before-queuing-a-debug-exception"


def test_trees_that_disagree_about_the_added_line_are_refused() -> None:
    third = MemoryView("newest", {FILE: NEW.replace(b"\t\tif (kvm_is", b"\t        if (kvm_is")})
    answer = refused(read_bytes(PAGE, "page.txt", views=[third, *views()]))
    assert "different white space" in answer.reason


def test_code_that_was_indented_again_gives_no_indentation() -> None:
    deeper = NEW.replace(b"\n\t", b"\n\t\t")
    answer = refused(read_bytes(PAGE, "page.txt", views=views(new=deeper)))
    assert "differ between older and newer" in answer.reason


def test_the_index_line_confirms_where_the_blobs_are_there() -> None:
    old, new = (hashlib.sha1(b"blob %d\0" % len(d) + d).hexdigest()[:13].encode() for d in (OLD, NEW))
    page = PAGE.replace(b"fd1c4a36b5936..58f7247814e06", old + b".." + new).replace(
        b"@@ -12529,7 +12529,7 @@", b"@@ -5,7 +5,7 @@")
    patch = one(read_bytes(page, "page.txt", views=views()))
    assert any("confirmed by the index line" in note for note in patch.restored)
    assert not any("not confirmed" in note for note in patch.restored)
    # the blob of the index line says at which of two places the hunk is, so two places are no obstacle then
    block = OLD[OLD.index(b"\tif (dbg"):OLD.index(b"\t\telse")]
    twice = OLD + b"\n" + block.replace(b"\t", b"\t\t")
    both = twice.replace(b"pending(vcpu))", b"pending(vcpu) || vcpu->arch.exception.injected)")
    assert "ways" in refused(read_bytes(page, "page.txt", views=views(old=twice, new=both))).reason
    old, new = (hashlib.sha1(b"blob %d\0" % len(d) + d).hexdigest()[:13].encode() for d in (twice, both))
    page = PAGE.replace(b"fd1c4a36b5936..58f7247814e06", old + b".." + new).replace(
        b"@@ -12529,7 +12529,7 @@", b"@@ -5,7 +5,7 @@")
    again = one(read_bytes(page, "page.txt", views=views(old=twice, new=both)))
    assert again.files[0].hunks[0].lines == patch.files[0].hunks[0].lines


def test_the_blob_of_the_index_line_comes_first_where_the_store_has_it() -> None:
    old = hashlib.sha1(b"blob %d\0" % len(OLD) + OLD).hexdigest()
    page = PAGE.replace(b"fd1c4a36b5936", old[:13].encode()).replace(b"@@ -12529,7 +12529,7 @@", b"@@ -5,7 +5,7 @@")
    patch = one(read_bytes(page, "page.txt", views=[MemoryView("newer", {FILE: NEW})],
                           blobs=lambda name: OLD if old.startswith(name) else None))
    assert any(f"taken from blob {old[:13]}" in note for note in patch.restored)


def test_a_new_file_in_a_page_is_taken_whole_from_a_tree() -> None:
    page = (b"[PATCH] x: add a file\nFrom: A <a@xxxxxxxxxx>\nWhy.\nSigned-off-by: A <a@xxxxxxxxxx>\n---\n"
            b"n.c | 4 ++++\n1 file changed, 4 insertions(+)\ncreate mode 100644 n.c\n"
            b"diff --git a/n.c b/n.c\nnew file mode 100644\nindex 000000000000..1234567890ab\n"
            b"--- /dev/null\n+++ b/n.c\n@@ -0,0 +1,4 @@\n+int f(void)\n+{\n+ return 0;\n+}\n")
    whole = b"int f(void)\n{\n\treturn 0;\n}\n"
    patch = one(read_bytes(page, "page.txt", views=[MemoryView("newer", {"n.c": whole})]))
    assert b"".join(patch.files[0].hunks[0].new) == whole
    assert patch.files[0].created


@pytest.mark.parametrize("order", [0, 1, 2])
def test_headers_in_another_order(order: int) -> None:
    lines = PAGE.split(b"\n")
    subject, sender, date, author = lines[:4]
    start = [[sender, subject, date], [date, sender, b"Subject: " + subject], [subject, date, sender]][order]
    page = b"\n".join([*start, author, *lines[4:]])
    mail = read_mail(one(read_bytes(page, "page.txt", views=views())))
    assert mail.title == "KVM: x86: Check for injected exceptions before queuing a debug exception"
    assert mail.author.name == "Yosry Ahmed"


def test_a_page_copied_with_its_menu() -> None:
    page = b"[Date Prev][Date Next][Thread Index]\nSearch this list\n" + PAGE
    assert read_mail(one(read_bytes(page, "page.txt", views=views()))).author.name == "Yosry Ahmed"


def test_an_author_without_an_address_gets_the_one_of_the_same_name_or_none() -> None:
    page = PAGE.replace(b"From: Yosry Ahmed <yosry@xxxxxxxxxx>\n[", b"From: Yosry Ahmed\n[")
    patch = one(read_bytes(page, "page.txt", views=views()))
    assert read_mail(patch).author.address == "yosry@xxxxxxxxxx"
    assert any("Signed-off-by of the same name" in note for note in patch.restored)
    page = page.replace(b"Signed-off-by: Yosry Ahmed <", b"Signed-off-by: Y Ahmed <")
    assert "no address" in refused(read_bytes(page, "page.txt", views=views())).reason


def test_a_damaged_mail_is_not_taken_for_a_page() -> None:
    mail = (b"From: A <a@example.org>\nSubject: [PATCH] x\n\nWhy.\n---\ndiff --git a/f.c b/f.c\n--- a/f.c\n+++ b/f.c\n"
            b"@@ -1,4 +1,4 @@\n \tcontext\n-\told\n+\tnew line that a mail program\nwrapped\n \tx\n \ty\n")
    answer = refused(read_bytes(mail, "mail", views=views()))
    assert "damaged hunk" in answer.reason
    assert answer.line == 13


def test_a_tree_with_the_change_is_not_taken_for_the_one_before_it() -> None:
    """It has the lines of both sides, at two places: the change would be made at the wrong one, and said to be sure."""
    before = b"\tint a;\n" * 15 + b"\n\tint a;\n"
    after = b"\tint a;\n" * 15 + b"\n\tfresh(1);\n"
    page = (b"[PATCH] x: y\nFrom: A <a@xxxxxxxxxx>\nWhy.\n---\ndiff --git a/f.c b/f.c\n--- a/f.c\n+++ b/f.c\n"
            b"@@ -14,4 +14,4 @@\nint a;\nint a;\n- int a;\n+ fresh(1);\n--\n2.53.0")
    newer, older = MemoryView("new", {"f.c": after}), MemoryView("old", {"f.c": before})
    assert "2 ways" in refused(read_bytes(page, "page", views=[newer, older])).reason
    assert "those after it too" in refused(read_bytes(page, "page", views=[newer])).reason


@given(st.lists(st.sampled_from([b"\tint a;", b"\t\tif (x) {", b"}", b"", b"\tb();", b"\t/* c */", b"\treturn  a;"]),
                min_size=8, max_size=40), st.data())
@settings(max_examples=150, deadline=None)
def test_a_restored_hunk_is_the_hunk_or_refused(lines: list[bytes], data: st.DataObject) -> None:
    """Flatten a real diff as a page does; what comes back applies to the old tree and gives the new one."""
    at = data.draw(st.integers(0, len(lines) - 1))
    new_line = data.draw(st.sampled_from([b"\tfresh(1);", b"\t\tfresh(2);", b"fresh:"]))
    removes = data.draw(st.booleans())
    new = [*lines[:at], new_line, *lines[at + removes:]]
    start, end = max(0, at - 3), min(len(lines), at + removes + 3)
    body = [b" " + line for line in lines[start:at]] + ([b"-" + lines[at]] if removes else []) + [b"+" + new_line] + [
        b" " + line for line in lines[at + removes:end]]
    flat = [words(line) if line[:1] == b" " else line[:1] + (b" " if line[1:2] == b"\t" else b"") + words(line[1:])
            for line in body]
    page = b"\n".join([
        b"[PATCH] x: y", b"From: A <a@xxxxxxxxxx>", b"Why.", b"---", b"diff --git a/f.c b/f.c", b"--- a/f.c",
        b"+++ b/f.c", b"@@ -%d,%d +%d,%d @@" % (start + 1, end - start, start + 1, end - start + 1 - removes),
        *(line for line in flat if line), b"--", b"2.53.0"])
    before = b"".join(line + b"\n" for line in lines)
    after = b"".join(line + b"\n" for line in new)
    (item,) = read_bytes(page, "page", views=[MemoryView("new", {"f.c": after}), MemoryView("old", {"f.c": before})])
    if isinstance(item, Patch):
        hunk = item.files[0].hunks[0]
        old_text, new_text = b"".join(hunk.old), b"".join(hunk.new)
        assert any(before[:i] + new_text + before[i + len(old_text):] == after
                   for i in range(len(before)) if before.startswith(old_text, i))


def test_a_diffstat_that_the_restored_diff_does_not_give_is_refused() -> None:
    page = PAGE.replace(b"arch/x86/kvm/x86.c | 2 +-", b"arch/x86/kvm/x86.c | 4 ++--")
    assert "diffstat of the page" in refused(read_bytes(page, "page.txt", views=views())).reason
