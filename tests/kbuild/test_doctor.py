"""Every problem that doctor finds names the command that mends it."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner

from backport.commands.doctor import command
from backport.kbuild import doctor, sandbox
from backport.manifest import Toolchain, Tree, TreeSource
from backport.trees.store import Head


def test_a_missing_tool_names_its_package() -> None:
    found = {item.what: item for item in doctor.tools(lambda name: None if name == "bison" else f"/usr/bin/{name}")}
    assert found["bison"].fix == "apt-get install bison"
    assert found["bison"].needed
    assert found["flex"].ok
    assert found["flex"].fix == ""


def test_a_missing_compiler_names_its_package_and_its_tree() -> None:
    (finding,) = doctor.compilers([Tree("linux-5.10.y", "5.10", (), toolchain=Toolchain(cc="gcc-99"))])
    assert not finding.ok
    assert "linux-5.10.y" in finding.what
    assert finding.fix == "apt-get install gcc-99"


@pytest.mark.parametrize(("version", "series", "bad"), [
    ("gcc (Debian 15.2.0-4) 15.2.0", "5.10", True), ("gcc (Debian 15.2.0-4) 15.2.0", "5.15", True),
    ("gcc (Debian 15.2.0-4) 15.2.0", "6.1", False), ("gcc (Debian 12.2.0-14+deb12u1) 12.2.0", "5.10", False),
    ("Debian clang version 16.0.6", "5.10", False), ("gcc-15 (GCC) 15.0.1 20250329", "5.4", True),
])
def test_a_compiler_that_is_too_new_is_known_before_the_baseline_breaks(version: str, series: str, bad: bool) -> None:
    assert doctor.too_new(version, series) is bad


def test_too_little_disk_space(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doctor.shutil, "disk_usage", lambda _path: type("Usage", (), {"free": doctor.GB})())
    finding = doctor.disk(tmp_path / "not" / "there", 7, 0)
    assert not finding.ok
    assert finding.fix == "backport gc"


def test_what_several_machines_need_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def absent(_name: str) -> str:
        raise doctor.importlib.metadata.PackageNotFoundError

    monkeypatch.setattr(doctor.importlib.metadata, "version", absent)
    found = doctor._dask()
    assert not found.ok
    assert not found.needed
    assert found.fix == "pip install 'kernel-backport[dask]'"


def test_no_sandbox_is_said_with_the_cure(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sandbox, "probe", lambda: "bubblewrap is not installed")
    finding = doctor._sandbox()
    assert not finding.ok
    assert "apt-get install bubblewrap" in finding.fix


def test_a_tree_with_no_source_that_answers(tmp_path: Path) -> None:
    gone = Tree("linux-6.1.y", "6.1", (TreeSource("directory", {"directory": tmp_path / "gone"}),), required=True)
    (finding,) = doctor.sources([gone], {}, offline=True)
    assert (finding.ok, finding.needed) == (False, True)
    assert "trees.yaml" in finding.fix
    have = {"linux-6.1.y": Head("linux-6.1.y", "0" * 40, "6.1.9", "x", 0.0)}
    assert doctor.sources([gone], have, offline=True)[0].ok


def test_the_command_prints_and_ends_with_three_where_something_needed_is_missing(
        tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    manifest = tmp_path / "trees.yaml"
    manifest.write_text("trees:\n  - name: linux-6.1.y\n    required: true\n    toolchain: {cc: gcc-99}\n    sources:\n"
                        f"      - directory: {tmp_path}\n")
    result = CliRunner().invoke(command, ["--manifest", str(manifest), "--cache", str(tmp_path), "--offline"],
                                standalone_mode=False)
    assert result.return_value == 3, result.output
    assert "-> apt-get install gcc-99" in result.output
    assert "MISSING" in result.output
