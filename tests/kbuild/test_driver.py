"""The verdicts of a build, on a small tree with a real compiler."""

from __future__ import annotations

import hashlib
import json
import shutil
from pathlib import Path

import pytest

from backport.errors import UserError
from backport.kbuild import parts, pristine, toolchain
from backport.kbuild.sandbox import Limits
from backport.kbuild.toolchain import Compiler
from backport.manifest import Toolchain
from backport.verdict import Build
from tests.kbuild.conftest import Bench
from tests.support.fakekernel import git

X86 = "arch/x86/kvm/x86.c"
GOOD = ("\tif (vcpu->pending)\n", "\tif (vcpu->pending || vcpu->injected)\n")


def hashes(top: Path) -> dict[str, str]:
    return {str(p.relative_to(top)): hashlib.sha256(p.read_bytes()).hexdigest()
            for p in sorted(top.rglob("*")) if p.is_file()}


def test_a_good_patch_passes_with_the_fresh_object_named(bench: Bench) -> None:
    result = bench.build(bench.edit(X86, *GOOD), compared=False)
    assert (result.verdict, result.objects) == (Build.PASS, ("arch/x86/kvm/x86.o",)), result
    assert result.new == ()
    assert bench.status() == ""
    assert "CC      arch/x86/kvm/x86.o" in Path(result.log).read_text()


def test_a_compile_error_of_its_own_lines_or_names_fails_at_once_and_another_is_repeated(bench: Bench) -> None:
    result = bench.build(bench.edit(X86, GOOD[0], "\tif (vcpu->pendin)\n"), compared=False)
    assert result.verdict is Build.FAIL
    assert "arch/x86/kvm/x86.c:8:" in result.reason
    assert "pendin" in result.reason
    assert result.notes == ()
    header = "include/linux/kvm_host.h"
    named = bench.build(bench.edit(header, "\tint pending;\n", ""), compared=False)
    assert named.verdict is Build.FAIL
    assert "has no member named 'pending'" in named.reason
    assert named.notes == ()
    # a line that the patch did not write, about nothing that it names, may fail for what an earlier build left
    far = bench.build(bench.edit(header, "struct kvm_vcpu {", "struct kvm_vcp {"), compared=False)
    assert far.verdict is Build.FAIL
    assert any("repeated from a fresh configuration" in note for note in far.notes)
    assert bench.status() == ""


def test_a_new_warning_warns_and_the_old_one_is_not_blamed(bench: Bench) -> None:
    result = bench.build(bench.edit("virt/kvm/kvm_main.c", "\tvcpu->id = 0;\n", "\tint more;\n\n\tvcpu->id = 0;\n"),
                         compared=False)
    assert result.verdict is Build.WARN
    assert [item.text for item in result.new] == ["unused variable 'more' [-Wunused-variable]"]
    assert result.as_dict()["new_text"][0].startswith(">> virt/kvm/kvm_main.c:7:")


def test_a_warning_that_only_moved_is_not_new(bench: Bench) -> None:
    result = bench.build(bench.edit("virt/kvm/kvm_main.c", "#include <linux/kvm_host.h>\n",
                                    "#include <linux/kvm_host.h>\n\nint kvm_added = 3;\n"), compared=False)
    assert result.verdict is Build.PASS, result
    assert "unused variable" in Path(result.log).read_text()


def test_a_mended_warning_is_listed_as_fixed(bench: Bench) -> None:
    result = bench.build(bench.edit("virt/kvm/kvm_main.c", "\tint unused;\n\n", ""), compared=False)
    assert result.verdict is Build.PASS
    assert [item.text for item in result.fixed] == ["unused variable 'unused' [-Wunused-variable]"]


def test_a_source_that_this_config_does_not_build_is_not_compiled(bench: Bench) -> None:
    result = bench.build(bench.edit("arch/x86/kvm/tdx.c", "return 0", "return 1"), compared=False)
    assert result.verdict is Build.NOT_COMPILED
    assert "arch/x86/kvm/tdx.c" in result.reason


def test_a_source_outside_the_targets_is_built_where_the_configuration_has_it(bench: Bench) -> None:
    result = bench.build(bench.edit("kernel/sched.c", "return 0", "return 1"), compared=False)
    assert (result.verdict, result.objects) == (Build.PASS, ("kernel/sched.o",)), result
    assert result.new == ()                  # its warning was there before, though the target never built it
    broken = bench.build(bench.edit("kernel/sched.c", "return 0", "return x"), compared=False)
    assert broken.verdict is Build.FAIL
    assert broken.reason.startswith("kernel/sched.c:5:")


DUMMY = "drivers/net/dummy.c"


def test_what_the_default_configuration_leaves_out_is_built_with_every_module_on(bench: Bench) -> None:
    result = bench.build(bench.edit(DUMMY, "int", "long"), compared=False)
    assert (result.verdict, result.objects) == (Build.PASS, ("drivers/net/dummy.o",)), result
    assert result.config == "x86_64_defconfig + kvm-builtin, allmodconfig + uninstrumented"
    assert "drivers/net/dummy.o" in result.command
    assert bench.status() == ""
    # and nobody waited for the tree's own targets, which have nothing to do with it
    assert not list((bench.cache / "build").rglob("x86.o"))


def test_an_error_and_a_warning_outside_the_default_configuration_are_the_patchs(bench: Bench) -> None:
    broken = bench.build(bench.edit(DUMMY, "int dummy", "int dummy = nowhere"), compared=False)
    assert broken.verdict is Build.FAIL
    assert broken.reason.startswith("drivers/net/dummy.c:3:")
    noisy = bench.build(bench.edit(DUMMY, "int dummy", "static int nobody;\nint dummy"), compared=False)
    assert noisy.verdict is Build.WARN
    assert "nobody" in noisy.reason


