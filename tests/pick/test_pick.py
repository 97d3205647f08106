"""`backport pick` in a clone: what it commits, what it leaves alone, what it refuses."""

from __future__ import annotations

import json
import signal
from pathlib import Path

import click
import pytest
from filelock import FileLock

from backport.pick import commits
from tests.support.clones import NEW, Kernel

KEPT = ".git/backport-resolutions"


def test_a_fix_that_fits_becomes_a_commit_with_author_date_and_upstream_line(kernel: Kernel) -> None:
    done = kernel.pick(kernel.fixes["bar"], "-s", here="drivers")
    assert done.exit_code == 0, done.stderr
    assert kernel.run("log", "-1", "--format=%an <%ae> %ad %cn", "--date=raw") == \
        "U <u@example.org> 1700000000 +0100 A Developer"
    assert kernel.run("log", "-1", "--format=%B").rstrip("\n") == (
        f"bar: the limit is nine\n\n[ Upstream commit {kernel.fixes['bar']} ]\n\nNine is enough.\n\n"
        "Signed-off-by: U <u@example.org>\nSigned-off-by: A Developer <dev@example.org>")
    assert "return 9;" in kernel.read("drivers/bar.c")
    assert kernel.run("status", "--porcelain") == " M drivers/mine.c\n?? untracked.txt"
    assert not (kernel.path / ".git/backport-pick").exists()


def test_the_first_words_name_branch_and_upstream(kernel: Kernel) -> None:
    told = kernel.pick(kernel.fixes["bar"]).stderr.split("\n")[0]
    assert told == "onto linux-6.1.y (6.1.1); upstream is master (7.0); stable branches: linux-6.1.y, linux-5.10.y"


def test_a_range_is_picked_oldest_first(kernel: Kernel) -> None:
    kernel.pick(f"{kernel.fixes['bar']}~1..{kernel.fixes['bar']}", kernel.fixes["start"])
    assert kernel.run("log", "-2", "--format=%s").split("\n") == ["foo: count from zero", "bar: the limit is nine"]


def test_another_branch_moves_and_the_work_tree_does_not(kernel: Kernel) -> None:
    before = kernel.everything()
    done = kernel.pick(kernel.fixes["bar"], "--onto", "linux-5.10.y")
    assert done.exit_code == 0, done.stderr
    assert "return 9;" in kernel.run("show", "linux-5.10.y:drivers/bar.c")
    after = kernel.everything()
    assert {name for name in before if before[name] != after[name]} == {"refs"}


def test_what_is_there_already_makes_no_commit(kernel: Kernel) -> None:
    kernel.pick(kernel.fixes["bar"])
    tip = kernel.run("rev-parse", "HEAD")
    done = kernel.pick(kernel.fixes["bar"])
    assert (done.exit_code, kernel.run("rev-parse", "HEAD")) == (0, tip)
    assert "already" in done.stderr
    assert tip[:12] in done.stderr


def test_a_fix_that_was_reverted_here_is_not_called_there(kernel: Kernel) -> None:
    kernel.pick(kernel.fixes["bar"])
    kernel.run("revert", "--no-edit", "HEAD")
    done = kernel.pick(kernel.fixes["bar"])
    assert "was reverted: check why" in " ".join(done.stderr.split())
    assert kernel.run("log", "-1", "--format=%s") == "bar: the limit is nine"


def test_a_commit_that_upstream_lacks_gets_no_upstream_line(kernel: Kernel) -> None:
    kernel.run("stash", "--quiet")
    kernel.run("checkout", "--quiet", "-b", "topic", "master")
    kernel.write({"drivers/bar.c": kernel.read("drivers/bar.c").replace("return 9;", "return 8;")})
    mine = kernel.commit("bar: eight")
    kernel.run("checkout", "--quiet", "linux-6.1.y")
    kernel.pick(kernel.fixes["bar"])
    assert kernel.pick(mine).exit_code == 0
    assert "Upstream" not in kernel.run("log", "-1", "--format=%B")
    assert mine not in kernel.run("log", "-1", "--format=%B")


def test_a_mail_on_stdin_and_a_mail_out(kernel: Kernel, tmp_path: Path) -> None:
    mail = tmp_path / "fix.eml"
    mail.write_text(kernel.run("format-patch", "-1", "--stdout", kernel.fixes["bar"]) + "\n")
    before = kernel.everything()
    done = kernel.pick(str(mail), "--mail")
    assert done.stdout.startswith("From ")
    assert "Subject: [PATCH 6.1.y] bar: the limit is nine" in done.stdout
    assert kernel.everything() == before
    again = tmp_path / "out.eml"
    again.write_text(done.stdout)
    kernel.run("am", "--quiet", str(again))
    assert kernel.run("log", "-1", "--format=%s") == "bar: the limit is nine"


