"""A work tree that lacks what a build does not read: what is in it, what is got, and a kill in between."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from backport.git import Git
from backport.trees import sparse
from backport.trees.fastimport import TreeEntry, import_tree
from backport.trees.store import Head, Store
from backport.trees.worktree import changed, worktree

FILES = {name: f"/* {name} */\n".encode() for name in (
    "Makefile", "include/linux/a.h", "arch/x86/kvm/x86.c", "arch/x86/boot/deep/er/y.S", "kernel/fork.c",
    "tools/objtool/check.c", "tools/testing/selftests/kvm/t.c", "tools/testing/selftests/kvm/Makefile",
    "Documentation/Kconfig", "Documentation/virt/api.rst", "fs/Kconfig", "fs/Makefile", "fs/btrfs/Kconfig",
    "fs/btrfs/inode.c", "fs/btrfs/ctree.h", "fs/btrfs/tests/t.c", "fs/namei.c", "drivers/net/Kbuild",
    "drivers/net/dummy.c", "drivers/tty/vt/keymap.map", "drivers/tty/vt/gen.pl", "drivers/odd/[a]*!/x.c",
    "arch/arm64/Kconfig", "arch/arm64/kvm/arm.c", "arch/arm64/boot/dts/Makefile", "arch/arm64/boot/dts/arm/Makefile",
    "arch/arm64/boot/dts/arm/fvp.dts", "arch/arm64/boot/dts/qcom/x.dts", "arch/mips/a.c")}
NEVER = {"tools/testing/selftests/kvm/t.c", "Documentation/virt/api.rst", "fs/btrfs/inode.c", "fs/btrfs/ctree.h",
         "fs/btrfs/tests/t.c", "fs/namei.c", "drivers/net/dummy.c", "drivers/odd/[a]*!/x.c", "arch/arm64/kvm/arm.c",
         "arch/arm64/boot/dts/arm/fvp.dts", "arch/arm64/boot/dts/qcom/x.dts", "arch/mips/a.c"}


def put(store: Store, files: dict[str, bytes]) -> Head:
    with store.git() as git:
        rows = [TreeEntry("100644", name.encode(), data) for name, data in files.items()]
        commit = import_tree(git, "refs/trees/t", rows, "x")
    return Head("t", commit, "6.1.7", "test", 0.0)


def there(path: Path) -> set[str]:
    return {str(one.relative_to(path)) for one in path.rglob("*") if one.is_file() and one.name != ".git"}


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "cache")


def test_what_steers_a_build_is_everywhere_and_sources_where_any_build_reads_them(store: Store) -> None:
    with worktree(store, put(store, FILES), partial=True) as path:
        assert there(path) == set(FILES) - NEVER
        assert sparse.absent(path) == NEVER
    assert changed(path) == []


@pytest.mark.parametrize(("asked", "more"), [
    ("fs/btrfs/inode.c", {"fs/btrfs/inode.c", "fs/btrfs/ctree.h"}),
    ("fs/btrfs/new.c", {"fs/btrfs/inode.c", "fs/btrfs/ctree.h"}),
    ("fs/x.c", {"fs/namei.c"}),
    ("fs/", {"fs/namei.c", "fs/btrfs/inode.c", "fs/btrfs/ctree.h", "fs/btrfs/tests/t.c"}),
    ("drivers/odd/[a]*!/x.c", {"drivers/odd/[a]*!/x.c"}),
    ("tools/testing/selftests/kvm/t.c", {"tools/testing/selftests/kvm/t.c"}),
    ("Documentation/virt/api.rst", {"Documentation/virt/api.rst"}),
    ("arch/arm64/mm/new.c", {"arch/arm64/kvm/arm.c"}),
    ("arch/arm64/boot/dts/arm/fvp.dts", {"arch/arm64/kvm/arm.c", "arch/arm64/boot/dts/arm/fvp.dts"}),
    ("arch/x86/kvm/new.c", set()), ("../out/x.c", set()), ("new/one/two.c", set())])
def test_a_directory_is_got_with_its_files_and_nothing_else_is_touched(store: Store, asked: str,
                                                                       more: set[str]) -> None:
    with worktree(store, put(store, FILES), partial=True) as path:
        before = {name: (path / name).stat().st_mtime_ns for name in there(path)}
        (path / "kernel/fork.c").write_bytes(b"patched")
        sparse.hold(path, [asked])
        assert there(path) == (set(FILES) - NEVER) | more
        assert sparse.absent(path) == NEVER - more
        assert (path / "kernel/fork.c").read_bytes() == b"patched"
        same = {name for name in before if (path / name).stat().st_mtime_ns == before[name]}
        assert same == before.keys() - {"kernel/fork.c"}
        assert changed(path) == ["kernel/fork.c"]
    assert changed(path) == []
    assert (path / "kernel/fork.c").read_bytes() == FILES["kernel/fork.c"]


def test_who_needs_all_of_it_gets_it_and_it_stays_whole(store: Store) -> None:
    head = put(store, FILES)
    with worktree(store, head, partial=True) as path:
        assert sparse.is_sparse(path)
    for partial in (False, True):
        with worktree(store, head, partial=partial):
            assert there(path) == set(FILES)
            assert not sparse.is_sparse(path)
            assert sparse.absent(path) == frozenset()
            sparse.hold(path, ["fs/btrfs/inode.c"])
            assert there(path) == set(FILES)


def test_the_next_release_begins_anew_and_the_states_of_a_queue_do_not(store: Store) -> None:
    first = put(store, FILES)
    with worktree(store, first, partial=True) as path:
        sparse.hold(path, ["fs/btrfs/inode.c"])
    state = replace(put(store, {**FILES, "fs/btrfs/ctree.h": b"patched\n"}), base=first.commit)
    with worktree(store, state, partial=True):
        assert (path / "fs/btrfs/ctree.h").read_bytes() == b"patched\n"
    with worktree(store, replace(state, base=""), partial=True):
        assert there(path) == set(FILES) - NEVER
        sparse.hold(path, ["fs/btrfs/inode.c"])
        assert (path / "fs/btrfs/ctree.h").read_bytes() == b"patched\n"


def test_a_kill_between_the_patterns_and_the_files_is_mended(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    head = put(store, FILES)
    with worktree(store, head, partial=True) as path:
        with monkeypatch.context() as patched:
            patched.setattr(sparse, "apply", lambda git, admin: None)
            sparse.hold(path, ["fs/btrfs/inode.c"])
        assert not (path / "fs/btrfs/inode.c").exists()
    with worktree(store, head, partial=True):
        assert (path / "fs/btrfs/inode.c").read_bytes() == FILES["fs/btrfs/inode.c"]
    # and where git had written half a file before it recorded any
    with worktree(store, head, partial=True):
        (path / "fs/namei.c").write_bytes(b"ha")
    with worktree(store, head, partial=True):
        sparse.hold(path, ["fs/namei.c"])
        assert (path / "fs/namei.c").read_bytes() == FILES["fs/namei.c"]


def test_a_kill_before_the_first_checkout_leaves_a_tree_that_becomes_a_sparse_one(store: Store) -> None:
    head = put(store, FILES)
    path = store.cache / "worktrees/t"
    path.parent.mkdir()
    with store.git() as git:
        git.run("worktree", "add", "--detach", "--no-checkout", "--quiet", str(path), head.commit)
    with worktree(store, head, partial=True):
        assert there(path) == set(FILES) - NEVER


def test_git_searches_what_is_not_checked_out_when_it_is_told_to(store: Store) -> None:
    with worktree(store, put(store, FILES), partial=True) as path, Git(path) as git:
        assert b"fs/namei.c" in git.run("grep", "--cached", "-l", "-e", "namei").out