def test_a_source_outside_the_default_configuration_that_was_broken_before(bench: Bench) -> None:
    (bench.source / DUMMY).write_text("int broken(;\n" + bench.read(DUMMY))
    git(bench.source, "commit", "-qam", "Break it")
    result = bench.build(bench.edit(DUMMY, "int dummy", "long dummy"), compared=False)
    assert result.verdict is Build.BASELINE_BROKEN
    assert "drivers/net/dummy.c:1:" in result.reason


def test_a_header_that_no_built_object_reads_counts_through_who_includes_it(bench: Bench) -> None:
    result = bench.build(bench.edit("drivers/net/dummy.h", "4", "5"), compared=False)
    assert result.objects == ("drivers/net/dummy.o",), result
    told = "drivers/net/dummy.h: 1 of the 1 sources that include it are compiled: drivers/net/dummy.o"
    assert told in result.unproved


def test_one_patch_in_two_configurations_is_one_verdict(bench: Bench) -> None:
    both = bench.build({**bench.edit(X86, *GOOD), **bench.edit(DUMMY, "int", "long")}, compared=False)
    assert (both.verdict, both.objects) == (Build.PASS, ("arch/x86/kvm/x86.o", "drivers/net/dummy.o")), both.reason
    bad = bench.build({**bench.edit(X86, *GOOD), **bench.edit(DUMMY, "int dummy", "int dummy = nowhere")},
                      compared=False)
    assert bad.verdict is Build.FAIL
    assert bad.reason.startswith("drivers/net/dummy.c:3:")


def test_a_makefile_outside_the_targets_is_read_for_the_objects_that_it_lists(bench: Bench) -> None:
    result = bench.build({"drivers/net/Makefile": "# one more line\n" + bench.read("drivers/net/Makefile")},
                         compared=False)
    assert result.verdict is Build.PASS, result
    told = "drivers/net/Makefile: 1 of the 1 objects that it lists are compiled; nothing is linked"
    assert told in result.unproved
    assert "drivers/net/dummy.o" in result.command
    # one that lists directories alone is entered by nothing here
    above = bench.build({"drivers/Makefile": "# one more line\n" + bench.read("drivers/Makefile")}, compared=False)
    assert above.verdict is Build.NOT_COMPILED, above


NETWORK = "drivers/net/Makefile"


def test_what_a_makefile_lists_since_the_patch_is_built(bench: Bench) -> None:
    listed = {NETWORK: bench.read(NETWORK) + "obj-y += added.o\n"}
    both = bench.build({**listed, "drivers/net/added.c": "int added;\n"}, compared=False)
    assert (both.verdict, both.objects) == (Build.PASS, ("drivers/net/added.o",)), both.reason
    broken = bench.build({**listed, "drivers/net/added.c": "int added = nowhere;\n"}, compared=False)
    assert broken.verdict is Build.FAIL, broken
    assert broken.reason.startswith("drivers/net/added.c:1:")
    # forgotten in the patch: every build of the kernel ends there
    alone = bench.build(listed, compared=False)
    assert alone.verdict is Build.FAIL, alone
    assert "drivers/net/added.o" in alone.reason
    # and the file that no Makefile lists
    unlisted = bench.build({"drivers/net/added.c": "int added;\n"}, compared=False)
    assert unlisted.verdict is Build.NOT_COMPILED, unlisted


def test_a_list_that_is_off_builds_nothing_and_is_no_pass(bench: Bench) -> None:
    """make reads the line, goes on, and ends well."""
    off = {NETWORK: bench.read(NETWORK) + "obj-$(CONFIG_NOWHERE) += added.o\n"}
    alone = bench.build(off, compared=False)
    why = "CONFIG_NOWHERE of drivers/net/Makefile is off"
    assert (alone.verdict, alone.objects) == (Build.NOT_COMPILED, ()), alone
    assert alone.reason == f"{NETWORK}:2: added.o is not built in this configuration: {why}"
    both = bench.build({**off, "drivers/net/added.c": "int added;\n"}, compared=False)
    assert both.verdict is Build.NOT_COMPILED
    assert {(one.path, one.line) for one in both.uncompiled} == {(NETWORK, 2), ("drivers/net/added.c", 0)}
    assert all(why in one.why for one in both.uncompiled)
    (bench.source / "arch/x86/Kbuild").write_text("obj-y += kvm/\n")
    git(bench.source, "add", "arch")
    git(bench.source, "commit", "-qm", "A way to the targets")
    inside = "arch/x86/kvm/Makefile"
    targets = bench.build({inside: bench.read(inside) + "obj-$(CONFIG_NOWHERE) += tdx.o\n"}, compared=False)
    assert targets.verdict is Build.NOT_COMPILED, targets
    assert targets.reason.startswith(f"{inside}:4: tdx.o is not built in this configuration")


def test_the_option_that_stands_in_the_way_of_a_source_is_named(bench: Bench) -> None:
    result = bench.build(bench.edit("arch/x86/kvm/tdx.c", "return 0", "return 1"), compared=False)
    assert result.reason == "arch/x86/kvm/tdx.c: CONFIG_KVM_TDX of arch/x86/kvm/Makefile is off"


def test_what_a_header_breaks_in_an_object_that_was_asked_for_is_said_at_once(bench: Bench) -> None:
    header = "drivers/net/dummy.h"
    result = bench.build({header: bench.read(header) + "extern char dummy;\n"})
    assert result.verdict is Build.FAIL
    assert result.reason.startswith("drivers/net/dummy.c:3:")            # no line of the patch
    assert not any("fresh configuration" in note for note in result.notes)


