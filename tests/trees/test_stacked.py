"""The names of a tree with patches on top are those that an index of its own would have."""

from __future__ import annotations

from pathlib import Path

import pytest

from backport.trees.catalog import Catalog
from backport.trees.index import Index
from backport.trees.stacked import Stacked
from backport.trees.view import StoreView
from tests.support.trees import commit, files

BEFORE = {
    **files("6.1.7"),
    "kvm/a.c": b"#define ONLY_HERE 1\nint gone(void)\n{\n\treturn only_word + twice;\n}\nint stays(void)\n{\n}\n",
    "kvm/b.c": b"int other(void)\n{\n\treturn twice;\n}\n",
    "kvm/h.h": b"struct box {\n\tint old;\n};\n",
    "kvm/lost.c": b"int lost(void)\n{\n}\n",
}
AFTER = {
    **{path: data for path, data in BEFORE.items() if path != "kvm/lost.c"},
    "kvm/a.c": b"#define FRESH 2\nint stays(void)\n{\n\treturn fresh_word;\n}\n",
    "kvm/h.h": b"struct box {\n\tint new;\n};\n",
    "kvm/made.c": b"int made(void)\n{\n}\n",
}
NAMES = ("gone", "stays", "other", "lost", "made", "only_word", "twice", "fresh_word", "ONLY_HERE", "FRESH", "nothing")


@pytest.fixture
def states(tmp_path: Path) -> tuple[Path, str, str]:
    repo = tmp_path / "repo"
    return repo, commit(repo, BEFORE), commit(repo, AFTER)


def indexed(repo: Path) -> set[str]:
    """The commits whose names are kept."""
    catalog = Catalog.beside(repo)
    catalog.again()
    return set(catalog.state.trees)


def test_it_says_what_an_index_of_its_own_says(states: tuple[Path, str, str]) -> None:
    repo, base, top = states
    stacked = Stacked(repo, base, top)
    said = {name: (stacked.contains(name), stacked.defines(name), stacked.functions(name), stacked.macros(name),
                   stacked.having(name)) for name in NAMES}
    assert indexed(repo) == {base}
    own = Index(repo, top)
    assert said == {name: (own.contains(name), own.defines(name), own.functions(name), own.macros(name),
                           own.having(name)) for name in NAMES}
    assert stacked.types("box") == own.types("box") == ["kvm/h.h"]
    assert stacked.members("box") == own.members("box") == {"new": ["kvm/h.h"]}
    stacked.close()
    own.close()


def test_a_view_with_a_base_makes_no_index_of_its_own(states: tuple[Path, str, str]) -> None:
    repo, base, top = states
    with StoreView(repo, "t", top, base) as view:
        assert view.defining("made") == ["kvm/made.c"]
        assert view.index.contains("fresh_word")
        assert view.read("kvm/lost.c") is None
    assert indexed(repo) == {base}
