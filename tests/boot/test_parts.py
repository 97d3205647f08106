"""The small parts: configuration, scope, the reproducer's directory, QEMU's command line."""

from __future__ import annotations

import io
import shutil
from pathlib import Path

import pytest
from elftools.elf.elffile import ELFFile

from backport.boot import config, program, scope, selftest
from backport.boot.kernel import _without_ccache, fragment
from backport.boot.key import boot_key
from backport.boot.machine import Machine, missing
from backport.errors import BuildError, UserError
from backport.kbuild.sandbox import Sandbox
from backport.kbuild.toolchain import Compiler

ROOT = Path(__file__).parents[2]


def test_a_fragment_wins_over_the_base_and_each_option_stands_once():
    merged = config.merge("CONFIG_A=y\nCONFIG_B=m\n# CONFIG_C is not set\n", "# CONFIG_A is not set\nCONFIG_C=y\n")
    assert config.options(merged) == {"CONFIG_A": "n", "CONFIG_B": "m", "CONFIG_C": "y"}
    assert merged.count("CONFIG_C") == 1


def test_an_option_that_kconfig_dropped_is_found():
    assert config.lost("CONFIG_A=y\n# CONFIG_B is not set\n", "CONFIG_A=y\nCONFIG_B=y\n# CONFIG_D is not set\n") == [
        "CONFIG_B=y"]


def test_the_shipped_fragment_has_what_a_boot_under_emulation_needs():
    wanted = config.options(fragment())
    assert wanted["CONFIG_KVM_AMD"] == wanted["CONFIG_SERIAL_8250_CONSOLE"] == "y"
    # without ACPI and PCI there are 700 objects instead of thousands; a version from git would differ with each patch
    assert wanted["CONFIG_ACPI"] == wanted["CONFIG_PCI"] == wanted["CONFIG_LOCALVERSION_AUTO"] == "n"


@pytest.mark.parametrize(("paths", "needs", "accel", "says"), [
    (["arch/x86/kvm/x86.c"], None, "tcg", ""),
    (["arch/x86/kvm/vmx/nested.c"], None, "tcg", "VMX"),
    (["arch/x86/kvm/vmx.c"], None, "tcg", "VMX"),
    (["arch/x86/kvm/vmx/vmx.c", "arch/x86/kvm/x86.c"], None, "tcg", ""),
    (["arch/x86/kvm/svm/sev.c"], None, "tcg", "SEV"),
    (["arch/x86/kvm/svm/avic.c"], None, "tcg", "AVIC"),
    (["arch/x86/kvm/pmu.c", "arch/x86/kvm/svm/pmu.c"], None, "tcg", "performance monitoring"),
    (["arch/x86/kvm/vmx/pmu_intel.c"], None, "tcg", "performance monitoring"),
    (["arch/x86/kvm/svm/nested.c"], None, "tcg", ""),
    (["Documentation/virt/kvm/api.rst", "tools/testing/selftests/kvm/lib/x.c"], None, "tcg", "no code"),
    (["arch/x86/kvm/svm/avic.c", "Documentation/x.rst"], None, "tcg", "AVIC"),
    (["arch/x86/kvm/vmx/nested.c"], None, "kvm", ""),               # the host decides
    (["arch/x86/kvm/x86.c"], ("vmx",), "tcg", "VMX"),               # the author knows
    (["arch/x86/kvm/svm/sev.c"], ("svm",), "tcg", ""),
])
def test_what_cannot_be_shown_is_said_with_its_reason(paths, needs, accel, says):
    why = scope.untestable(paths, needs, accel)
    assert (says in why) if says else why == ""


def test_boot_kernels_are_made_without_ccache():
    """CC="ccache gcc" in a sandbox without its directory: "unknown assembler invoked", and no kernel at all."""
    seen = _without_ccache(Compiler("gcc", "gcc 12", ("CC=ccache gcc", "X=ccache y"), ccache=True))
    assert seen.make == ("CC=gcc", "X=ccache y")


def test_a_reproducers_directory(tmp_path):
    (tmp_path / "fix.repro").mkdir()
    patch = tmp_path / "fix.patch"
    assert program.for_patch(patch) == tmp_path / "fix.repro"
    assert program.for_patch(tmp_path / "other.patch") is None
    with pytest.raises(UserError, match=r"no \.c file"):
        program.load(tmp_path / "fix.repro")
    (tmp_path / "fix.repro" / "repro.c").write_text("")
    assert program.load(tmp_path / "fix.repro").needs is None
    (tmp_path / "fix.repro" / "repro.yaml").write_text("needs: [svm]\nlimit: 20\ncpu: EPYC,-vgif\nmemory: 1024\n")
    seen = program.load(tmp_path / "fix.repro")
    assert (seen.needs, seen.limit, seen.cpu, seen.memory) == (("svm",), 20.0, "EPYC,-vgif", 1024)


def test_a_selftest_of_the_kernel_instead_of_a_source(tmp_path):
    (tmp_path / "repro.yaml").write_text("selftest: x86_64/set_sregs_test\n")
    seen = program.load(tmp_path)
    assert seen.selftest == "x86_64/set_sregs_test"
    assert [source.name for source in seen.sources] == ["selftest.c"]
    (tmp_path / "repro.yaml").write_text("selftest: ../../../evil\n")
    with pytest.raises(UserError, match="name of a KVM selftest"):
        program.load(tmp_path)


def test_a_selftest_is_found_under_either_name_of_its_directory(tmp_path):
    home = tmp_path / selftest.HOME
    (home / "x86").mkdir(parents=True)
    (home / "x86" / "set_sregs_test.c").write_text("")
    assert selftest.find(tmp_path, "set_sregs_test") == "x86/set_sregs_test"
    assert selftest.find(tmp_path, "x86_64/set_sregs_test") == "x86/set_sregs_test"
    with pytest.raises(selftest.NoSelftest):
        selftest.find(tmp_path, "other_test")


