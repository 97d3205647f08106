"""What the trees got since the night before is audited once, told once, and never ends the night."""

from __future__ import annotations

from itertools import count
from pathlib import Path
from types import SimpleNamespace

import pytest

from backport.errors import InfraError
from backport.nightly import audit as module
from backport.nightly.audit import NightAudit
from backport.nightly.night import Night, night, subject
from backport.results.store import Results
from backport.trees.store import Head, Store
from tests.nightly.test_night import GOOD, runner
from tests.support.audited import WIDGET, C, audit, planted, releases
from tests.support.trees import manifest

LINES = "\tw->tries = widget_tries(w);\n\tw->stamp = ktime_get();\n"
SEND = "\tret = widget_write(w, data, size);\n"
RECV = "\tret = widget_read(w, data, size);\n"
GOOD_FORM, BAD_FORM = WIDGET.replace(SEND, LINES + SEND), WIDGET.replace(RECV, LINES + RECV)
TREES = """
trees:
  - {name: mainline, series: "7.2", upstream: true, sources: [{directory: /nonexistent}]}
  - {name: linux-6.12.y, series: "6.12", sources: [{directory: /nonexistent}]}
  - {name: linux-6.1.y, series: "6.1", sources: [{directory: /nonexistent}]}
"""


class World:
    """A store of releases, the results of nights, and trees that move."""

    def __init__(self, tmp_path: Path) -> None:
        self.store = Store(tmp_path / "cache")
        self.git = releases(self.store.path, {
            "7.2.1": {C: GOOD_FORM}, "6.12.1": {C: WIDGET}, "6.12.2": {C: GOOD_FORM},
            "6.1.1": {C: WIDGET}, "6.1.2": {C: BAD_FORM}})
        # nothing is pinned: only the heads tell
        for version in ("7.2.1", "6.12.1", "6.12.2", "6.1.1", "6.1.2"):
            self.git.run("update-ref", f"refs/keep/{version}", f"refs/releases/{version}")
            self.git.run("update-ref", "-d", f"refs/releases/{version}")
        self.store.create()
        self.results = Results(tmp_path / "results.sqlite")
        self.manifest = manifest(tmp_path, TREES)

    def at(self, **versions: str) -> World:
        """Move the trees: name -> version."""
        for name, version in versions.items():
            tree = {"six": "linux-6.1.y", "twelve": "linux-6.12.y", "mainline": "mainline"}[name]
            commit = self.git.rev(f"refs/keep/{version}")
            assert commit is not None
            self.store.set(Head(tree, commit, version, "made up", 0.0))
        return self

    def auditor(self, budget: float = 60.0) -> NightAudit:
        return NightAudit(self.store, self.results, self.manifest, budget=budget)

    def night(self, budget: float = 60.0) -> tuple[str, int]:
        said: list[Night] = []
        made = night(self.results, runner([GOOD]), auditor=self.auditor(budget), tell=said.append)
        return said[0].report if said else "", made.exit_code


@pytest.fixture
def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> World:
    monkeypatch.chdir(tmp_path)
    return World(tmp_path).at(mainline="7.2.1", twelve="6.12.1", six="6.1.1")


def test_what_came_since_the_night_before_is_told_once(world: World) -> None:
    first, code = world.night()
    assert ("to look at" in first, code) == (False, 0)
    second, code = world.at(twelve="6.12.2", six="6.1.2").night()
    assert "Backports to look at, in what the trees got (backport audit):" in second
    assert "linux-6.1.y 6.1.1..6.1.2\n1. another-function: drivers/demo/widget.c" in second
    assert "upstream changed widget_send(); here the lines are in widget_recv()" in second
    assert code == 1
    assert world.night() == ("", 0)


def test_the_mail_counts_them_in_its_subject(world: World) -> None:
    world.night()
    world.at(twelve="6.12.2", six="6.1.2")
    made = night(world.results, runner([GOOD]), auditor=world.auditor())
    assert subject(made) == "backport: 1 to look at in what the trees got"


