"""Builds of real code outside KVM: what the default configuration leaves out, and another architecture."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from backport.manifest import Toolchain
from backport.verdict import Build
from tests.kbuild.test_kernel import Real, at_line, before

pytestmark = [pytest.mark.kernel, pytest.mark.xdist_group("kernel-builds")]

BTRFS = "fs/btrfs/disk-io.c"
ARM64 = "arch/arm64/kvm/arm.c"
DTS = "arch/arm64/boot/dts/rockchip/rk3566-roc-pc.dts"


def below_includes(*lines: bytes) -> Callable[[bytes], bytes]:
    """`lines` behind the last #include."""
    def change(data: bytes) -> bytes:
        old = data.split(b"\n")
        at = max(i for i, line in enumerate(old) if line.startswith(b"#include "))
        return b"\n".join([*old[:at + 1], *lines, *old[at + 1:]])
    return change


def probe(call: bytes, *ahead: bytes) -> Callable[[bytes], bytes]:
    return below_includes(*ahead, b"int backport_probe(void);", b"int backport_probe(void)", b"{",
                          b"\treturn " + call + b";", b"}")


def sees_an_error_and_a_warning(real: Real, path: str) -> None:
    error = real.build(real.diff(path, probe(b"no_such_variable")), compared=False)
    assert error.verdict is Build.FAIL, error.reason
    assert error.reason.startswith(f"{path}:")
    assert "no_such_variable" in error.reason
    warning = real.build(real.diff(path, below_includes(b"static int backport_unused;")), compared=False)
    assert warning.verdict is Build.WARN, warning.reason
    assert "backport_unused" in warning.reason


@pytest.mark.parametrize("path", [BTRFS, ARM64])
def test_an_error_a_warning_and_a_missing_symbol_are_seen(path: str) -> None:
    real = Real("6.1")
    sees_an_error_and_a_warning(real, path)
    missing = real.build(real.diff(path, probe(b"nobody_defines_this(1)", b"extern int nobody_defines_this(int x);")),
                         compared=False)
    assert missing.verdict is Build.FAIL, missing.reason
    assert '"nobody_defines_this"' in missing.reason


def test_a_module_that_uses_what_nothing_exports_is_told_as_modpost_would() -> None:
    real = Real("6.1")
    kept = real.build(real.diff(BTRFS, probe(b"(exit_mm_release(NULL, NULL), 1)", b"#include <linux/sched/mm.h>")),
                      compared=False)
    assert kept.verdict is Build.FAIL, kept.reason
    assert 'modpost: "exit_mm_release" [fs/btrfs/btrfs.ko] undefined! kernel/fork.c has the function' in kept.reason
    given = real.build(real.diff(BTRFS, probe(b"(mmput(NULL), 1)", b"#include <linux/sched/mm.h>")), compared=False)
    assert given.verdict is Build.PASS, given.reason


@pytest.mark.parametrize("path", [BTRFS, ARM64])
def test_what_was_broken_before_is_not_the_patchs(path: str, tmp_path: Path) -> None:
    real = Real("6.1")
    fix = tmp_path / "break.patch"
    fix.write_bytes(real.diff(path, below_includes(b"#error broken before")))
    with real.store.git() as git:
        last = len((git.blob(f"{real.head.commit}:{path}") or b"").split(b"\n")) - 3
    tree = replace(real.tree, toolchain=Toolchain(fixes=(str(fix),)))
    result = real.build(real.diff(path, at_line(last, b"")), tree=tree, compared=False)
    assert result.verdict is Build.BASELINE_BROKEN, result.reason
    assert f"{path}:" in result.reason


def test_the_changed_functions_of_another_architecture() -> None:
    real = Real("6.1")

    def change(data: bytes) -> bytes:
        start = b"kvm_vcpu_exit_request(struct kvm_vcpu *vcpu, int *ret)\n{\n"
        assert start in data
        return data.replace(start, start + b"\tif (!ret)\n\t\treturn true;\n")

    result = real.build(real.diff(ARM64, change))
    assert (result.verdict, result.architecture, result.objects) == (Build.PASS, "arm64", ("arch/arm64/kvm/arm.o",))
    assert result.changes is not None
    assert result.changes.names == ("kvm_vcpu_exit_request",), result.changes
    comment = real.build(real.diff(ARM64, below_includes(b"/* one more comment */")))
    assert comment.changes is not None
    assert comment.changes.nothing, comment.changes


