"""`backport pick` where the clone, the disk or the process is not as one would wish."""

from __future__ import annotations

import json
import os
import signal
import stat
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from backport.errors import UserError
from backport.git import Git, GitResult, UserGit
from backport.pick import commits
from backport.pick.clone import find, on_loan
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


def test_a_partial_clone_is_told_what_to_fetch(kernel: Kernel, tmp_path: Path) -> None:
    """Nothing is damaged there, and nothing is asked of the network file by file."""
    kernel.run("config", "uploadpack.allowFilter", "true")
    kernel.run("config", "uploadpack.allowAnySHA1InWant", "true")
    kernel.run("clone", "--quiet", "--filter=blob:none", "--branch=linux-6.1.y", f"file://{kernel.path}",
               str(tmp_path / "part"))
    part = Kernel.__new__(Kernel)
    part.path, part.git, part.env, part.fixes = tmp_path / "part", UserGit(tmp_path / "part"), {}, kernel.fixes
    for name, value in (("user.name", "A Developer"), ("user.email", "dev@example.org")):
        part.run("config", name, value)
    part.run("branch", "--quiet", "master", "origin/master")
    done = part.pick(kernel.fixes["bar"])
    assert done.exit_code == 2
    assert "is a partial clone" in done.stderr
    assert "git fetch --refetch --no-filter" in done.stderr
    part.run("fetch", "--quiet", "--refetch", "--no-filter")
    assert part.pick(kernel.fixes["bar"]).exit_code == 0


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


@pytest.mark.parametrize("how", ["--abort", "--continue"])
def test_a_kill_between_the_files_and_the_index_is_mended(kernel: Kernel, how: str) -> None:
    """`Entry 'drivers/bar.c' not uptodate. Cannot merge.` was the answer to --abort and to --continue."""
    before = kernel.everything()
    kernel.pick(kernel.fixes["foo"], kernel.fixes["bar"])              # a conflict: the state is there
    kernel.resolve()
    kernel.run("add", "drivers/foo.c")
    start, index = kernel.run("rev-parse", "HEAD"), (kernel.path / ".git/index").read_bytes()
    with pytest.MonkeyPatch.context() as killed:
        killed.setattr(commits, "move_ref", _killed)
        with pytest.raises(RuntimeError):
            kernel.pick("--continue")
    made = json.loads((kernel.path / ".git/backport-pick/state.json").read_text())
    kernel.run("cat-file", "-e", made["tip"])
    assert (kernel.run("rev-parse", "HEAD"), made["moved"]) == (start, start)
    (kernel.path / ".git/index").write_bytes(index)
    done = kernel.pick(how)
    assert done.exit_code == 0, done.stderr
    if how == "--abort":
        assert {name: told for name, told in kernel.everything().items() if name != "index"} == {
            name: told for name, told in before.items() if name != "index"}
    else:
        assert kernel.run("log", "--format=%s", f"{start}..HEAD").split("\n") == ["bar: the limit is nine",
                                                                                  "foo: take use as it is"]
    assert kernel.run("status", "--porcelain") == STATUS.strip("\n")


def test_files_that_a_kill_left_half_moved_are_told_from_the_users(kernel: Kernel) -> None:
    start = kernel.run("rev-parse", "HEAD")
    assert kernel.pick(kernel.fixes["bar"]).exit_code == 0
    done, text = kernel.run("rev-parse", "HEAD"), kernel.read("drivers/bar.c")
    kernel.run("update-ref", "HEAD", start)
    kernel.run("read-tree", start)                                     # the file is the new one, the index the old one
    clone = find(kernel.path)
    kernel.write({"drivers/bar.c": text + "mine\n"})
    with pytest.raises(UserError, match="files of yours are in the way"):
        commits.move_here(clone, kernel.git, start, done, "x")
    assert kernel.read("drivers/bar.c") == text + "mine\n"
    kernel.write({"drivers/bar.c": text[:40]})                         # killed in the middle of its write
    commits.move_here(clone, kernel.git, start, done, "x")
    assert kernel.read("drivers/bar.c") == text
    assert kernel.run("rev-parse", "HEAD") == done
    assert kernel.run("status", "--porcelain") == STATUS.strip("\n")


def test_a_killed_abort_can_be_asked_again(kernel: Kernel, monkeypatch: pytest.MonkeyPatch) -> None:
    """HEAD is not where the pick left it, it said of the place where it had put it itself."""
    before = kernel.everything()
    assert kernel.pick(kernel.fixes["bar"], kernel.fixes["foo"]).exit_code == 1
    with monkeypatch.context() as killed:
        killed.setattr("backport.pick.turn.state.forget", _killed)
        with pytest.raises(RuntimeError):
            kernel.pick("--abort")
    assert kernel.pick("--abort").exit_code == 0
    assert kernel.everything() == before


def _killed(*_args: object) -> None:
    raise RuntimeError("killed")


def test_a_resolution_that_was_touched_after_git_add_is_taken(kernel: Kernel) -> None:
    """It was `changed and not staged`, as was every file of a clone that somebody had copied."""
    assert kernel.pick(kernel.fixes["foo"]).exit_code == 1
    kernel.resolve()
    kernel.run("add", "drivers/foo.c")
    os.utime(kernel.path / "drivers/foo.c", (1, 1))
    done = kernel.pick("--continue")
    assert done.exit_code == 0, done.stderr


def test_a_working_repository_is_whole_or_not_there(kernel: Kernel, tmp_path: Path,
                                                    monkeypatch: pytest.MonkeyPatch) -> None:
    """git does not finish one that a kill left between its HEAD and its configuration."""
    clone = find(kernel.path)
    with monkeypatch.context() as killed:
        real = Git.run

        def run(git: Git, *args: str, **more: Any) -> GitResult:
            if args[0] == "config":
                raise KeyboardInterrupt
            return real(git, *args, **more)

        killed.setattr(Git, "run", run)
        with pytest.raises(KeyboardInterrupt):
            on_loan(clone, tmp_path / "cache")
    assert not list((tmp_path / "cache").glob("*.git"))
    with Git(on_loan(clone, tmp_path / "cache")) as git:
        assert git.run("config", "gc.auto").text == "0"
    assert stat.S_IMODE((tmp_path / "cache").stat().st_mode) == 0o700
