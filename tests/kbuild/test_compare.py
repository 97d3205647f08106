"""The changed-function set, from real objects."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from backport.kbuild import compare, objects
from backport.kbuild.delta import file_delta
from backport.verdict import Build
from tests.kbuild.conftest import Bench

X86 = "arch/x86/kvm/x86.c"
SOURCE = """#include <linux/kvm_host.h>

extern void report(int line, const char *text);
#define CHECK(x) do { if (!(x)) report(__LINE__, #x); } while (0)
#define ONCE(x) do { static int done; if (!(x) && !done) { done = 1; report(__LINE__, "once"); } } while (0)

static inline __attribute__((always_inline)) int small(int value)
{
	return value * 3;
}

static __attribute__((noinline)) int slow(int value)
{
	CHECK(value > 2);
	return value + 4;
}

int first(int value)
{
	CHECK(value);
	return slow(value);
}

int second(int value)
{
	ONCE(value);
	CHECK(value > 1);
	return small(value) + 1;
}

int third(int value)
{
	ONCE(value > 5);
	return small(value) + 2;
}
"""


@pytest.fixture
def checks(bench: Bench) -> Bench:
    """The fake kernel with a source full of __LINE__, static flags and inlining."""
    from tests.support.fakekernel import git
    (bench.source / X86).write_text(SOURCE)
    git(bench.source, "commit", "-qam", "Checks")
    return bench


def names(bench: Bench, old: str, new: str) -> tuple[str, ...]:
    result = bench.build(bench.edit(X86, old, new))
    assert result.verdict in (Build.PASS, Build.WARN), result
    assert result.changes is not None
    assert result.changes.reason == ""
    return result.changes.names


def test_only_the_function_whose_code_changed_is_named(checks: Bench) -> None:
    result = checks.build(checks.edit(X86, "CHECK(value);", "CHECK(value);\n\tCHECK(value < 90);"))
    assert result.changes is not None
    assert result.changes.names == ("first",)     # not second and third, whose __LINE__ would have moved by one
    (change,) = result.changes.functions
    assert (change.kind, change.object) == ("changed", "arch/x86/kvm/x86.o")
    assert change.difference > 0


def test_one_more_static_flag_does_not_renumber_the_others_into_a_change(checks: Bench) -> None:
    assert names(checks, "CHECK(value);", "ONCE(value < 70);\n\tCHECK(value);") == ("first",)


def test_a_comment_changes_nothing_and_is_said_to(checks: Bench) -> None:
    result = checks.build(checks.edit(X86, "int first(", "/*\n * Words (\n */\nint first("))
    assert result.changes is not None
    assert result.changes.nothing
    assert result.changes.names == ()


def test_a_function_that_was_inlined_says_where_it_went(checks: Bench) -> None:
    result = checks.build(checks.edit(X86, "value * 3", "value * 5"))
    assert result.changes is not None
    assert result.changes.names == ("second", "third")
    assert result.changes.inlined == {"small": ("second", "third")}


def test_a_changed_string_is_a_change_of_its_function(checks: Bench) -> None:
    assert names(checks, "CHECK(value > 1)", "CHECK(value > 0x1)") == ("second",)


def test_appeared_and_vanished(checks: Bench) -> None:
    result = checks.build(checks.edit(X86, "int third(", "int fourth("))
    assert result.changes is not None
    assert {item.name: item.kind for item in result.changes.functions} == {"fourth": "appeared", "third": "vanished"}


def test_the_second_patch_uses_the_kept_side_and_is_compared_with_the_baseline(checks: Bench) -> None:
    assert names(checks, "value + 4", "value + 5") == ("slow",)
    assert names(checks, "small(value) + 2", "small(value) + 9") == ("third",)


@pytest.mark.parametrize(("symbol", "base"), [
    ("f", "f"), ("f.cold", "f"), ("f.isra.0", "f"), ("f.constprop.12", "f"), ("f.part.0.cold", "f"),
    ("f.isra.0.part.3", "f"), ("partial.x", "partial.x"), ("coldish", "coldish"), ("f.5", "f"),
])
def test_pieces_count_to_their_function(symbol: str, base: str) -> None:
    assert objects.base_name(symbol) == base


def test_line_directives_stand_only_where_a_statement_may_begin() -> None:
    before = b"a(1);\nWARN(x,\n  y,\n  z);\nb();\n"
    after = b"a(1);\nWARN(x,\n  more,\n  y,\n  z);\nb();\n"
    text = compare.same_lines(file_delta("f.c", before, after), "/s/f.c").split(b"\n")
    assert text == [b'#line 1 "/s/f.c"', b"a(1);", b"WARN(x,", b"  more,", b"  y,", b"  z);",
                    b'#line 5 "/s/f.c"', b"b();", b""]


def test_something_that_is_no_object_is_refused(tmp_path: Path) -> None:
    from backport.errors import BuildError
    path = tmp_path / "x.o"
    path.write_bytes(b"no object")
    with pytest.raises(BuildError):
        objects.read(path)


@pytest.mark.parametrize("flag", ["-m64", "-m32"])
def test_objects_of_both_widths_are_compared_by_what_their_relocations_name(tmp_path: Path, flag: str) -> None:
    """32 bit has its addends in the code itself: a string or a call that only moved is no change, another one is."""
    text = ("int puts(const char *);\nextern int table[];\nint other(void);\n%s"
            "int calls(void) { return puts(\"%s\") + other(); }\n"
            "int reads(int i) { return table[i + 2]; }\nint adds(int i) { return i + %d; }\n"
            "int (*chosen(int i))(void) { return i ? calls : other; }\n")

    def read(name: str, *values: object) -> objects.ObjectCode:
        (tmp_path / f"{name}.c").write_text(text % values)
        subprocess.run(["gcc", flag, "-O2", "-ffreestanding", "-fno-pic", "-ffunction-sections", "-fdata-sections",
                        "-c", "-o", tmp_path / f"{name}.o", tmp_path / f"{name}.c"], check=True)
        return objects.read(tmp_path / f"{name}.o")

    def changed(new: objects.ObjectCode) -> set[str]:
        return {name for name in old.functions.keys() | new.functions.keys()
                if old.functions.get(name) != new.functions.get(name)}

    moved = 'int before(void) { return puts("one more") + puts("two more"); }\n'
    old = read("old", "", "said", 3)
    assert old.functions.keys() == {"calls", "reads", "adds", "chosen"}
    assert changed(read("same", "", "said", 3)) == set()
    assert changed(read("moved", moved, "said", 3)) == {"before"}
    assert changed(read("said", "", "meant", 3)) == {"calls"}
    assert changed(read("added", "", "said", 4)) == {"adds"}
