"""The same promises on the real trees that the store holds; asks nobody for them."""

from __future__ import annotations

import pytest

from backport.manifest import default_path, load
from backport.trees.fetch import status
from backport.trees.store import Head, Store
from backport.trees.view import StoreView
from backport.version import in_series, makefile_version

pytestmark = pytest.mark.kernel


def _heads() -> list[tuple[str, Head]]:
    store = Store()
    found = [(tree.series, head) for tree in load(default_path()).trees if (head := store.head(tree.name)) is not None]
    if not found:
        pytest.skip(f"no tree in {store.path}: run `backport trees fetch` first")
    return found


def test_every_tree_is_whole_and_of_its_series():
    store = Store()
    for series, head in _heads():
        with StoreView(store.path, head.tree, head.commit) as view:
            assert makefile_version(view.read("Makefile")) == head.version
            assert series == "upstream" or in_series(head.version, series)
            paths = view.paths()
            assert len(paths) == head.files > 60_000
            for needed in ("MAINTAINERS", "Kbuild", "arch/x86/kvm/x86.c", "virt/kvm/kvm_main.c"):
                assert needed in paths


def test_the_list_is_answered_from_memory():
    _heads()
    results = status(Store(), load(default_path()))
    assert all(result.head is not None or result.reason for result in results)


def test_a_name_is_found_in_the_whole_tree_and_again_at_once():
    store = Store()
    _series, head = _heads()[-1]
    with StoreView(store.path, head.tree, head.commit) as view:
        assert "arch/x86/kvm/x86.c" in view.defining("kvm_arch_vcpu_ioctl_run")      # may build the index first
        assert view.index.types("kvm_vcpu_arch").count("arch/x86/include/asm/kvm_host.h") == 1
        assert view.defining("no_such_function_anywhere") == []
