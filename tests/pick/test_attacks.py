"""`backport pick` where the clone, the disk or the process is not as one would wish."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.clones import Kernel

STATUS = " M drivers/mine.c\n?? untracked.txt"


def start(kernel: Kernel, *args: str, limit: str = "") -> subprocess.Popen[bytes]:
    """`backport pick` as a process of its own."""
    words = [sys.executable, "-m", "backport", "pick", *args]
    if limit:
        words = ["/bin/sh", "-c", f'{limit}; exec "$@"', "sh", *words]
    return subprocess.Popen(words, cwd=kernel.path, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                            env={**os.environ, "PYTHONPATH": str(Path(__file__).resolve().parents[2])})


@pytest.mark.parametrize(("number", "after"), [(signal.SIGKILL, "onto"), (signal.SIGINT, "[1/2]"),
                                               (signal.SIGTERM, "[2/2]"), (signal.SIGKILL, "[2/2]")])
def test_a_pick_that_is_stopped_can_be_put_back(kernel: Kernel, number: signal.Signals, after: str) -> None:
    before = kernel.everything()
    process = start(kernel, kernel.fixes["bar"], kernel.fixes["foo"])
    assert process.stderr is not None
    for line in process.stderr:
        if line.decode().startswith(after):
            break
    process.send_signal(number)
    process.communicate()
    if (kernel.path / ".git/backport-pick/state.json").is_file():
        done = kernel.pick("--abort")
        assert done.exit_code == 0, done.stderr
    assert kernel.everything() == before
    assert kernel.pick(kernel.fixes["bar"]).exit_code == 0               # nothing of the first one is in the way


def test_a_full_disk_leaves_the_clone_as_it_was(kernel: Kernel) -> None:
    before = kernel.everything()
    process = start(kernel, kernel.fixes["bar"], limit="ulimit -f 0")
    _out, told = process.communicate()
    assert process.returncode == 3, told
    assert b"Traceback" not in told
    assert kernel.everything() == before


@pytest.mark.skipif(os.geteuid() == 0, reason="root writes anywhere, whatever the mode")
def test_a_clone_that_is_only_read_gives_a_mail(kernel: Kernel) -> None:
    for folder in (kernel.path, *kernel.path.rglob("*")):
        if folder.is_dir():
            folder.chmod(0o555)
    try:
        assert kernel.pick(kernel.fixes["bar"], "--mail").exit_code == 0
        assert kernel.pick(kernel.fixes["bar"]).exit_code == 3
    finally:
        for folder in (kernel.path, *kernel.path.rglob("*")):
            if folder.is_dir():
                folder.chmod(0o755)


def test_a_shallow_clone_picks_a_mail(kernel: Kernel, tmp_path: Path) -> None:
    mail = tmp_path / "bar.eml"
    mail.write_text(kernel.run("format-patch", "-1", "--stdout", kernel.fixes["bar"]) + "\n")
    kernel.run("clone", "--quiet", "--depth=1", "--branch=linux-6.1.y", f"file://{kernel.path}", str(tmp_path / "cut"))
    cut = Kernel.__new__(Kernel)
    cut.path, cut.git, cut.env = tmp_path / "cut", kernel.git, {}
    for name, value in (("user.name", "A Developer"), ("user.email", "dev@example.org")):
        kernel.run("-C", str(cut.path), "config", name, value)
    done = cut.pick(str(mail))
    assert done.exit_code == 0, done.stderr
    assert "not among the branches" in done.stderr
    assert "return 9;" in cut.read("drivers/bar.c")


def test_files_that_a_sparse_clone_leaves_out_change_in_the_commit_alone(kernel: Kernel) -> None:
    kernel.run("checkout", "--quiet", "drivers/mine.c")
    kernel.run("sparse-checkout", "set", "--cone", "include")
    assert not (kernel.path / "drivers/bar.c").exists()
    assert kernel.pick(kernel.fixes["bar"]).exit_code == 0
    assert not (kernel.path / "drivers/bar.c").exists()
    assert "return 9;" in kernel.run("show", "HEAD:drivers/bar.c")
    before = kernel.everything()
    assert kernel.pick(kernel.fixes["foo"]).exit_code == 1
    assert "<<<<<<<" in kernel.read("drivers/foo.c")
    kernel.resolve()
    kernel.run("add", "--sparse", "drivers/foo.c")
    assert kernel.pick("--continue").exit_code == 0
    assert kernel.everything() != before


def test_line_ends_that_git_converts_are_converted_here_too(kernel: Kernel) -> None:
    kernel.run("config", "core.autocrlf", "true")
    kernel.run("checkout", "--quiet", "linux-5.10.y", "--force")
    kernel.run("checkout", "--quiet", "linux-6.1.y", "--force")
    (kernel.path / "drivers/bar.c").unlink()
    (kernel.path / "drivers/foo.c").unlink()
    kernel.run("checkout", "--quiet", "--", "drivers")
    assert kernel.pick(kernel.fixes["bar"]).exit_code == 0
    assert b"return 9;\r\n" in (kernel.path / "drivers/bar.c").read_bytes()
    assert "\r" not in kernel.git.run("show", "HEAD:drivers/bar.c").out.decode()
    assert kernel.pick(kernel.fixes["foo"]).exit_code == 1
    assert b"\r\n" in (kernel.path / "drivers/foo.c").read_bytes()
    assert kernel.pick("--continue").exit_code == 1


def test_a_signature_that_cannot_be_made_stops_before_anything_moved(kernel: Kernel) -> None:
    kernel.run("config", "commit.gpgsign", "true")
    kernel.run("config", "gpg.program", "/bin/false")
    before = kernel.everything()
    done = kernel.pick(kernel.fixes["bar"])
    assert done.exit_code == 2
    assert "commit.gpgsign" in done.stderr
    assert kernel.everything() == before


def test_without_a_name_nothing_begins(kernel: Kernel, monkeypatch: pytest.MonkeyPatch) -> None:
    kernel.run("config", "--unset", "user.name")
    kernel.run("config", "--unset", "user.email")
    kernel.run("config", "user.useConfigOnly", "true")
    for name in ("GIT_COMMITTER_NAME", "GIT_COMMITTER_EMAIL", "EMAIL"):
        monkeypatch.delenv(name, raising=False)
    before = kernel.everything()
    done = kernel.pick(kernel.fixes["bar"])
    assert done.exit_code == 2
    assert "user.name" in done.stderr
    assert kernel.everything() == before


def test_a_head_that_moved_meanwhile_is_left_alone(kernel: Kernel) -> None:
    kernel.pick(kernel.fixes["foo"])
    kernel.run("reset", "--quiet", "--hard", "linux-5.10.y")
    done = kernel.pick("--continue")
    assert done.exit_code == 2
    assert "HEAD is not where the pick left it" in done.stderr
    done = kernel.pick("--abort")
    assert done.exit_code == 2
    assert kernel.pick("--quit").exit_code == 0


def test_the_first_words_come_before_the_answer(kernel: Kernel) -> None:
    process = start(kernel, kernel.fixes["bar"])
    assert process.stderr is not None
    assert process.stderr.readline().startswith(b"onto linux-6.1.y")
    process.communicate()
    assert process.returncode == 0
