"""prove() from patch to word, on a made-up tree with a machine that is a script."""

from __future__ import annotations

import json
import os
from contextlib import contextmanager
from dataclasses import asdict, replace
from pathlib import Path

import pytest

from backport.boot import behaviour as room
from backport.boot.behaviour import Behaviour, prove
from backport.boot.machine import LIMITS, Machine
from backport.kbuild.sandbox import Sandbox, had_sandbox, probe
from backport.manifest import Toolchain
from backport.patch.model import Patch
from tests.support import boot_logs as logs
from tests.support import boot_machine as madeup
from tests.support.patience import until

REPRO = "#include \"repro.h\"\nvoid reproduce(void)\n{\n\tcontrol(true, \"x\");\n}\n"


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "repro").mkdir()
    (tmp_path / "repro" / "repro.c").write_text(REPRO)
    monkeypatch.setattr(room.program, "compile_static", lambda *_: b"\x7fELF a program")
    monkeypatch.setattr("backport.boot.kernel.fragment", lambda: "CONFIG_KVM=y\n")
    return tmp_path


def go(place: Path, patch: Patch, cases: dict[str, bytes | str], *, default: bytes | str = logs.BUG,
       repro: bool = True, limit: float = 20, sandbox: Sandbox | None = None,
       files: dict[str, str] | None = None) -> Behaviour:
    store, head, tree = madeup.make_store(place, files) if not (place / "cache").exists() else _again(place)
    qemu = madeup.make_qemu(place / "bin", cases, default)
    return prove(tree, head, patch, place / "repro" if repro else None, store=store, cache=store.cache,
                 logs=place / "logs", computer=Machine(program=str(qemu), limit=limit),
                 sandbox=sandbox or Sandbox("none"))


def _again(place: Path):
    from backport.manifest import Tree
    from backport.trees.store import Head, Store

    store = Store(place / "cache")
    with store.git() as git:
        commit = git.rev("refs/trees/made-up-1.0.y")
    return store, Head("made-up-1.0.y", commit, "1.0.1", "made up", 0.0), Tree("made-up-1.0.y", "1.0", ())


def test_a_fix_is_proved_with_three_boots_of_each_kernel_and_their_logs(place):
    seen = go(place, madeup.FIX, {"|| injected": logs.FINE})
    assert seen.verdict == "proved"
    assert len(seen.runs) == 6
    assert seen.logs == ("kernel.log", *(f"{side}-{n}.log" for side in ("before", "after") for n in (1, 2, 3)))
    assert (place / "logs" / "before-2.log").read_bytes() == logs.BUG
    assert (place / "logs" / "after-3.log").read_bytes() == logs.FINE
    record = json.loads(json.dumps(asdict(seen.record())))
    assert record["verdict"] == "proved"
    assert [run["ended"] for run in record["before"] + record["after"]] == ["answered"] * 6
    assert record["before"][0]["points"][1] == {"number": 2, "ok": False, "name": "#DB is EBUSY"}


def test_logs_of_an_earlier_run_do_not_stay_beside_a_new_one(place):
    go(place, madeup.FIX, {"|| injected": logs.FINE})
    seen = go(place, madeup.FIX, {}, default=logs.NO_BOOT)
    assert seen.verdict == "error"
    assert sorted(path.name for path in (place / "logs").iterdir()) == sorted(seen.logs)


def test_an_inverted_fix_is_never_proved(place):
    """Whether the kernel behind it does too much (a control fails) or nothing at all."""
    assert go(place, madeup.INVERTED, {"!injected": logs.OVERDONE}).verdict == "broke"
    assert go(place, madeup.INVERTED, {"!injected": logs.BUG}).verdict == "no effect"


def test_a_looping_reproducer_is_ended_at_its_limit(place):
    (place / "half").write_bytes(logs.HALF)
    seen = go(place, madeup.FIX, {}, default=f"cat {place}/half; sleep 317.125", limit=15)
    assert seen.verdict == "error"
    assert "did not end within its limit" in seen.reason
    assert len(seen.runs) == 1                # no need to wait for the limit five times more
    assert until(lambda: "sleep 317.125" not in _processes())      # killed is not yet gone


def test_a_guest_that_prints_for_ever_is_ended_and_does_not_fill_the_disk(place, monkeypatch):
    monkeypatch.setattr("backport.boot.machine.LIMITS", replace(LIMITS, output=1 << 16))
    seen = go(place, madeup.FIX, {}, default="yes 'ok 1 - for ever'", limit=60)
    assert seen.verdict == "error"
    assert (place / "logs" / "before-1.log").stat().st_size <= 1 << 16


