"""Configurations by name, and wishes that did not come true."""

from __future__ import annotations

from pathlib import Path

import pytest

from backport.errors import UserError
from backport.kbuild import config
from backport.kbuild.config import Fragment
from backport.kbuild.plan import plan
from backport.kbuild.sandbox import Limits, Sandbox
from backport.manifest import Toolchain, Tree
from backport.trees.store import Head


def test_the_configurations_that_come_with_the_program() -> None:
    assert set(config.names()) >= {"kvm-builtin", "kvm-modules", "kvm-min", "32-bit"}
    for name in config.names():
        wishes = config.load(name).wishes
        assert wishes["CONFIG_WERROR"] == wishes["CONFIG_KVM_WERROR"] == "n"      # on both sides, always


def test_a_fragment_inherits_and_overrides() -> None:
    builtin, minimal, modules = (config.load(name) for name in ("kvm-builtin", "kvm-min", "kvm-modules"))
    assert (builtin.wishes["CONFIG_KVM_SMM"], minimal.wishes["CONFIG_KVM_SMM"]) == ("y", "n")
    assert (builtin.wishes["CONFIG_KVM"], modules.wishes["CONFIG_KVM"]) == ("y", "m")
    assert [name.rpartition("/")[2] for name in modules.modules] == ["kvm.ko", "kvm-intel.ko", "kvm-amd.ko"]
    assert config.load("32-bit").make == ("ARCH=i386",)
    assert "# CONFIG_KVM_SMM is not set\n" in minimal.text


def test_only_what_the_tree_has_and_did_not_take_is_reported() -> None:
    fragment = Fragment("x", {"CONFIG_A": "y", "CONFIG_B": "y", "CONFIG_C": "n", "CONFIG_D": "y"},
                        conditions=(("CONFIG_D", "CONFIG_E"),))
    known = frozenset({"CONFIG_A", "CONFIG_C", "CONFIG_D"})
    assert config.not_stuck(fragment, {"CONFIG_A": "m", "CONFIG_C": "y"}, known) == (
        "CONFIG_A is m, wanted y", "CONFIG_C is y, wanted n")


def test_options_are_read_from_kconfig_files(tmp_path: Path) -> None:
    (tmp_path / "arch").mkdir()
    (tmp_path / "arch/Kconfig.debug").write_text("menuconfig A\n\tbool\nconfig B\n\tbool \"config C\"\n")
    assert config.defined(tmp_path) == {"CONFIG_A", "CONFIG_B"}


def test_an_unknown_name_lists_the_known_ones() -> None:
    with pytest.raises(UserError) as caught:
        config.load("../../etc/passwd")
    assert "kvm-builtin" in caught.value.hint


@pytest.mark.parametrize(("name", "config", "make", "architecture"), [
    ("kvm-builtin", "x86_64_defconfig", {}, "x86_64"), ("32-bit", "x86_64_defconfig", {}, "i386"),
    ("kvm-min", "i386_defconfig", {"ARCH": "i386"}, "i386"), ("kvm-min", "i386_defconfig", {"ARCH": "x86"}, "i386"),
    ("kvm-min", "x86_64_defconfig", {"ARCH": "x86"}, "x86_64")])
def test_the_architecture_of_a_configuration(tmp_path: Path, name: str, config: str, make: dict[str, str],
                                             architecture: str) -> None:
    tree = Tree("linux-6.1.y", "6.1", (), config=config, toolchain=Toolchain(make=make))
    head = Head("linux-6.1.y", "3" * 40, "6.1.1", "test", 0.0)
    made = plan(tree, head, tmp_path, tmp_path, name=name, sandbox=Sandbox("none"), limits=Limits(), jobs=1)
    assert made.architecture == architecture


def test_configurations_of_the_users_own_stand_beside_the_manifest(tmp_path: Path) -> None:
    own = tmp_path / "configs"
    own.mkdir()
    (own / "mine.config").write_text("# inherits: kvm-min\nCONFIG_MADE_UP=y\n# CONFIG_OTHER is not set\n")
    assert "mine" in config.names(tmp_path)
    assert "mine" not in config.names()
    mine = config.load("mine", tmp_path)
    assert mine.wishes.items() >= {**config.load("kvm-min").wishes, "CONFIG_MADE_UP": "y", "CONFIG_OTHER": "n"}.items()
    (own / "kvm-min.config").write_text("CONFIG_X=y\n")
    with pytest.raises(UserError, match="has the name of a configuration that comes with the program"):
        config.names(tmp_path)


def test_a_configuration_that_inherits_itself_is_the_users_mistake(tmp_path: Path) -> None:
    (tmp_path / "configs").mkdir()
    (tmp_path / "configs" / "a.config").write_text("# inherits: b\n")
    (tmp_path / "configs" / "b.config").write_text("# inherits: a\n")
    with pytest.raises(UserError, match="inherits itself"):
        config.load("a", tmp_path)
    (tmp_path / "configs" / "b.config").write_bytes(b"\xff\xfe")
    with pytest.raises(UserError, match="cannot read the configuration"):
        config.load("a", tmp_path)
