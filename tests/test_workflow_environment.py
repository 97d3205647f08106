"""A damaged store, a limit of the shell, a full disk: `error` (3) with a cure, never kept, never the patch's fault."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from backport.cli import cli, main
from backport.errors import InfraError
from backport.kbuild import sandbox
from backport.trees.store import Store
from tests.support.desk import NEW, OLD, X86, Desk

ONE = ("--tree", "fake-9.1.y", "--offline")


@pytest.fixture
def desk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Desk:
    made = Desk(tmp_path)
    monkeypatch.chdir(tmp_path)
    made.patch("good", OLD, NEW)
    made.run("--no-build")                       # all trees come into the store
    (tmp_path / "results.sqlite").unlink()
    return made


def only(cells: dict[tuple[str, str], dict[str, Any]]) -> dict[str, Any]:
    (cell,) = cells.values()
    return cell


def damaged(desk: Desk) -> Path:
    """The file of the object that the patch changes in fake-9.1.y; the store is copied, so that it is its own."""
    store = desk.path / "cache/store.git"
    borrowed = store / "objects/info/alternates"
    for line in borrowed.read_text().splitlines():
        subprocess.run(["cp", "-r", f"{line}/.", str(store / "objects")], check=True)
    borrowed.unlink(missing_ok=True)
    subprocess.run(["git", "-C", str(store), "unpack-objects", "-q"], stdin=subprocess.DEVNULL, check=False)
    sha = subprocess.run(["git", "-C", str(store), "rev-parse", f"refs/trees/fake-9.1.y:{X86}"], check=True,
                         capture_output=True, text=True).stdout.strip()
    path = store / "objects" / sha[:2] / sha[2:]
    assert path.is_file()
    path.chmod(0o644)
    return path


@pytest.mark.parametrize("how", ["garbage", "empty", "lost"])
def test_a_damaged_object_is_an_error_until_it_is_mended(desk: Desk, how: str) -> None:
    path = damaged(desk)
    whole = path.read_bytes()
    if how == "lost":
        path.unlink()
    else:
        path.write_bytes(b"garbage" * 9 if how == "garbage" else b"")
    code, cells = desk.run(*ONE, "--no-build")
    assert (code, only(cells)["apply"]) == (3, "error")
    assert "fsck" in only(cells)["reason"]
    path.write_bytes(whole)
    code, cells = desk.run(*ONE, "--no-build")
    assert (code, only(cells)["apply"], only(cells)["cached"]) == (0, "clean", False)


@pytest.mark.parametrize("text", ["", "garbage\n"])
def test_a_ref_that_says_nothing_is_an_error_of_its_tree_alone(desk: Desk, text: str) -> None:
    write_refs(desk, "fake-9.1.y", text)
    code, cells = desk.run("--tree", "fake-9.1.y", "--tree", "fake-9.0.y", "--offline", "--no-build")
    assert code == 3
    assert {tree: cell["apply"] for (_slug, tree), cell in cells.items()} == {"fake-9.1.y": "error",
                                                                              "fake-9.0.y": "clean"}
    assert "backport trees fetch fake-9.1.y" in cells["kvm-made-up-good", "fake-9.1.y"]["reason"]
    code, cells = desk.run("--tree", "fake-9.1.y", "--no-build")       # which may fetch it
    assert (code, only(cells)["apply"]) == (0, "clean")


def write_refs(desk: Desk, name: str, text: str) -> None:
    """Damage the ref of a tree and that of its source."""
    refs = list((desk.path / "cache/store.git/refs").rglob(name))
    assert len(refs) == 2
    for ref in refs:
        ref.write_text(text)


def test_one_damaged_ref_of_the_two_is_survived(desk: Desk) -> None:
    (desk.path / "cache/store.git/refs/trees/fake-9.1.y").write_text("")
    code, cells = desk.run("--tree", "fake-9.1.y", "--offline", "--no-build")
    assert (code, only(cells)["apply"]) == (0, "clean")


def test_a_store_without_its_marker_is_an_error_with_the_cure(desk: Desk) -> None:
    (desk.path / "cache/store.git/backport.json").unlink()
    with pytest.raises(InfraError) as raised:
        desk.run(*ONE, "--no-build")
    assert raised.value.exit_code == 3
    assert "backport trees fetch" in raised.value.hint
    done = CliRunner().invoke(cli, ["trees", "fetch", "--manifest", str(desk.path / "trees.yaml"), "--cache",
                                    str(desk.path / "cache")], standalone_mode=False)
    assert done.exception is None
    code, _cells = desk.run(*ONE, "--no-build")
    assert code == 0


def test_a_reference_tree_that_is_damaged_is_not_done_without(desk: Desk) -> None:
    write_refs(desk, "fake-reference", "")
    with pytest.raises(InfraError, match="the reference tree, which every answer relies on, cannot be read"):
        desk.run(*ONE, "--no-build")


def test_a_tree_that_never_was_there_is_still_no_tree(desk: Desk) -> None:
    code, cells = desk.run("--tree", "fake-8.9.y", "--offline", "--no-build")
    assert (code, only(cells)["apply"]) == (0, "no-tree")
    assert Store(desk.path / "cache").damage("fake-8.9.y") == ""


@pytest.mark.skipif(bool(sandbox.probe()), reason=f"no sandbox on this machine: {sandbox.probe()}")
def test_a_limit_of_the_shell_is_no_failure_of_the_patch_and_no_leave_to_build_bare(desk: Desk) -> None:
    """`ulimit -f`: the patch makes an object that is larger than a file may be."""
    large = "\tstatic volatile char large[4 << 20] = { 1 };\n\n\tif (vcpu->pending || large[vcpu->id])\n"
    desk.patch("good", OLD, large)
    desk.run(*ONE)                               # the baseline is there: it is the patch that meets the limit
    told = under(desk, "ulimit -f 3000", *ONE, "--force")
    cell = told["cells"][0]
    assert (told["code"], cell["apply"], cell["build"]) == (3, "clean", "error")
    assert cell["detail"]["build"]["sandbox"] == "bubblewrap"
    code, cells = desk.run(*ONE)
    assert (code, only(cells)["build"]) == (0, "pass")


def under(desk: Desk, limit: str, *args: str) -> dict[str, Any]:
    """`backport run` below a limit of the shell: its JSON, and its exit code as `code`."""
    done = subprocess.run(
        ["bash", "-c", f'{limit} && exec "$@"', "bash", sys.executable, "-m", "backport", "run", *args,
         "--format", "json", "--manifest", str(desk.path / "trees.yaml"), "--cache", str(desk.path / "cache"), "--db",
         str(desk.path / "results.sqlite")], capture_output=True, text=True, check=False)
    assert done.returncode != 1, done.stderr
    return {**json.loads(done.stdout), "code": done.returncode}


def test_no_place_for_temporary_files_is_an_error(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    def nowhere(*_args: object, **_named: object) -> None:
        raise FileNotFoundError(2, "No usable temporary directory found in ['/nowhere']")

    monkeypatch.setattr("backport.temporary.tempfile.TemporaryDirectory", nowhere)
    code, cells = desk.run(*ONE, "--no-build")
    assert (code, only(cells)["apply"]) == (3, "error")
    assert "TMPDIR" in only(cells)["reason"]


def test_an_error_of_the_machine_is_one_message_and_3(monkeypatch: pytest.MonkeyPatch,
                                                      capsys: pytest.CaptureFixture[str]) -> None:
    def full(**_named: object) -> None:
        raise OSError(28, "No space left on device", "/somewhere")

    monkeypatch.setattr(cli, "main", full)
    with pytest.raises(SystemExit) as ended:
        main()
    assert ended.value.code == 3
    assert "free some space" in capsys.readouterr().err


def test_the_cache_may_be_deleted_and_comes_back(desk: Desk) -> None:
    def answer() -> object:
        code, cells = desk.run("--tree", "fake-9.1.y")
        return code, {place: (cell["apply"], cell["build"], cell["base_commit"]) for place, cell in cells.items()}
    before = answer()
    shutil.rmtree(desk.path / "cache")
    (desk.path / "results.sqlite").unlink()
    assert answer() == before
