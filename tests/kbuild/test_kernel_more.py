"""On real trees from the store: configurations, LLVM, build fixes, blame, and what the environment breaks.

As test_kernel.py: nothing is fetched, baselines are kept. BACKPORT_HEAVY=1 adds what takes minutes each time (a disk
that fills up, a compiler cache that hits, a branch without its build fix).
"""

from __future__ import annotations

import os
import signal
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path

import pytest

from backport.kbuild.config import parse as parse_config
from backport.kbuild.driver import build_cell
from backport.kbuild.sandbox import Limits
from backport.manifest import Toolchain
from backport.patch.parse import parse
from backport.verdict import Build
from tests.kbuild.test_kernel import CACHE, DEBUG, X86, Real, before, not_exported

pytestmark = pytest.mark.kernel

HEAVY = pytest.mark.skipif(not os.environ.get("BACKPORT_HEAVY"),
                           reason="builds baselines anew; BACKPORT_HEAVY=1 runs it")
LLVM = Toolchain(llvm=True)


def options(real: Real, config: str) -> dict[str, str]:
    return parse_config((real.home(f"{config}-gcc") / "pristine/.config").read_text())


# --- configurations

def test_the_least_kvm_is_really_built_without_smm_hyperv_and_xen() -> None:
    real = Real("6.12")
    good = real.build(real.fix(), compared=False, config="kvm-min")
    assert good.verdict is Build.PASS, good.reason
    assert good.notes == ()
    least, most = options(real, "kvm-min"), options(real, "kvm-builtin")
    for option in ("CONFIG_KVM_SMM", "CONFIG_KVM_HYPERV", "CONFIG_KVM_XEN"):
        assert (least.get(option, "n"), most[option]) == ("n", "y"), option
    made = real.home("kvm-min-gcc") / "pristine/arch/x86/kvm"
    assert (made / "x86.o").is_file()
    assert [name for name in ("smm.o", "hyperv.o", "xen.o") if (made / name).exists()] == []


@pytest.mark.parametrize("source", ["xen.c", "smm.c", "hyperv.c"])
def test_a_source_of_what_is_off_is_not_compiled_and_never_a_pass(source: str) -> None:
    real = Real("6.12")
    path = f"arch/x86/kvm/{source}"
    include = b'#include "x86.h"\n'
    result = real.build(real.diff(path, before(include, b"#error nobody compiles this\n")), compared=False,
                        config="kvm-min")
    assert result.verdict is Build.NOT_COMPILED, result.reason
    assert path in result.reason


def test_a_symbol_that_kvm_does_not_export_breaks_kvm_amd_and_only_as_a_module() -> None:
    """modpost alone sees it: built in, the linker finds kvm.o's function."""
    real = Real("6.1")
    where = ("arch/x86/kvm/svm/svm.c", b"static int db_interception", b"\n\n")
    diff = not_exported(real, *where)
    builtin = real.build(diff, compared=False)
    assert builtin.verdict is Build.PASS, builtin.reason
    modules = real.build(diff, compared=False, config="kvm-modules")
    assert modules.verdict is Build.FAIL
    assert '"kvm_not_exported" [arch/x86/kvm/kvm-amd.ko] undefined!' in modules.reason
    exported = not_exported(real, *where, b"EXPORT_SYMBOL_GPL(kvm_not_exported);\n")
    mended = real.build(exported, compared=False, config="kvm-modules")
    assert mended.verdict is Build.PASS, mended.reason


def test_32_bit_builds_what_it_says() -> None:
    real = Real("6.1")
    result = real.build(real.fix(), config="32-bit")
    assert result.verdict is Build.PASS, result.reason
    assert result.changes is not None
    assert (result.changes.names, result.changes.reason) == (("kvm_arch_vcpu_ioctl_set_guest_debug",), "")
    assert (result.config, result.notes) == ("i386_defconfig + 32-bit", ())
    assert options(real, "32-bit")["CONFIG_X86_32"] == "y"
    off = real.build(real.diff(X86, before(DEBUG, b"#ifdef CONFIG_X86_64\nint backport_only_64;\n#endif\n\n")),
                     compared=False, config="32-bit")
    assert off.verdict is Build.NOT_COMPILED


