"""Callers that only this tree has, and that a patch leaves behind."""

from __future__ import annotations

import difflib
from collections.abc import Mapping, Sequence

import pytest

from backport.check.left_behind import left_behind
from backport.csource.source import Source
from backport.patch.parse import parse
from backport.treeview import MemoryView

HEADER = "int grow(struct unit *u);\nint halt(struct unit *u);\n"
UNIT = "int grow(struct unit *u)\n{\n\treturn u->size++;\n}\n\nint halt(struct unit *u)\n{\n\treturn grow(u);\n}\n"
MORE = {"u.h": HEADER.replace("grow(struct unit *u)", "grow(struct unit *u, int by)"),
        "u.c": UNIT.replace("grow(struct unit *u)", "grow(struct unit *u, int by)").replace("grow(u)", "grow(u, 1)")}


class Tree(MemoryView):
    """A tree with its words."""

    def __init__(self, files: Mapping[str, str]) -> None:
        super().__init__("t", {path: text.encode() for path, text in files.items()})

    def having(self, name: str) -> Sequence[str]:
        return [path for path in self.paths() if name.encode() in (self.read(path) or b"")]

    def functions(self, name: str) -> Sequence[str]:
        return self.defining(name)

    def macros(self, name: str) -> Sequence[str]:
        return [path for path in self.paths() for _, piece in Source.of(self.read(path) or b"").pieces
                for _, macro in piece.macros if macro == name.encode()]


def left(tree: Mapping[str, str], change: Mapping[str, str | None]) -> tuple[str, ...]:
    diff = []
    for path, after in change.items():
        lines = list(difflib.unified_diff(tree[path].splitlines(keepends=True), (after or "").splitlines(keepends=True),
                                          f"a/{path}", f"b/{path}" if after is not None else "/dev/null"))
        kind = "deleted file mode 100644\n" if after is None else ""
        diff += [f"diff --git a/{path} b/{path}\n{kind}", *lines]
    view = Tree(tree)
    return left_behind(parse("".join(diff).encode()), view, view)


def test_a_caller_that_upstream_did_not_have() -> None:
    tree = {"u.h": HEADER, "u.c": UNIT, "old/driver.c": "void probe(void)\n{\n\tgrow(unit);\n}\n"}
    assert left(tree, MORE) == ("old/driver.c calls grow() with 1 argument, and it takes 2 with this patch",)


def test_no_file_is_read_after_the_last_that_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    tree = {"u.h": HEADER, "u.c": UNIT, **{f"old/{n}.c": "void probe(void)\n{\n\tgrow(unit);\n}\n" for n in range(9)}}
    asked: list[str] = []
    read = Tree.read
    monkeypatch.setattr(Tree, "having", lambda self, name: sorted(tree))
    monkeypatch.setattr(Tree, "read", lambda self, path: asked.append(path) or read(self, path))
    assert [one.partition(" ")[0] for one in left(tree, MORE)] == ["old/0.c", "old/1.c", "old/2.c"]
    assert not {f"old/{n}.c" for n in range(3, 9)} & set(asked)


def test_a_file_of_the_patch_is_read_as_it_is_afterwards() -> None:
    driver = "void probe(void)\n{\n\tgrow(unit);\n}\n"
    tree = {"u.h": HEADER, "u.c": UNIT, "driver.c": driver}
    assert left(tree, {**MORE, "driver.c": driver.replace("unit)", "unit, 2)")}) == ()
    assert len(left(tree, {**MORE, "driver.c": driver.replace("\tgrow", "\tbegin();\n\tgrow")})) == 1


def test_the_header_that_was_forgotten() -> None:
    assert left({"u.h": HEADER, "u.c": UNIT}, {"u.c": MORE["u.c"]}) == (
        "u.h calls grow() with 1 argument, and it takes 2 with this patch",)


@pytest.mark.parametrize("other", [
    "static int grow(int x)\n{\n\treturn x;\n}\n\nint y(void)\n{\n\treturn grow(1);\n}\n",       # its own
    "#define grow(x) ((x) + 1)\n\nint y = grow(1);\n",
    "/* grow(u) does it */\nint y;\n", "void f(struct ops *o)\n{\n\to->grow(o);\n}\n",
    "void probe(void)\n{\n\tgrow(unit, 2);\n}\n"])
def test_what_is_no_call_of_it(other: str) -> None:
    assert left({"u.h": HEADER, "u.c": UNIT, "other.c": other}, MORE) == ()


def test_a_static_function_has_no_callers_elsewhere() -> None:
    tree = {"u.c": "static " + UNIT, "other.c": "void probe(void)\n{\n\tgrow(unit);\n}\n"}
    assert left(tree, {"u.c": "static " + MORE["u.c"]}) == ()


def test_the_kernel_and_tools_do_not_call_each_other() -> None:
    assert left({"u.h": HEADER, "u.c": UNIT, "tools/t.c": "void t(void)\n{\n\tgrow(unit);\n}\n"}, MORE) == ()


GONE = {"u.h": HEADER.replace("int grow(struct unit *u);\n", ""),
        "u.c": "int halt(struct unit *u)\n{\n\treturn u->size++;\n}\n"}


def test_a_function_that_goes_and_is_still_called() -> None:
    tree = {"u.h": HEADER, "u.c": UNIT, "old/driver.c": "void probe(void)\n{\n\tgrow(unit);\n}\n"}
    assert left(tree, GONE) == ("old/driver.c uses grow(), which this patch removes",)
    assert left({**tree, "arch/x/u.c": "int grow(struct unit *u)\n{\n\treturn 0;\n}\n"}, GONE) == ()


def test_a_function_that_becomes_a_macro_or_moves_is_not_gone() -> None:
    tree = {"u.h": HEADER, "u.c": UNIT, "driver.c": "void probe(void)\n{\n\tgrow(unit);\n}\n"}
    assert left(tree, {**GONE, "u.h": "#define grow(u) ((u)->size++)\n" + GONE["u.h"]}) == ()
    moved = "int grow(struct unit *u)\n{\n\treturn 0;\n}\n"
    assert left({**tree, "v.c": "int v;\n"}, {**GONE, "v.c": "int v;\n\n" + moved}) == ()


def test_a_deleted_file_takes_its_functions_with_it() -> None:
    tree = {"u.h": HEADER, "u.c": UNIT, "old/driver.c": "void probe(void)\n{\n\thalt(unit);\n}\n"}
    assert left(tree, {"u.c": None, "u.h": "int other;\n"}) == ("old/driver.c uses halt(), which this patch removes",)
