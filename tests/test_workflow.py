"""The whole pipeline through the command line, on made-up trees with a real compiler and a real git."""

from __future__ import annotations

import hashlib
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from backport.cli import cli
from backport.errors import UserError
from backport.report import kcidb
from backport.results.store import Results
from backport.trees.store import RELEASES, Store
from tests.support.desk import NEW, OLD, Desk


@pytest.fixture
def desk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Desk:
    desk = Desk(tmp_path)
    monkeypatch.chdir(tmp_path)
    return desk


def test_a_run_a_second_run_and_what_wakes_it(desk: Desk) -> None:
    desk.patch("good", OLD, NEW)
    code, cells = desk.run()
    seen = {tree: (cell["apply"], cell["build"], cell["cached"]) for (_, tree), cell in cells.items()}
    assert seen == {
        "fake-reference": ("clean", "pass", False), "fake-9.1.y": ("clean", "pass", False),
        "fake-9.0.y": ("clean", "pass", False), "fake-8.9.y": ("no-tree", "skipped", False)}
    assert code == 0
    no_tree = next(cell for (_, tree), cell in cells.items() if tree == "fake-8.9.y")
    assert "/nonexistent/clone" in no_tree["reason"]

    _code, again = desk.run()
    assert {cell["cached"] for cell in again.values() if cell["apply"] != "no-tree"} == {True}
    assert {key: cell["build"] for key, cell in again.items()} == {key: cell["build"] for key, cell in cells.items()}

    _code, forced = desk.run("--force", "--tree", "fake-9.1.y")
    assert [cell["cached"] for cell in forced.values()] == [False]

    # a tree moves: the patch lands there in adapted form, and only that tree's cell is computed
    desk.edit("fake-9.0.y", OLD, NEW)
    _code, moved = desk.run("--update")
    assert {tree: (cell["apply"], cell["cached"]) for (_, tree), cell in moved.items()} == {
        "fake-reference": ("clean", True), "fake-9.1.y": ("clean", True), "fake-9.0.y": ("already", False),
        "fake-8.9.y": ("no-tree", False)}


def test_blame_goes_to_the_right_patch_and_tree(desk: Desk) -> None:
    desk.patch("bad", OLD, "\tif (vcpu->no_such_field)\n")
    desk.patch("good", OLD, NEW)
    desk.patch("warns", OLD, "\tint nobody;\n\n" + OLD)
    code, cells = desk.run("--tree", "fake-9.1.y", "--tree", "fake-9.0.y")
    builds = {(slug.rpartition("-")[2], tree): cell["build"] for (slug, tree), cell in cells.items()}
    for tree in ("fake-9.1.y", "fake-9.0.y"):
        assert builds["bad", tree] == "fail"
        assert builds["good", tree] == "pass"
        assert builds["warns", tree] == "warn"
    assert code == 1


def test_a_conflict_is_shown_with_its_markers(desk: Desk) -> None:
    desk.patch("good", OLD, NEW)
    desk.edit("fake-9.0.y", f"{OLD}\t\treturn -16;\n\treturn kvm_clamp(vcpu->id);\n", "\tdo_it_another_way(vcpu);\n")
    _code, cells = desk.run("--tree", "fake-9.1.y", "--tree", "fake-9.0.y", "--no-build")
    told = {tree: cell["detail"].get("marked", []) for (_, tree), cell in cells.items()}
    assert told["fake-9.1.y"] == []
    (conflict,) = told["fake-9.0.y"]
    rows = conflict["text"].splitlines()
    ours = rows.index("<<<<<<< ours")
    assert rows[ours + 1] == "\tdo_it_another_way(vcpu);"
    assert NEW.rstrip("\n") in rows[ours:]
    shown = CliRunner().invoke(cli, ["show", "--cell", "kvm-made-up-good", "fake-9.0.y", "--db",
                                     str(desk.path / "results.sqlite")], standalone_mode=False)
    assert f"{conflict['line'] + ours:7} <<<<<<< ours" in shown.output


