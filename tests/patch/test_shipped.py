"""The patch that the project ships is what `backport import` makes of the archive's page, and git takes it."""

from __future__ import annotations

from pathlib import Path

import pytest

from backport.git import Git
from backport.patch.intake import read_all
from backport.patch.mail import read_mail
from backport.patch.model import Patch
from backport.trees.shelf import shelf
from backport.trees.store import Store

ROOT = Path(__file__).parents[2]
SHIPPED = ROOT / "patches" / "kvm-x86-check-for-injected-exceptions-before-queuing-a-debug-exception.patch"
PAGE = Path(__file__).parent / "data" / "autosel-mail.txt"


def shipped() -> Patch:
    (patch,) = read_all(SHIPPED)
    assert isinstance(patch, Patch)
    return patch


def test_it_is_a_plain_mail_that_says_what_was_inferred() -> None:
    patch = shipped()
    mail = read_mail(patch)
    assert mail.upstream_sha == "e907b4e72488f1df878e7e8acf88d23e49cb3ca7"
    assert mail.author.address == "yosry@xxxxxxxxxx"
    assert patch.review
    assert patch.paths == ("arch/x86/kvm/x86.c",)
    assert patch.files[0].hunks[0].added == (
        b"\t\tif (kvm_is_exception_pending(vcpu) || vcpu->arch.exception.injected)\n",)


def test_every_word_of_it_is_in_the_page() -> None:
    page = b" ".join(PAGE.read_bytes().split())
    patch = shipped()
    for line in (*read_mail(patch).message.splitlines(), *patch.diff.splitlines()):
        assert b" ".join(line.split()) in page


@pytest.mark.kernel
def test_importing_the_page_again_gives_the_same_patch() -> None:
    with shelf(Store()) as trees:
        if not trees.views:
            pytest.skip("no trees in the store: run `backport trees fetch`")
        (patch,) = read_all(PAGE, views=trees.views, blobs=trees.blobs)
    assert isinstance(patch, Patch), patch
    assert patch.diff == shipped().diff
    assert read_mail(patch).message == read_mail(shipped()).message


@pytest.mark.kernel
def test_git_am_takes_it_on_6_1(tmp_path: Path) -> None:
    store = Store()
    head = store.head("linux-6.1.y")
    if head is None:
        pytest.skip("linux-6.1.y is not in the store: run `backport trees fetch 6.1`")
    with Git(tmp_path) as git:
        git.run("init", "-q", ".")
        (tmp_path / ".git/objects/info/alternates").write_text(f"{store.path / 'objects'}\n")
        git.run("sparse-checkout", "set", "--no-cone", "/arch/x86/kvm/x86.c")
        git.run("checkout", "-q", "--detach", head.commit)
        git.run("am", "--quiet", str(SHIPPED))
        shown = git.run("log", "-1", "--format=%an <%ae>%n%s").text.splitlines()
        assert shown == ["Yosry Ahmed <yosry@xxxxxxxxxx>",
                         "KVM: x86: Check for injected exceptions before queuing a debug exception"]
        assert git.run("log", "-1", "--format=%(trailers:only,unfold)").text.strip().splitlines() == [
            f"{tag.name}: {tag.value}" for tag in read_mail(shipped()).tags]
        assert b"+\t\tif (kvm_is_exception_pending(vcpu) || vcpu->arch.exception.injected)" in git.run("show").out
