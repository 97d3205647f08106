"""What a user installs, and what the forges run: metadata, data files and hooks are those of this checkout."""

from __future__ import annotations

import subprocess
import tomllib
from importlib.metadata import metadata
from pathlib import Path, PurePosixPath

import pytest
import yaml
from click.testing import CliRunner

import backport
from backport import manifest
from backport.cli import cli

ROOT = Path(__file__).parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))


def _tracked(*patterns: str) -> list[str]:
    listed = subprocess.run(["git", "ls-files", "-z", *patterns], cwd=ROOT, capture_output=True, text=True, check=True)
    return [name for name in listed.stdout.split("\0") if name]


def test_the_version_is_in_one_place() -> None:
    assert "version" in PROJECT["project"]["dynamic"]
    assert metadata("kernel-backport")["Version"] == backport.__version__
    assert CliRunner().invoke(cli, ["--version"]).output == f"backport (kernel-backport) {backport.__version__}\n"


def test_the_licence_is_that_of_the_code_around_it() -> None:
    assert metadata("kernel-backport")["License-Expression"] == "GPL-2.0-only"
    assert "GNU GENERAL PUBLIC LICENSE\n                       Version 2, June 1991" in (ROOT / "LICENSE").read_text()


def test_every_file_of_the_package_is_in_the_wheel() -> None:
    globs = PROJECT["tool"]["setuptools"]["package-data"]["backport"]
    data = [name for name in _tracked("backport") if not name.endswith(".py")]
    assert data
    left = [name for name in data if not any(
        PurePosixPath(name).is_relative_to("backport/boot") if glob == "boot/**/*"
        else PurePosixPath(name).match(f"backport/{glob}") for glob in globs)]
    assert left == []


def test_the_installed_list_of_trees_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "trees.yaml").write_text("trees: []\n")
    (tmp_path / "desk").mkdir()
    monkeypatch.chdir(tmp_path / "desk")
    monkeypatch.delenv("BACKPORT_MANIFEST", raising=False)
    monkeypatch.setattr(manifest, "__file__", str(tmp_path / "lib" / "backport" / "manifest.py"))
    monkeypatch.setattr(manifest, "_installed", lambda: [tmp_path / "gone.yaml", tmp_path / "trees.yaml"])
    assert manifest.default_path() == tmp_path / "trees.yaml"


@pytest.mark.parametrize(("file", "jobs"), [(".github/workflows/ci.yml", ("jobs",)), (".gitlab-ci.yml", ())])
def test_the_forges_run_what_a_person_runs(file: str, jobs: tuple[str, ...]) -> None:
    work = yaml.safe_load((ROOT / file).read_text(encoding="utf-8"))
    for key in jobs:
        work = work[key]
    for job, script in (("fast", "scripts/test"), ("all", ".ci/run")):
        run = [step.get("run") for step in work[job]["steps"]] if jobs else work[job]["script"]
        assert script in run
        assert (ROOT / script).stat().st_mode & 0o100


def test_the_hooks_are_those_that_are_installed() -> None:
    repos = yaml.safe_load((ROOT / ".pre-commit-config.yaml").read_text(encoding="utf-8"))["repos"]
    assert [repo["repo"] for repo in repos] == ["local"]
    for hook in repos[0]["hooks"]:
        assert hook["entry"].split()[0].startswith((".venv/bin/", "scripts/")), hook["id"]
