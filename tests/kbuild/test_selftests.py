"""Selftests on a small tree: the verdicts, and what each is proved by."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest

from backport.kbuild.touched import unbuilt
from backport.verdict import Build
from tests.kbuild.conftest import Bench
from tests.kbuild.test_absent import Sparse
from tests.support.fakekernel import SELFTESTS, git

TOP = "tools/testing/selftests"
PLACE = f"{TOP}/demo"
DEMO = f"{PLACE}/demo.c"
MAKEFILE = f"{PLACE}/Makefile"
MAIN = "int main(void)\n{\n"
LISTED = "TEST_GEN_PROGS := demo noisy\n"


@pytest.fixture(name="bench")
def _bench(bench: Bench) -> Bench:
    commit(bench, dict(SELFTESTS))
    return bench


def commit(bench: Bench, edits: Mapping[str, str | None]) -> None:
    for name, text in edits.items():
        (bench.source / name).parent.mkdir(parents=True, exist_ok=True)
        (bench.source / name).write_text(text or "")
    git(bench.source, "add", "-A")
    git(bench.source, "commit", "-qm", "Change it")


def test_a_program_is_built_by_its_own_make(bench: Bench) -> None:
    result = bench.build(bench.edit(DEMO, MAIN, f"{MAIN}\t/* more */\n"), compared=False)
    assert (result.verdict, result.objects) == (Build.PASS, ("kselftest/demo/demo",)), result
    assert (result.config, result.architecture) == ("selftests", "x86_64")
    assert f"make -k -C {PLACE} OUTPUT=" in result.command
    assert bench.status() == ""
    assert not list((bench.cache / "build").rglob("kselftest/demo"))         # put back
    # the rest of the tree was not built for it
    assert not list((bench.cache / "build").rglob("x86.o"))


def test_an_error_and_a_warning_are_the_patchs(bench: Bench) -> None:
    broken = bench.build(bench.edit(DEMO, MAIN, f"{MAIN}\tno_such_variable = 1;\n"), compared=False)
    assert broken.verdict is Build.FAIL
    assert broken.reason == f"{DEMO}:7:9: error: 'no_such_variable' undeclared (first use in this function)"
    noisy = bench.build(bench.edit(DEMO, MAIN, f"{MAIN}\tint unused;\n\n"), compared=False)
    assert (noisy.verdict, [item.path for item in noisy.new]) == (Build.WARN, [DEMO])
    assert noisy.objects == ("kselftest/demo/demo",)


def test_a_warning_that_was_there_is_not_the_patchs_and_a_mended_one_is_told(bench: Bench) -> None:
    moved = bench.build(bench.edit(f"{PLACE}/noisy.c", MAIN, f"int more;\n{MAIN}"), compared=False)
    assert moved.verdict is Build.PASS, moved
    mended = bench.build(bench.edit(f"{PLACE}/noisy.c", "\tint unused;\n\n", ""), compared=False)
    assert (mended.verdict, len(mended.fixed)) == (Build.PASS, 1)


def test_what_was_broken_before_is_not_the_patchs(bench: Bench) -> None:
    commit(bench, {f"{PLACE}/noisy.c": "#error broken before\n" + bench.read(f"{PLACE}/noisy.c")})
    result = bench.build(bench.edit(f"{PLACE}/noisy.c", "return 0", "return 1"), compared=False)
    assert result.verdict is Build.NOT_COMPILED
    assert result.reason == f"{PLACE}/noisy.c: does not build: {PLACE}/noisy.c:1:2: error: #error broken before"
    beside = bench.build(bench.edit(DEMO, MAIN, f"{MAIN}\t/* more */\n"), compared=False)
    assert beside.verdict is Build.PASS, beside
    mended = bench.build(bench.edit(f"{PLACE}/noisy.c", "#error broken before\n", ""), compared=False)
    assert (mended.verdict, mended.objects) == (Build.PASS, ("kselftest/demo/noisy",)), mended


def test_a_second_error_in_what_was_broken_is_the_patchs(bench: Bench) -> None:
    commit(bench, {f"{PLACE}/noisy.c": "#error broken before\n" + bench.read(f"{PLACE}/noisy.c")})
    result = bench.build(bench.edit(f"{PLACE}/noisy.c", "return 0", "return nowhere"), compared=False)
    assert result.verdict is Build.FAIL
    assert "'nowhere' undeclared" in result.reason


def test_a_source_that_no_makefile_lists_is_not_compiled(bench: Bench) -> None:
    stray = bench.build(bench.edit(f"{PLACE}/stray.c", "return 0", "return 1"), compared=False)
    assert stray.verdict is Build.NOT_COMPILED
    assert stray.reason == f"{PLACE}/stray.c: no compiler command that make ran in {PLACE} names it"
    new = bench.build({f"{PLACE}/new.c": "int main(void)\n{\n\treturn 0;\n}\n"}, compared=False)
    assert (new.verdict, [one.path for one in new.uncompiled]) == (Build.NOT_COMPILED, [f"{PLACE}/new.c"])
    header = bench.build(bench.edit(f"{PLACE}/stray.h", "1", "2"), compared=False)
    assert header.verdict is Build.NOT_COMPILED
    assert header.reason == f"{PLACE}/stray.h: nothing that make compiles in {PLACE} on x86_64 reads it"


@pytest.mark.parametrize(("edit", "words", "hint"), [
    ({DEMO: "#include <numa.h/none.h>\nint main(void)\n{\n\treturn 0;\n}\n"}, "numa.h/none.h: No such file", ""),
    ({MAKEFILE: f"{LISTED}LDLIBS := -lbackport_none\ninclude ../lib.mk\n"}, "cannot find -lbackport_none", ""),
    ({MAKEFILE: f"$(error Package alsa not found)\n{LISTED}include ../lib.mk\n"}, "Package alsa not found",
     "apt-get install libasound2-dev"),
])
def test_what_is_not_installed_is_named(bench: Bench, edit: dict[str, str | None], words: str, hint: str) -> None:
    commit(bench, edit)
    result = bench.build(bench.edit(DEMO, "return", "return 1 +"), compared=False)
    assert result.verdict is Build.NOT_COMPILED, result
    assert words in result.reason
    assert result.hint == hint


def test_what_a_patch_wants_and_is_not_installed_is_no_fault_of_it(bench: Bench,
                                                                  monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("backport.kbuild.selftests._PACKAGES", {"backport/none.h": "libnone-dev"})
    result = bench.build(bench.edit(DEMO, "#include \"demo.h\"", "#include \"demo.h\"\n#include <backport/none.h>"),
                         compared=False)
    assert (result.verdict, result.hint) == (Build.NOT_COMPILED, "apt-get install libnone-dev"), result
    assert "backport/none.h: No such file" in result.reason
    other = bench.build(bench.edit(DEMO, "#include \"demo.h\"", "#include \"demo.h\"\n#include \"lost.h\""),
                        compared=False)
    assert other.verdict is Build.FAIL, other


def test_a_header_counts_through_what_reads_it(bench: Bench) -> None:
    result = bench.build(bench.edit(f"{PLACE}/demo.h", "12", "13"), compared=False)
    assert (result.verdict, result.objects) == (Build.PASS, ("kselftest/demo/demo",)), result
    broken = bench.build(bench.edit(f"{PLACE}/demo.h", "12", "nowhere"), compared=False)
    assert broken.verdict is Build.FAIL
    shared = bench.build(bench.edit(f"{TOP}/kselftest.h", "0", "1"), compared=False)
    assert (shared.verdict, shared.objects) == (Build.PASS, ("kselftest/demo/demo",)), shared
    assert f"{TOP}/kselftest.h: 1 of the 1 directories that use it are built: {PLACE}" in shared.unproved


def test_the_headers_of_the_kernel_are_the_trees(bench: Bench) -> None:
    uapi = bench.edit("include/uapi/linux/kvm.h", "KVM_API_VERSION", "KVM_API")
    result = bench.build({**uapi, **bench.edit(DEMO, MAIN, f"{MAIN}\t/* more */\n")}, compared=False)
    assert result.verdict is Build.FAIL
    assert "'KVM_API_VERSION' undeclared" in result.reason
    assert any("built again, one command at a time" in note for note in result.notes)


def test_lines_that_the_preprocessor_drops_are_not_compiled(bench: Bench) -> None:
    result = bench.build(bench.edit(DEMO, "\treturn 1;\n", "\treturn 2;\n"), compared=False)
    assert (result.verdict, [one.line for one in result.uncompiled]) == (Build.NOT_COMPILED, [13]), result


def test_a_makefile_is_proved_by_what_its_touched_lines_name(bench: Bench) -> None:
    listed = bench.build(bench.edit(MAKEFILE, LISTED, "TEST_GEN_PROGS := demo noisy stray\n"), compared=False)
    assert listed.verdict is Build.PASS, listed
    assert "kselftest/demo/stray" in listed.objects
    flags = bench.build(bench.edit(MAKEFILE, "-O2", "-O1"), compared=False)
    assert (flags.verdict, len(flags.objects)) == (Build.PASS, 2), flags
    absent = bench.build(bench.edit(MAKEFILE, LISTED, "TEST_GEN_PROGS := demo noisy nowhere\n"), compared=False)
    assert absent.verdict is Build.FAIL
    assert "No rule to make target" in absent.reason
    # named where make makes nothing of it
    unused = bench.build(bench.edit(MAKEFILE, LISTED, f"{LISTED}TEST_FILES := stray.c\n"), compared=False)
    assert unused.verdict is Build.NOT_COMPILED, unused


def test_an_output_that_no_compiler_made_proves_nothing(bench: Bench) -> None:
    made = f"{LISTED}all: $(OUTPUT)/demo\n$(OUTPUT)/demo: demo.c\n\ttouch $@\ninclude ../lib.mk\n"
    commit(bench, {MAKEFILE: made})
    result = bench.build(bench.edit(DEMO, "return", "return 1 +"), compared=False)
    assert result.verdict is Build.NOT_COMPILED, result
    said = made.replace("\ttouch $@", "\t@echo gcc demo.c -o $@")
    commit(bench, {MAKEFILE: said})
    told = bench.build(bench.edit(DEMO, "return", "return 1 +"), compared=False)
    assert told.verdict is Build.NOT_COMPILED, told


def test_a_directory_that_is_gone_from_the_output_of_make_is_seen(bench: Bench) -> None:
    """The recipe of a program fails without a word that is known as a diagnostic."""
    result = bench.build(bench.edit(MAKEFILE, "include", "$(OUTPUT)/noisy:\n\t@exit 3\n\ninclude"), compared=False)
    assert result.verdict is Build.FAIL
    assert result.reason.endswith("kselftest/demo/noisy] Error 3")


def test_deletions_only_and_a_program_beside_the_kernel(bench: Bench) -> None:
    gone = bench.build({f"{PLACE}/stray.c": None}, compared=False)
    assert (gone.verdict, gone.reason) == (Build.NOTHING_TO_BUILD, "deletions only; what is left still builds")
    both = bench.build({**bench.edit(DEMO, MAIN, f"{MAIN}\t/* more */\n"),
                        **bench.edit("kernel/sched.c", "return 0", "return 1")}, compared=False)
    assert both.verdict is Build.PASS, both
    assert both.objects == ("kernel/sched.o", "kselftest/demo/demo")
    assert both.config == "x86_64_defconfig + kvm-builtin, selftests"


def test_the_directory_without_the_patch_is_built_once(bench: Bench) -> None:
    calls = []
    for text in ("1", "2"):
        result = bench.build(bench.edit(DEMO, "return", f"return {text} +"), compared=False)
        calls.append(Path(result.log).read_text().count(f"-C {PLACE} "))
    assert calls == [2, 1]


def test_what_the_patch_leaves_in_the_build_directory_is_gone(bench: Bench) -> None:
    hostile = bench.edit(MAKEFILE, "include", "$(shell ln -s /etc $(OUTPUT)/../../aside)\ninclude")
    assert bench.build(hostile, compared=False).verdict is Build.PASS
    assert not [path for path in (bench.cache / "build").rglob("aside")]
    recipe = "$(OUTPUT)/demo:\n\tgcc $(KHDR_INCLUDES) demo.c -o $@; rm $@; mkfifo $@\n\ninclude"
    result = bench.build({**bench.edit(MAKEFILE, "include", recipe),
                          **bench.edit(DEMO, MAIN, f"{MAIN}\t/* more */\n")}, compared=False)
    assert (result.verdict, result.reason) == (Build.FAIL, "kselftest/demo/demo is not made any more"), result


def test_a_makefile_that_writes_beside_the_sources_is_built_in_a_copy(bench: Bench) -> None:
    commit(bench, {MAKEFILE: "all: demo\n"})
    for _ in range(2):
        result = bench.build(bench.edit(DEMO, MAIN, f"{MAIN}\t/* more */\n"), compared=False)
        assert (result.verdict, result.objects) == (Build.PASS, (f"{PLACE}/demo",)), result
        assert bench.status() == ""
    assert not (bench.source / PLACE / "demo").exists()
    aside = bench.build(bench.edit(MAKEFILE, "all: demo\n", "all:\n\ttouch ../here\n"), compared=False)
    assert aside.verdict is Build.FAIL
    assert not (bench.source / TOP / "here").exists()


def test_a_sparse_work_tree_gets_the_tools(tmp_path: Path) -> None:
    fake = Sparse(tmp_path, SELFTESTS)
    result = fake.build(fake.edit(DEMO, MAIN, f"{MAIN}\t/* more */\n"))
    assert (result.verdict, result.objects) == (Build.PASS, ("kselftest/demo/demo",)), result
    assert (fake.path / PLACE / "stray.h").exists()
    assert not (fake.path / "drivers/net/dummy.c").exists()


def test_a_patch_to_the_kernel_is_not_red_for_a_selftest_that_cannot_be_built_here(bench: Bench) -> None:
    kernel = bench.edit("drivers/net/dummy.c", "int dummy;", "int dummy = 1;")
    result = bench.build({**kernel, f"{PLACE}/unlisted.c": "int unlisted;\n"}, compared=False)
    assert (result.verdict, result.objects) == (Build.PASS, ("drivers/net/dummy.o",)), result
    assert [one for one in result.unproved if one.startswith(f"not compiled: {PLACE}/unlisted.c: ")]
    broken = bench.build({**kernel, **bench.edit(DEMO, MAIN, f"{MAIN}\tno_such_variable = 1;\n")}, compared=False)
    assert broken.verdict is Build.FAIL
    assert broken.reason.startswith(f"{DEMO}:7:9: error")


def test_what_is_not_built_is_told_by_its_kind() -> None:
    assert unbuilt(["Documentation/a.rst", "Documentation/b.rst"]) == (
        "Documentation/a.rst (and 1 more): documentation text, which is not checked (make htmldocs of Debian's "
        "python3-sphinx does it)")
    schema = unbuilt(["Documentation/devicetree/bindings/x.yaml", "MAINTAINERS"])
    assert "a binding schema, which is not checked (make dt_binding_check of Debian's dt-schema does it)" in schema
    assert schema.endswith("; MAINTAINERS: text, which nothing compiles")
    for path, words in ((f"{PLACE}/run.sh", "a script"), (f"{PLACE}/config", "the options of a selftest"),
                        ("Documentation/netlink/specs/rt_link.yaml", "a netlink specification"),
                        ("tools/mm/slabinfo.c", "a tool, whose own make is not run")):
        assert words in unbuilt([path])
