"""Directories and series through the command line: each cell is kept the moment it is known, and stands for itself."""

from __future__ import annotations

import sqlite3
from pathlib import Path
from typing import Any

import pytest

from backport import context, pool
from backport.cell import Cell
from backport.context import Context
from backport.errors import InfraError
from backport.job import Job
from backport.trees.catalog import Catalog
from tests.support.desk import NEW, OLD, Desk

FORK = "kernel/fork.c"
ONE = ("--tree", "fake-9.1.y", "--no-build")
Cells = dict[tuple[str, str], dict[str, Any]]


@pytest.fixture
def desk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Desk:
    made = Desk(tmp_path)
    monkeypatch.chdir(tmp_path)
    return made


def directory(desk: Desk, *more: tuple[str, str, str, str]) -> None:
    """A quilt directory: two patches of one file, each on top of the other, and independent ones of other files."""
    desk.patch("one", OLD, NEW)
    desk.edit("fake-reference", OLD, NEW)
    desk.patch("two", NEW, NEW.replace("injected", "injected || vcpu->id"))
    desk.edit("fake-reference", NEW, OLD)
    desk.patch("three", "return 0", "return 3", FORK)
    for title, path, old, new in more:
        desk.patch(title, old, new, path)
    names = ["one", "two", "three", *(title for title, *_rest in more)]
    (desk.path / "patches" / "series").write_text("".join(f"{name}.patch\n" for name in names))


def cached(cells: Cells) -> dict[str, bool]:
    return {slug.rpartition("-")[2]: cell["cached"] for (slug, _tree), cell in cells.items()}


def outcomes(cells: Cells) -> dict[str, str]:
    return {slug.rpartition("-")[2]: cell["apply"] for (slug, _tree), cell in cells.items()}


def test_a_directory_is_no_series_where_nothing_needs_another(desk: Desk) -> None:
    directory(desk)
    _code, cells = desk.run(*ONE)
    assert outcomes(cells) == {"one": "clean", "two": "clean", "three": "clean"}
    by = {slug.rpartition("-")[2]: cell for (slug, _tree), cell in cells.items()}
    assert by["two"]["detail"]["series"] == {"good": True, "text": "all 2 patches are in the tree or apply", "part": 2}
    assert "series" not in by["three"]["detail"]
    assert "before" not in by["three"]["detail"]


def test_a_change_wakes_only_what_needs_it(desk: Desk) -> None:
    directory(desk)
    desk.run(*ONE)
    for name, awake in (("three", {"three"}), ("two", {"two"}), ("one", {"one", "two"})):
        file = desk.path / "patches" / f"{name}.patch"
        file.write_bytes(file.read_bytes().replace(b"Why.", b"Why: %s." % name.encode()))
        _code, cells = desk.run(*ONE)
        assert {key for key, was in cached(cells).items() if not was} == awake, name


def test_one_that_does_not_go_in_stops_only_what_needs_it(desk: Desk) -> None:
    directory(desk)
    desk.edit("fake-9.1.y", OLD, "\tif (gone(vcpu, 1, 2))\n\t\tsomething(else_entirely);\n")
    _code, cells = desk.run(*ONE)
    assert outcomes(cells) == {"one": "conflict", "two": "conflict", "three": "clean"}
    two = next(cell for (slug, _tree), cell in cells.items() if slug.endswith("two"))
    assert any("tried without kvm-made-up-one, which did not apply" in note for note in two["notes"])
    assert two["detail"]["series"]["text"] == "0 of 2; stops at kvm-made-up-one: conflict"


class Killed(BaseException):
    """As kill -9 goes through everything that catches exceptions."""


def stop_at(monkeypatch: pytest.MonkeyPatch, title: str) -> list[str]:
    """Computes until a patch of this title; what it computes is listed."""
    computed: list[str] = []
    real = pool.compute

    def compute(context: Context, job: Job, before: Any = ()) -> Cell:
        if job.patch.slug.endswith(title):
            raise Killed
        computed.append(job.patch.slug.rpartition("-")[2])
        return real(context, job, before)

    monkeypatch.setattr(pool, "compute", compute)
    return computed