def test_a_dirty_file_that_the_fix_changes_is_not_touched(kernel: Kernel) -> None:
    kernel.write({"drivers/bar.c": "mine\n"})
    before = kernel.everything()
    done = kernel.pick(kernel.fixes["bar"])
    assert done.exit_code == 2
    assert "drivers/bar.c" in done.stderr
    assert kernel.everything() == before


def test_staged_changes_in_other_files_stay_staged(kernel: Kernel) -> None:
    kernel.run("add", "drivers/mine.c")
    assert kernel.pick(kernel.fixes["bar"]).exit_code == 0
    assert kernel.run("status", "--porcelain") == "M  drivers/mine.c\n?? untracked.txt"


def test_a_conflict_stands_in_the_index_and_in_the_file(kernel: Kernel) -> None:
    done = kernel.pick(kernel.fixes["foo"])
    assert done.exit_code == 1
    rows = kernel.run("ls-files", "--unmerged").split("\n")
    assert [row.split()[2] for row in rows] == ["1", "2", "3"]
    assert rows[0].endswith("drivers/foo.c")
    text = kernel.read("drivers/foo.c")
    assert all(mark in text for mark in ("<<<<<<< ours", "||||||| before", "=======", ">>>>>>> "))
    assert not list(kernel.path.rglob("*.rej"))
    assert "known->use &= fresh->use;" in done.stderr
    assert "--continue" in done.stderr


def test_an_abandoned_conflict_leaves_everything_as_it_was(kernel: Kernel) -> None:
    before = kernel.everything()
    assert kernel.pick(kernel.fixes["bar"], kernel.fixes["foo"]).exit_code == 1
    assert kernel.everything() != before
    assert kernel.pick("--abort").exit_code == 0
    assert kernel.everything() == before


def test_an_abandoned_conflict_on_another_branch_too(kernel: Kernel) -> None:
    before = kernel.everything()
    assert kernel.pick(kernel.fixes["bar"], kernel.fixes["foo"], "--onto", "linux-5.10.y").exit_code == 1
    assert kernel.pick("--abort", here=".git/backport-pick/tree/drivers").exit_code == 0
    assert kernel.everything() == before


def test_continue_wants_neither_markers_nor_unmerged_paths(kernel: Kernel) -> None:
    kernel.pick(kernel.fixes["foo"])
    done = kernel.pick("--continue")
    assert done.exit_code == 1
    assert "conflict marker" in done.stderr
    kernel.run("add", "drivers/foo.c")
    done = kernel.pick("--continue")
    assert done.exit_code == 1
    assert "conflict marker" in done.stderr
    kernel.resolve()
    done = kernel.pick("--continue")
    assert done.exit_code == 1
    assert "not staged" in done.stderr


def test_a_resolution_is_committed_with_its_note_and_the_rest_goes_on(kernel: Kernel) -> None:
    kernel.pick(kernel.fixes["foo"], kernel.fixes["bar"], "-s")
    kernel.resolve()
    kernel.run("add", "drivers/foo.c")
    done = kernel.pick("--continue", "--note", "kept the one line that 6.1 needs")
    assert done.exit_code == 0, done.stderr
    assert kernel.run("log", "-2", "--format=%s").split("\n") == ["bar: the limit is nine", "foo: take use as it is"]
    assert kernel.run("log", "-1", "--skip=1", "--format=%B").rstrip("\n").endswith(
        "Signed-off-by: U <u@example.org>\n[ kept the one line that 6.1 needs ]\n"
        "Signed-off-by: A Developer <dev@example.org>")
    assert kernel.run("log", "-1", "--skip=1", "--format=%an %ad", "--date=raw") == "U 1700000100 +0100"
    assert kernel.run("status", "--porcelain") == " M drivers/mine.c\n?? untracked.txt"


def test_without_a_note_one_is_proposed(kernel: Kernel) -> None:
    kernel.pick(kernel.fixes["foo"])
    kernel.resolve()
    kernel.run("add", "drivers/foo.c")
    done = kernel.pick("--continue")
    assert "resolved by hand for 6.1.y" in " ".join(kernel.run("log", "-1", "--format=%B").split())
    assert "note for the changelog" in done.stderr


