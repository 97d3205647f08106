"""Which blobs are made for a device tree file, and why none is."""

from __future__ import annotations

from pathlib import Path

import pytest

from backport.kbuild.devicetree import Boards, below_tree, blob, boards
from backport.kbuild.make import Runner
from backport.kbuild.membership import Membership
from backport.kbuild.sandbox import Limits, Sandbox
from tests.support.fakekernel import git

DTS = "arch/arm64/boot/dts"
FILES = {
    f"{DTS}/Makefile": "subdir-y += v off\n",
    f"{DTS}/off/Makefile": "dtb-$(CONFIG_ARCH_OFF) += dark.dtb\n",
    f"{DTS}/off/dark.dts": "/ { };\n",
    f"{DTS}/v/Makefile": "dtb-$(CONFIG_ARCH_V) += board0.dtb board1.dtb board3.dtb board4.dtb lamp.dtb\n"
                         "lamp-dtbs := board0.dtb lamp.dtbo\n",
    f"{DTS}/v/family.dtsi": "/ { };\n",
    f"{DTS}/v/soc.dtsi": '#include "family.dtsi"\n',
    **{f"{DTS}/v/board{i}.dts": '/include/ "soc.dtsi"\n' for i in range(5)},
    f"{DTS}/v/other.dts": '#include "another-family.dtsi"\n',
    f"{DTS}/v/lamp.dtso": "/plugin/;\n",
    f"{DTS}/v/alone.dtsi": "/ { };\n",
    "drivers/Makefile": "obj-y += of/\n",
    "drivers/of/Makefile": "obj-y += cases.dtb.o\n",
}


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    source = tmp_path / "source"
    for name, text in FILES.items():
        (source / name).parent.mkdir(parents=True, exist_ok=True)
        (source / name).write_text(text)
    git(source, "init", "-q")
    git(source, "add", "-A")
    git(source, "commit", "-qm", "made up")
    return source


def ask(source: Path, path: str, config: str = "CONFIG_ARCH_V=y\n") -> Boards:
    build = source.parent / "build"
    (build / "include/config").mkdir(parents=True, exist_ok=True)
    (build / "include/config/auto.conf").write_text(config)
    members = Membership(Runner(Sandbox("none"), Limits()), source, build, ("ARCH=arm64",))
    return boards(source, path, members)


def test_the_blob_lies_beside_its_source_and_make_leaves_the_directory_out() -> None:
    assert blob(f"{DTS}/rockchip/x.dts") == f"{DTS}/rockchip/x.dtb"
    assert blob(f"{DTS}/x.dtso") == f"{DTS}/x.dtbo"
    assert blob(f"{DTS}/x.dtsi") == blob("drivers/of/unittest-data/testcases.dts") == ""
    assert below_tree("rockchip/x.dtb", "arch/arm64") == f"{DTS}/rockchip/x.dtb"
    assert below_tree("drivers/of/x.dtb.o", "arch/arm64") == "drivers/of/x.dtb.o"


def test_a_board_is_made_where_a_list_that_is_on_has_it(tree: Path) -> None:
    assert ask(tree, f"{DTS}/v/board1.dts") == Boards(("v/board1.dtb",), 1)
    unlisted = ask(tree, f"{DTS}/v/other.dts")
    assert (unlisted.blobs, unlisted.why) == ((), f"{DTS}/v/Makefile does not list other.dtb")


def test_a_board_whose_list_is_off_is_made_by_name_and_told(tree: Path) -> None:
    """dtc reads no option: it is the same blob."""
    dark = ask(tree, f"{DTS}/off/dark.dts")
    assert dark.blobs == ("off/dark.dtb",)
    assert dark.told == (f"{DTS}/off/dark.dts: CONFIG_ARCH_OFF of {DTS}/off/Makefile is off; it is compiled by name",)
    # kbuild makes what is off as well with this option
    every = ask(tree, f"{DTS}/off/dark.dts", "CONFIG_OF_ALL_DTBS=y\n")
    assert every.blobs == ("off/dark.dtb",)
    assert every.told == (f"{DTS}/off/dark.dts: CONFIG_ARCH_OFF of {DTS}/off/Makefile is off; it is compiled all the "
                          "same",)


def test_an_overlay_is_made_and_put_on_its_base(tree: Path) -> None:
    assert ask(tree, f"{DTS}/v/lamp.dtso").blobs == ("v/lamp.dtbo", "v/lamp.dtb")


def test_a_piece_counts_through_the_listed_boards_that_include_it_however_deep(tree: Path) -> None:
    found = ask(tree, f"{DTS}/v/family.dtsi")
    assert (found.blobs, found.users) == (("v/board0.dtb", "v/board1.dtb", "v/board3.dtb"), 5)
    assert found.told == (f"{DTS}/v/family.dtsi: 3 of the 5 device trees that include it are compiled",)
    alone = ask(tree, f"{DTS}/v/alone.dtsi")
    assert (alone.blobs, alone.why) == ((), "no device tree source includes it")


def test_a_device_tree_that_an_object_wraps_is_made_through_it(tree: Path) -> None:
    assert ask(tree, "drivers/of/cases.dts") == Boards(("drivers/of/cases.dtb.o",), 1)
    assert ask(tree, "drivers/of/none.dts").why == "drivers/of/Makefile does not list none.dtb.o"
