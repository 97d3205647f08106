"""A patch is a program: each attack is tried for real, and what it aimed at is looked at afterwards."""

from __future__ import annotations

import re
import socket
import threading
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from backport.configuration import defaults
from backport.errors import BuildError, ManifestError
from backport.kbuild import sandbox
from backport.kbuild.make import Exited, Runner
from backport.kbuild.sandbox import Limits, Sandbox, choose
from backport.verdict import Build
from tests.kbuild.conftest import Bench
from tests.support.patience import LONG, runs, until

X86 = "arch/x86/kvm/x86.c"
MAKEFILE = "arch/x86/kvm/Makefile"

needs_bubblewrap = pytest.mark.skipif(bool(sandbox.probe()), reason=f"no sandbox on this machine: {sandbox.probe()}")


def attack(bench: Bench, shell: str, **options: object) -> object:
    """Build a patch whose Makefile runs `shell` while make reads it."""
    return bench.build(bench.edit(MAKEFILE, "obj-y :=", f"attack := $(shell {shell})\nobj-y :="), compared=False,
                       **options)


@needs_bubblewrap
def test_shell_in_a_makefile_writes_nowhere_but_into_the_build_directory(bench: Bench, tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    bench.build(bench.edit(X86, "return 0", "return 1"), compared=False)
    pristine = bench.home / "pristine"
    before = {path: path.read_bytes() for path in pristine.rglob("*") if path.is_file()}
    marker = (bench.home / "baseline.json").read_bytes()
    places = (outside / "pwned", bench.source / "pwned", bench.source / X86, Path.home() / "backport-pwned",
              pristine / "arch/x86/kvm/x86.o", bench.home / "baseline.json", Path("/etc/backport-pwned"),
              Path("/usr/bin/backport-pwned"), Path("/backport-pwned"))
    text = bench.read(X86)
    attack(bench, "; ".join(f"echo pwned >{place}" for place in places) + "; echo here >made-by-the-attack")
    log = next(iter(sorted((bench.home / "logs").glob("*.log"), key=lambda path: path.stat().st_mtime, reverse=True)))
    assert log.is_file()
    assert [str(place) for place in places if place.exists() and place.read_bytes().startswith(b"pwned")] == []
    assert bench.read(X86) == text
    assert {path: path.read_bytes() for path in pristine.rglob("*") if path.is_file()} == before
    assert (bench.home / "baseline.json").read_bytes() == marker
    assert not (bench.home / "build/made-by-the-attack").exists()      # what it may write is removed again
    assert bench.status() == ""


@needs_bubblewrap
def test_what_only_reads_a_build_may_write_nothing_of_it(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    writable: dict[str, set[Path]] = {}
    run = Runner.run

    def watched(self: Runner, argv: Sequence[str], **options: Any) -> Exited:
        what = "list" if argv[-1] == "backport-lists" else "make" if argv[0] == "make" else \
            "preprocessor" if "-E" in argv else "comparison"
        writable.setdefault(what, set()).update(self.write)
        return run(self, argv, **options)

    monkeypatch.setattr(Runner, "run", watched)
    text = bench.read(X86).replace("return 0", "return 1").replace("return vcpu->id + 1;", "return vcpu->id + 2;")
    bench.build({X86: text, **bench.edit("drivers/net/dummy.c", "int dummy;", "int dummy = 1;")})
    assert writable.keys() == {"list", "make", "preprocessor", "comparison"}
    assert writable["list"] == writable["preprocessor"] == set()       # they read what a patch has made
    assert bench.home / "build" not in writable["comparison"]


@needs_bubblewrap
def test_the_attack_does_run_so_the_test_above_means_something(bench: Bench) -> None:
    result = bench.build(bench.edit(MAKEFILE, "obj-y :=", "$(info attack ran: $(shell echo yes))\nobj-y :="),
                         compared=False)
    assert "attack ran: yes" in Path(result.log).read_text()


@needs_bubblewrap
def test_no_network(bench: Bench) -> None:
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        server.listen()
        server.settimeout(0.2)
        port = server.getsockname()[1]
        attack(bench, f"bash -c 'echo hello >/dev/tcp/127.0.0.1/{port}'")
        with pytest.raises(TimeoutError):
            server.accept()


@needs_bubblewrap
def test_secrets_of_the_machine_do_not_reach_the_log(bench: Bench, tmp_path: Path) -> None:
    secret = tmp_path / "id_rsa"
    secret.write_text("TOP-SECRET-KEY\n")
    result = bench.build(bench.edit(X86, "#include \"x86.h\"\n", f"#include \"x86.h\"\n#include \"{secret}\"\n"),
                         compared=False)
    assert result.verdict is Build.FAIL
    assert "TOP-SECRET-KEY" not in Path(result.log).read_text()
    runner = Runner(choose(), Limits())
    seen = runner.run(["/bin/sh", "-c", "ls -d /home /root /etc/passwd /etc/shadow /var /run 2>/dev/null; env"],
                      cwd=Path("/"))
    assert not {"/home", "/root", "/etc/passwd", "/etc/shadow", "/var", "/run"} & set(seen.output.decode().split())
    assert "HOME=/nonexistent" in seen.output.decode()


@needs_bubblewrap
def test_a_daemon_that_a_build_leaves_behind_is_ended(bench: Bench) -> None:
    name = f"0.{time.time_ns()}"
    attack(bench, f"setsid sleep 1234{name} >/dev/null 2>&1 &")
    assert until(lambda: not runs(f"sleep 1234{name}"))


@needs_bubblewrap
def test_a_fork_bomb_is_an_error_and_ends() -> None:
    runner = Runner(choose(), Limits(processes=60, seconds=LONG))
    ended = runner.run(["/bin/sh", "-c", "i=0; while [ $i -lt 400 ]; do sleep 300 & i=$((i+1)); done; wait"],
                       cwd=Path("/"))
    assert ended.stopped == "more than 60 processes"


@pytest.mark.parametrize("kind", ["bubblewrap", "none"])
def test_too_much_memory_output_and_time_are_ended(kind: str) -> None:
    if kind == "bubblewrap" and sandbox.probe():
        pytest.skip(f"no sandbox on this machine: {sandbox.probe()}")
    box = Sandbox(kind)
    flood = Runner(box, Limits(output=1 << 20)).run(["yes"], cwd=Path("/"))
    assert flood.stopped == "more than 1 MiB of output"
    assert len(flood.output) <= 1 << 20
    slow = Runner(box, Limits(seconds=1)).run(["sleep", "60"], cwd=Path("/"))
    assert slow.stopped == "time-out after 1 s"
    # 300 MiB that are really touched, in a shell variable
    big = Runner(box, Limits(memory=150 << 20, seconds=LONG)).run(
        ["sh", "-c", "head -c 300000000 /dev/zero | tail -c 300000000 | sleep 300"], cwd=Path("/"))
    assert big.stopped == "more than 150 MiB of memory"


def test_a_file_over_the_limit_is_not_written(tmp_path: Path) -> None:
    runner = Runner(Sandbox("none"), Limits(file_size=1 << 20))
    ended = runner.run(["dd", "if=/dev/zero", f"of={tmp_path}/big", "bs=1M", "count=8"], cwd=tmp_path)
    assert ended.code != 0
    assert (tmp_path / "big").stat().st_size <= 1 << 20


def test_none_is_recorded_and_can_be_refused(bench: Bench) -> None:
    patch = bench.edit(X86, "return 0", "return 1")
    assert bench.build(patch, compared=False, sandbox="none").sandbox == "none"
    refused = bench.build(patch, compared=False, sandbox="none", require_sandbox=True)
    assert refused.verdict is Build.ERROR
    assert "sandbox" in refused.reason


def test_a_machine_without_bubblewrap_says_how_to_get_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sandbox, "probe", lambda: "bubblewrap is not installed")
    assert choose().kind == "none"
    with pytest.raises(BuildError) as caught:
        choose(require=True)
    assert "apt-get install bubblewrap" in caught.value.hint


def test_a_patch_cannot_write_through_a_symbolic_link(bench: Bench, tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    link = (b"diff --git a/link b/link\nnew file mode 120000\n--- /dev/null\n+++ b/link\n@@ -0,0 +1 @@\n+"
            + str(outside).encode() + b"\n\\ No newline at end of file\n"
            b"diff --git a/link/pwned.c b/link/pwned.c\nnew file mode 100644\n--- /dev/null\n+++ b/link/pwned.c\n"
            b"@@ -0,0 +1 @@\n+int pwned;\n")
    result = bench.build(link, compared=False)
    assert result.verdict is Build.ERROR
    assert list(outside.iterdir()) == []
    assert not (bench.source / "link").is_symlink()
    assert bench.status() == ""


@needs_bubblewrap
def test_a_link_planted_in_the_build_directory_is_not_followed_later(bench: Bench, tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "kvm_main.o").write_bytes(b"mine")
    attack(bench, f"rm -rf virt/kvm .config; ln -s {outside} virt/kvm; ln -s {outside}/kvm_main.o .config")
    assert (outside / "kvm_main.o").read_bytes() == b"mine"
    assert sorted(path.name for path in outside.iterdir()) == ["kvm_main.o"]
    assert not (bench.home / "build/virt/kvm").is_symlink()
    again = bench.build(bench.edit(X86, "return 0", "return 1"), compared=False)
    assert again.verdict is Build.PASS


def test_stopping_from_another_thread_leaves_no_process() -> None:
    """What a run with several jobs does: two builds at once, each ended on its own."""
    results: list[str] = []
    pause = f"61.{time.time_ns()}"           # another run of this test on the machine has another number

    def one() -> None:
        results.append(Runner(choose(), Limits(seconds=1)).run(["sleep", pause], cwd=Path("/")).stopped)

    threads = [threading.Thread(target=one) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert results == ["time-out after 1 s"] * 3
    assert until(lambda: not runs(f"sleep {pause}"))


@needs_bubblewrap
def test_a_build_has_no_capability_and_writes_nothing_beside_its_directories(tmp_path: Path) -> None:
    """bubblewrap's own root is a file system in memory: what may be written there may fill it."""
    runner = Runner(choose(), Limits(), write=(tmp_path,))
    seen = runner.run(["/bin/sh", "-c", "grep ^Cap /proc/self/status; touch /filled /etc/filled /home 2>&1; "
                       f"mkdir /made 2>&1; touch {tmp_path}/mine && ls /"], cwd=tmp_path)
    said = seen.output.decode()
    capabilities = {line.split()[0]: int(line.split()[1], 16) for line in said.splitlines() if line.startswith("Cap")}
    assert {name: value for name, value in capabilities.items() if name != "CapBnd:"} == dict.fromkeys(
        ("CapInh:", "CapPrm:", "CapEff:", "CapAmb:"), 0)
    assert capabilities["CapBnd:"] == 0
    assert said.count("Read-only file system") == 4, said
    assert not {"filled", "made", "home"} & set(said.split())
    assert (tmp_path / "mine").exists()


def test_the_sandbox_is_asked_for_every_wall(tmp_path: Path) -> None:
    """Also where this machine cannot start it, or where it gives a wall without being asked."""
    argv = Sandbox("bubblewrap").wrap(["make"], cwd=tmp_path, read=(Path("/src"),), write=(tmp_path,),
                                      env={"PATH": "/bin"}, limits=Limits())
    text = " ".join(argv)
    for wall in ("--unshare-all", "--die-with-parent", "--new-session", "--cap-drop ALL", "--clearenv",
                 "--ro-bind /src /src", f"--bind {tmp_path} {tmp_path}", "--tmpfs /tmp",
                 "--tmpfs /dev/shm --remount-ro /dev"):
        assert f" {wall} " in text, wall
    # behind every mount, or what is mounted later could be written
    last = {word: i for i, word in enumerate(argv)}
    assert last["--remount-ro"] > max(last["--bind"], last["--ro-bind"])
    assert argv[last["--remount-ro"] + 1] == "/"
    assert last["--remount-ro"] < argv.index("--")


@needs_bubblewrap
def test_dev_takes_no_files_and_shm_few(tmp_path: Path) -> None:
    """bubblewrap makes /dev a tmpfs of half the memory, outside the limit on files and memory."""
    runner = Runner(choose(), Limits(seconds=LONG))
    ended = runner.run(["/bin/sh", "-c", "echo x >/dev/evil; echo null >/dev/null && echo devices work; "
                        "head -c 100000000 /dev/zero >/dev/shm/evil; stat -c %s /dev/shm/evil"], cwd=Path("/"))
    told = ended.output.decode()
    assert "/dev/evil: Read-only file system" in told
    assert "devices work" in told
    assert int(told.split()[-1]) <= 16 << 20


@needs_bubblewrap
def test_a_setuid_file_does_not_outlive_the_build_and_is_out_of_reach_before(bench: Bench) -> None:
    attack(bench, "cp /bin/sh evil; chmod 6755 evil; ls -l evil >&2")
    left = [path for path in bench.home.rglob("*") if path.is_file() and path.lstat().st_mode & 0o6000]
    assert left == []
    assert bench.home.stat().st_mode & 0o077 == 0


def test_a_machine_that_had_a_sandbox_does_not_build_without_a_word(tmp_path: Path,
                                                                    monkeypatch: pytest.MonkeyPatch) -> None:
    seen = tmp_path / "cache" / "sandbox.seen"
    monkeypatch.setattr(sandbox, "probe", lambda: "bubblewrap is not installed")
    assert choose(seen=seen).kind == "none"          # a machine that never had one builds, and says so
    monkeypatch.setattr(sandbox, "probe", lambda: "")
    assert choose(seen=seen).kind == "bubblewrap"
    monkeypatch.setattr(sandbox, "probe", lambda: "bubblewrap is not installed")
    with pytest.raises(BuildError, match="now there is none") as met:
        choose(seen=seen)
    assert str(seen) in met.value.hint
    assert choose(seen=seen, want="none").kind == "none"


def test_the_user_says_what_one_build_may_use(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    assert Limits.of_user() == Limits()
    file = tmp_path / "backport" / "config.yaml"
    file.parent.mkdir()
    file.write_text("build: {memory: 6G, process-memory: 512M, processes: 64, file-size: 64M, output: 1M, time: 90m}\n")
    assert Limits.of_user() == Limits(6 << 30, 512 << 20, 64, 64 << 20, 1 << 20, 5400)
    file.write_text("build: {time: 2}\n")
    with pytest.raises(ManifestError, match=r"config\.yaml:1: .*'2' is too little"):
        Limits.of_user()


@pytest.mark.parametrize(("text", "said"), [
    ("memory: 6T", "'6T' is not a number"), ("memory: -1", "'-1' is not a number"), ("time: 1d", "units: s, m, h"),
    ("processes: 5G", "units: none"), ("cpu: 1", "cpu"), ("memory: 1", "too little")])
def test_a_mistake_in_the_limits_is_told_with_its_line_before_any_work(tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
                                                                       text: str, said: str) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    (tmp_path / "backport").mkdir()
    (tmp_path / "backport" / "config.yaml").write_text(f"jobs: 2\nbuild:\n  {text}\n")
    with pytest.raises(ManifestError, match=re.escape(said)) as met:
        defaults()
    assert met.value.line == 3