def test_a_conflict_is_resolved_once(kernel: Kernel) -> None:
    kernel.pick(kernel.fixes["foo"])
    kernel.resolve()
    kernel.run("add", "drivers/foo.c")
    kernel.pick("--continue", "--note", "the one line")
    (kept,) = (kernel.path / KEPT).rglob("*.patch")
    assert kept.name == "6.1.patch"
    assert "X-Backport-Resolved-By: A Developer <dev@example.org>" in kept.read_text()
    kernel.run("reset", "--quiet", "--keep", "HEAD~1")
    again = kernel.pick(kernel.fixes["foo"])                                    # the same branch
    assert again.exit_code == 0
    assert "resolved by A Developer" in " ".join(again.stderr.split())
    older = kernel.pick(kernel.fixes["foo"], "--onto", "linux-5.10.y")          # the next older one
    assert older.exit_code == 0
    assert "what A Developer <dev@example.org> resolved" in " ".join(older.stderr.split())
    assert "known->use = fresh->use;" in kernel.run("show", "linux-5.10.y:drivers/foo.c")
    message = " ".join(kernel.run("log", "-1", "--format=%B", "linux-5.10.y").split())
    assert "[ based on the resolution for 6.1.y; the one line ]" in message


def test_a_resolution_that_fits_no_more_is_a_conflict_again(kernel: Kernel) -> None:
    kernel.pick(kernel.fixes["foo"])
    kernel.resolve()
    kernel.run("add", "drivers/foo.c")
    kernel.pick("--continue")
    kernel.run("reset", "--quiet", "--keep", "HEAD~1")
    kernel.write({"drivers/foo.c": kernel.read("drivers/foo.c").replace("known->one = fresh->one;", "*known = *fresh;")
                  .replace("\tknown->two = fresh->two;\n\tknown->three = fresh->three;\n", "")})
    kernel.run("add", "drivers/foo.c")
    kernel.run("commit", "--quiet", "-m", "foo: all at once")
    assert kernel.pick(kernel.fixes["foo"]).exit_code == 1


def test_a_conflict_that_an_older_version_left_is_put_back(kernel: Kernel) -> None:
    before = kernel.everything()
    kernel.pick(kernel.fixes["foo"])
    file = kernel.path / ".git/backport-pick/state.json"
    file.write_text(json.dumps({**json.loads(file.read_text()), "mode": ""}))
    done = kernel.pick("--abort")
    assert done.exit_code == 0, done.stderr
    assert kernel.everything() == before


def test_skip_leaves_it_out(kernel: Kernel) -> None:
    kernel.pick(kernel.fixes["foo"], kernel.fixes["bar"])
    done = kernel.pick("--skip")
    assert done.exit_code == 0
    assert "1 skipped" in done.stderr
    assert kernel.run("log", "-1", "--format=%s") == "bar: the limit is nine"
    assert kernel.run("status", "--porcelain") == " M drivers/mine.c\n?? untracked.txt"


def test_quit_forgets_and_leaves_the_files(kernel: Kernel) -> None:
    kernel.pick(kernel.fixes["foo"])
    assert kernel.pick("--quit").exit_code == 0
    assert "<<<<<<<" in kernel.read("drivers/foo.c")
    assert kernel.pick("--continue").exit_code == 2


def test_with_staged_changes_the_conflict_gets_a_work_tree_of_its_own(kernel: Kernel) -> None:
    kernel.run("add", "drivers/mine.c")
    before = kernel.everything()
    assert kernel.pick(kernel.fixes["foo"]).exit_code == 1
    top = ".git/backport-pick/tree"
    kernel.resolve(top)
    kernel.run("-C", top, "add", "drivers/foo.c")
    assert kernel.everything()["index"] == before["index"]
    done = kernel.pick("--continue", here=f"{top}/drivers")
    assert done.exit_code == 0, done.stderr
    assert "known->use = fresh->use;" in kernel.read("drivers/foo.c")
    assert kernel.run("status", "--porcelain") == "M  drivers/mine.c\n?? untracked.txt"
    assert len(kernel.run("worktree", "list").split("\n")) == 1


def test_a_commit_that_the_person_made_by_themselves_counts(kernel: Kernel) -> None:
    kernel.pick(kernel.fixes["foo"], kernel.fixes["bar"])
    kernel.resolve()
    kernel.run("add", "drivers/foo.c")
    kernel.run("commit", "--quiet", "-m", "mine")
    assert kernel.pick("--continue").exit_code == 0
    assert kernel.run("log", "-2", "--format=%s").split("\n") == ["bar: the limit is nine", "mine"]


