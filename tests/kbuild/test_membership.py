"""Which objects a configuration builds, as make reads the lists."""

from __future__ import annotations

from pathlib import Path

import pytest

from backport.kbuild.make import Runner
from backport.kbuild.membership import Membership
from backport.kbuild.sandbox import Limits, Sandbox

FILES = {
    "kernel/Makefile": "obj-y += core.o up/\ncore-objs := fork.o\nobj-$(CONFIG_OFF) += off.o\n",
    "kernel/up/Makefile": "obj-y += one.o ../\n",
    "arch/x86/Kbuild": "obj-y += kvm/\n",
    "arch/x86/kvm/Makefile": "obj-y += x86.o\n",
    "arch/arm64/Kbuild": "obj-y += kvm/\n",
    "arch/arm64/kvm/Makefile": "obj-y += arm.o\n",
    "drivers/Makefile": "obj-y += gpu/ nouveau/\n",
    "drivers/nouveau/Kbuild": "include $(src)/nvkm/Kbuild\nobj-m += nouveau.o\nnouveau-y := $(nvkm-y)\n",
    "drivers/nouveau/nvkm/Kbuild": "nvkm-y := nvkm/base.o\n",
    "scripts/Makefile.build": "src := $(obj)\n",                # as before v6.10: below the tree
    "drivers/gpu/Makefile": "obj-m += gpu.o\ngpu-y := main.o ../show/core.o\n",
}


SAME = "the same"


@pytest.mark.parametrize(("path", "target"), [
    ("kernel/core.o", SAME), ("kernel/fork.o", SAME), ("kernel/off.o", ""), ("kernel/up/one.o", SAME),
    ("kernel/up/two.o", ""),                     # and a directory that names the one above it is no end of asking
    ("arch/x86/kvm/x86.o", SAME), ("arch/arm64/kvm/arm.o", ""), ("init.o", ""),
    ("drivers/gpu/main.o", SAME), ("drivers/nouveau/nvkm/base.o", SAME),
    ("drivers/show/core.o", "drivers/gpu/../show/core.o"),      # listed by the directory beside it
])
def test_an_object_is_built_where_every_list_on_the_way_names_it(path: str, target: str, tmp_path: Path) -> None:
    source, build = tmp_path / "source", tmp_path / "build"
    for name, text in FILES.items():
        (source / name).parent.mkdir(parents=True, exist_ok=True)
        (source / name).write_text(text)
    (build / "include/config").mkdir(parents=True)
    (build / "include/config/auto.conf").write_text("CONFIG_ON=y\n")
    assert Membership(Runner(Sandbox("none"), Limits()), source, build, ()).target(path) == (path if target is SAME
                                                                                           else target)
