"""Names that a module's object takes from the kernel and that nothing exports, on a small tree with a real compiler."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from backport.kbuild.delta import Delta
from backport.kbuild.symbols import lost
from tests.support.fakekernel import git

TREE = {
    "include/linux/core.h": "int core_open(int a,\n\t      int b);\nint core_kept(int a);\n",
    "kernel/core.c": "int core_open(int a, int b)\n{\n\treturn a + b;\n}\nEXPORT_SYMBOL_GPL(core_open);\n\n"
                     "int\ncore_kept(int a)\n{\n\treturn a;\n}\n",
    "drivers/dummy/Makefile": "obj-m += dummy.o duo.o\nduo-objs := one.o two.o\n",
    "drivers/dummy/dummy.c": "int core_kept(int a);\nint dummy(void)\n{\n\treturn core_kept(1);\n}\n",
}
MODULE = "gcc -DMODULE -DKBUILD_MODNAME='\"{}\"' -c"


def answer(tmp_path: Path, files: dict[str, str], *, of: str = "drivers/dummy/dummy", module: str = "dummy",
           recipe: str = MODULE) -> list[str]:
    """What is told of the object `of` in TREE with `files`."""
    source, build = tmp_path / "source", tmp_path / "build"
    for path, text in {**TREE, **files}.items():
        (source / path).parent.mkdir(parents=True, exist_ok=True)
        (source / path).write_text(text)
    git(source, "init", "-q")
    git(source, "add", "-A")
    git(source, "commit", "-qm", "Tree")
    (build / of).parent.mkdir(parents=True)
    subprocess.run(["gcc", "-w", "-c", "-o", build / f"{of}.o", source / f"{of}.c"], check=True)
    found = lost(build, tmp_path / "pristine", [f"{of}.o"], {f"{of}.o": recipe.format(module)}, Delta({}), source)
    assert all(one.is_error for one in found)
    return [one.text for one in found]


def test_a_function_that_nothing_exports_is_undefined_for_a_module(tmp_path: Path) -> None:
    assert answer(tmp_path, {}) == ['modpost: "core_kept" [drivers/dummy/dummy.ko] undefined! kernel/core.c has the '
                                    "function, and nothing exports it"]


@pytest.mark.parametrize(("path", "text"), [
    ("kernel/more.c", "EXPORT_SYMBOL_GPL(core_kept);\n"),
    ("kernel/more.c", "EXPORT_SYMBOL_GPL(\n\tcore_kept);\n"),
    ("kernel/more.c", "#ifdef MODULE\n\tEXPORT_SYMBOL_GPL(core_kept);\n#endif\n"),
    ("kernel/more.c", "GIVE_AWAY(core_kept);\n"),
    ("include/linux/more.h", "#define core_kept(a) core_open(a, a)\n"),
    ("arch/x86/lib/more.S", "SYM_FUNC_START(core_kept)\n"),
])
def test_what_may_export_or_define_it_is_no_fault(tmp_path: Path, path: str, text: str) -> None:
    assert answer(tmp_path, {path: text}) == []


def test_the_kernel_itself_needs_no_export_and_an_exported_one_is_there_for_all(tmp_path: Path) -> None:
    assert answer(tmp_path / "a", {}, recipe="gcc -DKBUILD_MODNAME='\"{}\"' -c") == []
    use = "int core_open(int a, int b);\nint dummy(void)\n{\n\treturn core_open(1, 2);\n}\n"
    assert answer(tmp_path / "b", {"drivers/dummy/dummy.c": use}) == []


def test_another_object_of_the_module_may_have_it(tmp_path: Path) -> None:
    one = {"drivers/dummy/one.c": "int two_part(void);\nint one(void)\n{\n\treturn two_part();\n}\n",
           "drivers/dummy/two.c": "int two_part(void)\n{\n\treturn 1;\n}\n"}
    assert answer(tmp_path / "a", one, of="drivers/dummy/one", module="duo") == []
    # one that is a module alone has no other object
    assert ["two_part" in text for text in answer(tmp_path / "b", one, of="drivers/dummy/one", module="one")] == [True]
    far = {"drivers/dummy/one.c": TREE["drivers/dummy/dummy.c"]}
    assert len(answer(tmp_path / "c", far, of="drivers/dummy/one", module="duo")) == 1
    below = {"drivers/dummy/Makefile": "obj-m := my-duo.o\nmy-duo-y:=sub/one.o\n",
             "drivers/dummy/sub/one.c": TREE["drivers/dummy/dummy.c"]}
    assert ["[drivers/dummy/my-duo.ko]" in text
            for text in answer(tmp_path / "e", below, of="drivers/dummy/sub/one", module="my_duo")] == [True]
    # a module that takes objects from other directories may have any
    away = {"drivers/dummy/Makefile": "obj-m += duo.o\nduo-objs := one.o ../../kernel/core.o\n"}
    assert answer(tmp_path / "d", {**far, **away}, of="drivers/dummy/one", module="duo") == []


def test_what_is_inline_or_static_elsewhere_defines_nothing_for_it(tmp_path: Path) -> None:
    stub = {"include/linux/core.h": "#ifdef CONFIG_CORE\nint core_kept(int a);\n#else\n"
                                    "static inline int core_kept(int a)\n{\n\treturn 0;\n}\n#endif\n"}
    assert len(answer(tmp_path / "a", stub)) == 1
    only = {"kernel/core.c": "static int core_kept(int a)\n{\n\treturn a;\n}\n"}
    assert answer(tmp_path / "b", only) == []            # who has the real one is not known
