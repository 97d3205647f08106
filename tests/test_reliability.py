"""docs/reliability.md names a test for each claim of the other pages, and the claim and the test are there."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

TOP = Path(__file__).resolve().parents[1]
TEXT = (TOP / "docs/reliability.md").read_text()
CLAIMS = [tuple(one.replace("\\|", "|") for one in row) for row in re.findall(
    r"^\| ((?:README|docs/\w+)\.md) \| (.*?) \| (tests/\S+\.py::.*?) \|$", TEXT, re.M)]
# what speaks of these is a claim, or its line is among those that say something else
SPEAKS = re.compile(r"exit code|\bCtrl-C\b|SIGTERM|SIGHUP|kill -9|was killed|[Ss]andbox|bubblewrap|read back", re.M)
NO_CLAIM = (
    "one Job per patch and tree, with its cache key",        # the diagram of architecture.md
    "the work tree is looked over on the way in alone",      # which time is measured
    "scripts/bench-build",                          # what a benchmark measures
    "with the exit code at port 0x80",              # a guest's
    "clears both flags at every exit",
)


def squeezed(text: str) -> str:
    return " ".join(text.split())


@pytest.mark.parametrize(("page", "words", "tests"), CLAIMS)
def test_the_claim_stands_there_and_its_tests_exist(page: str, words: str, tests: str) -> None:
    assert squeezed(words) in squeezed((TOP / page).read_text())
    for one in tests.split(", "):
        file, _, name = one.partition("::")
        assert re.search(rf"^ *def {name}\(", (TOP / file).read_text(), re.M), one


def test_there_are_claims() -> None:
    assert len(CLAIMS) > 40
    assert {page for page, _words, _tests in CLAIMS} > {"README.md", "docs/build.md", "docs/trees.md"}


def test_every_test_that_the_page_names_exists() -> None:
    for file in re.findall(r"\btests/[\w/]+\.py", TEXT):
        assert (TOP / file).is_file(), file


@pytest.mark.parametrize("page", sorted({page for page, _words, _tests in CLAIMS}))
def test_no_paragraph_makes_a_claim_without_a_test(page: str) -> None:
    known = [squeezed(words) for there, words, _tests in CLAIMS if there == page]
    for paragraph in re.split(r"\n\s*\n|\n(?=- )", (TOP / page).read_text()):
        said = squeezed(paragraph)
        if not said.startswith("#") and SPEAKS.search(said) and not any(words in said for words in (*known, *NO_CLAIM)):
            raise AssertionError(f"{page}: no test is named for: {said[:600]}")
