"""What a fetch tells where nobody watches a terminal: each step that takes long, as it begins."""

from __future__ import annotations

import sys

import pytest

from backport.commands import common
from backport.trees.progress import TerminalProgress
from tests.support.streams import Full


def test_a_log_has_a_line_for_each_step_that_begins(capsys: pytest.CaptureFixture[str]) -> None:
    progress = TerminalProgress(shown=str)
    with progress.start("package lists"):
        assert capsys.readouterr().err == "package lists\n"
    with progress.start("linux-6.1.tar.xz download", 5 << 20) as bar:
        bar.at(0)
        assert capsys.readouterr().err == ""          # the host has not answered yet
        bar.at(1 << 20)
        bar.at(2 << 20)
        assert capsys.readouterr().err == "linux-6.1.tar.xz download, 5 MiB\n"
    with progress.start("linux-6.1.y import", 1 << 20) as bar:
        bar.advance(10)
        bar.advance(10)
        assert capsys.readouterr().err == "linux-6.1.y import, 1 MiB\n"


@pytest.mark.parametrize("stderr", [Full(), None], ids=["full", "closed"])
def test_a_stderr_that_takes_nothing_ends_no_fetch(stderr: Full | None, monkeypatch: pytest.MonkeyPatch,
                                                   capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(sys, "stderr", stderr)
    progress = TerminalProgress(shown=str)
    with progress.start("package lists"), progress.start("linux-6.1.y import", 1 << 20) as bar:
        bar.advance(10)
    progress.say("linux-6.1.y: 6.1.187")
    assert capsys.readouterr().out == ""          # the place of the mail


def test_what_a_server_says_is_made_harmless(capsys: pytest.CaptureFixture[str]) -> None:
    common.fetching().say("linux-6.1.y: no tree: HTTP 404 gone\x1b[31m")
    assert capsys.readouterr().err == "linux-6.1.y: no tree: HTTP 404 gone\\x1b[31m\n"


def test_quiet_says_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    progress = TerminalProgress(shown=str, quiet=True)
    with progress.start("package lists"), progress.start("linux-6.1.y import", 1 << 20) as bar:
        bar.advance(10)
    progress.say("linux-6.1.y: 6.1.187")
    assert capsys.readouterr().err == ""