@pytest.mark.parametrize(("args", "told"), [
    (("nonsense",), "neither a commit of this clone nor a file"),
    (("master", "--onto", "nowhere"), "no branch nowhere"),
    (("master", "--onto", "refs/tags/t"), "not a branch of yours"),
    (("--continue",), "no pick is under way"),
    (("master..master",), "is empty"),
])
def test_a_mistake_is_named_and_changes_nothing(kernel: Kernel, args: tuple[str, ...], told: str) -> None:
    kernel.run("tag", "t", "linux-5.10.y")
    before = kernel.everything()
    done = kernel.pick(*args)
    assert done.exit_code == 2
    assert told in done.stderr
    assert kernel.everything() == before


def test_a_rebase_under_way_is_not_disturbed(kernel: Kernel) -> None:
    (kernel.path / ".git/rebase-merge").mkdir()
    done = kernel.pick(kernel.fixes["bar"])
    assert done.exit_code == 2
    assert "rebase" in done.stderr


def test_a_branch_of_another_work_tree_is_not_moved(kernel: Kernel, tmp_path: Path) -> None:
    kernel.run("worktree", "add", "--quiet", str(tmp_path / "other"), "linux-5.10.y")
    done = kernel.pick(kernel.fixes["bar"], "--onto", "linux-5.10.y")
    assert done.exit_code == 2
    assert "checked out in" in done.stderr


def test_a_detached_head_moves(kernel: Kernel) -> None:
    kernel.run("checkout", "--quiet", "--detach")
    assert kernel.pick(kernel.fixes["bar"]).exit_code == 0
    assert kernel.run("log", "-1", "--format=%s") == "bar: the limit is nine"
    assert "return 10;" in kernel.run("show", "linux-6.1.y:drivers/bar.c")


def test_a_bare_clone_has_branches_to_pick_onto(kernel: Kernel, tmp_path: Path) -> None:
    kernel.run("clone", "--quiet", "--bare", ".", str(tmp_path / "bare.git"))
    bare = Kernel.__new__(Kernel)
    bare.path = tmp_path / "bare.git"
    kernel.run("-C", str(bare.path), "config", "user.name", "A Developer")
    kernel.run("-C", str(bare.path), "config", "user.email", "dev@example.org")
    assert bare.pick(kernel.fixes["bar"]).exit_code == 2
    done = bare.pick(kernel.fixes["bar"], "--onto", "linux-5.10.y")
    assert done.exit_code == 0, done.stderr
    assert "return 9;" in kernel.run("-C", str(bare.path), "show", "linux-5.10.y:drivers/bar.c")


def test_a_hook_that_refuses_the_message_stops_before_anything_moved(kernel: Kernel) -> None:
    hook = kernel.path / ".git/hooks/commit-msg"
    hook.parent.mkdir(exist_ok=True)
    hook.write_text("#!/bin/sh\necho no ticket >&2\nexit 1\n")
    hook.chmod(0o755)
    before = kernel.everything()
    done = kernel.pick(kernel.fixes["bar"])
    assert done.exit_code == 2
    assert "no ticket" in done.stderr
    assert kernel.everything() == before
    assert kernel.pick(kernel.fixes["bar"], "--no-verify").exit_code == 0


def test_two_picks_at_once_wait_for_nothing(kernel: Kernel, tmp_path: Path) -> None:
    kernel.pick(kernel.fixes["bar"])
    (lock,) = (tmp_path / "cache").glob("pick-*.lock")
    with FileLock(lock):
        done = kernel.pick(kernel.fixes["start"])
    assert done.exit_code == 2
    assert "another `backport pick`" in done.stderr


def test_ctrl_c_waits_until_files_and_branch_agree(kernel: Kernel, monkeypatch: pytest.MonkeyPatch) -> None:
    real = commits.move_ref

    def interrupted(*args: str) -> None:
        signal.raise_signal(signal.SIGINT)
        real(*args)  # type: ignore[arg-type]

    monkeypatch.setattr(commits, "move_ref", interrupted)
    before = signal.signal(signal.SIGINT, signal.default_int_handler)    # a job in the background ignores Ctrl-C
    try:
        with pytest.raises(click.Abort):
            kernel.pick(kernel.fixes["bar"])
    finally:
        signal.signal(signal.SIGINT, before)
    assert kernel.run("status", "--porcelain") == " M drivers/mine.c\n?? untracked.txt"
    assert kernel.run("log", "-1", "--format=%s") == "bar: the limit is nine"


