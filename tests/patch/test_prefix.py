"""How many directories come off a path: what git apply would do is not always what the patch means."""

from __future__ import annotations

from pathlib import Path

import pytest

from backport.errors import InvalidPatch
from backport.git import Git
from backport.patch.intake import read_all
from backport.patch.mail import read_mail
from backport.patch.model import Patch, Refused
from backport.patch.parse import parse
from backport.patch.prefix import with_prefixes

HUNK = b"@@ -1 +1 @@\n-a\n+b\n"


def plain(old: str, new: str, hunk: bytes = HUNK) -> bytes:
    return b"--- %s\n+++ %s\n" % (old.encode(), new.encode()) + hunk


def headed(old: str, new: str, hunk: bytes = HUNK) -> bytes:
    return b"diff --git %s %s\n" % (old.encode(), new.encode()) + plain(old, new, hunk)


@pytest.mark.parametrize("form", [plain, headed])
@pytest.mark.parametrize(("old", "new"), [
    ("arch/x86/kvm/mmu.h", "arch/x86/kvm/mmu.h"),
    ("tools/arch/x86/lib/x.S", "tools/arch/x86/lib/x.S"),          # -p1 would make arch/x86/lib/x.S of it, a real file
    ("drivers.orig/net/tun.c", "drivers/net/tun.c"),
    ("Makefile", "Makefile"),
    ("kvm/Makefile", "kvm/Makefile"),                              # made in arch/x86: -p1 is the Makefile of the top
    ("selftests/net/x.c", "selftests/net/x.c"),                    # made in tools/testing: -p1 is net/x.c
    ("perf.orig/arch/x86/x.c", "perf/arch/x86/x.c"),
    ("linux/kvm_host.h", "linux/kvm_host.h"),                      # made in include
    ("x/y/arch/x86/kvm/mmu.h", "x/y/arch/x86/kvm/mmu.h"),
    ("linux.orig/y/arch/x.c", "linux/y/arch/x.c"),
])
def test_paths_that_do_not_say_what_to_strip_are_refused_with_what_to_do(form: object, old: str, new: str) -> None:
    assert callable(form)
    with pytest.raises(InvalidPatch, match="no a/ and b/") as error:
        parse(form(old, new))
    assert "--src-prefix=a/" in error.value.hint
    assert "-p0" in error.value.hint


@pytest.mark.parametrize("data", [
    b"Index: arch/x86/f.c\n=====\n--- arch/x86/f.c\t(revision 1)\n+++ arch/x86/f.c\t(working copy)\n" + HUNK,
    plain("/dev/null", "arch/x86/new.c", b"@@ -0,0 +1 @@\n+b\n"),
    plain("arch/x86/gone.c", "/dev/null", b"@@ -1 +0,0 @@\n-b\n"),
    b"diff --git scripts/a.sh scripts/a.sh\nold mode 100644\nnew mode 100755\n",
    b"diff --git drivers/net/a.c net/b.c\nsimilarity index 100%\nrename from drivers/net/a.c\nrename to net/b.c\n",
    headed("a/f.c", "b/f.c") + plain("arch/x86/f.c", "arch/x86/f.c"),
])
def test_every_form_without_a_and_b_has_that_reason(data: bytes) -> None:
    with pytest.raises(InvalidPatch, match="no a/ and b/"):
        parse(data)


@pytest.mark.parametrize("form", [plain, headed])
@pytest.mark.parametrize(("old", "new", "path"), [
    ("linux-6.1/arch/x86/f.c", "linux-6.1/arch/x86/f.c", "arch/x86/f.c"),
    ("linux-6.1.orig/arch/x86/f.c", "linux-6.1/arch/x86/f.c", "arch/x86/f.c"),
    ("linux-6.1/Makefile", "linux-6.1/Makefile", "Makefile"),
    ("old/fs/f.c", "new/fs/f.c", "fs/f.c"),
    ("linux.orig/f.c", "linux/f.c", "f.c"),
    ("./arch/x86/f.c", "./arch/x86/f.c", "arch/x86/f.c"),
    ("i/arch/x86/f.c", "w/arch/x86/f.c", "arch/x86/f.c"),
    ("a/x86/f.c", "b/x86/f.c", "x86/f.c"),
])
def test_a_directory_that_holds_a_tree_comes_off_as_git_apply_takes_it_off(
        form: object, old: str, new: str, path: str, tmp_path: Path) -> None:
    assert callable(form)
    data = form(old, new)
    patch = parse(data)
    assert patch.paths == (path,)
    assert patch.render() == data
    with Git(tmp_path) as git:
        git.run("init", "-q", ".")
        assert git.run("apply", "--numstat", "-", stdin=data).out == b"1\t1\t%s\n" % path.encode()
    first = old.split("/", 1)[0]
    assert any(first in line for line in patch.said) == (len(first) > 1)


