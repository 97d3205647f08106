"""On real trees from the store: what a mini kernel cannot show.

Needs linux-5.10.y, 6.1.y, 6.12.y and 7.2.y (`backport trees fetch`); nothing is fetched here. The baselines are
the ones that `backport run` keeps.
"""

from __future__ import annotations

import hashlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from backport.kbuild import baseline, config
from backport.kbuild.cmdfile import Units
from backport.kbuild.driver import build_cell
from backport.kbuild.plan import plan
from backport.kbuild.result import BuildResult
from backport.kbuild.sandbox import Limits, choose, probe
from backport.manifest import Toolchain, Tree, load
from backport.patch.parse import parse
from backport.trees.store import Head, Store, default_cache
from backport.trees.worktree import worktree
from backport.verdict import Build

pytestmark = pytest.mark.kernel

CACHE = Path(os.environ.get("BACKPORT_CACHE") or default_cache())
MANIFEST = load(Path(__file__).parents[2] / "trees.yaml")
X86 = "arch/x86/kvm/x86.c"
DEBUG = b"int kvm_arch_vcpu_ioctl_set_guest_debug("


class Real:
    """One real tree and edits of it as patches."""

    def __init__(self, series: str) -> None:
        tree = MANIFEST.tree(series)
        assert tree is not None
        self.tree: Tree = tree
        self.store = Store(CACHE)
        head = self.store.head(tree.name) if (CACHE / "store.git").is_dir() else None
        if head is None:
            pytest.skip(f"{tree.name} is not in the store at {CACHE}; `backport trees fetch {tree.name}` gets it")
        self.head: Head = head

    def read(self, path: str) -> bytes:
        with self.store.git() as git:
            data = git.blob(f"{self.head.commit}:{path}")
        assert data is not None, path
        return data

    def diff(self, path: str, change: Callable[[bytes], bytes]) -> bytes:
        """A one-hunk diff of the smallest range that `change` changes."""
        old, new = self.read(path).split(b"\n"), change(self.read(path)).split(b"\n")
        assert old != new
        top = next(i for i, (a, b) in enumerate(zip(old, new, strict=False)) if a != b)
        tail = next(i for i, (a, b) in enumerate(zip(reversed(old), reversed(new), strict=False)) if a != b)
        tail = min(tail, len(old) - top, len(new) - top)
        first = max(top - 3, 0)
        gone, come = old[top:len(old) - tail], new[top:len(new) - tail]
        after = old[len(old) - tail:len(old) - tail + 3]
        body = ([b" " + line for line in old[first:top]] + [b"-" + line for line in gone]
                + [b"+" + line for line in come] + [b" " + line for line in after])
        count = top - first + len(after)
        name = path.encode()
        return (b"diff --git a/%s b/%s\n--- a/%s\n+++ b/%s\n@@ -%d,%d +%d,%d @@\n"
                % (name, name, name, name, first + 1, count + len(gone), first + 1, count + len(come))
                + b"\n".join(body) + b"\n")

    def build(self, diff: bytes, *, tree: Tree | None = None, **options: Any) -> BuildResult:
        return build_cell(tree or self.tree, self.head, parse(diff), store=self.store, cache=CACHE, **options)

    def fix(self) -> bytes:
        """The bundled fix as this tree needs it."""
        def change(text: bytes) -> bytes:
            at = text.index(DEBUG)
            for old in (b"if (kvm_is_exception_pending(vcpu))", b"if (vcpu->arch.exception.pending)"):
                place = text.find(old, at, at + 2000)
                if place >= 0:
                    return text[:place] + old[:-1] + b" || vcpu->arch.exception.injected)" + text[place + len(old):]
            raise AssertionError("the fix has no place here")
        return self.diff(X86, change)

    def home(self, name: str = "kvm-builtin-gcc") -> Path:
        return CACHE / "build" / self.tree.name / name


