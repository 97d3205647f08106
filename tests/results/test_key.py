from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backport.manifest import Toolchain
from backport.results.key import REQUIRED, cell_key, code_digest

PARTS: dict[str, object] = {name: f"value of {name}" for name in REQUIRED}


def test_the_same_parts_give_the_same_key_whatever_their_order() -> None:
    assert cell_key(**PARTS) == cell_key(**dict(reversed(PARTS.items())))


@pytest.mark.parametrize("name", sorted(REQUIRED))
def test_every_part_counts_and_none_may_be_forgotten(name: str) -> None:
    assert cell_key(**{**PARTS, name: "something else"}) != cell_key(**PARTS)
    with pytest.raises(TypeError, match=name):
        cell_key(**{key: value for key, value in PARTS.items() if key != name})


def test_more_parts_count_too() -> None:
    assert cell_key(**PARTS, strategies=["context"]) != cell_key(**PARTS)


def test_a_value_without_stable_form_is_refused() -> None:
    with pytest.raises(TypeError, match="stable form"):
        cell_key(**{**PARTS, "tools": object()})


def test_dataclasses_and_paths_are_taken() -> None:
    one = cell_key(**{**PARTS, "compiler": Toolchain(cc="gcc-12"), "fixes": [Path("a")]})
    assert one != cell_key(**{**PARTS, "compiler": Toolchain(cc="gcc-11"), "fixes": [Path("a")]})


VALUES = st.recursive(st.none() | st.booleans() | st.integers() | st.text() | st.binary(),
                      lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner), max_leaves=8)


@given(VALUES, VALUES)
def test_different_values_give_different_keys(one: object, two: object) -> None:
    same = repr(one) == repr(two) or one == two
    if not same:
        assert cell_key(**{**PARTS, "tools": one}) != cell_key(**{**PARTS, "tools": two})


def test_code_counts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    package = tmp_path / "made_up_package"
    package.mkdir()
    (package / "__init__.py").write_text("")
    (package / "data.yaml").write_text("a: 1\n")
    monkeypatch.syspath_prepend(tmp_path)
    from backport.results import key
    before = code_digest(["made_up_package"])
    (package / "__pycache__").mkdir(exist_ok=True)
    (package / "__pycache__" / "x.pyc").write_text("noise")
    key._package_digest.cache_clear()
    assert code_digest(["made_up_package"]) == before
    (package / "data.yaml").write_text("a: 2\n")
    key._package_digest.cache_clear()
    assert code_digest(["made_up_package"]) != before
    with pytest.raises(TypeError, match="no package"):
        code_digest(["made_up_package_that_is_not_there"])
