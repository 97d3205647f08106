"""Names that a patch uses and a tree does not have."""

from __future__ import annotations

from collections.abc import Collection

from backport.adapt.new_symbols import brought, missing
from tests.support.adapting import patch_of

BEFORE = b"int f(void)\n{\n\tone();\n\ttwo();\n\tthree();\n\treturn 0;\n}\n"


class Index:
    """A tree with these names."""

    def __init__(self, names: Collection[str] = ()) -> None:
        self.names = names

    def contains(self, identifier: str) -> bool:
        return identifier in self.names

    def defines(self, name: str) -> bool:
        return name in self.names


class Sighted(Index):
    """A tree whose names stand under tools/."""

    def unseen(self, name: str, path: str, also: tuple[str, ...] = ()) -> str | None:
        return "only in tools/x.h" if name in self.names else ""


class Open(Index):
    """A tree whose names can be seen from anywhere."""

    def unseen(self, name: str, path: str, also: tuple[str, ...] = ()) -> str | None:
        return None if name in self.names else ""


def lacking(new: bytes, index: Index | None = None, upstream: Index | None = None) -> list[str]:
    patch = patch_of({"a.c": (BEFORE, BEFORE.replace(b"\ttwo();\n", new + b"\ttwo();\n"))})
    return [one.name for one in missing(patch, {"a.c": BEFORE}, index or Index(), upstream)]


def test_a_number_is_no_name() -> None:
    assert lacking(b"\tone(0x9fd3b1c7, 0x1fUL, 0b1, 1e5f);\n") == []


def test_words_of_comments_and_strings_are_no_names() -> None:
    assert lacking(b"\t/*\n\t * of nothing,\n\t * at all\n\t */\n\tone(\"and more\", 'x');\n") == []
    assert lacking(b"#include <linux/nothing.h>\n") == []


def test_a_function_whose_name_stands_below_its_type_is_the_patchs_own() -> None:
    own = b"static int\nfour(void)\n{\n\treturn 0;\n}\n\n"
    patch = patch_of({"a.c": (BEFORE, own + BEFORE.replace(b"two();", b"four();"))})
    assert missing(patch, {"a.c": BEFORE}, Index()) == ()
    assert "four" in brought(patch)


def test_a_call_is_nothing_that_a_patch_brings() -> None:
    assert lacking(b"\tif (x)\n\t\tfour();\n\tfive(six,\n\t     SEVEN,\n\t     eight);\n", Index({"x"})) == [
        "four", "five", "six", "SEVEN", "eight"]


def test_a_name_that_the_file_cannot_see_is_told_with_its_place() -> None:
    patch = patch_of({"a.c": (BEFORE, BEFORE.replace(b"two", b"four"))})
    (one,) = missing(patch, {"a.c": BEFORE}, Sighted({"four"}), Open({"four"}))
    assert (one.name, one.which) == ("four", "which is only in tools/x.h in this tree")


def test_a_name_that_upstreams_file_sees_no_better_is_left_alone() -> None:
    assert lacking(b"\tfour();\n", Sighted({"four"}), Sighted({"four"})) == []
