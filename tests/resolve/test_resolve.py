"""`backport resolve`: a conflict of the manifest's tree is laid out, resolved, and not met again."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from backport.cli import cli
from backport.errors import BackportError
from tests.support.clones import Kernel

MANIFEST = """trees:
  - name: upstream
    series: "7.0"
    upstream: true
    sources: [{{local: {path}, branch: master}}]
  - name: linux-6.1.y
    series: "6.1"
    sources: [{{local: {path}, branch: linux-6.1.y}}]
  - name: linux-5.10.y
    series: "5.10"
    sources: [{{local: {path}, branch: linux-5.10.y}}]
"""


def backport(*args: str) -> Result:
    result = CliRunner().invoke(cli, args, standalone_mode=False)
    if result.exception is not None and not isinstance(result.exception, BackportError):
        raise result.exception
    result.exit_code = result.exception.exit_code if isinstance(result.exception, BackportError) \
        else int(result.return_value or 0)
    return result


@pytest.fixture
def desk(kernel: Kernel, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A directory with a manifest, the patch that is in conflict, and the name of a person."""
    (tmp_path / "gitconfig").write_text("[user]\nname = A Developer\nemail = dev@example.org\n")
    place = tmp_path / "desk"
    (place / "patches").mkdir(parents=True)
    (place / "trees.yaml").write_text(MANIFEST.format(path=kernel.path))
    (place / "patches/foo.patch").write_text(kernel.run("format-patch", "-1", "--stdout", kernel.fixes["foo"]) + "\n")
    monkeypatch.chdir(place)
    return place


def test_a_resolution_is_used_by_the_next_run_and_for_the_older_tree(kernel: Kernel, desk: Path) -> None:
    first = backport("resolve", "patches/foo.patch", "--tree", "6.1", "-o", "work", "--no-build")
    assert first.exit_code == 1, first.stderr
    work = Kernel.__new__(Kernel)
    work.path, work.git, work.env = desk / "work", kernel.git, {}
    work.resolve()
    kernel.run("-C", str(work.path), "add", "drivers/foo.c")
    done = work.pick("--continue", "--note", "the one line")
    assert done.exit_code == 0
    assert "resolved" in done.stdout                     # the cell of the tree, and the mail for it
    assert "[ the one line ]" in (desk / "outgoing/6.1-foo-take-use-as-it-is.mbox").read_text()
    assert (desk / "patches/foo-take-use-as-it-is.resolved/6.1.patch").is_file()
    for tree in ("6.1", "5.10"):
        again = backport("adapt", "patches/foo.patch", "--tree", tree)
        assert again.exit_code == 0, again.stderr
        assert "+\tknown->use = fresh->use;" in again.stdout
        assert "A Developer" in again.stderr
        assert "the one line ]" in again.stdout
    assert "[ the one line ]" in backport("adapt", "patches/foo.patch", "--tree", "6.1").stdout
    ran = backport("run", "patches/foo.patch", "--no-build", "-f", "json", "-q")
    outcome = {cell["tree"]: cell["apply"] for cell in json.loads(ran.stdout)["cells"]}
    assert outcome == {"upstream": "already", "linux-6.1.y": "resolved", "linux-5.10.y": "merged"}
    whole = backport("run", "--no-build")                 # the directory beside the patch is no patch
    assert "skipped patches" not in whole.stderr
    assert "A Developer <dev@example.org>" in whole.stdout


def test_what_fits_leaves_nothing_to_resolve(kernel: Kernel, desk: Path) -> None:
    (desk / "patches/bar.patch").write_text(kernel.run("format-patch", "-1", "--stdout", kernel.fixes["bar"]) + "\n")
    done = backport("resolve", "patches/bar.patch", "--tree", "6.1", "-o", "work")
    assert done.exit_code == 0
    assert "nothing to resolve" in done.stderr


def test_a_directory_that_is_there_is_left_alone(desk: Path) -> None:
    (desk / "work").mkdir()
    (desk / "work/mine").write_text("mine")
    done = backport("resolve", "patches/foo.patch", "--tree", "6.1", "-o", "work")
    assert done.exit_code == 2
    assert [path.name for path in (desk / "work").iterdir()] == ["mine"]


