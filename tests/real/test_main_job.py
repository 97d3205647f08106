"""The main job on real kernel trees: the bundled fix, and patches made to go wrong.

Needs the trees in the store (`backport trees fetch`), a compiler and the kernel's build packages.
"""

from __future__ import annotations

import difflib
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from backport.git import Git
from backport.trees.store import Store, default_cache

pytestmark = pytest.mark.kernel

ROOT = Path(__file__).parents[2]
SLUG = "kvm-x86-check-for-injected-exceptions-before-queuing-a-debug-exception"
X86 = "arch/x86/kvm/x86.c"
EXPECTED_5_10 = """\
-\t\tif (vcpu->arch.exception.pending)
+\t\tif (vcpu->arch.exception.pending || vcpu->arch.exception.injected)
"""


def cache() -> Path:
    return Path(os.environ.get("BACKPORT_CACHE") or default_cache())


def have(tree: str) -> str:
    head = Store(cache()).head(tree)
    if head is None:
        pytest.skip(f"{tree} is not in the store; `backport trees fetch {tree}` gets it")
    return head.commit


def run(db: Path, *args: str, **environment: str) -> tuple[int, dict[str, dict[str, Any]]]:
    """`backport run --format json`: exit code and the cells by tree."""
    done = subprocess.run(
        [sys.executable, "-m", "backport", "run", "--format", "json", "--db", str(db), "--offline", *args],
        cwd=ROOT, env={**os.environ, **environment}, capture_output=True, check=False)
    assert done.stdout, done.stderr.decode()
    cells = json.loads(done.stdout)["cells"]
    return done.returncode, {cell["tree"]: cell for cell in cells}


def edit(tmp_path: Path, tree: str, path: str, old: bytes, new: bytes) -> str:
    """A patch file that replaces `old` (once) with `new` in a tree's file."""
    with Git(Store(cache()).path) as git:
        before = git.blob(f"{have(tree)}:{path}")
    assert before is not None
    assert before.count(old) >= 1
    after = before.replace(old, new, 1)
    lines = difflib.unified_diff(before.decode("latin-1").splitlines(keepends=True),
                                 after.decode("latin-1").splitlines(keepends=True), f"a/{path}", f"b/{path}")
    target = tmp_path / "edit.patch"
    target.write_bytes(f"diff --git a/{path} b/{path}\n".encode() + "".join(lines).encode("latin-1"))
    return str(target)