def test_a_kernel_that_boots_only_sometimes_is_repeated_and_counted(place):
    flaky = f"n=$(cat {place}/n 2>/dev/null || echo 0); echo $((n+1)) > {place}/n; " \
            f"if [ $n = 0 ]; then echo hang; else cat {place}/bug; fi"
    (place / "bug").write_bytes(logs.BUG)
    seen = go(place, madeup.FIX, {"|| injected": logs.FINE}, default=flaky)
    assert seen.verdict == "proved"
    assert seen.flakes == 1
    assert "1 boot repeated" in seen.reason
    assert len(seen.runs) == 7


def test_an_answer_that_changes_is_no_verdict(place):
    fickle = f"n=$(cat {place}/n 2>/dev/null || echo 0); echo $((n+1)) > {place}/n; " \
             f"if [ $n = 1 ]; then cat {place}/bug; else cat {place}/fine; fi"
    (place / "bug").write_bytes(logs.BUG)
    (place / "fine").write_bytes(logs.FINE)
    seen = go(place, madeup.FIX, {"|| injected": fickle})
    assert seen.verdict == "error"
    assert "no clear answer" in seen.reason


def test_a_dead_emulator_is_an_error_not_a_verdict(place):
    seen = go(place, madeup.FIX, {"|| injected": logs.FINE}, default="kill -9 $$")
    assert seen.verdict == "error"
    assert "signal 9" in seen.reason or "137" in seen.reason


def test_a_patched_kernel_that_does_not_boot_is_broke(place):
    assert go(place, madeup.FIX, {"|| injected": logs.NO_BOOT}).verdict == "broke"


def test_a_patch_that_does_not_compile_is_broke_with_the_message(place):
    broken = madeup.patch((madeup.KVM, "\treturn pending;", "\tbroken"))
    seen = go(place, broken, {})
    assert seen.verdict == "broke"
    # the path as in the tree: the work tree is somewhere in the cache
    assert seen.reason == "with the patch: make bzImage ended with 2: arch/x86/kvm/x86.c:3: error: made-up error"
    assert go(place, madeup.FIX, {"|| injected": logs.FINE}).verdict == "proved"     # and the next cell is not


def test_a_baseline_that_does_not_compile_is_an_error(place):
    seen = go(place, madeup.FIX, {}, files={madeup.OTHER: "broken\n"})
    assert seen.verdict == "error"
    assert seen.reason.startswith("without the patch")


def test_the_trees_own_toolchain_makes_both_kernels(place):
    """Make variables, and a build-fix patch without which nothing compiles; both are on both sides."""
    makefile = madeup.MAKEFILE.replace("&& echo", "&& echo $(FLAVOUR) >> $(O)/arch/x86/boot/bzImage && echo")
    store, head, tree = madeup.make_store(place, {"Makefile": makefile, madeup.OTHER: "broken\n"})
    (place / "mend.patch").write_bytes(
        b"--- a/%s\n+++ b/%s\n@@ -1 +1 @@\n-broken\n+whole\n" % ((madeup.OTHER.encode(),) * 2))
    qemu = madeup.make_qemu(place / "bin", {"|| injected": logs.FINE, "lemon": logs.BUG}, logs.NO_BOOT)

    def ask(toolchain: Toolchain) -> Behaviour:
        return prove(replace(tree, toolchain=toolchain), head, madeup.FIX, place / "repro", store=store,
                     cache=store.cache, logs=place / "logs", computer=Machine(program=str(qemu), limit=20),
                     sandbox=Sandbox("none"), beside=place)

    assert ask(Toolchain()).reason.startswith("without the patch: make bzImage")
    seen = ask(Toolchain(make={"FLAVOUR": "lemon"}, fixes=("mend.patch",)))
    assert seen.verdict == "proved", seen.reason
    assert "the build-fix patch gone.patch does not exist" in ask(Toolchain(fixes=("gone.patch",))).reason
    # the fix left the manifest: its objects must not stay
    assert ask(Toolchain(make={"FLAVOUR": "lemon"})).reason.startswith("without the patch: make bzImage")


@pytest.fixture
def old_times(monkeypatch):
    """A work tree that puts every file back with its old time, as some do: make sees nothing to rebuild."""
    import backport.boot.kernel as kernel

    real = kernel.worktree

    @contextmanager
    def timeless(store, head):
        with real(store, head) as path:
            for name in (madeup.KVM, madeup.OTHER):
                os.utime(path / name, (1, 1))
            yield path

    monkeypatch.setattr(kernel, "worktree", timeless)