def at_line(number: int, text: bytes) -> Callable[[bytes], bytes]:
    """Insert `text` before a line."""
    def change(data: bytes) -> bytes:
        lines = data.split(b"\n")
        return b"\n".join([*lines[:number], text, *lines[number:]])
    return change


def before(marker: bytes, text: bytes) -> Callable[[bytes], bytes]:
    """Insert `text` before the first `marker`."""
    def change(data: bytes) -> bytes:
        assert marker in data
        return data.replace(marker, text + marker, 1)
    return change


def hashes(top: Path) -> dict[str, str]:
    return {str(path.relative_to(top)): hashlib.sha256(path.read_bytes()).hexdigest()
            for path in sorted(top.rglob("*")) if path.is_file() and not path.is_symlink()}


@pytest.mark.parametrize("series", ["5.10", "6.1", "6.12", "7.2"])
def test_the_configuration_builds_every_kvm_source_and_every_wish_came_true(series: str) -> None:
    real = Real(series)
    with worktree(real.store, real.head) as source:
        work = plan(real.tree, real.head, source, CACHE, name=None, sandbox=choose(), limits=Limits(), jobs=None)
        work.home.mkdir(parents=True, exist_ok=True)
        kept = baseline.ensure(work, say=print)
        units = Units(source, work.build)
        sources = [str(path.relative_to(source)) for folder in ("arch/x86/kvm", "virt/kvm")
                   for path in sorted((source / folder).rglob("*.c"))]
        # mmu_audit.c is read by mmu.c, kvm-asm-offsets.c becomes a .s: both have a user, so the list is empty
        not_built = [path for path in sources if not units.users(path)]
    assert kept.ok
    assert len(sources) > 35
    assert not_built == []
    assert kept.problems == ()


@pytest.mark.parametrize("series", ["5.10", "6.1", "6.12"])
def test_the_bundled_fix_changes_exactly_one_function(series: str) -> None:
    result = Real(series).build(Real(series).fix())
    assert result.verdict is Build.PASS, result.reason
    assert result.objects == ("arch/x86/kvm/x86.o",)
    assert result.changes is not None
    assert result.changes.reason == ""
    assert result.changes.names == ("kvm_arch_vcpu_ioctl_set_guest_debug",)
    assert result.changes.data == ()


def test_a_comment_does_nothing_and_is_marked() -> None:
    real = Real("6.1")
    result = real.build(real.diff(X86, before(DEBUG, b"/*\n * One\n * more\n */\n")))
    assert result.verdict is Build.PASS
    assert result.changes is not None
    assert result.changes.nothing, result.changes


def test_a_then_b_gives_the_verdict_and_objects_of_b_alone() -> None:
    real = Real("6.1")
    other = real.diff("arch/x86/kvm/i8254.c", before(b"static void pit_load_count(", b"int kvm_b_alone;\n"))
    real.build(other, compared=False)
    clean = hashes(real.home() / "build")
    assert real.build(real.fix(), compared=False).verdict is Build.PASS
    assert hashes(real.home() / "build") == clean
    result = real.build(other, compared=False)
    assert result.objects == ("arch/x86/kvm/i8254.o",)
    made = [line.split()[-1] for line in Path(result.log).read_text().splitlines() if line.startswith("  CC ")]
    assert made == ["arch/x86/kvm/i8254.o"]


def test_an_error_fails_with_its_line() -> None:
    real = Real("5.10")
    result = real.build(real.diff(X86, before(DEBUG, b"static int broken(void) { return nowhere; }\n\n")))
    assert result.verdict is Build.FAIL
    assert result.reason.startswith(f"{X86}:")
    assert "'nowhere' undeclared" in result.reason
    assert not any("fresh configuration" in note for note in result.notes)      # its own line: nothing to ask again


