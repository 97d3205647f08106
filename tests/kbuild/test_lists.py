"""What the text of a Makefile says about its lists."""

from __future__ import annotations

import pytest

from backport.kbuild.delta import file_delta
from backport.kbuild.lists import computed, standing, touched

TEXT = b"""obj-y += core.o up/
obj-$(CONFIG_ONE) += one.o \\
\t\t     two.o			# not three.o
core-objs := a.o
core-$(CONFIG_TWO) += b.o
ifdef CONFIG_THREE
obj-m += c.o
else
obj-m += d.o
endif
ifeq ($(CONFIG_FOUR),y)
obj-y += four.o
endif
ifneq ($(CONFIG_FOUR),y)
obj-y += no-four.o
endif
CFLAGS_REMOVE_a.o += -pg
ccflags-y := -I$(src)/away.o
clean-files := gone.o
obj-$(CONFIG_PART) += part.o
part-y := piece.o
dtb-$(CONFIG_ARCH_X) += board.dtb lamp.dtb
lamp-dtbs := base.dtb lamp.dtbo
subdir-$(CONFIG_SUB) += below
"""


@pytest.mark.parametrize(("name", "answer"), [
    ("core.o", (True, "")), ("up/", (True, "")), ("a.o", (True, "")), ("two.o", (True, "CONFIG_ONE")),
    ("three.o", (False, "")), ("b.o", (True, "CONFIG_TWO")), ("c.o", (True, "CONFIG_THREE")), ("d.o", (True, "")),
    ("four.o", (True, "CONFIG_FOUR")), ("no-four.o", (True, "")), ("away.o", (False, "")), ("gone.o", (False, "")),
    ("piece.o", (True, "CONFIG_PART")), ("lamp.dtbo", (True, "CONFIG_ARCH_X")), ("below/", (True, "CONFIG_SUB")),
])
def test_the_option_that_keeps_a_name_out_of_all_lists_is_found(name: str, answer: tuple[bool, str]) -> None:
    assert standing(TEXT, name, ()) == answer
    every = {f"CONFIG_{one}" for one in ("ONE", "TWO", "THREE", "FOUR", "PART", "ARCH_X", "SUB")}
    on = {"d.o": (True, "CONFIG_THREE"), "no-four.o": (True, "CONFIG_FOUR")}
    assert standing(TEXT, name, every) == on.get(name, (answer[0], ""))


def test_one_list_that_is_on_is_enough() -> None:
    text = b"obj-$(CONFIG_A) += x.o\nobj-$(CONFIG_B) += x.o\n"
    assert standing(text, "x.o", ["CONFIG_B"]) == (True, "")
    assert standing(text, "x.o", []) == (True, "CONFIG_A")


def test_a_list_that_make_computes_is_known_as_one() -> None:
    assert computed(b"dtb-y := $(patsubst %.dts,%.dtb,$(wildcard *.dts))\n")
    assert computed(b"obj-y += memcpy_$(BITS).o\n")
    assert not computed(TEXT)


def test_only_the_lines_that_a_patch_added_are_its() -> None:
    old = TEXT.replace(b"two.o			# not", b"other.o # not").replace(b"CFLAGS_REMOVE_a.o += -pg\n", b"")
    assert touched(file_delta("lib/Makefile", old, TEXT)) == ((3, "two.o"), (17, "a.o"))
