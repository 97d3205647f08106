"""A queue before it is released: each entry beside upstream's form of it, and where that came from."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from backport.commands.audit import command
from backport.trees.store import Head, Store
from tests.audit.test_command import BAD, GOOD
from tests.support.audited import WIDGET, C, releases

TREES = """
trees:
  - {name: mainline, series: "7.2", upstream: true, sources: [{directory: /nonexistent}]}
  - {name: linux-6.1.y, series: "6.1", sources: [{directory: /nonexistent}]}
"""
SHA = "0123456789abcdef0123456789abcdef01234567"


def run(*args: str) -> int:
    return int(command.main(["--tree", "6.1", "--manifest", "trees.yaml", *args], standalone_mode=False) or 0)


@pytest.fixture
def queue(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """We stand in a directory with queue/ (one entry, in the wrong function) and upstream/ (its right form)."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("BACKPORT_CACHE", str(tmp_path / "cache"))
    store = Store(tmp_path / "cache")
    git = releases(store.path, {"7.2.1": {C: WIDGET}, "7.2.2": {C: GOOD}, "6.1.1": {C: WIDGET}, "6.1.2": {C: BAD}})
    store.create()
    for tree, version in (("mainline", "7.2.1"), ("linux-6.1.y", "6.1.1")):
        commit = git.rev(f"refs/releases/{version}")
        assert commit is not None
        store.set(Head(tree, commit, version, "made up", 0.0))

    def mail(old: str, new: str, first: str) -> str:
        diff = git.run("diff", "--full-index", f"refs/releases/{old}", f"refs/releases/{new}").text
        return (f"From {SHA} Mon Sep 17 00:00:00 2001\nFrom: A <a@example.org>\nSubject: [PATCH] widget: fix it\n\n"
                f"{first}It was wrong.\n\nSigned-off-by: A <a@example.org>\n---\n{diff}\n")
    for name, text in (("queue/fix.patch", mail("6.1.1", "6.1.2", f"commit {SHA} upstream.\n\n")),
                       ("queue/good.patch", mail("6.1.1", "6.1.2", f"commit {SHA} upstream.\n\n")),
                       ("upstream/form.patch", mail("7.2.1", "7.2.2", ""))):
        Path(name).parent.mkdir(exist_ok=True)
        Path(name).write_text(text)
    Path("queue/good.patch").write_text(mail("7.2.1", "7.2.2", f"commit {SHA} upstream.\n\n"))
    Path("queue/series").write_text("fix.patch\n")
    Path("trees.yaml").write_text(TREES)
    return tmp_path


@pytest.mark.usefixtures("queue")
def test_a_misplaced_entry_is_found_and_upstreams_form_is_named(capsysbinary: pytest.CaptureFixture[bytes]) -> None:
    assert run("--queue", "queue", "--form", "upstream") == 1
    out = capsysbinary.readouterr().out.decode()
    assert "another-function: drivers/demo/widget.c, fix.patch widget: fix it" in out
    assert f"upstream ({SHA}, from upstream/form.patch)" in out
    assert "the tool puts it into widget_send(), certain" in out


@pytest.mark.usefixtures("queue")
def test_a_good_entry_is_not(capsysbinary: pytest.CaptureFixture[bytes]) -> None:
    Path("queue/series").write_text("good.patch\n")
    assert run("--queue", "queue", "--form", "upstream") == 0
    assert "1 of them are equal line by line; 0 to look at" in capsysbinary.readouterr().out.decode()


@pytest.mark.usefixtures("queue")
def test_an_entry_without_a_form_is_said_and_counts(capsysbinary: pytest.CaptureFixture[bytes]) -> None:
    assert run("--queue", "queue") == 1
    assert "not compared: queue/fix.patch: no upstream form of it was given" in capsysbinary.readouterr().out.decode()


@pytest.mark.usefixtures("queue")
def test_every_format_says_the_same_and_an_accepted_finding_is_kept(capsysbinary: pytest.CaptureFixture[bytes]) -> None:
    asked = ("--queue", "queue", "--form", "upstream")
    assert run(*asked, "-f", "json") == 1
    told = json.loads(capsysbinary.readouterr().out)
    (one,) = told["findings"]
    assert one["upstream"]["form"] == "upstream/form.patch"
    assert run(*asked, "-f", "markdown") == 1
    assert f"Upstream ({SHA}, from upstream/form.patch)" in capsysbinary.readouterr().out.decode().replace("\\", "")
    assert run(*asked, "--accept", one["id"], "--why", "needs it there") == 0
    capsysbinary.readouterr()
    assert run(*asked, "-f", "json") == 0
    told = json.loads(capsysbinary.readouterr().out)
    assert (told["findings"], told["accepted"][0]["why"]) == ([], "needs it there")
