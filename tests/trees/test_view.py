"""The engine's view of a tree, and the index of names behind it."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from backport.csource import definitions
from backport.git import Git
from backport.trees import postings
from backport.trees.index import Index
from backport.trees.store import Store
from backport.trees.view import StoreView
from backport.treeview import MemoryView, TreeView
from tests.support.trees import commit, files

SOURCES = {
    **files("6.1.7"),
    "arch/x86/kvm/x86.c": b"""\
#include <linux/kvm_host.h>
static int helper(struct kvm_vcpu *vcpu)
{
\treturn 0;
}

void kvm_queue(struct kvm_vcpu *vcpu, unsigned nr,
\t       bool has_error)
{
\thelper(vcpu); /* word_in_comment */
}
""",
    "include/linux/kvm_host.h": b"""\
#ifndef X
#define KVM_REQ_A \\
\tKVM_ARCH_REQ(1)
#  define	INDENTED(x) (x)
struct kvm_queued {
\tbool pending, *other;
\t/* comment; with: semicolon */
\tu8 bits:3;
\tu64 array[4][5];
\tint (*callback)(struct kvm_vcpu *vcpu, int x);
\tstruct {
\t\tint inner;
\t} nested;
\tunion {
\t\tint one;
\t\tint two;
\t};
\tDECLARE_BITMAP(map, 64);
\tstruct list_head list ____cacheline_aligned_in_smp;
#ifdef CONFIG_X
\tint conditional;
#endif
};
enum kvm_kind { KIND_ONE };
enum kvm_mode
{
\tMODE_A = 1,
\tMODE_B = MODE_A + F(1, 2),
\tMODE_C
};
typedef unsigned long gfn_t;
typedef int (*kvm_fn)(int a, int b);
typedef struct kvm_pair {
\tint left;
} kvm_pair_t;
static inline bool kvm_is_pending(struct kvm_vcpu *vcpu)
{
\treturn true;
}
#endif
""",
    "drivers/regs.h": b"".join(b"#define REG_%d 0x%x\n" % (i, i) for i in range(definitions.LIST_OF_MACROS + 1)),
    "arch/x86/entry.S": b"ENTRY(asm_only_name)\n",
}


@pytest.fixture
def tree(tmp_path: Path) -> tuple[Store, str]:
    origin = tmp_path / "origin"
    head = commit(origin, SOURCES)
    (origin / "link.c").symlink_to("arch/x86/kvm/x86.c")
    (origin / "dir link").symlink_to("arch")
    with Git(origin) as git:
        git.run("add", "-A")
        git.run("commit", "-q", "-m", "links")
        head = git.rev("HEAD") or ""
    store = Store(tmp_path / "cache")
    with store.git() as git:
        git.run("fetch", "-q", str(origin), "HEAD")
    return store, head


def test_it_answers_as_the_view_in_memory_does(tree):
    store, head = tree
    memory = MemoryView("t", SOURCES)
    with StoreView(store.path, "t", head) as view:
        typed: TreeView = view
        assert typed.name == "t"
        for path in [*SOURCES, "nothing", "arch", "", "/etc/passwd", "a\nb", "../x"]:
            assert view.read(path) == memory.read(path)
        assert list(view.paths()) == sorted([*SOURCES, "link.c", "dir link"])
        for path in [*SOURCES, "nothing", "arch"]:
            assert view.read(path) == memory.read(path)          # now with the list of paths at hand
        for name in ("helper", "kvm_queue", "kvm_is_pending", "a", "nothing"):
            assert list(view.defining(name)) == list(memory.defining(name))


def test_a_symbolic_link_counts_as_no_file(tree):
    store, head = tree
    with StoreView(store.path, "t", head) as view:
        assert view.read("link.c") is None
        assert view.read("dir link") is None
        view.paths()
        assert view.read("link.c") is None


def test_names_are_found_where_they_are_defined(tree):
    store, head = tree
    index = Index(store.path, head)
    host = ["include/linux/kvm_host.h"]
    assert index.macros("KVM_REQ_A") == host
    assert index.macros("INDENTED") == host
    assert index.macros("KVM_ARCH_REQ") == []                    # used, not defined
    for name in ("kvm_queued", "kvm_mode", "gfn_t", "kvm_fn", "kvm_pair", "kvm_pair_t"):
        assert index.types(name) == host, name
    assert list(index.members("kvm_queued")) == ["pending", "other", "bits", "array", "callback", "inner", "nested",
                                                 "one", "two", "map", "list", "conditional"]
    assert list(index.members("kvm_mode")) == ["MODE_A", "MODE_B", "MODE_C"]
    assert index.members("kvm_pair_t") == {"left": host}
    assert index.members("nothing") == {}
    index.close()


def test_a_register_list_is_read_when_nothing_else_defines_the_macro(tree):
    store, head = tree
    index = Index(store.path, head)
    assert index.macros("REG_17") == ["drivers/regs.h"]
    assert index.macros("REG_999999") == []
    index.close()


def test_contains_knows_every_word_and_no_other(tree):
    store, head = tree
    index = Index(store.path, head)
    for word in ("kvm_queue", "word_in_comment", "asm_only_name", "REG_3000", "MODE_B", "pending"):
        assert index.contains(word), word
    for word in ("kvm_queu", "kvm_queuee", "word", "", "REG_3001", "semicolons"):
        assert not index.contains(word), word
    index.close()


def test_the_index_of_a_later_release_is_made_from_the_one_before(tree, tmp_path, monkeypatch):
    store, head = tree
    first = Index(store.path, head)
    assert first.functions("helper") == ["arch/x86/kvm/x86.c"]
    first.close()
    changed = {**SOURCES, "arch/x86/kvm/x86.c": b"int renamed(void)\n{\n}\n", "new.c": SOURCES["kernel/a.c"]}
    del changed["include/a.h"]
    later = commit(tmp_path / "origin", changed)
    with store.git() as git:
        git.run("fetch", "-q", str(tmp_path / "origin"), "HEAD")
    read: list[str] = []
    real = postings.read_blobs
    monkeypatch.setattr(postings, "read_blobs", lambda store, blobs: (read.extend(blobs), real(store, blobs))[1])
    second = Index(store.path, later)
    assert second.functions("helper") == []
    assert second.functions("renamed") == ["arch/x86/kvm/x86.c"]
    assert second.functions("a") == ["kernel/a.c", "new.c"]
    assert second.macros("A") == []
    assert second.macros("REG_17") == ["drivers/regs.h"]
    assert second.functions("kvm_is_pending") == ["include/linux/kvm_host.h"]
    assert len(read) == 1                                        # new.c has the bytes of a file that was read
    second.close()


def test_reading_leaves_no_child_behind(tree):
    store, head = tree
    with StoreView(store.path, "t", head) as view:
        view.read("Makefile")
    running = subprocess.run(["ps", "-eo", "args"], capture_output=True, text=True, check=True).stdout
    assert str(store.path) not in running


def test_a_directory_is_listed_without_the_rest_of_the_tree(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    sources = {**SOURCES, "arch/x86/kvm/vmx/vmx.c": b"", "arch/x86/kvm0/a.c": b"", "arch/x86/kvm-x/a.c": b"",
               "arch/x86/kvm.c": b""}
    made = commit(tmp_path, sources)
    with StoreView(tmp_path, "t", made) as view, monkeypatch.context() as patched:
        patched.setattr(Git, "run", lambda *_args, **_more: pytest.fail("git was started"))
        short = list(view.below("arch/x86/kvm"))
        assert short == ["arch/x86/kvm/vmx/vmx.c", "arch/x86/kvm/x86.c"]
        assert list(view.below("no/such")) == []
    with StoreView(tmp_path, "t", made) as view:
        assert view.paths()
        assert list(view.below("arch/x86/kvm")) == short