@pytest.mark.parametrize("text", [
    "needs: [sgx]", "needs: svm", "limit: 0", "limit: soon", "limit: true", "cpu: '-enable-kvm'", "cpu: 'EPYC -s'",
    "memory: 10", "selftest: x", "colour: red", "[1, 2]", "a: b: c",
])
def test_a_wrong_repro_yaml_names_the_file(tmp_path, text):
    (tmp_path / "repro.c").write_text("")
    (tmp_path / "repro.yaml").write_text(text)
    with pytest.raises(UserError, match=r"repro\.yaml"):
        program.load(tmp_path)


def test_the_command_line_of_the_machine():
    argv = Machine().argv(Path("/i/bzImage"), Path("/i/initrd"))
    assert argv[:5] == ["qemu-system-x86_64", "-accel", "tcg", "-machine", "q35"]
    assert "-no-reboot" in argv                      # the guest's reboot is the end of the emulator
    assert "tsc_early_khz=" in argv[-1]              # without it 11 of 12 boots were seen to hang
    assert "-nic" not in argv
    assert "-nodefaults" in argv                     # no network card either
    assert Machine(accel="kvm").argv(Path("a"), Path("b"))[6] == "host"


def test_the_real_device_is_used_only_where_it_is(monkeypatch):
    monkeypatch.setattr("backport.boot.machine.shutil.which", lambda _: "/usr/bin/qemu-system-x86_64")
    monkeypatch.setattr("backport.boot.machine.os.access", lambda *_: False)
    assert missing(Machine()) == ""
    assert "/dev/kvm" in missing(Machine(accel="kvm"))


def test_the_key_changes_with_the_reproducer_and_the_machine(tmp_path):
    (tmp_path / "repro.c").write_text("one")
    first = boot_key(tmp_path)
    assert boot_key(tmp_path) == first
    assert len({first, boot_key(None), boot_key(tmp_path, Machine(cpu="Opteron_G3"))}) == 3
    (tmp_path / "repro.c").write_text("two")
    second = boot_key(tmp_path)
    (tmp_path / "data.h").write_text("what it includes")
    assert len({first, second, boot_key(tmp_path)}) == 3


needs_compiler = pytest.mark.skipif(shutil.which("gcc") is None, reason="gcc is not installed")


@needs_compiler
def test_the_library_compiles_without_a_warning_into_a_static_program(tmp_path):
    data = program.compile_static(program.smoke(), tmp_path, Sandbox("none"), warnings=True)
    elf = ELFFile(io.BytesIO(data))
    assert not [s for s in elf.iter_segments() if s["p_type"] == "PT_INTERP"]


@needs_compiler
def test_a_reproducer_that_does_not_compile_says_where(tmp_path):
    (tmp_path / "r").mkdir()
    (tmp_path / "r" / "repro.c").write_text('#include "repro.h"\nvoid reproduce(void)\n{\n\twrong;\n}\n')
    with pytest.raises(BuildError, match=r"repro\.c:4:.*wrong"):
        program.compile_static(program.load(tmp_path / "r"), tmp_path / "out", Sandbox("none"))


@needs_compiler
@pytest.mark.parametrize("path", sorted([*(ROOT / "tests" / "behaviour").glob("*.repro"),
                                         *(ROOT / "patches").glob("*.repro")]), ids=lambda path: path.name)
def test_every_reproducer_of_the_project_compiles_without_a_warning_and_is_short(tmp_path, path):
    program.compile_static(program.load(path), tmp_path, Sandbox("none"), warnings=True)
    assert len((path / "repro.c").read_text().splitlines()) <= 60


@pytest.mark.parametrize("text", ["[" * 3000, "needs: [[svm]]\n", "limit: 2001-99-99\n", "cpu: !!timestamp x\n",
                                  "cpu: !!int x\n", "limit: .nan\n", "# " + "x" * 100_000])
def test_a_hostile_repro_yaml_is_refused_in_one_line(tmp_path, text):
    (tmp_path / "repro.c").write_text("")
    (tmp_path / "repro.yaml").write_text(text)
    with pytest.raises(UserError, match=r"repro\.yaml: "):
        program.load(tmp_path)


def test_a_reproducer_shows_the_compiler_nothing_from_elsewhere(tmp_path):
    """The directory that a link led to was readable in the sandbox, and what the program prints goes into reports."""
    (tmp_path / "secret").mkdir()
    (tmp_path / "secret/key.c").write_text("char key[];")
    place = tmp_path / "queue/fix.repro"
    place.mkdir(parents=True)
    (place / "repro.c").symlink_to(tmp_path / "secret/key.c")
    with pytest.raises(UserError, match=r"repro\.c: it leads out of"):
        program.load(place)
    (place / "repro.c").unlink()
    (place.parent / "common.c").write_text("")
    (place / "repro.c").symlink_to("../common.c")
    assert program.load(place).sources == (place / "repro.c",)
    (place / "z.c").symlink_to("/dev/zero")
    with pytest.raises(UserError, match=r"z\.c: it leads out of"):
        program.load(place)


@needs_compiler
def test_a_program_of_a_gigabyte_is_not_read(tmp_path):
    (tmp_path / "r").mkdir()
    (tmp_path / "r" / "repro.c").write_text('#include "repro.h"\nchar big[100 << 20] = {1};\n'
                                            "void reproduce(void)\n{\n\tcontrol(big[7] == 0, \"x\");\n}\n")
    with pytest.raises(BuildError, match="more than the 64 MiB"):
        program.compile_static(program.load(tmp_path / "r"), tmp_path / "out", Sandbox("none"))
