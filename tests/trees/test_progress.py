"""What a fetch tells where nobody watches a terminal: each step that takes long, as it begins."""

from __future__ import annotations

import pytest

from backport.trees.progress import TerminalProgress


def test_a_log_has_a_line_for_each_step_that_begins(capsys: pytest.CaptureFixture[str]) -> None:
    progress = TerminalProgress()
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


def test_quiet_says_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    progress = TerminalProgress(quiet=True)
    with progress.start("package lists"), progress.start("linux-6.1.y import", 1 << 20) as bar:
        bar.advance(10)
    progress.say("linux-6.1.y: 6.1.187")
    assert capsys.readouterr().err == ""
