"""`backport boot`: what a user sees where nothing needs to be booted."""

from __future__ import annotations

from pathlib import Path

from click.testing import CliRunner

from backport.boot import show
from backport.boot.behaviour import Behaviour
from backport.boot.outcome import Side
from backport.commands.boot import _text, command
from backport.trees.store import Head
from backport.verdict import Behaves
from tests.boot.test_outcome import side
from tests.support import boot_logs as logs

MANIFEST = """\
trees:
  - name: linux-9.1.y
    status: longterm
    sources:
      - directory: /nonexistent
"""


def run(tmp_path: Path, *args: str) -> tuple[int, str]:
    (tmp_path / "trees.yaml").write_text(MANIFEST)
    (tmp_path / "fix.patch").write_text(
        "Subject: [PATCH] x\n\n---\ndiff --git a/a.c b/a.c\n--- a/a.c\n+++ b/a.c\n@@ -1 +1 @@\n-a\n+b\n")
    done = CliRunner().invoke(command, [str(tmp_path / "fix.patch"), "--manifest", str(tmp_path / "trees.yaml"),
                                        "--cache", str(tmp_path / "cache"), *args])
    return done.exit_code, done.output + str(done.exception or "")


def test_an_unknown_tree_and_one_that_cannot_be_had_say_so(tmp_path):
    assert "no tree 'linux-4.4.y'" in run(tmp_path, "--tree", "linux-4.4.y")[1]
    assert "no tree '4.4.7'" in run(tmp_path, "--tree", "4.4.7")[1]
    assert "9.1.7: /nonexistent is one tree, not a set of releases" in run(tmp_path, "--tree", "9.1.7")[1]
    assert "linux-9.1.y: /nonexistent" in run(tmp_path, "--tree", "9.1")[1]


def test_a_sandbox_that_is_missing_now_is_said_before_anything_runs(tmp_path, monkeypatch):
    monkeypatch.setattr("backport.kbuild.sandbox.probe", lambda: "bubblewrap is not installed")
    (tmp_path / "cache").mkdir()
    (tmp_path / "cache" / "sandbox.seen").touch()
    assert "have run in a sandbox, and now there is none" in run(tmp_path, "--tree", "9.1")[1]
    assert "linux-9.1.y: /nonexistent" in run(tmp_path, "--tree", "9.1", "--sandbox", "none")[1]


def test_a_mistake_in_the_reproducer_is_said_first(tmp_path):
    (tmp_path / "fix.repro").mkdir()
    assert "no .c file" in run(tmp_path, "--tree", "9.1")[1]


def test_the_text_names_the_checks_the_runs_and_the_logs():
    seen = Behaviour(Behaves.PROVED, "because", side(logs.BUG), side(logs.FINE), logs=("before-1.log",),
                     seconds={"build": 6.04, "boot": 3.0}, machine="tcg EPYC")
    assert show.render(seen, "linux-6.1.y 6.1.187 (offset)", "/logs").splitlines() == [
        "linux-6.1.y 6.1.187 (offset): proved",
        "  because",
        "  without the patch: 1 of 2 checks hold, 3 of 3 runs agree",
        "    ok     control: nothing injected",
        "    not ok #DB is EBUSY",
        "  with the patch: 2 of 2 checks hold, 3 of 3 runs agree",
        "    ok     control: nothing injected",
        "    ok     #DB is EBUSY",
        "  build 6.0 s, boot 3.0 s; tcg EPYC",
        "  logs: /logs",
    ]
    flaky = Side((*side(logs.NO_BOOT).runs[:1], *side(logs.BUG).runs))
    assert "1 repeated (no boot" in show.render(Behaviour(Behaves.ERROR, "x", flaky), "t", "")


def test_what_a_guest_prints_does_nothing_to_the_terminal(tmp_path):
    seen = Behaviour(Behaves.ERROR, "with the patch: \x1b[2J\x1b]0;PASS\x07\r  proved", notes=("\x9b1m",))
    told = _text(seen, Head("t", "0" * 40, "1", "x", 0.0), "clean", "t 1", Path("logs"), "text")
    assert not set("\x1b\x9b\x07\r") & set(told)
    assert "error" in told
