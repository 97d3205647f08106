"""A run on trees that came with their history: `absent` from Fixes:, follow-ups, reverts."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from backport.cli import cli
from tests.support.desk import MAIL, NEW, OLD, X86
from tests.support.fakekernel import diff_of, fake_kernel, git

BUG = "\tvcpu->id = 7777777;\n"


class Clone:
    """One clone with upstream and stable branches, as kernel developers have it."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.repo = path / "clone"
        fake_kernel(self.repo, version="9.0.0")
        self.write(lambda text: text.replace(OLD, BUG.replace("7777777", "1111111") + OLD, 1), "kvm: made-up: prepare")
        git(self.repo, "tag", "v9.0")
        git(self.repo, "branch", "old")
        self.bug = self.write(lambda text: text.replace(BUG.replace("7777777", "1111111"), BUG, 1),
                              "kvm: made-up: add feature")
        git(self.repo, "tag", "v9.1")
        git(self.repo, "branch", "young")
        self.diff = diff_of(self.repo, {X86: (self.repo / X86).read_text().replace(OLD, NEW, 1)})
        self.fix = self.write(lambda text: text.replace(OLD, NEW, 1),
                              f'kvm: made-up: good\n\nFixes: {self.bug[:12]} ("kvm: made-up: add feature")')
        git(self.repo, "branch", "upstream")
        makefile = (self.repo / "Makefile").read_text()
        for branch, level in (("old", 0), ("young", 1), ("upstream", 2)):
            git(self.repo, "checkout", "-q", branch)
            (self.repo / "Makefile").write_text(makefile.replace("PATCHLEVEL = 0", f"PATCHLEVEL = {level}"))
            self.write(lambda text: text + "/* own */\n", f"Linux 9.{level}")
        (path / "trees.yaml").write_text("trees:\n" + "".join(
            f"  - name: fake-{series}.y\n    series: '{series}'\n{more}    sources:\n      - local: {self.repo}\n"
            f"        branch: {branch}\n" for series, branch, more in (
                ("9.2", "upstream", "    upstream: true\n"), ("9.1", "young", ""), ("9.0", "old", ""))))
        self.mail = path / "fix.patch"
        self.mail.write_bytes(MAIL.replace(b"1" * 40, self.fix.encode()).replace(
            b"Why.\n\n", b"Why.\n\nFixes: %s (\"kvm: made-up: add feature\")\n" % self.bug[:12].encode())
            % b"good" + b"\n" + self.diff + b"-- \n2.39.5\n")

    def write(self, change: Any, message: str) -> str:
        file = self.repo / X86
        file.write_text(change(file.read_text()))
        git(self.repo, "commit", "-qam", message)
        return git(self.repo, "rev-parse", "HEAD").strip()

    def call(self, *args: str) -> str:
        where = ["--manifest", str(self.path / "trees.yaml"), "--cache", str(self.path / "cache")]
        where = [] if args[0] == "show" else where
        result = CliRunner().invoke(cli, [*args, *where, "--db", str(self.path / "results.sqlite")],
                                    standalone_mode=False)
        if result.exception:
            raise result.exception
        return result.stdout

    def run(self, *args: str) -> dict[str, dict[str, Any]]:
        out = self.call("run", str(self.mail), "--no-build", "--update", "--format", "json", *args)
        return {cell["tree"]: cell for cell in json.loads(out)["cells"]}


@pytest.fixture
def clone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Clone:
    monkeypatch.chdir(tmp_path)
    return Clone(tmp_path)