@pytest.fixture(scope="module")
def db(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("results") / "results.sqlite"


def test_the_bundled_fix(db: Path) -> None:
    have("linux-5.10.y")
    _code, cells = run(db)
    seen = {name: (cell["apply"], cell["build"]) for name, cell in cells.items()}
    newest = next(name for name in cells if name.startswith("linux-7."))
    assert cells[newest]["apply"] == "already"
    for tree in ("linux-6.18.y", "linux-6.12.y", "linux-6.1.y"):
        assert seen[tree] in {("offset", "pass"), ("clean", "pass")}, (tree, cells[tree]["reason"])
        # the shipped mail had its white space restored, which marks it, and 6.6 may be out of reach; nothing else may
        assert [note for note in cells[tree]["notes"] if "restored from a text" not in note
                and not note.startswith("newer supported trees must have it too")] == []
    old = cells["linux-5.10.y"]
    assert seen["linux-5.10.y"] == ("rewritten", "pass"), old["reason"]
    hunk = "".join(line + "\n" for line in old["adapted"].split("\n")
                   if line.startswith(("+", "-")) and not line.startswith(("+++", "---", "-- ")))
    assert hunk == EXPECTED_5_10
    assert "exception_vmexit" in " ".join(old["notes"])     # what the helper tests and the raw field does not
    for tree in ("linux-6.6.y", "linux-5.15.y"):
        if cells[tree]["apply"] == "no-tree":
            assert cells[tree]["reason"]


def test_a_second_run_does_no_work(db: Path, tmp_path: Path) -> None:
    """Every cell is read back, and neither apt nor a compiler is started."""
    have("linux-5.10.y")
    run(db)
    calls = tmp_path / "calls"
    for name in ("apt-get", "apt-cache", "make", "curl", "wget"):
        program = tmp_path / "bin" / name
        program.parent.mkdir(exist_ok=True)
        program.write_text(f"#!/bin/sh\necho {name} >> {calls}\nexit 1\n")
        program.chmod(0o755)
    _code, cells = run(db, PATH=f"{tmp_path / 'bin'}:{os.environ['PATH']}")
    assert all(cell["cached"] for cell in cells.values() if cell["apply"] != "no-tree")
    assert not calls.exists(), calls.read_text()


@pytest.mark.parametrize("series", ["6.1", "5.10"])
def test_what_changes_in_the_machine_code_stands_beside_upstreams_own(db: Path, tmp_path: Path, series: str) -> None:
    tree, function = f"linux-{series}.y", "kvm_arch_vcpu_ioctl_set_guest_debug"
    have(tree)
    _code, cells = run(db)
    told = cells[tree]["detail"]["functions"]
    assert told["here"] == [function]
    assert (told["upstream"]["functions"], told["upstream"]["reason"]) == ([function], "")
    there = told["upstream"]["tree"]
    shown = subprocess.run([sys.executable, "-m", "backport", "show", "--db", str(db), "--cell", "injected", series],
                           cwd=ROOT, capture_output=True, check=False).stdout.decode()
    assert f"This tree: {function}\n" in shown
    assert f"Upstream's patch, {there}: the same: {function}\n" in shown
    subprocess.run([sys.executable, "-m", "backport", "show", "--db", str(db), "--format", "html", "--output",
                    str(tmp_path / "site")], cwd=ROOT, capture_output=True, check=False)
    (page,) = (tmp_path / "site/patches").iterdir()
    assert f"<dt>This tree</dt><dd>{function}</dd>" in page.read_text()
    assert f"{there}</dt><dd>the same: {function}</dd>" in page.read_text()


def test_a_configuration_is_a_column_with_a_key_and_a_baseline_of_its_own(db: Path) -> None:
    have("linux-6.1.y")
    run(db)
    command = [sys.executable, "-m", "backport", "run", "--format", "json", "--db", str(db), "--offline",
               "--tree", "6.1", "--config", "kvm-builtin,kvm-modules"]
    for first in (True, False):
        cells = json.loads(subprocess.run(command, cwd=ROOT, capture_output=True, check=False).stdout)["cells"]
        assert [(cell["tree"], cell["config"], cell["build"], cell["cached"]) for cell in cells] == [
            ("linux-6.1.y", "kvm-builtin", "pass", True), ("linux-6.1.y", "kvm-modules", "pass", not first)]
    assert cells[1]["detail"]["build"]["config"] == "x86_64_defconfig + kvm-modules"
    assert cells[0]["detail"]["functions"] == cells[1]["detail"]["functions"]


def test_a_compile_error_is_fail_with_its_line(db: Path, tmp_path: Path) -> None:
    patch = edit(tmp_path, "linux-6.1.y", X86, b"r = -EBUSY;", b"r = backport_undeclared;")
    code, cells = run(db, patch, "--tree", "6.1")
    cell = cells["linux-6.1.y"]
    assert (code, cell["build"]) == (1, "fail"), cell["reason"]
    assert "backport_undeclared" in json.dumps(cell["detail"]["build"])


def test_a_warning_is_warn(db: Path, tmp_path: Path) -> None:
    patch = edit(tmp_path, "linux-6.1.y", X86, b"int kvm_arch_vcpu_ioctl_set_guest_debug(",
                 b"static int backport_unused;\n\nint kvm_arch_vcpu_ioctl_set_guest_debug(")
    code, cells = run(db, patch, "--tree", "6.1")
    assert (code, cells["linux-6.1.y"]["build"]) == (1, "warn"), cells["linux-6.1.y"]["reason"]


def test_a_file_of_another_architecture_is_compiled_for_it_or_for_none(db: Path, tmp_path: Path) -> None:
    patch = edit(tmp_path, "linux-6.1.y", "arch/arm64/kvm/arm.c", b"return -EINVAL;", b"return -ENODEV;")
    code, cells = run(db, patch, "--tree", "6.1")
    cell = cells["linux-6.1.y"]
    assert (code, cell["build"], cell["reason"]) == (0, "pass", "1 fresh object: arch/arm64/kvm/arm.o")
    # no compiler for it is known here
    other = edit(tmp_path, "linux-6.1.y", "arch/alpha/kernel/time.c", b"#include <linux/errno.h>", b"")
    code, cells = run(db, other, "--tree", "6.1")
    cell = cells["linux-6.1.y"]
    assert (code, cell["build"]) == (1, "not-compiled"), cell["reason"]
    assert "arch/alpha" in cell["reason"]


def test_kill_9_in_the_middle_of_a_build(db: Path, tmp_path: Path) -> None:
    """The next run uses the same store, work tree and build directory without help."""
    patch = edit(tmp_path, "linux-6.1.y", X86, b"r = -EBUSY;", b"r = -EAGAIN;")
    process = subprocess.Popen(
        [sys.executable, "-m", "backport", "run", "--db", str(db), "--offline", "--tree", "6.1", patch],
        cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True)
    time.sleep(5)
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    other = edit(tmp_path, "linux-6.1.y", X86, b"r = -EBUSY;", b"r = -EINTR;")
    _code, cells = run(db, other, "--tree", "6.1")
    assert (cells["linux-6.1.y"]["apply"], cells["linux-6.1.y"]["build"]) == ("clean", "pass")