def test_an_option_that_keeps_a_line_out_is_switched_and_the_configuration_told(bench: Bench) -> None:
    """The only configuration that has the driver has Xen, too: the line is compiled where that is off."""
    text = "#ifndef CONFIG_KVM_XEN\nint no_xen;\n#endif\n"
    dummy = "drivers/net/dummy.c"
    result = bench.build({dummy: bench.read(dummy) + text})
    assert result.verdict is Build.PASS, result.reason
    assert "uninstrumented + KVM_XEN=n" in result.config
    assert "printf '%s\\n' CONFIG_KVM_XEN=n >> " in result.command
    broken = bench.build({dummy: bench.read(dummy) + text.replace("no_xen", "no xen")})
    assert broken.verdict is Build.FAIL
    assert f"{dummy}:5:" in broken.reason


def test_a_source_that_another_one_includes_where_an_option_is_off_is_compiled_there(bench: Bench) -> None:
    (bench.source / "kernel/part.c").write_text("static int part;\n")
    (bench.source / "kernel/fork.c").write_text(bench.read("kernel/fork.c")
                                                + "#ifndef CONFIG_KVM_XEN\n#include \"part.c\"\n#endif\n")
    git(bench.source, "add", "-A")
    git(bench.source, "commit", "-q", "-m", "A part")
    part = "kernel/part.c"
    result = bench.build({part: "static int part = 1;\n"})
    assert (result.verdict, result.objects) == (Build.WARN, ("kernel/fork.o",)), result.reason      # it is not used
    assert "uninstrumented + KVM_XEN=n" in result.config
    (bench.source / "kernel/fork.c").write_text(bench.read("kernel/fork.c").replace("ifndef CONFIG_KVM_XEN",
                                                                                    "ifdef CONFIG_NOWHERE"))
    git(bench.source, "commit", "-qam", "Nowhere")
    nowhere = bench.build({part: "static int part = 1;\n"})
    assert nowhere.verdict is Build.NOT_COMPILED
    assert nowhere.reason == "kernel/part.c: kernel/fork.c includes it under #ifdef CONFIG_NOWHERE"


def test_a_table_counts_through_the_objects_that_read_what_is_made_from_it(bench: Bench) -> None:
    (bench.source / "kernel/calls.tbl").write_text("CALLS 4\n")
    git(bench.source, "add", "-A")
    git(bench.source, "commit", "-q", "-m", "A table")
    table = "kernel/calls.tbl"
    alone = bench.build({table: "CALLS 5\n"})
    assert alone.verdict is Build.NOT_COMPILED
    assert alone.reason == (f"{table}: include/generated/calls.h is made from it, and no object that reads that is "
                            "built in this configuration")
    beside = bench.build({table: "CALLS 5\n", **bench.edit("kernel/fork.c", "return 0", "return 1")})
    assert beside.verdict is Build.NOT_COMPILED              # the object is fresh and has nothing of the table
    (bench.source / "kernel/fork.c").write_text("#include <generated/calls.h>\n" + bench.read("kernel/fork.c"))
    git(bench.source, "commit", "-qam", "A reader")
    read = bench.build({table: "CALLS 5\n"})
    assert (read.verdict, read.objects) == (Build.PASS, ("kernel/fork.o",)), read.reason


def test_a_source_that_preparing_a_build_compiles_is_compiled(bench: Bench) -> None:
    """No list names kernel/bounds.o or an object of the vdso."""
    (bench.source / "kernel/bounds.c").write_text("int bounds;\n")
    git(bench.source, "add", "-A")
    git(bench.source, "commit", "-q", "-m", "Bounds")
    result = bench.build({"kernel/bounds.c": "int bounds = 1;\n"})
    assert (result.verdict, result.objects) == (Build.PASS, ("kernel/bounds.o",)), result.reason


def test_a_header_whose_users_are_all_off_names_the_option(bench: Bench) -> None:
    result = bench.build({"drivers/net/dummy.h": "#define DUMMY_SIZE 5\n"}, config="kvm-min")
    assert result.verdict is Build.NOT_COMPILED
    assert result.reason == ("drivers/net/dummy.h: drivers/net/dummy.c includes it and is not built: CONFIG_DUMMY of "
                             "drivers/net/Makefile is off")


def test_an_option_that_cannot_be_switched_is_told_and_nothing_passes(bench: Bench) -> None:
    text = "#ifdef CONFIG_NOWHERE\nint nowhere;\n#endif\n"
    dummy = "drivers/net/dummy.c"
    result = bench.build({dummy: bench.read(dummy) + text})
    assert result.verdict is Build.NOT_COMPILED
    assert f"{dummy}: no configuration for x86_64 has it: no Kconfig file of this architecture has NOWHERE" \
        in result.notes
    unset = {"Kconfig": bench.read("Kconfig") + "config NOWHERE\n\tbool \"not read by scripts/config.sh\"\n"}
    fix = bench.build({**unset, dummy: bench.read(dummy) + text})
    assert fix.verdict is Build.NOT_COMPILED


def test_the_object_that_a_makefile_is_changed_for_is_among_those_compiled(bench: Bench) -> None:
    many = [f"drivers/net/a{number}.c" for number in range(9)]
    for name in many:
        (bench.source / name).write_text("int a;\n")
    listed = "".join(f"obj-y += {Path(name).stem}.o\n" for name in many)
    (bench.source / NETWORK).write_text(bench.read(NETWORK) + listed)
    git(bench.source, "add", "drivers")
    git(bench.source, "commit", "-qm", "A long list")
    result = bench.build({NETWORK: bench.read(NETWORK) + "CFLAGS_dummy.o += -DWHATEVER\n"}, compared=False)
    assert result.verdict is Build.PASS, result
    assert "drivers/net/dummy.o" in result.command