def test_trees_side_by_side_give_the_same_cells(desk: Desk) -> None:
    desk.patch("bad", OLD, "\tif (vcpu->no_such_field)\n")
    desk.patch("good", OLD, NEW)
    _code, parallel = desk.run("-j", "2")
    _code, serial = desk.run("--force")
    for key, cell in serial.items():
        for name in ("apply", "build", "sure", "reason", "adapted", "base_commit"):
            assert parallel[key][name] == cell[name], (key, name)


def test_what_is_no_patch_is_invalid_and_hides_nothing(desk: Desk) -> None:
    desk.patch("good", OLD, NEW)
    broken = (desk.path / "patches" / "good.patch").read_bytes().replace(b"-- \n2.39.5\n", b"").rsplit(b"\n", 3)[0]
    (desk.path / "patches" / "broken.patch").write_bytes(broken)
    code, cells = desk.run("--tree", "fake-9.1.y", "--no-build")
    outcomes = sorted(cell["apply"] for cell in cells.values())
    assert outcomes == ["clean", "invalid"]
    invalid = next(cell for cell in cells.values() if cell["apply"] == "invalid")
    assert "truncated" in invalid["reason"]
    assert code == 1


def test_a_tree_that_is_broken_before_is_not_the_patchs_fault(desk: Desk) -> None:
    desk.patch("good", OLD, NEW)
    desk.edit("fake-9.0.y", "#include", "#error broken\n#include", path="virt/kvm/kvm_main.c")
    code, cells = desk.run("--tree", "fake-9.0.y", "--tree", "fake-9.1.y")
    assert {tree: cell["build"] for (_, tree), cell in cells.items()} == {
        "fake-9.0.y": "baseline-broken", "fake-9.1.y": "pass"}
    assert code == 3


def test_no_tree_of_that_name_is_a_usage_error(desk: Desk) -> None:
    desk.patch("good", OLD, NEW)
    with pytest.raises(UserError, match=r"no tree 'nine'.*\n.*fake-9.1.y"):
        desk.run("--tree", "nine")


