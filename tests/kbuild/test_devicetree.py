"""Which blobs are made for a device tree file."""

from __future__ import annotations

from pathlib import Path

import pytest

from backport.kbuild.devicetree import target, targets
from tests.support.fakekernel import git

DTS = "arch/arm64/boot/dts"


@pytest.mark.parametrize(("path", "name"), [
    (f"{DTS}/rockchip/x.dts", "rockchip/x.dtb"), (f"{DTS}/x.dtso", "x.dtbo"), (f"{DTS}/x.dtsi", ""),
    ("drivers/of/unittest-data/testcases.dts", ""),
])
def test_make_wants_the_path_below_the_dts_directory(path: str, name: str) -> None:
    assert target(path) == name


def test_a_piece_counts_through_the_boards_that_include_it_however_deep(tmp_path: Path) -> None:
    files = {f"{DTS}/v/family.dtsi": "/ { };\n",
             f"{DTS}/v/soc.dtsi": '#include "family.dtsi"\n',
             **{f"{DTS}/v/board{i}.dts": '/include/ "soc.dtsi"\n' for i in range(5)},
             f"{DTS}/v/other.dts": '#include "another-family.dtsi"\n'}
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    git(tmp_path, "init", "-q")
    git(tmp_path, "add", "-A")
    git(tmp_path, "commit", "-qm", "made up")
    assert targets(tmp_path, f"{DTS}/v/family.dtsi") == (("v/board0.dtb", "v/board1.dtb", "v/board2.dtb"), 5)
    assert targets(tmp_path, f"{DTS}/v/other.dts") == (("v/other.dtb",), 1)
