from __future__ import annotations

import hashlib
import json
import subprocess
from pathlib import Path
from typing import Any

import kcidb_io
import pytest

from backport.cell import Cell
from backport.report import kcidb
from backport.results.run import TreeInfo
from backport.results.store import Results
from backport.verdict import Apply, Build
from tests.support.cells import HOSTILE, TREES, booted, cell, failing, fill, rewritten, standard


def _read(tmp_path: Path, cells: list[Cell], trees: tuple[TreeInfo, ...] = TREES) -> dict[str, Any]:
    with Results(tmp_path / "r.sqlite") as results:
        run = fill(results, cells, trees=trees)
        told: dict[str, Any] = json.loads(kcidb.render(run, results.cells(run)))
    schema = kcidb_io.schema.V5_3
    assert schema.is_compatible_exactly(told)
    return dict(schema.validate_exactly(told))


def test_a_cell_is_a_checkout_and_a_build(tmp_path: Path) -> None:
    told = _read(tmp_path, standard())
    assert [one["tree_name"] for one in told["checkouts"]] == [tree.name for tree in TREES]
    assert [one.get("valid") for one in told["checkouts"]] == [True, True, True, None]
    assert [one["status"] for one in told["builds"]] == ["PASS", "PASS"]
    ids = [one["id"] for one in told["checkouts"]]
    assert len(set(ids)) == 4
    assert [one["checkout_id"] for one in told["builds"]] == ids[1:3]


@pytest.mark.parametrize("apply", [Apply.CONFLICT, Apply.SUSPECT, Apply.INVALID])
def test_a_patch_that_does_not_apply_is_an_invalid_checkout_without_build(tmp_path: Path, apply: Apply) -> None:
    told = _read(tmp_path, [cell("p", "linux-9.1.y", apply, reason="line 12 differs")])
    assert told["checkouts"][0]["valid"] is False
    assert told["checkouts"][0]["log_excerpt"] == "line 12 differs"
    assert "builds" not in told


@pytest.mark.parametrize(("build", "status"), [
    (Build.PASS, "PASS"), (Build.WARN, "PASS"), (Build.FAIL, "FAIL"), (Build.BASELINE_BROKEN, "ERROR"),
    (Build.ERROR, "MISS"), (Build.NOT_COMPILED, "SKIP"), (Build.NOTHING_TO_BUILD, "SKIP")])
def test_build_states(tmp_path: Path, build: Build, status: str) -> None:
    told = _read(tmp_path, [cell("p", "linux-9.1.y", Apply.CLEAN, build)])
    assert told["builds"][0]["status"] == status


def test_no_build_no_build_object(tmp_path: Path) -> None:
    with Results(tmp_path / "r.sqlite") as results:
        run = fill(results, [Cell("p", "linux-9.1.y", Apply.CLEAN, Build.SKIPPED)])
        assert "builds" not in json.loads(kcidb.render(run, results.cells(run)))


def test_new_warnings_are_a_failed_test_of_a_passed_build(tmp_path: Path) -> None:
    warning = {"new": [{"level": "warning", "path": "a.c", "line": 1, "text": "unused"}]}
    told = _read(tmp_path, [cell("p", "linux-9.1.y", Apply.CLEAN, Build.WARN, detail={"build": warning})])
    assert told["tests"][0]["status"] == "FAIL"
    assert told["tests"][0]["log_excerpt"] == "a.c:1: warning: unused"


@pytest.mark.parametrize(("verdict", "status"), [
    ("proved", "PASS"), ("no effect", "FAIL"), ("broke", "FAIL"), ("not shown", "ERROR"), ("error", "MISS"),
    ("not testable here", "SKIP"), ("not asked", "SKIP")])
def test_what_booted_is_a_test_of_the_build(tmp_path: Path, verdict: str, status: str) -> None:
    told = _read(tmp_path, [cell("p", "linux-9.1.y", detail={"behaviour": booted(verdict)})])
    assert {one["path"]: one["status"] for one in told["tests"]} == {
        "backport.new_diagnostics": "PASS", "backport.behaviour": status}


@pytest.mark.parametrize(("made", "architecture"), [
    ({"architecture": "i386"}, "i386"), ({"architecture": "x86_64"}, "x86_64"),
    ({"command": "cd /x && git apply PATCH && make -j2 O=/y ARCH=i386 LOCALVERSION= arch/x86/kvm/"}, "i386"),
    ({}, None)])
def test_a_build_is_for_the_architecture_of_its_configuration(tmp_path: Path, made: dict[str, str],
                                                              architecture: str | None) -> None:
    told = _read(tmp_path, [cell("p", "linux-9.1.y", detail={"build": made})])
    assert told["builds"][0].get("architecture") == architecture


def test_a_kernel_that_booted_is_not_told_as_a_32_bit_one(tmp_path: Path) -> None:
    told = _read(tmp_path, [cell("p", "linux-9.1.y", detail={"behaviour": booted("proved"),
                                                             "build": {"architecture": "i386"}})])
    builds = {one["id"]: one["architecture"] for one in told["builds"]}
    tests = {one["path"]: builds[one["build_id"]] for one in told["tests"]}
    assert tests == {"backport.new_diagnostics": "i386", "backport.behaviour": "x86_64"}


def test_a_made_up_container_commit_is_never_given_as_a_kernel_commit(tmp_path: Path) -> None:
    own = TreeInfo("linux-9.1.y", "9.1.107", "b" * 40, history=True)
    cells = [cell("p", "linux-9.1.y", base_commit="b" * 40)]
    assert "git_commit_hash" not in _read(tmp_path, cells)["checkouts"][0]
    assert _read(tmp_path, cells, (own,))["checkouts"][0]["git_commit_hash"] == "b" * 40


def test_the_patchset_hash_is_the_one_of_the_shell_command_in_the_schema(tmp_path: Path) -> None:
    for name in ("1.patch", "2.patch"):
        (tmp_path / name).write_text(name)
    sums = subprocess.run(["sha256sum", "1.patch", "2.patch"], cwd=tmp_path, capture_output=True, check=True).stdout
    cut = b"".join(row[:64] + b"\n" for row in sums.splitlines())
    expected = subprocess.run(["sha256sum"], input=cut, capture_output=True, check=True).stdout[:64].decode()
    own = [hashlib.sha256(name.encode()).hexdigest() for name in ("1.patch", "2.patch")]
    assert kcidb.patchset_hash(own) == expected
    assert kcidb.patchset_hash([]) == ""


def test_hostile_and_long_texts_stay_valid(tmp_path: Path) -> None:
    told = _read(tmp_path, [
        rewritten(subject=HOSTILE, command=HOSTILE, notes=(HOSTILE,), reason=HOSTILE),
        failing("q", "linux-9.1.y", "x" * 40000 + HOSTILE),
        cell(HOSTILE, "linux-9.2.y", Apply.CONFLICT, reason="y" * 40000)])
    assert max(len(one.get("log_excerpt", "")) for one in told["builds"] + told["checkouts"]) == 16384