def test_adapt_without_a_mail_stops_a_line_with_and(kernel: Kernel, desk: Path) -> None:
    kernel.pick(kernel.fixes["bar"])
    (desk / "patches/bar.patch").write_text(kernel.run("format-patch", "-1", "--stdout", kernel.fixes["bar"]) + "\n")
    done = backport("adapt", "patches/bar.patch", "--tree", "6.1")
    assert (done.exit_code, done.stdout) == (4, "")
    assert "already" in done.stderr


def test_adapt_takes_the_series_of_the_clone_around_it(kernel: Kernel, desk: Path,
                                                       monkeypatch: pytest.MonkeyPatch) -> None:
    patch = desk / "bar.patch"
    patch.write_text(kernel.run("format-patch", "-1", "--stdout", kernel.fixes["bar"]) + "\n")
    monkeypatch.chdir(kernel.path / "drivers")
    done = backport("adapt", str(patch), "--manifest", str(desk / "trees.yaml"))
    assert done.exit_code == 0, done.stderr
    assert "[PATCH 6.1.y]" in done.stdout


@pytest.mark.parametrize("output", ["nowhere/out.eml", "patches"])
def test_adapt_tests_its_output_before_any_work(desk: Path, output: str) -> None:
    done = backport("adapt", "nonsense.patch", "--tree", "6.1", "-o", output)
    assert done.exit_code == 2
    assert "cannot write" in str(done.exception)


def test_a_kill_in_the_middle_leaves_no_half_clone(kernel: Kernel, desk: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Half a clone was `there already`, and `backport pick --continue` in it said that no pick is under way."""
    from backport.resolve import desk as clones

    class Killed(BaseException):
        pass

    def killed(*_args: object) -> None:
        raise Killed

    with monkeypatch.context() as patched:
        patched.setattr(clones, "check_out_around", killed)
        patched.setattr(clones.shutil, "rmtree", lambda *_args, **_more: None)      # kill -9 runs no cleaning up
        with pytest.raises(Killed):
            CliRunner().invoke(cli, ["resolve", "patches/foo.patch", "--tree", "6.1", "-o", "work", "--no-build"],
                               standalone_mode=False, catch_exceptions=False)
    assert not (desk / "work").exists()
    assert len(list(desk.glob(".backport-clone-*"))) == 1
    assert backport("resolve", "patches/foo.patch", "--tree", "6.1", "-o", "work", "--no-build").exit_code == 1
    assert (desk / "work/drivers/foo.c").is_file()


def test_a_kill_between_the_commit_and_the_mail_loses_no_mail(kernel: Kernel, desk: Path,
                                                             monkeypatch: pytest.MonkeyPatch) -> None:
    """--continue said only that no pick is under way."""
    from backport.commands import pick

    class Killed(BaseException):
        pass

    def killed(*_args: object) -> int:
        raise Killed

    assert backport("resolve", "patches/foo.patch", "--tree", "6.1", "-o", "work", "--no-build").exit_code == 1
    work = Kernel.__new__(Kernel)
    work.path, work.git, work.env = desk / "work", kernel.git, {}
    work.resolve()
    kernel.run("-C", str(work.path), "add", "drivers/foo.c")
    with monkeypatch.context() as patched:
        patched.setattr(pick, "_carried_on", killed)
        with pytest.raises(Killed):
            work.pick("--continue", "--note", "the one line")
    made = kernel.run("-C", str(work.path), "rev-parse", "HEAD")
    again = work.pick("--continue")
    assert again.exit_code == 0, again.stderr
    assert f"with the commit {made[:12]}" in again.stderr
    assert "[ the one line ]" in (desk / "outgoing/6.1-foo-take-use-as-it-is.mbox").read_text()
    assert kernel.run("-C", str(work.path), "rev-parse", "HEAD") == made


@pytest.mark.parametrize("turn", ["--abort", "--quit"])
def test_continue_after_the_pick_was_given_up_ends_nothing(kernel: Kernel, desk: Path, turn: str) -> None:
    assert backport("resolve", "patches/foo.patch", "--tree", "6.1", "-o", "work", "--no-build").exit_code == 1
    work = Kernel.__new__(Kernel)
    work.path, work.git, work.env = desk / "work", kernel.git, {}
    assert work.pick(turn).exit_code == 0
    done = work.pick("--continue")
    assert done.exit_code == 2
    assert "no pick is under way" in done.stderr
    assert not (desk / "outgoing").exists()