def test_an_exception_in_one_cell_does_not_end_the_run(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    from backport.carry import Carrier
    real = Carrier.carry

    def carry(self: Carrier, patch: Any, tree: Any, head: Any) -> Any:
        if tree.name == "fake-9.1.y":
            raise RuntimeError("a fault made here")
        return real(self, patch, tree, head)

    monkeypatch.setattr(Carrier, "carry", carry)
    desk.patch("good", OLD, NEW)
    code, cells = desk.run("--no-build")
    outcomes = {tree: cell["apply"] for (_, tree), cell in cells.items()}
    assert outcomes["fake-9.1.y"] == "error"
    assert outcomes["fake-9.0.y"] == "clean"
    assert code == 3
    monkeypatch.undo()
    monkeypatch.chdir(desk.path)
    _code, again = desk.run("--no-build")
    assert {tree: cell["apply"] for (_, tree), cell in again.items()}["fake-9.1.y"] == "clean"   # never cached


def kcidb_of(desk: Desk) -> str:
    with Results(desk.path / "results.sqlite") as results:
        run = results.latest()
        assert run is not None
        return kcidb.render(run, results.cells(run))


def test_an_exact_release_is_a_tree_of_its_own(desk: Desk) -> None:
    """The branch went on; its release of some time ago is still there, and is not built in the branch's place."""
    desk.patch("good", OLD, NEW)
    desk.run("--tree", "fake-9.1.y", "--no-build")
    store = Store(desk.path / "cache")
    head = store.head("fake-9.1.y")
    assert head is not None
    store.set(replace(head, tree="9.1.3", version="9.1.3"), prefix=RELEASES)
    desk.edit("fake-9.1.y", OLD, NEW)
    code, cells = desk.run("--tree", "9.1", "--tree", "9.1.3", "--update")
    assert {tree: (cell["apply"], cell["build"], cell["base_version"]) for (_, tree), cell in cells.items()} == {
        "fake-9.1.y": ("already", "skipped", "9.1.5"), "9.1.3": ("clean", "pass", "9.1.3")}
    assert code == 0
    assert (desk.path / "cache" / "build" / "9.1.3").is_dir()
    _code, again = desk.run("--tree", "9.1.3", "--offline")
    assert [cell["cached"] for cell in again.values()] == [True]
    with pytest.raises(UserError, match=r"no tree '7\.0\.1'.*\n.*a release of one of their series"):
        desk.run("--tree", "7.0.1")


def test_a_later_patch_of_a_series_sees_the_earlier_ones(desk: Desk) -> None:
    """The second patch changes a line that only the first one brings, and both are built."""
    middle = "\tif (vcpu->pending || vcpu->injected)\n"
    one = desk.patch("one", OLD, middle)
    desk.edit("fake-reference", OLD, middle)
    two = desk.patch("two", middle, "\tif (vcpu->pending || vcpu->injected || vcpu->id)\n")
    box = desk.path / "series.mbox"
    mails = [one.read_bytes().replace(b"[PATCH]", b"[PATCH 1/2]"), two.read_bytes().replace(b"[PATCH]", b"[PATCH 2/2]")]
    box.write_bytes(b"\n".join(mails))
    code, cells = desk.run(str(box), "--tree", "fake-9.1.y")
    assert [(cell["apply"], cell["build"]) for cell in cells.values()] == [("clean", "pass"), ("clean", "pass")]
    assert code == 0
    first, second = cells.values()
    mails = [hashlib.sha256(cell["adapted"].encode()).hexdigest() for cell in (first, second)]
    assert "before" not in first["detail"]
    assert second["detail"]["before"] == mails[:1]
    told = json.loads(kcidb_of(desk))
    assert told["checkouts"][1]["patchset_hash"] == hashlib.sha256(f"{mails[0]}\n{mails[1]}\n".encode()).hexdigest()
    _code, again = desk.run(str(box), "--tree", "fake-9.1.y")
    assert all(cell["cached"] for cell in again.values())
    # alone, the second does not fit
    _code, alone = desk.run(str(two), "--tree", "fake-9.1.y", "--no-build")
    assert [cell["apply"] for cell in alone.values()] != ["clean"]


def test_a_mail_that_cannot_be_read_is_one_cell_and_the_others_get_theirs(tmp_path: Path) -> None:
    desk = Desk(tmp_path)
    desk.patch("good", OLD, NEW)
    (tmp_path / "patches" / "a.patch").write_bytes(
        b"From: a@example.org\nSubject: x\nContent-Type: multipart/mixed; boundary*=\0''x\n\n--x\n\n--x--\n")
    (tmp_path / "patches" / "b.patch").write_bytes(
        b"From: a@example.org\nSubject: =?undefined?q?b?=\n\nx\n---\n--- arch/x86/kvm/x86.c\n+++ arch/x86/kvm/x86.c\n"
        b"@@ -1 +1 @@\n-x\n+y\n")
    result = CliRunner().invoke(cli, [
        "run", str(tmp_path / "patches"), "--no-build", "--tree", "fake-9.1.y", "--format", "json",
        "--manifest", str(tmp_path / "trees.yaml"), "--cache", str(tmp_path / "cache"),
        "--db", str(tmp_path / "results.sqlite")], standalone_mode=False)
    assert result.exception is None
    assert result.return_value == 1
    found = {cell["patch"]: cell for cell in json.loads(result.stdout)["cells"]}
    assert {name: cell["apply"] for name, cell in found.items() if cell["apply"] == "invalid"} == {
        "a": "invalid", "b": "invalid"}
    assert "cannot be read" in found["a"]["reason"]
    assert "no a/ and b/" in found["b"]["reason"]
    assert len(found) == 3
    assert next(cell["apply"] for cell in found.values() if cell["apply"] != "invalid") in ("clean", "offset")