def test_a_killed_run_goes_on_inside_a_series(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """Three patches of one file in one numbered series, killed at the third."""
    text, mails = OLD, []
    for number in (1, 2, 3):
        new = text.replace(")\n", f" || vcpu->id == {number})\n")
        mails.append(desk.patch(f"n{number}", text, new).read_bytes().replace(b"[PATCH]", b"[PATCH %d/3]" % number))
        desk.edit("fake-reference", text, new)
        text = new
    box = desk.path / "series.mbox"
    box.write_bytes(b"\n".join(mails))
    with monkeypatch.context() as killed:
        stop_at(killed, "n3")
        with pytest.raises(Killed):
            desk.run(str(box), *ONE)
    with sqlite3.connect(desk.path / "results.sqlite") as db:
        assert db.execute("SELECT patch, apply FROM cell ORDER BY patch").fetchall() == [
            ("kvm-made-up-n1", "clean"), ("kvm-made-up-n2", "clean")]
    db.close()
    computed = stop_at(monkeypatch, "nothing")
    code, cells = desk.run(str(box), *ONE)
    assert (code, computed) == (0, ["n3"])
    assert outcomes(cells) == {"n1": "clean", "n2": "clean", "n3": "clean"}
    third = cells["kvm-made-up-n3", "fake-9.1.y"]
    assert len(third["detail"]["before"]) == 2
    assert third["detail"]["series"] == {"good": True, "text": "all 3 patches are in the tree or apply", "part": 3}
    # the same from nothing
    _code, forced = desk.run(str(box), *ONE, "--force")
    for key, cell in forced.items():
        for name in ("apply", "sure", "reason", "adapted", "notes", "detail"):
            assert cells[key][name] == cell[name], (key, name)


def test_several_trees_at_once_give_the_same_cells(desk: Desk) -> None:
    directory(desk)
    every = ("--tree", "fake-9.1.y", "--tree", "fake-9.0.y", "--no-build")
    _code, parallel = desk.run("-j", "2", *every)
    _code, serial = desk.run("--force", *every)
    assert parallel.keys() == serial.keys()
    for key, cell in serial.items():
        for name in ("apply", "sure", "reason", "adapted", "notes", "detail"):
            assert parallel[key][name] == cell[name], (key, name)


def test_behind_an_error_nothing_is_said_and_nothing_kept(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """A patch tried without the one before it, because that met a full disk, is no conflict."""
    from backport.carry import Carrier
    directory(desk)
    real = Carrier.carry

    def carry(self: Carrier, patch: Any, tree: Any, head: Any) -> Any:
        if patch.slug.endswith("one"):
            raise InfraError("the disk is full", hint="free some space")
        return real(self, patch, tree, head)

    with monkeypatch.context() as broken:
        broken.setattr(Carrier, "carry", carry)
        code, cells = desk.run(*ONE)
    assert (code, outcomes(cells)) == (3, {"one": "error", "two": "error", "three": "clean"})
    assert "one, which it needs first, ended in error" in cells["kvm-made-up-two", "fake-9.1.y"]["reason"]
    _code, again = desk.run(*ONE)
    assert outcomes(again) == {"one": "clean", "two": "clean", "three": "clean"}
    assert cached(again) == {"one": False, "two": False, "three": True}


def test_a_patch_that_uses_what_another_file_of_the_directory_brings_is_built_with_it(desk: Desk) -> None:
    directory(desk, ("four", "arch/x86/kvm/x86.h", "#endif", "#define FRESH_FOUR 4\n#endif"),
              ("five", "arch/x86/kvm/xen.c", "+ 1", "+ FRESH_FOUR"))
    _code, cells = desk.run("--tree", "fake-9.1.y")
    assert cells["kvm-made-up-five", "fake-9.1.y"]["build"] == "pass"
    assert len(cells["kvm-made-up-five", "fake-9.1.y"]["detail"]["before"]) == 1
    assert not any("FRESH_FOUR, which this tree does not have" in note
                   for note in cells["kvm-made-up-five", "fake-9.1.y"]["notes"])


def test_no_index_is_made_of_a_state_between_two_patches(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(context, "_LOOKUPS", 0)      # an index for the first name, where a run looks some up without
    box = desk.path / "box.mbox"
    one = desk.patch("one", OLD, "\tif (vcpu->pending || made_up_name_one)\n")
    desk.edit("fake-reference", OLD, "\tif (vcpu->pending || made_up_name_one)\n")
    two = desk.patch("two", "made_up_name_one", "made_up_name_one + made_up_name_two")
    box.write_bytes(b"\n".join(path.read_bytes().replace(b"[PATCH]", b"[PATCH %d/2]" % number)
                               for number, path in enumerate((one, two), 1)))
    _code, cells = desk.run(str(box), *ONE)
    made = set(Catalog.beside(desk.path / "cache" / "store.git").state.trees)
    assert made <= {cell["base_commit"] for cell in cells.values()} | reference(desk)
    assert made


def reference(desk: Desk) -> set[str]:
    from backport.trees.store import Store
    return {head.commit for head in Store(desk.path / "cache").heads()}

