"""Names of a tree that was not read: looked up one by one, and as an index has them."""

from __future__ import annotations

from pathlib import Path

import pytest

from backport.trees.index import Index
from tests.support.trees import commit, files

MANY = {f"drivers/d{n}.c": b"int probe%d(void)\n{\n\tCOMMON(1);\n\treturn shared_help(%d) + by_hand();\n}\n" % (n, n)
        for n in range(160)}
TREE = {**files("6.1.7"), **MANY, "include/linux/pm.h": b"#ifdef CONFIG_X\n#  define COMMON(x) \\\n\t(x)\n#endif\n"
        b"#define COMMON_MORE 1\nint by_hand(void);\n",
        "lib/help.c": b"int shared_help(int a)\n{\n\treturn a;\n}\n"}


@pytest.mark.parametrize("name", ["COMMON", "shared_help"])
def test_what_half_the_tree_uses_is_found_without_reading_every_word(tmp_path: Path, name: str) -> None:
    top = commit(tmp_path / "repo", TREE)
    said: list[str] = []
    with_lookups = Index(tmp_path / "repo", top, said.append, 8)
    assert with_lookups.defines(name)
    assert not with_lookups.words_made
    # what a public header defines is found without a search of the whole tree, too
    assert said == ([f"looking for {name}, some seconds"] if name == "shared_help" else [])
    whole = Index(tmp_path / "repo", top)
    assert with_lookups.macros(name, lists=False) == whole.macros(name, lists=False)
    whole.close()
    with_lookups.close()


def test_what_is_only_declared_is_left_to_the_index(tmp_path: Path) -> None:
    index = Index(tmp_path / "repo", commit(tmp_path / "repo", TREE), lambda _text: None, 8)
    assert not index.defines("by_hand")
    assert index.words_made
    index.close()
