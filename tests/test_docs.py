"""What the documentation names exists: files, functions, directories, links between pages, sub-commands."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from backport.adapt.proposers.registry import PROPOSERS
from backport.adapt.repair import POLISH, REPAIRS
from backport.cli import COMMANDS
from backport.report.registry import FORMATS
from backport.trees.sources import KINDS

ROOT = Path(__file__).parents[1]
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").glob("*.md"))]
OURS = ("backport/", "docs/", "tests/", "scripts/", "patches/", "contrib/", ".ci/")


def _named(text: str) -> Iterator[str]:
    """Paths of this repository that a page names in code spans; what holds a placeholder or a pattern is none."""
    for span in re.findall(r"`([^`\n]+)`", text):
        yield from (word.rstrip(",.:;") for word in span.split()
                    if word.startswith(OURS) and not set(word) & set("<*{$["))


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_the_files_and_links_of_a_page_exist(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    prose = re.sub(r"^```.*?^```", "", text, flags=re.DOTALL | re.MULTILINE)
    assert [name for name in _named(prose) if not (ROOT / name).exists()] == []
    tests = re.findall(r"(?<![\w/])tests/[\w./-]*\w", prose)          # in prose they stand without quotes
    assert [name for name in tests if not (ROOT / name).exists()] == []
    links = [link for link in re.findall(r"\]\(([^)#\s]+)[^)]*\)", prose) if "://" not in link]
    assert [link for link in links if not (page.parent / link).exists()] == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_the_commands_of_a_page_exist(page: Path) -> None:
    spans = re.findall(r"`([^`\n]+)`|^ {4}(backport .*)$", page.read_text(encoding="utf-8"), flags=re.MULTILINE)
    named = {words[1] for one in spans for words in [(one[0] or one[1]).split()]
             if len(words) > 1 and words[0] == "backport" and re.fullmatch("[a-z]+", words[1])}
    assert named - set(COMMANDS) == set()


def _defined(path: Path) -> set[str]:
    return {node.name for node in ast.walk(ast.parse(path.read_bytes()))
            if isinstance(node, ast.FunctionDef | ast.ClassDef)}


def test_the_way_of_a_hunk_is_the_way_of_the_code() -> None:
    rows = re.findall(r"^\| \d+ \| `(\S+\.py)` `(\w+)(?:\(\))?` \|", (ROOT / "docs" / "architecture.md").read_text(),
                      flags=re.MULTILINE)
    assert len(rows) == 31
    assert [row for row in rows if row[1] not in _defined(ROOT / row[0])] == []


@pytest.mark.parametrize(("page", "names"), [("reports", set(FORMATS)), ("trees", set(KINDS))])
def test_every_format_and_every_source_has_its_row(page: str, names: set[str]) -> None:
    """Nobody finds one that no table has."""
    text = (ROOT / "docs" / f"{page}.md").read_text(encoding="utf-8")
    assert names <= set(re.findall(r"^\| `(\w+)[`:]", text, flags=re.MULTILINE))


@pytest.mark.parametrize(("folder", "known", "others"), [
    ("adapt/proposers", {one.propose.__module__ for one in PROPOSERS}, {"base", "registry"}),
    ("adapt/repairs", {one.make.__module__ for one in (*POLISH, *(one for some in REPAIRS.values() for one in some))},
     {"base"}),
    ("trees/sources", {one.prepare.__module__ for one in KINDS.values()}, {"base"}),
])
def test_every_file_is_registered(folder: str, known: set[str], others: set[str]) -> None:
    """One that is not is never asked, and no test of what it does would tell."""
    files = {path.stem for path in (ROOT / "backport" / folder).glob("*.py")} - {"__init__"} - others
    assert {name.rpartition(".")[2] for name in known} == files


def test_what_contributing_tells_a_newcomer_to_edit_is_there() -> None:
    text = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    for name, path in (("PROPOSERS", "backport/adapt/proposers/registry.py"),
                       ("FORMATS", "backport/report/registry.py"),
                       ("ARCHITECTURES", "backport/architecture.py"), ("CHECKS", "backport/adapt/checks/registry.py"),
                       ("REPAIRS", "backport/adapt/repair.py"), ("KINDS", "backport/trees/sources/__init__.py")):
        assert f"\n{name}" in (ROOT / path).read_text(encoding="utf-8"), name
        assert path in text, path
    records = {"checks": "CHECK = Check(__name__, __doc__, ask, (", "repairs": "REPAIR = Repair(make, (",
               "proposers": "PROPOSER = FunctionProposer("}
    for room, record in records.items():
        assert record.partition("(")[0] in text, room
        assert any(record in file.read_text(encoding="utf-8") for file in (ROOT / "backport/adapt" / room).glob("*.py"))
    # every class that it names exists
    named = set(re.findall(r"\b([A-Z][a-z]+(?:[A-Z][a-z]+)*)(?=[(.])", " ".join(re.findall(r"`([^`]+)`", text))))
    defined = set().union(*(_defined(file) for file in (ROOT / "backport").rglob("*.py")))
    assert {"Check", "Repaired", "FunctionProposer", "Placed", "SourceKind", "Signal", "Evidence"} <= named
    assert named - defined == set()