# --- LLVM

@pytest.mark.parametrize("series", ["6.1", pytest.param("6.12", marks=HEAVY)])
def test_llvm_builds_the_fix_and_changes_the_same_function(series: str) -> None:
    real = Real(series)
    result = real.build(real.fix(), tree=replace(real.tree, toolchain=LLVM))
    assert result.verdict is Build.PASS, f"{result.reason} {result.hint}"
    assert "clang" in result.compiler
    assert "LLVM=1" in result.command
    assert result.changes is not None
    assert (result.changes.names, result.changes.reason) == (("kvm_arch_vcpu_ioctl_set_guest_debug",), "")


def test_llvm_says_a_new_warning_once_and_where_a_function_went() -> None:
    real = Real("6.1")
    text = (b"static inline int backport_two(int x)\n{\n\tint nobody;\n\n\treturn x + 1;\n}\n\n"
            b"int backport_three(int x)\n{\n\treturn backport_two(x);\n}\n\n")
    result = real.build(real.diff(X86, before(DEBUG, text)), tree=replace(real.tree, toolchain=LLVM))
    assert result.verdict is Build.WARN
    assert [item.text for item in result.new] == ["unused variable 'nobody' [-Wunused-variable]"]
    assert result.new[0].detail == ("        int nobody;", "            ^")
    assert result.changes is not None
    assert result.changes.inlined == {"backport_two": ("backport_three",)}


@HEAVY
def test_llvm_says_a_warning_of_everybodys_header_once() -> None:
    real = Real("6.1")
    header = real.diff("include/linux/kvm_host.h", before(
        b"struct kvm_vcpu {", b"static inline int backport_head(void)\n{\n\tint everywhere;\n\n\treturn 1;\n}\n\n"))
    many = real.build(header, tree=replace(real.tree, toolchain=LLVM), compared=False)
    assert len(many.objects) > 30
    assert [item.text for item in many.new] == ["unused variable 'everywhere' [-Wunused-variable]"]


# --- build fixes

MAIN = "virt/kvm/kvm_main.c"
STRICT = {"KCFLAGS": "-Werror=format-truncation=2"}


def fix_of_6_1(real: Real, folder: Path) -> Path:
    """gcc 12 is right: "%d-%s" of a pid and a descriptor takes 25 bytes, and there are 24."""
    fix = folder / "6.1-format-truncation.patch"
    fix.write_bytes(real.diff(MAIN, lambda text: text.replace(
        b"char dir_name[ITOA_MAX_LEN * 2];", b"char dir_name[ITOA_MAX_LEN * 2 + 1];", 1)))
    return fix


def test_a_build_fix_stands_on_both_sides_and_is_neither_blamed_nor_counted(tmp_path: Path) -> None:
    real = Real("6.1")
    fixed = replace(real.tree, toolchain=Toolchain(cc="gcc-12", make=STRICT, fixes=(str(fix_of_6_1(real, tmp_path)),)))
    # below the fix, in the line numbers of the tree without it
    diff = real.diff(MAIN, before(b"static long kvm_dev_ioctl(struct file *filp,", b"int backport_fix_test;\n\n"))
    result = real.build(diff, tree=fixed, config="kvm-min")
    assert result.verdict is Build.PASS, result.reason
    assert result.fixes == ("6.1-format-truncation.patch",)
    assert result.objects == ("virt/kvm/kvm_main.o",)
    assert (result.new, result.fixed) == ((), ())
    assert result.changes is not None
    assert (result.changes.names, result.changes.reason) == ((), "")       # the fix is no part of the difference
    assert [name for name in result.changes.data if "backport_fix_test" not in name] == []


@HEAVY
def test_without_its_build_fix_that_branch_is_broken_and_the_cell_says_what_would_help() -> None:
    real = Real("6.1")
    bare = replace(real.tree, toolchain=Toolchain(cc="gcc-12", make=STRICT))
    result = real.build(real.fix(), tree=bare, compared=False, config="kvm-min")
    assert result.verdict is Build.BASELINE_BROKEN, result.reason
    assert f"{MAIN}:1058" in result.reason
    assert "fixes" in result.hint


