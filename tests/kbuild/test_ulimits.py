"""The limits of the calling shell, and a bubblewrap that fails: not the patch's fault, and no leave to go without."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from backport.errors import BuildError
from backport.kbuild import failure, make, sandbox
from backport.kbuild.make import Exited
from backport.kbuild.sandbox import choose
from backport.verdict import Build
from tests.kbuild.conftest import Bench
from tests.support.fakekernel import git

X86 = "arch/x86/kvm/x86.c"

needs_bubblewrap = pytest.mark.skipif(bool(sandbox.probe()), reason=f"no sandbox on this machine: {sandbox.probe()}")


def under(limit: str, code: str) -> str:
    """stdout of a Python under a limit of the shell."""
    done = subprocess.run(["bash", "-c", f'ulimit {limit} && exec "$0" -c "$1"', sys.executable, code],
                          capture_output=True, text=True, check=True)
    return done.stdout.strip()


@pytest.mark.parametrize(("limit", "said"), [
    ("-v 3000000", "virtual memory 3000000 (ulimit -v)"), ("-f 100000", "file size 100000 (ulimit -f)"),
    ("-u 700", "processes 700 (ulimit -u)"), ("-n 100", "open files 100 (ulimit -n)"),
    ("-t 600", "processor time 600 (ulimit -t)"), ("-d 2000000", "data 2000000 (ulimit -d)")])
def test_each_limit_that_a_build_can_hit_is_named(limit: str, said: str) -> None:
    asked = "from backport.kbuild.sandbox import Limits, lowered; print(lowered(Limits()))"
    assert said in under(limit, asked)
    assert said not in under("-c 0", asked)


@needs_bubblewrap
@pytest.mark.parametrize("limit", ["-v 3000000", "-f 100000", "-u 3000"])
def test_a_lower_limit_does_not_cost_the_sandbox(limit: str) -> None:
    assert under(limit, "from backport.kbuild.sandbox import choose; print(choose().kind)") == "bubblewrap"


@pytest.fixture
def bwrap(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A made-up bubblewrap; write what it does."""
    script = tmp_path / "bin" / "bwrap"
    script.parent.mkdir()
    script.write_text("#!/bin/sh\nexit 0\n")
    script.chmod(0o755)
    monkeypatch.setenv("PATH", f"{script.parent}:/usr/bin:/bin")
    sandbox.probe.cache_clear()
    yield script
    sandbox.probe.cache_clear()


@pytest.mark.parametrize("said", [
    "Creating new namespace failed: Resource temporarily unavailable",
    "Can't fork for pid 1: Resource temporarily unavailable", "Out of memory",
    "Can't create file /x: Too many open files", "error while loading shared libraries: libcap.so.2: "
    "cannot map zero-fill pages: Cannot allocate memory", "execvp prlimit: No such file or directory"])
def test_a_bubblewrap_that_fails_is_not_one_that_is_missing(bwrap: Path, said: str) -> None:
    bwrap.write_text(f'#!/bin/sh\necho "bwrap: {said}" >&2\nexit 1\n')
    with pytest.raises(BuildError) as raised:
        choose()
    assert said in raised.value.message
    assert "ulimit" in raised.value.hint


def test_a_bubblewrap_that_is_killed_is_not_one_that_is_missing(bwrap: Path) -> None:
    bwrap.write_text("#!/bin/sh\nkill -KILL $$\n")
    with pytest.raises(BuildError):
        choose()


@pytest.mark.parametrize("said", [
    "No permissions to create new namespace, likely because the kernel does not allow non-privileged user namespaces.",
    "Creating new namespace failed: Operation not permitted", "setting up uid map: Permission denied",
    "Failed to make / slave: Operation not permitted", "loopback: Failed RTM_NEWADDR: Operation not permitted",
    "Creating new namespace failed: No space left on device"])
def test_a_machine_that_forbids_namespaces_builds_without_and_says_so(bwrap: Path, bench: Bench, said: str) -> None:
    bwrap.write_text(f'#!/bin/sh\necho "bwrap: {said}" >&2\nexit 1\n')
    assert choose().kind == "none"
    result = bench.build(bench.edit(X86, "return 0", "return 1"), compared=False)
    assert (result.verdict, result.sandbox) == (Build.PASS, "none")
    assert any(note.startswith("built without a sandbox: ") and said in note for note in result.notes)


@pytest.fixture
def low(monkeypatch: pytest.MonkeyPatch) -> None:
    """As if the calling shell had a limit, which a process cannot raise again."""
    monkeypatch.setattr(make, "lowered", lambda _limits: "file size 1 (ulimit -f)")


def test_what_fails_under_a_limit_is_no_verdict(bench: Bench, low: None) -> None:
    broken = bench.edit(X86, "return 0", "return no_such_name")
    result = bench.build(broken, compared=False)
    assert result.verdict is Build.ERROR
    assert "file size 1 (ulimit -f)" in result.reason
    assert result.hint == failure.LOWERED
    assert bench.build(bench.edit(X86, "return 0", "return 1"), compared=False).verdict is Build.PASS


def test_a_baseline_that_fails_under_a_limit_is_not_kept(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    (bench.source / X86).write_text(bench.read(X86) + "int broken = no_such_name;\n")
    git(bench.source, "commit", "-qam", "broken")
    patch = bench.edit(X86, "return 0", "return 1")
    with monkeypatch.context() as limited:
        limited.setattr(make, "lowered", lambda _limits: "file size 1 (ulimit -f)")
        assert bench.build(patch, compared=False).verdict is Build.ERROR
    assert not (bench.home / "baseline.json").exists()
    assert bench.build(patch, compared=False).verdict is Build.BASELINE_BROKEN


def test_success_under_a_limit_is_success() -> None:
    assert failure.trouble(Exited(0, b"", 1.0, lowered="file size 1 (ulimit -f)")) is None
    assert failure.trouble(Exited(2, b"x.c:1:1: error: no", 1.0)) is None