def test_patch_b_after_patch_a_is_judged_on_b_alone(place, old_times):
    """The objects of A must not be in B's kernel."""
    assert go(place, madeup.FIX, {"|| injected": logs.FINE}).verdict == "proved"
    assert go(place, madeup.WRONG, {"|| injected": logs.FINE}).verdict == "no effect"
    assert go(place, madeup.WRONG, {"|| injected": logs.FINE}).verdict == "no effect"


def test_a_kill_after_the_patched_build_leaves_no_stale_object(place, old_times, monkeypatch):
    import backport.boot.kernel as kernel

    real = kernel._Make._take

    def die(self, destination):
        if destination.name == "after.bzImage":
            raise KeyboardInterrupt
        return real(self, destination)

    monkeypatch.setattr(kernel._Make, "_take", die)
    with pytest.raises(KeyboardInterrupt):
        go(place, madeup.FIX, {})
    monkeypatch.setattr(kernel._Make, "_take", real)
    assert go(place, madeup.WRONG, {"|| injected": logs.FINE}).verdict == "no effect"


def test_the_baseline_is_built_once(place):
    go(place, madeup.FIX, {"|| injected": logs.FINE})
    go(place, madeup.WRONG, {})
    built = (place / "cache" / "boot" / "made-up-1.0.y" / "build" / "built").read_text()
    assert built.count("built") == 3          # the baseline, and each patch


def test_a_patch_outside_this_kernel_is_not_testable(place):
    elsewhere = madeup.patch(("drivers/other.c", "\treturn 3;", "\treturn 4;"))
    seen = go(place, elsewhere, {})
    assert seen.verdict == "not testable here"
    assert "the same with the patch" in seen.reason
    assert seen.notes == ("not in the boot kernel: drivers/other.c",)


def test_a_lost_option_is_said(place):
    seen = go(place, madeup.FIX, {}, files={"lost": "# CONFIG_KVM is not set\n"})
    assert seen.verdict == "error"
    assert "loses CONFIG_KVM=y" in seen.reason


def test_without_a_reproducer_the_smoke_test_runs(place):
    seen = go(place, madeup.FIX, {}, default=logs.FINE, repro=False)
    assert (seen.verdict, seen.smoke) == ("not asked", True)
    assert "as before" in seen.reason
    assert go(place, madeup.FIX, {"|| injected": logs.CRASH}, default=logs.FINE, repro=False).verdict == "broke"


def test_no_emulator_is_not_testable_and_names_the_package(place):
    store, head, tree = madeup.make_store(place)
    seen = prove(tree, head, madeup.FIX, place / "repro", store=store, cache=store.cache, logs=place / "logs",
                 computer=Machine(program="qemu-that-is-not-here"), sandbox=Sandbox("none"))
    assert seen.verdict == "not testable here"
    assert "apt-get install" in seen.reason


def test_nothing_boots_without_the_sandbox_that_there_was(place, monkeypatch):
    """`backport boot` and `run --boot` ran patched code without a word on a machine that lost its bubblewrap."""
    store, head, tree = madeup.make_store(place, None)
    qemu = madeup.make_qemu(place / "bin", {}, logs.BUG)
    known = {"store": store, "cache": store.cache, "logs": place / "logs", "computer": Machine(program=str(qemu))}
    monkeypatch.setattr("backport.kbuild.sandbox.probe", lambda: "bubblewrap is not installed")
    assert prove(tree, head, madeup.FIX, place / "repro", **known, require_sandbox=True).verdict == "error"
    had_sandbox(store.cache).write_bytes(b"")
    seen = prove(tree, head, madeup.FIX, place / "repro", **known)
    assert (seen.verdict, seen.runs) == ("error", ())
    assert "builds here have run in a sandbox, and now there is none" in seen.reason


@pytest.mark.skipif(bool(probe()), reason=f"no sandbox: {probe()}")
def test_the_same_in_the_sandbox_which_has_no_network_and_no_home(place):
    spy = f"ls /root /home >/dev/null 2>&1 && echo home; ls /sys/class/net 2>/dev/null; cat {place}/bin/bug"
    (place / "bin").mkdir()
    (place / "bin" / "bug").write_bytes(logs.BUG)
    seen = go(place, madeup.FIX, {"|| injected": logs.FINE}, default=spy, sandbox=Sandbox("bubblewrap"))
    assert seen.verdict == "proved"
    assert (place / "logs" / "before-1.log").read_bytes() == logs.BUG


def _processes() -> str:
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                found.append((entry / "cmdline").read_bytes().replace(b"\0", b" ").decode("utf-8", "replace"))
            except OSError:
                continue
    return "\n".join(found)