# --- blame

def test_a_warning_in_a_header_of_everybody_is_said_once() -> None:
    real = Real("6.1")
    result = real.build(real.diff("include/linux/kvm_host.h", before(
        b"struct kvm_vcpu {", b"static int nobody_calls_this(void) { return 1; }\n\n")), compared=False)
    assert result.verdict is Build.WARN
    assert len(result.objects) > 30
    assert [(item.path, item.text) for item in result.new] == [
        ("include/linux/kvm_host.h", "'nobody_calls_this' defined but not used [-Wunused-function]")]
    assert any("users outside arch/x86/kvm" in note for note in result.unproved)


def test_a_renamed_source_brings_no_warning_of_its_own() -> None:
    real = Real("6.1")
    noisy = replace(real.tree, toolchain=Toolchain(cc="gcc-12", make={"KCFLAGS": "-Wunused-parameter"}))
    diff = (b"diff --git a/arch/x86/kvm/i8254.c b/arch/x86/kvm/pit8254.c\nsimilarity index 100%\n"
            b"rename from arch/x86/kvm/i8254.c\nrename to arch/x86/kvm/pit8254.c\n")
    diff += real.diff("arch/x86/kvm/Makefile", lambda text: text.replace(b"i8254.o", b"pit8254.o"))
    result = real.build(diff, tree=noisy, compared=False)
    assert "-Wunused-parameter" in Path(result.log).read_text()
    assert (result.new, result.fixed) == ((), ())
    assert result.verdict is Build.PASS, result.reason


def test_a_new_source_is_blamed_for_its_own_warnings_alone() -> None:
    real = Real("6.1")
    noisy = replace(real.tree, toolchain=Toolchain(cc="gcc-12", make={"KCFLAGS": "-Wunused-parameter"}))
    lines = (b"// SPDX-License-Identifier: GPL-2.0\n#include <linux/kvm_host.h>\nint backport_added(void);\n"
             b"int backport_added(void)\n{\n\tint nobody;\n\n\treturn 1;\n}\n").split(b"\n")[:-1]
    diff = (b"diff --git a/arch/x86/kvm/added.c b/arch/x86/kvm/added.c\nnew file mode 100644\n--- /dev/null\n"
            b"+++ b/arch/x86/kvm/added.c\n@@ -0,0 +1,%d @@\n%s"
            % (len(lines), b"".join(b"+%s\n" % line for line in lines)))
    alone = real.build(diff, tree=noisy, compared=False)
    assert alone.verdict is Build.NOT_COMPILED, alone.reason
    built = diff + real.diff("arch/x86/kvm/Makefile", lambda text: text.replace(b"i8254.o", b"i8254.o added.o"))
    result = real.build(built, tree=noisy, compared=False)
    assert result.verdict is Build.WARN
    assert [str(item) for item in result.new] == [
        "arch/x86/kvm/added.c:6:13: warning: unused variable 'nobody' [-Wunused-variable]"]


# --- the environment

@contextmanager
def killer(tree: str) -> Iterator[list[int]]:
    """Ends the compiler of x86.c below this process with SIGKILL, once, as the kernel does when memory runs out."""
    killed: list[int] = []
    wanted = f"{tree}/{X86}".encode()
    stop = threading.Event()

    def ours(pid: int) -> bool:
        while pid > 1 and pid != os.getpid():
            stat = Path(f"/proc/{pid}/stat").read_bytes()
            pid = int(stat[stat.rindex(b")") + 2:].split()[1])
        return pid == os.getpid()

    def hunt() -> None:
        while not stop.is_set() and not killed:
            for entry in Path("/proc").iterdir():
                with suppress(OSError):
                    words = (entry / "cmdline").read_bytes().split(b"\0") if entry.name.isdigit() else [b""]
                    if words[0].endswith(b"/cc1") and any(word.endswith(wanted) for word in words) \
                            and ours(int(entry.name)):
                        os.kill(int(entry.name), signal.SIGKILL)
                        killed.append(int(entry.name))
                        break
            time.sleep(0.02)
    thread = threading.Thread(target=hunt)
    thread.start()
    try:
        yield killed
    finally:
        stop.set()
        thread.join()