def test_what_a_makefile_no_longer_lists_counts_for_nothing(bench: Bench) -> None:
    """`make drivers/net/dummy.o` would still compile it."""
    result = bench.build({NETWORK: "# nothing\n", **bench.edit(DUMMY, "int", "long")}, compared=False)
    assert result.verdict is Build.NOT_COMPILED, result
    assert result.objects == ()


def test_what_a_kconfig_file_switches_off_counts_for_nothing(bench: Bench) -> None:
    kconfig = "arch/x86/kvm/Kconfig"
    gone = bench.read(kconfig).replace("config DUMMY\n\ttristate \"A driver that the defconfig leaves out\"\n", "")
    result = bench.build({kconfig: gone, **bench.edit(DUMMY, "int", "long")}, compared=False)
    assert result.verdict is Build.NOT_COMPILED, result
    assert "drivers/net/dummy.o" not in result.objects


def test_a_warning_of_kconfig_is_the_patchs_though_it_ends_well(bench: Bench) -> None:
    kconfig = "arch/x86/kvm/Kconfig"
    (bench.source / kconfig).write_text(bench.read(kconfig) + "# UNMET OLD\n")
    git(bench.source, "commit", "-qam", "Warned before")
    result = bench.build({kconfig: bench.read(kconfig) + "# UNMET NEW\nconfig KVM_MORE\n\tbool \"More\"\n"},
                         compared=False)
    assert result.verdict is Build.WARN, result
    assert [item.text for item in result.new] == ["unmet direct dependencies detected for NEW"]
    assert f"{kconfig}: CONFIG_KVM_MORE is off here: nothing that hangs on it is built" in result.unproved


def test_a_directory_that_is_listed_and_cannot_be_entered_fails(bench: Bench) -> None:
    result = bench.build({NETWORK: bench.read(NETWORK) + "obj-y += nowhere/\n"}, compared=False)
    assert result.verdict is Build.FAIL, result


def test_a_name_that_is_declared_and_defined_nowhere_fails(bench: Bench) -> None:
    """The object compiles; no module could ever be loaded with it."""
    declared = "extern int nobody_has_this(int x);\n\nint dummy_probe(void)\n{\n\treturn nobody_has_this(1);\n}\n"
    result = bench.build(bench.edit(DUMMY, "int dummy;\n", "int dummy;\n" + declared), compared=False)
    assert result.verdict is Build.FAIL, result
    assert result.reason == 'drivers/net/dummy.o: error: "nobody_has_this" [drivers/net/dummy.o] undefined!'
    assert result.notes == ()            # the object is fresh: a build from nothing says the same
    there = bench.build(bench.edit(DUMMY, "int dummy;\n", "int dummy;\n" + declared.replace("nobody_has_this",
                                                                                          "kvm_tdx_init")),
                        compared=False)
    assert there.verdict is Build.PASS, there.reason


def test_a_file_that_no_build_is_known_to_read_is_no_pass(bench: Bench) -> None:
    (bench.source / "scripts/tags.pl").write_text("1;\n")
    git(bench.source, "add", "scripts")
    git(bench.source, "commit", "-qm", "a script")
    result = bench.build(bench.edit("scripts/tags.pl", "1", "2"), compared=False)
    assert result.verdict is Build.NOT_COMPILED
    assert result.objects == ()
    assert "scripts/tags.pl" in result.reason


def test_a_configuration_that_was_asked_for_answers_for_itself_alone(bench: Bench) -> None:
    result = bench.build(bench.edit(DUMMY, "int", "long"), compared=False, config="kvm-min")
    assert result.verdict is Build.NOT_COMPILED
    assert DUMMY in result.reason


