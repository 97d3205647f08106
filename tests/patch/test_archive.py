"""The text of a web archive's page: white space comes from trees, or the page is refused."""

from __future__ import annotations

from pathlib import Path

from backport.patch.intake import read_all, read_bytes
from backport.patch.mail import read_mail
from backport.patch.model import Patch, Refused
from backport.rewrite.view import MemoryView

PAGE = (Path(__file__).parent / "data" / "autosel-mail.txt").read_bytes()
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
    answer = refused(read_bytes(PAGE, "page.txt", views=views(old=twice)))
    assert "ways" in answer.reason


def test_counts_that_do_not_fit_are_refused() -> None:
    page = PAGE.replace(b"r = -EBUSY;\n- if", b"r = -EBUSY;\nint more;\nint again;\n- if")
    assert "counts of its header" in refused(read_bytes(page, "page.txt", views=views())).reason


def test_a_file_argument(tmp_path: Path) -> None:
    path = tmp_path / "page.txt"
    path.write_bytes(PAGE)
    assert one(read_all(path, views=views())).slug == \
        "kvm-x86-check-for-injected-exceptions-before-queuing-a-debug-exception"