def test_a_compiler_that_is_killed_is_no_failure_of_the_patch_and_leaves_nothing() -> None:
    real = Real("6.1")
    with killer(real.tree.name) as killed:
        result = real.build(real.fix(), compared=False)
    assert killed
    assert result.verdict is Build.ERROR, result.reason
    assert "killed by a signal" in result.reason
    assert result.hint
    assert real.build(real.fix(), compared=False).verdict is Build.PASS


@pytest.mark.parametrize(("limits", "words"), [
    (Limits(seconds=3), "time-out after 3 s"),
    (Limits(process_memory=60 << 20), "out of memory"),
    (Limits(memory=100 << 20), "more than 100 MiB of memory"),
    (Limits(processes=3), "more than 3 processes"),
    (Limits(file_size=64 << 10), "a file grew over the limit"),
])
def test_what_a_limit_ends_is_an_error_with_a_hint(limits: Limits, words: str) -> None:
    real = Real("6.1")
    result = real.build(real.fix(), compared=False, limits=limits)
    assert result.verdict is Build.ERROR, result.reason
    assert words in result.reason
    assert result.hint


@HEAVY
@pytest.mark.skipif(os.geteuid() != 0, reason="mounting a small disk takes root")
@pytest.mark.parametrize("when", ["baseline", "patch"])
def test_a_full_disk_is_an_error_and_the_next_run_goes_on_when_there_is_room(tmp_path: Path, when: str) -> None:
    real = Real("6.1")
    disk = tmp_path / "small"
    disk.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=400m", "tmpfs", str(disk)], check=True)

    def build() -> tuple[Build, str, str]:
        result = build_cell(real.tree, real.head, parse(real.fix()), store=real.store, cache=disk, compared=False)
        return result.verdict, result.reason, result.hint

    def fill(leave: int) -> None:
        room = os.statvfs(disk)
        with (disk / "filler").open("wb") as stream:
            stream.truncate(0)
            for _ in range((room.f_bavail * room.f_frsize - leave) >> 16):
                stream.write(bytes(1 << 16))
    try:
        if when == "patch":
            assert build()[0] is Build.PASS
        fill(30 << 20 if when == "baseline" else 300 << 10)
        verdict, reason, hint = build()
        assert verdict is Build.ERROR, reason
        assert "the disk is full" in reason
        assert "\n" not in reason
        assert len(reason) < 400
        assert "--cache" in hint
        (disk / "filler").unlink()
        assert build()[0] is Build.PASS
    finally:
        subprocess.run(["umount", str(disk)], check=True)


@HEAVY
def test_the_second_baseline_comes_out_of_the_compiler_cache() -> None:
    """The fixed KBUILD_BUILD_* values and time stamps are what makes it hit."""
    def counts() -> dict[str, int]:
        env = {**os.environ, "CCACHE_DIR": str(CACHE / "build/ccache")}
        told = subprocess.run(["ccache", "--print-stats"], env=env, check=True, capture_output=True, text=True).stdout
        return {row[0]: int(row[1]) for line in told.splitlines() if len(row := line.split()) == 2}
    real = Real("6.1")
    tree = replace(real.tree, toolchain=Toolchain(cc="gcc-12"))
    assert real.build(real.fix(), tree=tree, compared=False, force=True).verdict is Build.PASS
    first = counts()
    result = real.build(real.fix(), tree=tree, compared=False, force=True)
    second = counts()
    assert result.verdict is Build.PASS
    hits = sum(second[name] - first.get(name, 0) for name in ("direct_cache_hit", "preprocessed_cache_hit"))
    misses = second["cache_miss"] - first.get("cache_miss", 0)
    print(f"second baseline: {result.baseline_seconds:.1f} s, {hits} hits, {misses} misses")
    assert hits > 50
    assert misses <= hits // 50