def test_quilts_option_in_series_says_how_much_comes_off(tmp_path: Path) -> None:
    head = "From: A <a@example.org>\nSubject: %s\n\n"
    created = "--- /dev/null\n+++ x/y/fs/new.c\n@@ -0,0 +1 @@\n+b\n"
    moved = ("diff --git fs/a.c fs/b c.c\nsimilarity index 90%\nrename from fs/a.c\nrename to fs/b c.c\n"
             "--- fs/a.c\n+++ fs/b c.c\n" + HUNK.decode())
    entries = {
        "zero.patch -p0": plain("arch/x86/f.c", "arch/x86/f.c").decode(),
        "two.patch -p2   # two": plain("x/y/arch/x86/f.c", "x/y/arch/x86/f.c").decode() + created,
        "apart.patch -p 2": plain("x/y/arch/x86/f.c\t2020-01-01 00:00:00 +0000", "x/y/arch/x86/f.c").decode(),
        "absolute.patch --strip=4": plain("/usr/src/linux/fs/f.c", "/usr/src/linux/fs/f.c").decode(),
        "moved.patch -p0": moved,
        "ab.patch -pab": plain("a/fs/f.c", "b/fs/f.c").decode(),
        "any.patch": plain("anything/f.c", "anything/f.c").decode(),
    }
    (tmp_path / "series").write_text("".join(f"{line}\n" for line in entries))
    for line, text in entries.items():
        (tmp_path / line.split()[0]).write_text(head % line.split(".")[0] + text)
    found = read_all(tmp_path)
    assert [(item.source.rsplit("/", 1)[-1], item.paths) for item in found if isinstance(item, Patch)] == [
        ("zero.patch", ("arch/x86/f.c",)), ("two.patch", ("arch/x86/f.c", "fs/new.c")),
        ("apart.patch", ("arch/x86/f.c",)), ("absolute.patch", ("fs/f.c",)), ("moved.patch", ("fs/a.c", "fs/b c.c")),
        ("ab.patch", ("fs/f.c",)), ("any.patch", ("f.c",))]
    with Git(tmp_path) as git:
        git.run("init", "-q", ".")
        for item in found:
            assert isinstance(item, Patch)
            shown = git.run("apply", "--numstat", "-z", "-", stdin=item.diff).out     # git reads it without -pN
            assert all(file.path.encode() in shown for file in item.files)
            assert read_mail(item).title
    assert "(-p0)" in " ".join(found[0].said)  # type: ignore[union-attr]


@pytest.mark.parametrize(("option", "reason"), [
    ("-R", "in reverse"), ("-p0 -R", "in reverse"), ("-F3", "-F3 is an unknown option"), ("-px", "no number")])
def test_an_option_in_series_that_changes_the_patch_is_not_ignored(tmp_path: Path, option: str, reason: str) -> None:
    (tmp_path / "series").write_text(f"x.patch {option}\ny.patch\n")
    for name in ("x", "y"):
        (tmp_path / f"{name}.patch").write_bytes(b"From: A <a@example.org>\nSubject: x\n\n" + plain("a/f.c", "b/f.c"))
    first, second = read_all(tmp_path)
    assert isinstance(first, Refused)
    assert reason in first.reason
    assert not first.skipped
    assert isinstance(second, Patch)
    assert "tried without" in second.doubts[0]


def test_a_patch_of_a_queue_without_the_option_is_refused_not_stripped_into_another_file(tmp_path: Path) -> None:
    (tmp_path / "series").write_text("x.patch\ntoo-deep.patch -p3\n")
    (tmp_path / "x.patch").write_bytes(plain("tools/arch/x86/x.S", "tools/arch/x86/x.S"))
    (tmp_path / "too-deep.patch").write_bytes(plain("a/f.c", "b/f.c"))
    first, second = read_all(tmp_path)
    assert isinstance(first, Refused)
    assert "no a/ and b/" in first.reason
    assert isinstance(second, Refused)
    assert "-p3" in second.reason


def test_a_header_with_prefixes_keeps_what_else_it_says() -> None:
    data = (b'diff --git "arch/\\303\\244.c" "arch/\\303\\244.c"\nnew file mode 100644\nindex 0000000..1111111\n'
            b'--- /dev/null\n+++ "arch/\\303\\244.c"\n@@ -0,0 +1 @@\n+b\n')
    (file,) = parse(data, strip=0).files
    assert with_prefixes(file).header == (
        b'diff --git "a/arch/\\303\\244.c" "b/arch/\\303\\244.c"\nnew file mode 100644\nindex 0000000..1111111\n'
        b'--- /dev/null\n+++ "b/arch/\\303\\244.c"\n')


def test_a_date_that_says_the_file_goes_stays_behind_the_new_name() -> None:
    data = (b"--- fs/f.c\t2020-01-01 00:00:00 +0000\n+++ fs/f.c\t1970-01-01 00:00:00 +0000\n@@ -1 +0,0 @@\n-a\n")
    patch = parse(data, strip=0)
    assert patch.files[0].deleted
    again = parse(patch.with_files(tuple(with_prefixes(file) for file in patch.files)).render())
    assert again.files[0].deleted
    assert again.paths == ("fs/f.c",)