def test_a_compiler_that_is_not_there_is_named_with_its_package(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    (bench.source / "arch/s390/kernel").mkdir(parents=True)
    (bench.source / "arch/s390/kernel/time.c").write_text("int clock;\n")
    git(bench.source, "add", "arch/s390")
    git(bench.source, "commit", "-qm", "another architecture")
    which = shutil.which
    monkeypatch.setattr(shutil, "which", lambda name: None if name.startswith(("s390x", "clang")) else which(name))
    result = bench.build(bench.edit("arch/s390/kernel/time.c", "int", "long"), compared=False)
    assert result.verdict is Build.NOT_COMPILED
    assert result.reason == "arch/s390/kernel/time.c: no compiler for s390 is installed"
    assert result.hint == "apt-get install gcc-s390x-linux-gnu"


def test_a_compiler_that_the_tree_refuses_as_too_old_is_named_and_the_rest_is_built(
        bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    """clang 14 for s390, which kernels refuse: the cell said "does not build without the patch: see the log"."""
    (bench.source / "arch/s390/kernel").mkdir(parents=True)
    (bench.source / "arch/s390/kernel/time.c").write_text("int clock;\n")
    old = "ifeq ($(ARCH),s390)\nallmodconfig:\n\t@echo '*** C compiler is too old.' >&2; exit 1\nendif\n"
    rule = "olddefconfig: $(src"
    (bench.source / "Makefile").write_text(bench.read("Makefile").replace(rule, old + rule))
    git(bench.source, "add", "-A")
    git(bench.source, "commit", "-qm", "another architecture")
    monkeypatch.setattr(toolchain, "cross", lambda _tree, architecture: Compiler(
        f"clang-{architecture.name}", "clang version 14", (f"ARCH={architecture.arch}", "CC=gcc"), True))
    far = bench.edit("arch/s390/kernel/time.c", "int", "long")
    result = bench.build({**far, **bench.edit(DUMMY, "int", "long")}, compared=False)
    assert (result.verdict, result.hint) == (Build.NOT_COMPILED, "apt-get install gcc-s390x-linux-gnu"), result
    assert "*** C compiler is too old." in result.reason
    assert result.objects == ("drivers/net/dummy.o",)


def test_an_object_that_is_broken_before_is_one_cells_answer_and_not_the_next_ones(bench: Bench) -> None:
    """Outside the targets, and so built for this patch alone: kept in the baseline it would condemn every patch."""
    good = bench.edit("kernel/fork.c", "return 0", "return 1")
    (bench.source / "kernel/sched.c").write_text("int broken(;\n" + bench.read("kernel/sched.c"))
    git(bench.source, "commit", "-qam", "Break it")
    touched = bench.edit("kernel/sched.c", "return 0", "return 1")
    assert bench.build(bench.edit(X86, *GOOD), compared=False).verdict is Build.PASS
    for _ in range(2):                     # the answer of the second is computed, too: nothing of it was kept
        result = bench.build(touched, compared=False)
        assert result.verdict is Build.BASELINE_BROKEN, result.reason
        assert result.reason.startswith("does not build without the patch: kernel/sched.c:1:")
        clean = bench.build(good, compared=False)
        assert (clean.verdict, clean.objects) == (Build.PASS, ("kernel/fork.o",)), clean.reason
        assert bench.build(bench.edit(X86, *GOOD), compared=False).verdict is Build.PASS
    # and it is asked again once the tree is mended
    (bench.source / "kernel/sched.c").write_text(bench.read("kernel/sched.c").replace("int broken(;\n", ""))
    git(bench.source, "commit", "-qam", "Mend it")
    assert bench.build(bench.edit("kernel/sched.c", "return 0", "return 1"), compared=False).verdict is Build.PASS


def test_another_architecture_is_not_compiled(bench: Bench) -> None:
    """kbuild compiles what it is told to by pattern rule, headers of the wrong architecture and all."""
    (bench.source / "arch/arm64/kvm").mkdir(parents=True)
    (bench.source / "arch/arm64/kvm/Makefile").write_text("obj-y += arm.o\n")
    (bench.source / "arch/arm64/kvm/arm.c").write_text("int arm;\n")
    git(bench.source, "add", "arch/arm64")
    git(bench.source, "commit", "-qm", "another architecture")
    result = bench.build(bench.edit("arch/arm64/kvm/arm.c", "int", "long"), compared=False)
    assert result.verdict is Build.NOT_COMPILED, result.reason


def test_what_the_trees_architecture_leaves_out_is_tried_for_another(bench: Bench,
                                                                     monkeypatch: pytest.MonkeyPatch) -> None:
    far = "drivers/net/far.c"
    (bench.source / far).write_text("int far;\n")
    (bench.source / NETWORK).write_text(f"{bench.read(NETWORK)}ifeq ($(SRCARCH),arm64)\nobj-y += far.o\nendif\n")
    git(bench.source, "add", "drivers")
    git(bench.source, "commit", "-qm", "A driver of another architecture")
    which = shutil.which
    monkeypatch.setattr(shutil, "which", lambda name: None if name.startswith(("aarch64", "clang")) else which(name))
    none = bench.build(bench.edit(far, "int", "long"), compared=False)
    assert none.verdict is Build.NOT_COMPILED, none
    assert none.hint == "apt-get install gcc-aarch64-linux-gnu"
    monkeypatch.setattr(toolchain, "cross", lambda _tree, architecture: Compiler(
        "cross-gcc", "1", (f"ARCH={architecture.arch}", "CC=gcc")))
    both = bench.build({**bench.edit(far, "int", "long"), **bench.edit(DUMMY, "int", "long")}, compared=False)
    assert both.verdict is Build.PASS, both
    assert both.objects == ("drivers/net/dummy.o", "drivers/net/far.o")
    assert both.architecture == "x86_64, arm64"
    bad = bench.build(bench.edit(far, "int far", "int far = nowhere"), compared=False)
    assert bad.verdict is Build.FAIL, bad
    assert bad.reason.startswith(f"{far}:1:")


def test_what_is_outside_arch_is_built_for_the_architectures_that_are_asked_for(
        bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    (bench.source / "drivers/net/near.c").write_text("#ifdef CROSS\nint broken(;\n#endif\nint near;\n")
    listed = "ifeq ($(SRCARCH),x86)\nobj-y += near.o\nendif\nifeq ($(SRCARCH),s390)\nobj-y += near.o\nendif\n"
    (bench.source / NETWORK).write_text(bench.read(NETWORK) + listed)
    git(bench.source, "add", "drivers")
    git(bench.source, "commit", "-qm", "Of two architectures")
    monkeypatch.setattr(toolchain, "cross", lambda _tree, architecture: Compiler(
        f"{architecture.name}-gcc", "1", (f"ARCH={architecture.arch}", "CC=gcc")))
    asked = bench.build(bench.edit(DUMMY, "int", "long"), compared=False, architectures=("arm64", "s390"))
    assert (asked.verdict, asked.architecture) == (Build.PASS, "x86_64, arm64, s390"), asked
    # not built there: told, and not held against it
    near = bench.edit("drivers/net/near.c", "int near;", "long near;")
    none = bench.build(near, compared=False, architectures=("arm64",))
    assert (none.verdict, none.architecture) == (Build.PASS, "x86_64"), none
    assert [note for note in none.notes if note.startswith("arm64: not compiled: drivers/net/near.c:")], none.notes
    # one file of two is built there: its warning is not lost with the note on the other
    more = {**near, **bench.edit(DUMMY, "int dummy;", "int dummy;\n\nint none(void)\n{\n\treturn 0;\n}")}
    half = bench.build(more, compared=False, architectures=("arm64",))
    assert (half.verdict, half.architecture) == (Build.PASS, "x86_64, arm64"), half
    monkeypatch.setattr(toolchain, "cross", lambda _tree, architecture: Compiler(
        f"{architecture.name}-gcc", "1", (f"ARCH={architecture.arch}", "CC=gcc -Wmissing-prototypes")))
    half = bench.build(more, compared=False, architectures=("arm64",))
    assert half.verdict is Build.WARN, half
    assert "no previous prototype" in half.reason
    # an error of that compiler alone is the patch's
    monkeypatch.setattr(toolchain, "cross", lambda _tree, architecture: Compiler(
        f"{architecture.name}-gcc", "1", (f"ARCH={architecture.arch}", "CC=gcc -DCROSS_ONLY")))
    bad = bench.build(bench.edit("drivers/net/near.c", "int near;", "int near;\n#ifdef CROSS_ONLY\nint far(;\n#endif"),
                      compared=False, architectures=("s390",))
    assert bad.verdict is Build.FAIL, bad
    assert bad.reason.startswith("drivers/net/near.c:")
    # a crash of that compiler is no verdict, and no mere note either
    crash = bench.edit("drivers/net/near.c", "int near;", "int near; /* BACKPORT_FAULT(ice) */")
    (bench.source / "scripts/cc.sh").write_text(bench.read("scripts/cc.sh").replace('case "$fault" in',
                                                'case "$*" in *CROSS_ONLY*) ;; *) fault=;; esac\ncase "$fault" in'))
    git(bench.source, "commit", "-qam", "Faults of the cross compiler alone")
    error = bench.build(crash, compared=False, architectures=("s390",))
    assert (error.verdict, "compiler crashed" in error.reason) == (Build.ERROR, True), error


def test_another_architecture_answers_for_the_files_that_it_was_asked_about_alone(
        bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    """A line behind an #if that is off stays one, whatever else of the patch is built elsewhere."""
    far = "drivers/net/far.c"
    (bench.source / far).write_text("int far;\n")
    (bench.source / NETWORK).write_text(f"{bench.read(NETWORK)}ifeq ($(SRCARCH),arm64)\nobj-y += far.o\nendif\n")
    git(bench.source, "add", "drivers")
    git(bench.source, "commit", "-qm", "A driver of another architecture")
    monkeypatch.setattr(toolchain, "cross", lambda _tree, architecture: Compiler(
        "cross-gcc", "1", (f"ARCH={architecture.arch}", "CC=gcc")))
    off = bench.edit(DUMMY, "int dummy;\n", "int dummy;\n#ifdef CONFIG_NOWHERE\nint more;\n#endif\n")
    both = bench.build({**bench.edit(far, "int", "long"), **off}, compared=False)
    assert (both.verdict, both.objects) == (Build.NOT_COMPILED, ("drivers/net/dummy.o", "drivers/net/far.o")), both
    assert [(one.path, one.line) for one in both.uncompiled] == [(DUMMY, 5)]


def test_a_line_behind_an_ifdef_that_is_off_is_not_compiled_though_its_object_is_fresh(bench: Bench) -> None:
    result = bench.build(bench.edit(X86, "vcpu->id + 1", "vcpu->id + 2"), compared=False)
    assert result.verdict is Build.NOT_COMPILED
    assert result.objects == ("arch/x86/kvm/x86.o",)
    assert [(item.path, item.line) for item in result.uncompiled] == [(X86, 16)]
    assert "#ifdef CONFIG_KVM_NEVER" in result.reason


def test_a_source_whose_object_was_not_made_again_is_not_compiled(bench: Bench) -> None:
    """The object is there, from the build without the patch: that it exists proves nothing."""
    rule = "$(objects): %.o: $(srctree)/%.c include/generated/autoconf.h $(table)\n"
    depends = "-include $(foreach o,$(objects),$(dir $(o)).$(notdir $(o)).dep)\n"
    makefile = bench.read("Makefile")
    assert rule in makefile
    assert depends in makefile
    stale = makefile.replace(rule, "$(objects): %.o:\n").replace(depends, "")
    result = bench.build({**bench.edit(X86, *GOOD), "Makefile": stale}, compared=False)
    assert result.verdict is Build.NOT_COMPILED, result.reason
    assert "its objects were not rebuilt: arch/x86/kvm/x86.o" in result.reason
    assert result.objects == ()


def test_a_header_counts_through_its_users(bench: Bench) -> None:
    result = bench.build(bench.edit("arch/x86/kvm/x86.h", "value < 0", "value < 1"), compared=False)
    assert result.verdict is Build.PASS
    assert result.objects == ("arch/x86/kvm/x86.o", "arch/x86/kvm/xen.o")


def test_an_include_behind_an_ifdef_that_is_off_is_not_compiled(bench: Bench) -> None:
    """It leaves no line of its own behind, so it has to be looked for in another way than code."""
    first = '#include "x86.h"\n'
    off = bench.build(bench.edit(X86, first, first + "#ifdef CONFIG_KVM_NEVER\n#include <linux/nowhere.h>\n#endif\n"),
                      compared=False)
    assert off.verdict is Build.NOT_COMPILED, off.reason
    assert [item.line for item in off.uncompiled] == [3]
    on = bench.build({**bench.edit(X86, first, first + "#ifdef CONFIG_KVM\n#include <linux/more.h>\n#endif\n"),
                      "include/linux/more.h": "#ifndef MORE_H\n#define MORE_H\nint kvm_more(void);\n#endif\n"},
                     compared=False)
    assert on.verdict is Build.PASS, on.reason


def test_a_condition_that_turns_code_off_is_told(bench: Bench) -> None:
    """No line of code is touched, and the build goes through because there is less of it."""
    text = bench.read(X86)
    at = text.index("int kvm_vcpu_reset")
    result = bench.build({X86: text[:at] + "#ifdef CONFIG_KVM_OFF\n" + text[at:] + "#endif\n"}, compared=False)
    assert result.verdict is Build.PASS
    assert [note for note in result.unproved if "#ifdef CONFIG_KVM_OFF: what hangs on it is not compiled" in note]


def test_a_header_of_the_whole_kernel_is_proved_by_its_users_here_alone(bench: Bench) -> None:
    result = bench.build(bench.edit("include/linux/kvm_host.h", "int id;", "long id;"), compared=False)
    assert result.verdict is Build.PASS
    assert result.unproved == ("include/linux/kvm_host.h: its users outside arch/x86/kvm are not built",)


def test_documentation_is_nothing_to_build(bench: Bench) -> None:
    result = bench.build(bench.edit("Documentation/virt/kvm/api.rst", "Text", "Words"), compared=False)
    assert result.verdict is Build.NOTHING_TO_BUILD


def test_a_broken_baseline_is_not_the_patchs_fault(bench: Bench) -> None:
    (bench.source / "arch/x86/kvm/xen.c").write_text("#include \"x86.h\"\nint broken(;\n")
    from tests.support.fakekernel import git
    git(bench.source, "commit", "-qam", "Break it")
    for _ in range(2):                     # also when it is read back
        result = bench.build(bench.edit(X86, *GOOD), compared=False)
        assert result.verdict is Build.BASELINE_BROKEN
        assert "arch/x86/kvm/xen.c:2:" in result.reason


@pytest.mark.parametrize(("fault", "words"), [
    ("ice", "compiler crashed"), ("kill", "killed by a signal"), ("oom", "out of memory"), ("nospace", "disk is full"),
    ("skew", "clock"), ("notool", "build tool is missing"),
])
def test_what_the_environment_breaks_is_an_error_with_a_hint(bench: Bench, fault: str, words: str) -> None:
    result = bench.build(bench.edit(X86, "return 0;", f"return 0; /* BACKPORT_FAULT({fault}) */"), compared=False)
    assert result.verdict is Build.ERROR, result
    assert words in result.reason
    assert result.hint
    assert bench.status() == ""


def test_a_hang_is_ended_and_an_error(bench: Bench) -> None:
    bench.build(bench.edit(X86, *GOOD), compared=False)
    result = bench.build(bench.edit(X86, "return 0;", "return 0; /* BACKPORT_FAULT(hang) */"), compared=False,
                         limits=Limits(seconds=2))
    assert result.verdict is Build.ERROR
    assert "time-out" in result.reason
    assert result.seconds < 500              # it would hang for 600


def test_an_error_directive_that_quotes_a_crash_is_still_a_failure_of_the_patch(bench: Bench) -> None:
    text = "return 0;\n#error internal compiler error: No space left on device"
    result = bench.build(bench.edit(X86, "return 0;", text), compared=False)
    assert result.verdict is Build.FAIL


@pytest.mark.parametrize("name", [X86, DUMMY])
def test_a_damaged_file_of_the_build_is_not_the_patchs_fault(bench: Bench, name: str) -> None:
    """An error in what the build itself had made was told of the patch, and in the wide configuration it was `fail`."""
    good, bad = (GOOD, (GOOD[0], "\tif (vcpu->pendin)\n")) if name == X86 else (
        ("int dummy", "long dummy"), ("int dummy", "int dummy = nowhere"))
    bench.build(bench.edit(name, *good), compared=False)
    for path in (bench.cache / "build").rglob("include/generated/autoconf.h"):
        path.write_text(path.read_text() + "#de\n")
    result = bench.build(bench.edit(name, *good), compared=False)
    assert result.verdict is Build.PASS, result
    assert "the fresh build succeeded and is the verdict" in result.notes
    again = bench.build(bench.edit(name, *good), compared=False)
    assert again.verdict is Build.PASS
    assert again.notes == ()                 # the kept build was made anew: it is not met by every later patch
    broken = bench.build(bench.edit(name, *bad), compared=False)
    assert broken.verdict is Build.FAIL
    assert broken.reason.startswith(name), broken


def test_a_damaged_list_of_what_an_object_is_made_from_is_not_told_of_the_patch(bench: Bench) -> None:
    bench.build(bench.edit(X86, *GOOD), compared=False)
    lists = list((bench.cache / "build").rglob(".xen.o.dep"))
    assert lists
    for path in lists:
        path.write_text("arch/x86/kvm/xen.o: inc\n")
    broken = bench.build(bench.edit(X86, GOOD[0], "\tif (vcpu->pendin)\n"), compared=False)
    assert broken.verdict is Build.FAIL
    assert broken.reason.startswith(X86), broken


def test_two_patches_in_turn_give_the_verdict_and_objects_of_the_second_alone(bench: Bench) -> None:
    first = bench.edit(X86, *GOOD)
    second = bench.edit("arch/x86/kvm/xen.c", "+ 1", "+ 3")
    bench.build(second, compared=False)
    home = bench.home
    clean = hashes(home / "build")
    assert clean == hashes(home / "pristine")
    after_first = bench.build(first, compared=False)
    assert after_first.verdict is Build.PASS
    assert hashes(home / "build") == clean
    result = bench.build(second, compared=False)
    assert result.objects == ("arch/x86/kvm/xen.o",)
    assert "x86.o" not in Path(result.log).read_text()      # restored with its time: nothing but xen.o is made


def test_a_kill_in_the_middle_leaves_a_directory_that_the_next_build_uses(bench: Bench,
                                                                         monkeypatch: pytest.MonkeyPatch) -> None:
    patch = bench.edit(X86, *GOOD)
    bench.build(patch, compared=False)
    clean = hashes(bench.home / "build")
    # what kill -9 leaves: a half-made object, a stranger, and nobody who puts anything back
    (bench.home / "build/arch/x86/kvm/xen.o").write_bytes(b"half")
    (bench.home / "build/arch/x86/kvm/stray.o").write_bytes(b"stray")
    (bench.home / "build/virt").rename(bench.home / "build/elsewhere")
    result = bench.build(patch, compared=False)
    assert result.verdict is Build.PASS
    assert hashes(bench.home / "build") == clean


def test_a_tree_that_was_at_another_release_in_between_is_not_built_anew(bench: Bench) -> None:
    """git wrote again what differs between the two; Kconfig files are in no object's list of what it reads."""
    import os
    patch = bench.edit(X86, *GOOD)
    bench.build(patch, compared=False)
    before = [bench.source / "Makefile", bench.source / "arch/x86/kvm/Kconfig"]
    latest = max(json.loads((bench.home / "baseline.json").read_text())["times"].values())
    for path in before:
        os.utime(path, ns=(latest + 10 ** 9, latest + 10 ** 9))
    assert bench.build(patch, compared=False).objects == ("arch/x86/kvm/x86.o",)
    assert all(path.stat().st_mtime_ns <= latest for path in before)


def test_a_build_that_forges_a_time_stamp_is_still_put_back(bench: Bench) -> None:
    import os
    bench.build(bench.edit(X86, *GOOD), compared=False)
    target = bench.home / "build/arch/x86/kvm/xen.o"
    info = target.stat()
    data = bytearray(target.read_bytes())
    data[-1] ^= 1
    target.write_bytes(bytes(data))
    os.utime(target, ns=(info.st_atime_ns, info.st_mtime_ns))
    home = bench.home
    assert pristine.put_back(home / "build", home / "pristine", home / "stamps.json") == 1
    assert target.read_bytes() == (home / "pristine/arch/x86/kvm/xen.o").read_bytes()


def test_a_renamed_file_is_touched_only_where_it_changes(bench: Bench) -> None:
    from tests.support.fakekernel import git
    git(bench.source, "mv", X86, "arch/x86/kvm/x86_64.c")
    makefile = bench.source / "arch/x86/kvm/Makefile"
    makefile.write_text(makefile.read_text().replace("x86.o", "x86_64.o"))
    diff = git(bench.source, "diff", "-M", "HEAD").encode() + b"\n"
    git(bench.source, "reset", "-q", "--hard")
    assert b"rename to" in diff
    result = bench.build(diff, compared=False)
    assert result.verdict is Build.PASS, result       # its lines behind #ifdef CONFIG_KVM_NEVER were off before, too
    assert bench.status() == ""


def test_a_patch_to_kconfig_and_makefile_is_configured_again(bench: Bench) -> None:
    edits = {**bench.edit("arch/x86/kvm/Kconfig", "config EXPERT", "config KVM_TDX\n\tbool \"TDX\"\nconfig EXPERT"),
             **bench.edit("arch/x86/kvm/Makefile", "obj-$(CONFIG_KVM_TDX) +=", "obj-y +="),
             **bench.edit("arch/x86/kvm/tdx.c", "return 0", "return 1")}
    result = bench.build(edits, compared=False)
    assert result.verdict is Build.PASS, result
    assert result.objects == ("arch/x86/kvm/tdx.o",)


def test_a_missing_compiler_is_an_error_that_names_the_package(bench: Bench) -> None:
    result = bench.build(bench.edit(X86, *GOOD), toolchain=Toolchain(cc="gcc-99"))
    assert result.verdict is Build.ERROR
    assert "gcc-99" in result.hint


def test_an_unknown_configuration_is_the_users_mistake(bench: Bench) -> None:
    with pytest.raises(UserError, match="kvm-everything"):
        bench.build(bench.edit(X86, *GOOD), config="kvm-everything")


def test_deletions_only_still_have_to_build(bench: Bench) -> None:
    gone = bench.build({"arch/x86/kvm/tdx.c": None}, compared=False)
    assert gone.verdict is Build.NOTHING_TO_BUILD
    broken = bench.build({"arch/x86/kvm/xen.c": None}, compared=False)
    assert broken.verdict is Build.FAIL
    assert "No rule to make target" in broken.reason


def test_the_driver_never_raises_for_a_full_machine(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")
    monkeypatch.setattr(parts.baselines, "ensure", full)
    result = bench.build(bench.edit(X86, *GOOD))
    assert result.verdict is Build.ERROR
    assert result.reason.startswith("the disk is full")
    assert "--cache" in result.hint


def test_a_disk_that_fills_up_while_a_tree_is_copied_is_told_in_one_line(bench: Bench,
                                                                        monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object, **__: object) -> None:
        raise shutil.Error([("a", "b", "[Errno 28] No space left on device: 'b'")] * 40)
    monkeypatch.setattr(pristine, "save", full)
    result = bench.build(bench.edit(X86, *GOOD))
    assert result.verdict is Build.ERROR
    assert result.reason == "the disk is full: [Errno 28] No space left on device: 'b' (and 39 more)"
    monkeypatch.undo()
    assert bench.build(bench.edit(X86, *GOOD), compared=False).verdict is Build.PASS