def test_a_new_warning_warns() -> None:
    real = Real("6.1")
    result = real.build(real.diff(X86, before(DEBUG, b"static int nobody_calls_this(void) { return 1; }\n\n")),
                        compared=False)
    assert result.verdict is Build.WARN
    assert "nobody_calls_this" in result.reason


def test_false_green_modules_compile_nothing_for_a_directory(monkeypatch: pytest.MonkeyPatch) -> None:
    """KVM=m on 5.10: make returns 0 and compiles nothing."""
    real = Real("5.10")
    fragment = config.load("kvm-modules")
    monkeypatch.setattr(config, "load", lambda *_: replace(fragment, name="kvm-m-directory", modules=(), make=()))
    result = real.build(real.fix(), compared=False)
    assert result.verdict is Build.NOT_COMPILED, result.reason
    assert X86 in result.reason


def test_a_driver_that_the_default_leaves_out_is_built_and_its_error_seen() -> None:
    """x86_64_defconfig has no p54; allmodconfig has."""
    real = Real("6.1")
    path = "drivers/net/wireless/intersil/p54/main.c"
    result = real.build(real.diff(path, at_line(20, b"#error everybody sees this")), compared=False)
    assert result.verdict is Build.FAIL, result.reason
    assert result.reason.startswith(f"{path}:21:")


def test_false_green_a_source_that_no_configuration_has() -> None:
    real = Real("6.1")
    path = "arch/x86/um/delay.c"
    result = real.build(real.diff(path, at_line(10, b"#error nobody sees this")), compared=False)
    assert result.verdict is Build.NOT_COMPILED, result.reason
    assert path in result.reason


def test_a_line_that_is_off_in_a_fresh_object() -> None:
    real = Real("6.1")
    off = b"#ifdef CONFIG_KVM_OF_ANOTHER_WORLD\nstatic int off(void) { return 1; }\n#endif\n\n"
    result = real.build(real.diff(X86, before(DEBUG, off)), compared=False)
    assert result.verdict is Build.NOT_COMPILED
    assert [item.text for item in result.uncompiled] == ["static int off(void) { return 1; }"]


def test_a_driver_outside_kvm_is_built_where_the_configuration_has_it() -> None:
    real = Real("6.1")
    result = real.build(real.diff("kernel/events/hw_breakpoint.c",
                                  before(b"int __init init_hw_breakpoint(void)", b"int backport_kernel_test = 1;\n")),
                        compared=False)
    assert result.verdict in (Build.PASS, Build.WARN), result.reason
    assert result.objects == ("kernel/events/hw_breakpoint.o",)


def test_false_red_a_warning_that_only_moved() -> None:
    real = Real("6.1")
    noisy = replace(real.tree, toolchain=Toolchain(cc="gcc-12", make={"KCFLAGS": "-Wunused-parameter"}))
    moved = real.diff(X86, at_line(5, b" * One more line above every warning."))
    result = real.build(moved, tree=noisy, compared=False)
    assert "-Wunused-parameter" in Path(result.log).read_text()
    assert result.new == ()
    assert result.fixed == ()
    assert result.verdict in (Build.PASS,), result.reason


def test_false_red_a_compiler_crash() -> None:
    """Nesting that is legal C and deep enough to end gcc."""
    real = Real("6.1")
    deep = b"static int deep(int x) { return " + b"(" * 200_000 + b"x" + b")" * 200_000 + b"; }\n\n"
    result = real.build(real.diff(X86, before(DEBUG, deep)), compared=False)
    assert result.verdict is Build.ERROR, result.reason
    assert "compiler crashed" in result.reason
    assert result.hint


def test_false_red_a_baseline_that_was_broken_before(tmp_path: Path) -> None:
    real = Real("5.10")
    fix = tmp_path / "break.patch"
    fix.write_bytes(real.diff("virt/kvm/eventfd.c", before(b"static void\nirqfd_inject(", b"#error broken before\n")))
    tree = replace(real.tree, toolchain=Toolchain(cc="gcc-12", fixes=(str(fix),)))
    result = real.build(real.fix(), tree=tree, compared=False)
    assert result.verdict is Build.BASELINE_BROKEN
    assert "virt/kvm/eventfd.c" in result.reason
    assert result.fixes == ("break.patch",)


