"""What scripts/setup installs is pinned: each library, each of its files by hash, for each Python that is allowed."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement

TOP = Path(__file__).resolve().parents[1]
PROJECT = tomllib.loads((TOP / "pyproject.toml").read_text())["project"]
EXTRAS = PROJECT["optional-dependencies"]
PURPOSES = {"build": [], **{name: EXTRAS[name] for name in ("test", "fuzz", "sbom")}}


def pinned(purpose: str) -> dict[str, list[Requirement]]:
    """Name -> what the file pins of it (more than one where the Python decides)."""
    text = (TOP / f"scripts/requirements/{purpose}.txt").read_text()
    found: dict[str, list[Requirement]] = {}
    for entry in text.replace(" \\\n", " ").splitlines():
        said, *hashes = entry.split(" --hash=")
        assert hashes, entry
        assert all(re.fullmatch(r"sha256:[0-9a-f]{64}", one.strip()) for one in hashes), entry
        one = Requirement(said)
        assert [spec.operator for spec in one.specifier] == ["=="], entry
        found.setdefault(one.name.lower(), []).append(one)
    return found


@pytest.mark.parametrize("purpose", PURPOSES)
def test_every_library_is_pinned_with_its_hashes(purpose: str) -> None:
    there = pinned(purpose)
    for wanted in map(Requirement, [*PROJECT["dependencies"], *PURPOSES[purpose], "setuptools>=77"]):
        pins = there[wanted.name.lower()]
        for python in ("3.11", "3.12", "3.13"):
            here = {"python_version": python, "python_full_version": f"{python}.0", "sys_platform": "linux"}
            if wanted.marker is not None and not wanted.marker.evaluate(here):
                continue
            fitting = [pin for pin in pins if pin.marker is None or pin.marker.evaluate(here)]
            assert len(fitting) == 1, (wanted, python, pins)
            version = next(iter(fitting[0].specifier)).version
            assert wanted.specifier.contains(version), (wanted, version)


@pytest.mark.parametrize("purpose", PURPOSES)
def test_no_index_is_named(purpose: str) -> None:
    text = (TOP / f"scripts/requirements/{purpose}.txt").read_text()
    assert not re.search(r"://|^\s*-(?!-hash)", text, re.M)


def test_nothing_is_installed_without_its_hash() -> None:
    found = set()
    for script in (TOP / "scripts").iterdir():
        if not script.is_file() or not (text := script.read_text()).startswith("#!/bin/sh"):
            continue
        for line in re.findall(r"^[^#\n]*(?:\$pip|-m pip)(?:[^\n]*\\\n)*[^\n]*", text, re.M):
            found.add(script.name)
            assert "--require-hashes" in line or "--no-deps" in line or "pip check" in line \
                or line.lstrip().startswith("pip="), f"{script.name}: {line}"
    assert found == {"check-wheel", "sbom", "setup"}