def test_a_tree_without_the_bug_is_absent_and_gives_nothing_away(clone: Clone) -> None:
    cells = clone.run()
    assert [cells[f"fake-{n}.y"]["apply"] for n in ("9.2", "9.1", "9.0")] == ["already", "clean", "absent"]
    old = cells["fake-9.0.y"]
    assert f"{clone.bug[:12]} missing" in old["reason"]
    assert "the patch by itself would be" in old["reason"]
    assert (old["sure"], old["adapted"], old["exit_code"]) == ("review", "", 0)
    assert cells["fake-9.1.y"]["detail"]["history"]["bug"]["since"] == "v9.1"
    out = clone.call("queue", "export", "--to", "q")
    assert (clone.path / "q/queue-9.1/series").is_file()
    assert not (clone.path / "q/queue-9.0").exists()
    assert "absent: this tree does not have the bug" in out
    shown = clone.call("show", "--cell", "good", "fake-9.1.y")
    assert "bug:           in this tree since v9.1" in shown
    assert "upstream:      nothing fixes or reverts it" in shown
    assert "cached" in clone.call("run", str(clone.mail), "--no-build")
    # who knows better still gets the patch, and is told
    result = CliRunner().invoke(cli, ["adapt", str(clone.mail), "--tree", "9.0", "--manifest",
                                      str(clone.path / "trees.yaml"), "--cache", str(clone.path / "cache")],
                                standalone_mode=False)
    assert "[PATCH 9.0.y] kvm: made-up: good" in result.stdout
    assert "fake-9.0.y does not have the bug that Fixes: names" in result.stderr


@pytest.mark.parametrize("command", ["run", "adapt"])
def test_what_is_fetched_is_told_unless_nobody_wants_it(clone: Clone, command: str) -> None:
    def told(cache: str, *more: str) -> str:
        words = ["--no-build", "--db", str(clone.path / "results.sqlite")] if command == "run" else ["-o", "x.patch"]
        result = CliRunner().invoke(cli, [command, str(clone.mail), "--tree", "9.1", *words, *more, "--manifest",
                                          str(clone.path / "trees.yaml"), "--cache", str(clone.path / cache)],
                                    standalone_mode=False)
        assert result.exception is None
        return result.stderr
    assert "fake-9.1.y: 9.1 from local" in told("one")
    assert "from local" not in told("one")                 # it is there
    assert told("two", "-q") == ""


def test_the_bug_under_another_sha_is_the_bug(clone: Clone) -> None:
    git(clone.repo, "checkout", "-q", "old")
    clone.write(lambda text: text.replace("1111111", "7777777", 1),
                f"kvm: made-up: add feature\n\n[ Upstream commit {clone.bug} ]")
    cells = clone.run()
    assert cells["fake-9.0.y"]["apply"] in ("clean", "offset")
    assert cells["fake-9.0.y"]["detail"]["history"]["bug"]["held"] is True


def test_follow_ups_and_what_was_taken_back_are_said(clone: Clone) -> None:
    git(clone.repo, "checkout", "-q", "upstream")
    later = clone.write(lambda text: text + "/* later */\n",
                        f'kvm: made-up: mend the good\n\nFixes: {clone.fix[:12]} ("kvm: made-up: good")')
    git(clone.repo, "checkout", "-q", "young")
    taken = clone.write(lambda text: text.replace(OLD, NEW, 1),
                        f"kvm: made-up: good\n\n[ Upstream commit {clone.fix} ]")
    clone.write(lambda text: text.replace(NEW, OLD, 1),
                f'Revert "kvm: made-up: good"\n\nThis reverts commit {taken} which is\ncommit {clone.fix} upstream.')
    cells = clone.run()
    young = cells["fake-9.1.y"]
    assert young["sure"] == "review"
    assert any("reverted it" in note for note in young["notes"])
    assert any(f"is fixed by {later[:12]}" in note and "which this tree lacks" in note for note in young["notes"])
    assert not any("which this tree lacks" in note for note in cells["fake-9.2.y"]["notes"])
    shown = clone.call("show", "--cell", "good", "fake-9.1.y")
    assert f'{later[:12]} ("kvm: made-up: mend the good") fixes {clone.fix[:12]}, missing here' in shown
    assert "fix:           reverted:" in shown


def test_a_follow_up_that_appears_upstream_wakes_the_cell(clone: Clone) -> None:
    clone.run()
    git(clone.repo, "checkout", "-q", "upstream")
    clone.write(lambda text: text + "/* later */\n",
                f'kvm: made-up: mend the good\n\nFixes: {clone.fix[:12]} ("kvm: made-up: good")')
    again = clone.run()["fake-9.1.y"]
    assert not again["cached"]
    assert any("is fixed by" in note for note in again["notes"])
