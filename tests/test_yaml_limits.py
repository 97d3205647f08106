"""A document that only costs the reader time or stack is refused with the line where it goes wrong."""

from __future__ import annotations

import pytest

from backport.errors import ManifestError
from backport.yaml_nodes import compose


def fail(line: int, text: str, hint: str) -> ManifestError:
    return ManifestError("trees.yaml", line, text, hint=hint)


@pytest.mark.parametrize(("text", "said"), [
    ("a: 1\nb: " + "[" * 900 + "]" * 900, r"trees.yaml:2: more than 50 levels"),
    ("\n" + "{a: " * 900 + "}" * 900, r"trees.yaml:2: more than 50 levels"),
    ("\n".join(" " * n + "a:" for n in range(900)), r"trees.yaml:\d+: more than 50 levels"),
    ("- " * 900 + "a", r"trees.yaml:1: more than 50 levels"),
    ("a: [\n" + "  [\n" * 900, r"trees.yaml:50: more than 50 levels"),
    ("# " + "x" * 30_000_000, "trees.yaml:1: more than 1 MiB"),
])
def test_nesting_and_size_have_a_limit_with_file_and_line(text: str, said: str) -> None:
    with pytest.raises(ManifestError, match=said):
        compose(text.encode(), fail)


def test_what_people_write_is_not_near_it() -> None:
    assert compose(b"a:\n  - b: [1, {c: 2}]\n    # " + b"[" * 20 + b"\n", fail) is not None
