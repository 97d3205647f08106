"""What makes a store stale: another code, and no other words about it."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from backport.trees import deciding as module
from backport.trees.deciding import deciding

READER = '''
"""A reader."""
import re
from made.other import limit, helper as help_me
from made import third

WORD = re.compile(b"a+")
UNUSED = 1


def read(data):
    """What it reads."""
    return WORD.findall(data)[:limit] + help_me(data) + third.deep(data)


def beside(data):
    return []
'''
OTHER = "limit = 3\n\n\ndef helper(data):\n    return []\n\n\ndef beside():\n    return 1\n"
THIRD = "def deep(data):\n    return [DEPTH]\n\n\nDEPTH = 1\n"


@pytest.fixture
def made(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    folder = tmp_path / "made"
    folder.mkdir()
    for name, text in (("__init__", ""), ("reader", READER), ("other", OTHER), ("third", THIRD)):
        (folder / f"{name}.py").write_text(text)
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setattr(module, "_PACKAGE", "made")
    yield folder
    sys.modules.pop("made", None)
    _forget()


def _forget() -> None:
    for cached in (module._read, module._path):
        cached.cache_clear()


def _now() -> str:
    _forget()
    return deciding([("made.reader", "read")])


@pytest.mark.parametrize(("file", "old", "new"), [
    ("reader", "[:limit]", "[:limit + 1]"), ("reader", 'b"a+"', 'b"b+"'), ("other", "limit = 3", "limit = 4"),
    ("other", "return []", "return [data]"), ("third", "[DEPTH]", "[DEPTH, 2]"), ("third", "DEPTH = 1", "DEPTH = 2")])
def test_what_takes_part_changes_it(made: Path, file: str, old: str, new: str) -> None:
    before, path = _now(), made / f"{file}.py"
    assert old in path.read_text()
    path.write_text(path.read_text().replace(old, new))
    assert _now() != before


@pytest.mark.parametrize(("file", "old", "new"), [
    ("reader", "UNUSED = 1", "UNUSED = 2"), ("reader", "What it reads.", "Whatever it reads."),
    ("reader", "def read", "# the reader\n\ndef read"), ("reader", "beside", "nearby"),
    ("other", "return 1", "return 2")])
def test_what_takes_no_part_does_not(made: Path, file: str, old: str, new: str) -> None:
    before, path = _now(), made / f"{file}.py"
    assert old in path.read_text()
    path.write_text(path.read_text().replace(old, new))
    assert _now() == before


def test_a_name_that_is_not_there_is_no_silent_answer(made: Path) -> None:
    with pytest.raises(KeyError):
        deciding([("made.reader", "gone")])


def test_the_names_of_a_tree_hang_on_the_reader_of_definitions_and_on_no_lexer() -> None:
    here = "backport.trees"
    seen: set[tuple[str, str]] = set()
    left = [(f"{here}.postings", "_Batch")]
    while left:
        one = left.pop()
        if one not in seen:
            seen.add(one)
            left += [used for node in module._read(one[0])[0][one[1]] for used in module._used(one[0], node)]
    tokens = "backport.csource.tokens"
    assert {("backport.csource.definitions", "defined"), (tokens, "apart"), (tokens, "_COMMENT"),
            ("backport.csource.layout", "signature_name")} <= seen
    assert not {(tokens, "lex"), ("backport.git", "Git")} & seen