def test_nothing_is_read_when_nothing_moved(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    world.night()
    monkeypatch.setattr(module, "release_changes", lambda *_args, **_named: pytest.fail("it was read again"))
    assert world.night() == ("", 0)


def test_an_audit_that_fails_is_told_once_and_made_up_for(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    world.night()
    world.at(twelve="6.12.2", six="6.1.2")

    def broken(*_args: object, **_named: object) -> None:
        raise InfraError("the store is damaged")
    with monkeypatch.context() as patched:
        patched.setattr(module, "release_changes", broken)
        told, _ = world.night()
        assert "linux-6.1.y: the audit failed: the store is damaged" in told
        assert world.night()[0] == ""
    # the newer tree did not move again: what it got is remembered as well
    told, code = world.night()
    assert ("another-function" in told, code) == (True, 1)


def test_whatever_goes_wrong_the_night_goes_on(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    world.night()
    world.at(twelve="6.12.2", six="6.1.2")
    monkeypatch.setattr(module, "release_changes", lambda *_args, **_named: 1 // 0)
    told, _ = world.night()
    assert "the audit failed: ZeroDivisionError" in told


def test_the_time_is_bounded_and_the_next_night_goes_on(world: World) -> None:
    world.night()
    told, _ = world.at(twelve="6.12.2", six="6.1.2").night(budget=-1.0)
    assert "linux-6.1.y 6.1.1..6.1.2: the audit stopped before the first file" in told
    assert "another-function" not in told
    told, code = world.night()
    assert ("another-function" in told, "stopped" in told, code) == (True, False, 1)
    assert world.night() == ("", 0)


def test_the_rest_is_looked_at_where_the_audit_stopped(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    later = C.replace("widget", "zidget")
    trees = {version: {C: text, later: text} for version, text in (
        ("7.2.1", GOOD_FORM), ("6.12.1", WIDGET), ("6.12.2", GOOD_FORM), ("6.1.1", WIDGET), ("6.1.2", BAD_FORM))}
    for version, sha in ((version, releases(Path(f"two-{version}"), {version: files}).rev(f"refs/releases/{version}"))
                         for version, files in trees.items()):
        world.git.run("fetch", "-q", str(Path(f"two-{version}").resolve()), f"+{sha}:refs/keep/{version}")
    world.at(mainline="7.2.1", twelve="6.12.1", six="6.1.1").night()
    ticks = count()
    with monkeypatch.context() as patched:
        patched.setattr(module, "time", SimpleNamespace(monotonic=lambda: next(ticks)))
        # one tick for the start, two for the steps of linux-6.12.y and 6.1.y that are read, one for each file
        world.at(twelve="6.12.2")
        told, _ = world.at(six="6.1.2").night(budget=4)
    assert f"another-function: {C}" in told
    assert later not in told
    assert "linux-6.1.y 6.1.1..6.1.2: the audit stopped at 1 of 2" in told
    told, _ = world.night()
    assert f"linux-6.1.y 6.1.1..6.1.2, the rest\n1. another-function: {later}" in told
    assert f": {C}" not in told
    assert world.night() == ("", 0)


def test_a_head_that_left_the_store_is_said(world: World) -> None:
    world.night()
    world.at(twelve="6.12.2", six="6.1.2").night(budget=-1.0)
    steps = world.auditor()
    waiting = steps._recall("steps", [])
    assert [row[0] for row in waiting] == ["linux-6.1.y"]
    steps._remember("steps", [[name, [version, "0" * 40], new, done] for name, (version, _), new, done in waiting])
    told, _ = world.night()
    assert "linux-6.1.y 6.1.1..6.1.2: not audited: the store no longer has both" in told
    assert world.night() == ("", 0)


def test_what_was_accepted_is_not_told(world: World) -> None:
    Path(".backport-audit.yaml").write_text("- id: '0'\n  why: read\n")
    world.night()
    told, _ = world.at(twelve="6.12.2", six="6.1.2").night()
    key = told.split("[")[1].split("]")[0]
    Path(".backport-audit.yaml").write_text(f"- id: '{key}'\n  why: read\n")
    other = World(Path("other")).at(mainline="7.2.1", twelve="6.12.1", six="6.1.1")
    other.night()
    assert other.at(twelve="6.12.2", six="6.1.2").night() == ("", 0)


def test_commits_in_between_are_audited_where_the_trees_have_history(
        tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    store = Store(tmp_path / "cache")
    audit(planted("in the function below"), store.path)
    store.create()
    results = Results(tmp_path / "results.sqlite")

    def at(six: str) -> NightAudit:
        with store.git() as git:
            for tree, name, version in (("mainline", "main", "6.1.7"), ("linux-6.1.y", six, "6.1.7")):
                commit = git.rev(f"refs/heads/{name}")
                assert commit is not None
                store.set(Head(tree, commit, version, "made up", 0.0, history=True))
        return NightAudit(store, results, manifest(tmp_path, TREES))

    at("linux-6.1.y~1").run(1)
    second = at("linux-6.1.y")
    second.run(2)
    assert second.found_since(2) == []
    (told,) = second.found_since(1)
    assert "here the lines are in widget_recv()" in told