def test_kill_nine_in_the_middle_leaves_what_the_next_build_uses(tmp_path: Path) -> None:
    real = Real("6.1")
    real.build(real.fix(), compared=False)
    clean = hashes(real.home() / "build")
    patch = tmp_path / "fix.patch"
    patch.write_bytes(real.fix())
    script = (f"import sys; sys.path.insert(0, {str(Path(__file__).parents[2])!r})\n"
              "from tests.kbuild.test_kernel import Real\n"
              f"Real('6.1').build(open({str(patch)!r}, 'rb').read(), compared=False)\n")
    with subprocess.Popen([sys.executable, "-c", script], start_new_session=True) as child:
        deadline = time.monotonic() + 120
        log = real.home() / "logs"
        started = time.time()
        while time.monotonic() < deadline:
            if any(path.stat().st_mtime > started and path.stat().st_size > 60 for path in log.glob("*.log")):
                break
            time.sleep(0.05)
        time.sleep(1.0)
        os.killpg(child.pid, signal.SIGKILL)
    result = real.build(real.fix(), compared=False)
    assert result.verdict is Build.PASS
    assert hashes(real.home() / "build") == clean


@pytest.mark.skipif(bool(probe()), reason=f"no sandbox on this machine: {probe()}")
def test_shell_in_kconfig_runs_in_the_sandbox(tmp_path: Path) -> None:
    real = Real("6.1")
    line = f'config BACKPORT_ATTACK\n\tdef_bool $(success,echo pwned >{tmp_path}/pwned; echo pwned >/etc/pwned)\n\n'
    result = real.build(real.diff("arch/x86/kvm/Kconfig", before(b"config KVM\n", line.encode())), compared=False)
    assert result.verdict is Build.PASS, result.reason
    assert not (tmp_path / "pwned").exists()
    assert not Path("/etc/pwned").exists()


def not_exported(real: Real, path: str, function: bytes, behind: bytes, more: bytes = b"") -> bytes:
    """A diff that defines a function in x86.c and calls it from `function` of `path`, behind its first `behind`. `more`
    stands below the definition."""
    declaration = b"int kvm_not_exported(struct kvm_vcpu *vcpu);\n"

    def user(data: bytes) -> bytes:
        place = data.index(function + b"(struct kvm_vcpu *vcpu)\n")
        body = data.index(behind, place) + len(behind)
        return (data[:place] + declaration + data[place:body]
                + b"\tif (kvm_not_exported(vcpu))\n\t\treturn 1;\n" + data[body:])

    definition = b"int kvm_not_exported(struct kvm_vcpu *vcpu) { return vcpu->vcpu_id == 77; }\n"
    return real.diff(X86, before(DEBUG, declaration + definition + more + b"\n")) + real.diff(path, user)


def test_modules_find_a_symbol_that_nobody_exports() -> None:
    """A directory build alone misses it: kvm.o itself has the function, kvm-intel.ko cannot reach it. kvm-amd.ko on
    6.1 is in test_kernel_more.py."""
    real = Real("5.10")
    diff = not_exported(real, "arch/x86/kvm/vmx/vmx.c", b"static int handle_interrupt_window", b"{\n")
    builtin = real.build(diff, compared=False)
    assert builtin.verdict in (Build.PASS, Build.WARN), builtin.reason
    modules = real.build(diff, compared=False, config="kvm-modules")
    assert modules.verdict is Build.FAIL
    assert '"kvm_not_exported" [arch/x86/kvm/kvm-intel.ko] undefined!' in modules.reason
    good = real.build(real.fix(), compared=False, config="kvm-modules")
    assert good.verdict is Build.PASS, good.reason