def test_a_move_that_was_killed_is_ended_by_continue(kernel: Kernel, monkeypatch: pytest.MonkeyPatch) -> None:
    class Killed(BaseException):
        pass

    def killed(*_args: str) -> None:
        raise Killed

    monkeypatch.setattr(commits, "move_ref", killed)
    with pytest.raises(Killed):
        kernel.pick(kernel.fixes["bar"])
    monkeypatch.undo()
    monkeypatch.setenv("BACKPORT_CACHE", str(kernel.path.parent / "cache"))
    assert kernel.run("status", "--porcelain", "drivers/bar.c") == "M  drivers/bar.c"
    done = kernel.pick("--continue")
    assert done.exit_code == 0, done.stderr
    assert kernel.run("status", "--porcelain") == " M drivers/mine.c\n?? untracked.txt"
    assert kernel.run("log", "-1", "--format=%s") == "bar: the limit is nine"


def test_an_answer_that_was_shown_can_be_taken(kernel: Kernel) -> None:
    kernel.pick(kernel.fixes["foo"])
    assert kernel.pick("--take", "7").exit_code == 2
    before = kernel.run("show", "HEAD:drivers/foo.c") + "\n"
    after = before.replace("known->one = fresh->one;", "known->one = fresh->one;\n\tknown->use = fresh->use;")
    assert after != before
    kernel.write({"drivers/foo.c": after})
    diff = kernel.run("diff", "--no-ext-diff", "HEAD", "--", "drivers/foo.c") + "\n"
    (kernel.path / ".git/backport-pick/answer-7.diff").write_text(diff)
    done = kernel.pick("--take", "7")
    assert done.exit_code == 0, done.stderr
    assert kernel.run("ls-files", "--unmerged") == ""
    assert "+\tknown->use = fresh->use;" in kernel.run("diff", "--cached", "--", "drivers/foo.c")
    assert kernel.pick("--continue", "--note", "answer 7").exit_code == 0
    assert kernel.run("log", "-1", "--format=%s") == "foo: take use as it is"


def other_fix_with_the_same_hunk(kernel: Kernel) -> str:
    top = kernel.path.parent / "topic"
    kernel.run("worktree", "add", "--quiet", "--detach", str(top), f"{kernel.fixes['foo']}^")
    (top / "drivers/foo.c").write_text(NEW.replace("use &= fresh->use", "use = fresh->use"))
    (top / "include/linux/bar.h").write_text("int bar_limit(int n);\nint bar_more(int n);\n")
    kernel.run("-C", str(top), "commit", "--quiet", "--all", "-m",
               "bar: declare bar_more(), and take use as it is\n\nSigned-off-by: U <u@example.org>")
    return kernel.run("-C", str(top), "rev-parse", "HEAD")


def test_the_same_conflict_of_another_fix_is_filled_in_and_waits_to_be_read(kernel: Kernel) -> None:
    other = other_fix_with_the_same_hunk(kernel)
    kernel.pick(kernel.fixes["foo"])
    kernel.resolve()
    kernel.run("add", "drivers/foo.c")
    kernel.pick("--continue", "--note", "the one line")
    mine = kernel.read("drivers/foo.c")
    kernel.run("reset", "--quiet", "--keep", "HEAD~1")
    done = kernel.pick(other)
    assert done.exit_code == 1
    assert "1 conflict filled in as A Developer <dev@example.org> resolved the same" in " ".join(done.stderr.split())
    assert kernel.read("drivers/foo.c") == mine
    assert kernel.run("ls-files", "--unmerged", "--", "drivers/foo.c") != ""
    refused = kernel.pick("--continue")                     # nobody has looked at it yet
    assert refused.exit_code == 1
    assert "unmerged" in refused.stderr
    kernel.run("add", "drivers/foo.c")
    assert kernel.pick("--continue", "--note", "as before").exit_code == 0
    assert kernel.run("log", "-1", "--format=%s").startswith("bar: declare")


def test_the_checks_say_what_they_find_in_what_a_person_wrote(kernel: Kernel) -> None:
    kernel.pick(kernel.fixes["foo"])
    there = kernel.run("show", "HEAD:drivers/foo.c") + "\n"
    kernel.write({"drivers/foo.c": there.replace("f->count = 1;",
                                                 "f->count = 1;\n\tknown->use = fresh->use;")})
    kernel.run("add", "drivers/foo.c")
    done = kernel.pick("--continue", "--note", "wrong on purpose")
    assert done.exit_code == 0                                # they inform, the person decides
    said = " ".join(done.stderr.split())
    assert "drivers/foo.c: lands in foo_start(); upstream changes foo_copy()" in said, said
