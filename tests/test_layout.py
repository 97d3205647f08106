"""A module's tests are found by its name: tests/ has the directories of backport/, and helpers are in one place."""

from __future__ import annotations

from pathlib import Path

ROOT = Path(__file__).parents[1]
# real: whole commands on real trees; support: what several tests need; the rest is data
OTHER = {"real", "support", "behaviour", "corpus", "data"}


def test_the_directories_are_those_of_the_package() -> None:
    for path in (ROOT / "tests").rglob("*"):
        if path.is_dir() and path.name != "__pycache__":
            inside = path.relative_to(ROOT / "tests")
            assert OTHER & set(inside.parts) or (ROOT / "backport" / inside).is_dir(), inside


def test_helpers_are_in_one_place() -> None:
    allowed = {"__init__.py", "conftest.py"}
    for path in (ROOT / "tests").rglob("*.py"):
        inside = path.relative_to(ROOT / "tests")
        if inside.parts[0] not in OTHER and not path.name.startswith("test_"):
            # the table of cases for the checks is data
            assert path.name in allowed or inside.parent == Path("adapt", "checks"), inside