def test_a_device_tree_is_compiled_and_its_error_seen() -> None:
    real = Real("6.1")
    good = real.build(real.diff(DTS, at_line(8, b"/* one more comment */")), compared=False)
    assert (good.verdict, good.objects) == (Build.PASS, (DTS.removesuffix(".dts") + ".dtb",)), good.reason
    bad = real.build(real.diff(DTS, at_line(30, b"this is no device tree")), compared=False)
    assert (bad.verdict, bad.reason) == (Build.FAIL, f"{DTS}:31: error: syntax error"), bad.reason


def test_a_piece_of_a_device_tree_that_the_preprocessor_drops_is_not_compiled() -> None:
    real = Real("6.1")
    off = real.build(real.diff(DTS, before(b"/ {\n", b"#if 0\n/ { backport = <1>; };\n#endif\n")), compared=False)
    assert off.verdict is Build.NOT_COMPILED, off
    assert [(one.path, one.why) for one in off.uncompiled] == [(DTS, "not compiled in this configuration (#if 0)")]
    on = real.build(real.diff(DTS, before(b"/ {\n", b"#ifndef NOWHERE\n/ { backport = <1>; };\n#endif\n")),
                    compared=False)
    assert on.verdict is Build.PASS, on


def test_a_list_of_device_trees_is_proved_by_its_blobs() -> None:
    real = Real("6.1")
    makefile = f"{DTS.rsplit('/', 1)[0]}/Makefile"
    new = f"{DTS.rsplit('/', 1)[0]}/backport.dts"
    text = b'/dts-v1/;\n#include "rk3399.dtsi"\n/ { model = "x"; compatible = "x,x"; };\n'
    listed = real.diff(makefile, at_line(1, b"dtb-$(CONFIG_ARCH_ROCKCHIP) += backport.dtb"))
    added = (f"diff --git a/{new} b/{new}\nnew file mode 100644\n--- /dev/null\n+++ b/{new}\n@@ -0,0 +1,3 @@\n".encode()
             + b"".join(b"+" + line for line in text.splitlines(keepends=True)))
    both = real.build(listed + added, compared=False)
    assert (both.verdict, both.objects) == (Build.PASS, (new.removesuffix(".dts") + ".dtb",)), both.reason
    alone = real.build(added, compared=False)
    assert alone.verdict is Build.NOT_COMPILED, alone
    assert alone.reason == f"{new}: {makefile} does not list backport.dtb"


def test_a_source_that_is_listed_by_the_directory_beside_it_is_built() -> None:
    """amdgpu's Makefile lists ../display/dc/core/dc.o: make has no rule for the object's own path."""
    real = Real("6.1")
    path = "drivers/gpu/drm/amd/display/dc/core/dc.c"
    result = real.build(real.diff(path, below_includes(b"/* one more comment */")), compared=False)
    assert result.verdict is Build.PASS, result.reason
    assert result.objects == ("drivers/gpu/drm/amd/display/dc/core/dc.o",)


TESTS = "tools/testing/selftests"
MINCORE = f"{TESTS}/mincore/mincore_selftest.c"


@pytest.mark.parametrize("series", ["5.10", "6.1", "7.2"])
def test_a_selftest_is_built_by_the_trees_own_make(series: str) -> None:
    real = Real(series)
    good = real.build(real.diff(MINCORE, below_includes(b"/* one more comment */")), compared=False)
    assert (good.verdict, good.objects) == (Build.PASS, ("kselftest/mincore/mincore_selftest",)), good
    sees_an_error_and_a_warning(real, MINCORE)


def test_a_selftest_that_nobody_lists_or_that_was_broken_is_not_compiled(tmp_path: Path) -> None:
    real = Real("6.1")
    new = f"{TESTS}/mincore/backport.c"
    added = real.build(f"diff --git a/{new} b/{new}\nnew file mode 100644\n--- /dev/null\n+++ b/{new}\n@@ -0,0 +1 @@\n"
                       "+int main(void) { return 0; }\n".encode(), compared=False)
    assert added.verdict is Build.NOT_COMPILED, added
    assert added.reason == f"{new}: no compiler command that make ran in {TESTS}/mincore names it"
    fix = tmp_path / "break.patch"
    fix.write_bytes(real.diff(MINCORE, below_includes(b"#error broken before")))
    tree = replace(real.tree, toolchain=Toolchain(fixes=(str(fix),)))
    broken = real.build(real.diff(MINCORE, at_line(60, b"")), tree=tree, compared=False)
    assert broken.verdict is Build.NOT_COMPILED, broken
    assert "#error broken before" in broken.reason
