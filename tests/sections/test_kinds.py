"""The reader of each kind of file: which section a line is in, and which an added line would be in."""

from __future__ import annotations

import pytest

from backport import sections

KCONFIG = b"""menu "Widgets"

if WIDGETS

config WIDGET_A
\ttristate "A"
\tdepends on BUS && \\
\t\t   OTHER
\thelp
\t  Say Y
\t  if you have one.

\t  source of all widgets.

menuconfig WIDGET_B
\tbool "B"

choice
\tprompt "Kind"

config KIND_ONE
\tbool "one"

endchoice

endif

source "drivers/widget/Kconfig"
endmenu
"""

ASSEMBLY = b"""#include <linux/linkage.h>
#define WRAP(x) \\
\tENTRY(x) ; \\
\tnop

.macro SAVE reg
\tpush \\reg
.endm

SYM_FUNC_START(first)
\tmov %rax, %rbx
again:
\tdec %rax
\tjnz again
SYM_FUNC_END(first)

ENTRY(second)
\tret
ENDPROC(second)

third:
\tnop
SYM_DATA(table, .long 1)
"""

MAINTAINERS = b"""List of maintainers
===================

M:\tMail a person

WIDGET DRIVER
M:\tA <a@example.org>
S:\tMaintained
F:\tdrivers/widget/

GADGET DRIVER
M:\tB <b@example.org>
S:\tMaintained
F:\tdrivers/gadget/
"""

RST = b"""=====
Title
=====

First
-----

words here

Second
------

more
"""

DTS = b"""/ {
\t#address-cells = <1>;
\tsoc: bus@0 {
\t\tuart0: serial@10 { /* { */
\t\t\tstatus = "okay";
\t\t};
\t\tlone;
\t};
};

&uart1 {
\tstatus = "okay";
};
"""

MAKE = b"""obj-y := a.o \\
\tb.o

ifdef CONFIG_X
obj-y += x.o
else
widget-objs := core.o \\
\tmore.o
endif

$(obj)/gen.h: $(src)/gen.sh
\t$(call cmd,gen)
\ttrue

clean-files := gen.h
"""

YAML = b"""title: Widget
description: |
  first: text
  more
properties:
  reg:
    maxItems: 1
  clocks:
    items:
      - description: core
      - description: bus
"""

PYTHON = b"""import re

class Widget:
    def turn(self,
             how):
        return how

    def stop(self):
        return 1

def main():
    pass
"""

SHELL = b"""set -e
usage() {
\techo no
\tif true; then
\t\texit 1
\tfi
}
usage
"""

RUST = b"""pub struct Widget {
    a: u32,
}

impl Drop for Widget {
    fn drop(&mut self) {
        x();
    }
}
"""

ABI = b"What:\t\t/sys/a\nDescription:\n\t\tone\n\nWhat:\t\t/sys/b\nDescription:\n\t\ttwo\n"
PARAMETERS = b"\tfirst=\t\t[KNL] One\n\t\t\tmore of it\n\n\tsecond\t\t[KNL]\n\t\t\ttext\n"


@pytest.mark.parametrize(("path", "source", "text", "name"), [
    ("drivers/widget/Kconfig", KCONFIG, b"OTHER", "config WIDGET_A"),
    ("drivers/widget/Kconfig", KCONFIG, b"if you have", "config WIDGET_A"),
    ("drivers/widget/Kconfig", KCONFIG, b"source of all", "config WIDGET_A"),
    ("drivers/widget/Kconfig", KCONFIG, b'bool "B"', "config WIDGET_B"),       # a menuconfig is a config
    ("drivers/widget/Kconfig", KCONFIG, b"prompt", 'choice "Kind"'),
    ("drivers/widget/Kconfig.debug", KCONFIG, b'bool "one"', "config KIND_ONE"),
    ("drivers/widget/Kconfig", KCONFIG, b"endif", ""),
    ("drivers/widget/Kconfig", KCONFIG, b"source \"", ""),
    ("a.S", ASSEMBLY, b"%rbx", "first()"),
    ("a.S", ASSEMBLY, b"jnz", "first()"),                                      # a label inside a routine begins none
    ("a.S", ASSEMBLY, b"\tret", "second()"),
    ("a.S", ASSEMBLY, b"third:", "third()"),
    ("a.S", ASSEMBLY, b"push", "macro SAVE"),
    ("a.S", ASSEMBLY, b"#include", ""),
    ("MAINTAINERS", MAINTAINERS, b"drivers/widget", "WIDGET DRIVER"),
    ("MAINTAINERS", MAINTAINERS, b"B <b@", "GADGET DRIVER"),
    ("MAINTAINERS", MAINTAINERS, b"Mail a", ""),
    ("Documentation/a.rst", RST, b"words", "First"),
    ("Documentation/a.rst", RST, b"more", "Second"),
    ("a.dts", DTS, b"okay", "/bus@0/serial@10"),
    ("a.dtsi", DTS, b"lone", "/bus@0"),
    ("a.dtsi", DTS, b"#address", "/"),
    ("drivers/Makefile", MAKE, b"b.o", "obj-y"),
    ("drivers/Makefile", MAKE, b"x.o", "if CONFIG_X/obj-y"),
    ("drivers/Kbuild", MAKE, b"more.o", "if CONFIG_X, else/widget-y"),      # -objs and -y are one list
    ("drivers/Makefile", MAKE, b"true", "$(obj)/gen.h:"),
    ("a.yaml", YAML, b"maxItems", "properties/reg/maxItems"),
    ("a.yaml", YAML, b"first:", "description"),
    ("a.yaml", YAML, b"bus", "properties/clocks/items/description"),
    ("a.py", PYTHON, b"return how", "Widget/turn()"),
    ("a.py", PYTHON, b"pass", "main()"),
    ("a.sh", SHELL, b"exit 1", "usage"),
    ("a.sh", SHELL, b"set -e", ""),
    ("a.rs", RUST, b"x();", "impl Drop for Widget/fn drop"),
    ("Documentation/ABI/testing/x", ABI, b"two", "What: /sys/b"),
    ("Documentation/admin-guide/kernel-parameters.txt", PARAMETERS, b"more of it", "first"),
])
def test_the_section_of_a_line(path: str, source: bytes, text: bytes, name: str) -> None:
    line = source[:source.index(text)].count(b"\n") + 1
    assert sections.scope(source, line, path) == name


def at(source: bytes, text: bytes) -> int:
    return source[:source.index(text)].count(b"\n") + 1


def test_an_added_line_is_in_the_section_that_it_makes_longer() -> None:
    last = at(KCONFIG, b"source of all")
    assert sections.insertion_scope(KCONFIG, last, [b"\t  Really.\n"], "Kconfig") == "config WIDGET_A"
    new = [b"\n", b"config WIDGET_NEW\n", b"\tbool\n"]
    assert sections.insertion_scope(KCONFIG, last, new, "Kconfig") == "config WIDGET_NEW"
    end = at(MAINTAINERS, b"F:\tdrivers/widget/")
    assert sections.insertion_scope(MAINTAINERS, end, [b"F:\tx\n"], "MAINTAINERS") == "WIDGET DRIVER"
    assert sections.insertion_scope(MAINTAINERS, end + 1, [b"NEW\n", b"M:\tC\n", b"\n"], "MAINTAINERS") == "NEW"


def test_two_of_one_name_are_told_apart() -> None:
    twice = b"if A\nconfig X\n\tbool\nendif\nif B\nconfig X\n\ttristate\nendif\n"
    assert [one.name for one in sections.every(twice, "Kconfig")] == ["config X [if A]", "config X [if B]"]
    plain = b"config X\n\tbool\n\nconfig X\n\ttristate\n"
    assert [one.name for one in sections.every(plain, "Kconfig")] == ["config X [1 of 2]", "config X [2 of 2]"]
    assert not sections.same("config X [1 of 2]", "config X [2 of 2]", "Kconfig", plain)
    # a tree that has only one of them, or a third, does not say which one it is
    assert sections.same("config X", "config X [2 of 2]", "Kconfig", b"config X\n\tbool\n")
    assert not sections.same("config Y", "config X", "Kconfig", plain)


def test_a_node_or_a_condition_further_out_may_have_another_name() -> None:
    assert sections.same("/soc/bus@0/serial@10", "/bus@0/serial@10", "a.dts", DTS.replace(b"/ {", b"/ {\n\tsoc {"))
    # but not where upstream's is here as well
    both = DTS + b"/ {\n\tsoc {\n\t\tbus@0 {\n\t\t\tserial@10 {\n\t\t\t};\n\t\t};\n\t};\n};\n"
    assert not sections.same("/bus@0/serial@10", "/soc/bus@0/serial@10", "a.dts", both)


def test_a_device_is_known_by_its_address() -> None:
    assert sections.same("/soc/sd@5000", "/soc/mmc@5000", "a.dts", b"")
    assert not sections.same("/soc/sd@5000", "/soc/sd@6000", "a.dts", b"")
    assert not sections.same("&sd", "&mmc", "a.dts", b"")


@pytest.mark.parametrize(("line", "name"), [
    (b"ifdef CONFIG_X", "if CONFIG_X/obj-y"), (b"ifeq ($(CONFIG_X),y)", "if CONFIG_X/obj-y"),
    (b"ifneq ($(CONFIG_X),)", "if CONFIG_X/obj-y"), (b"ifndef CONFIG_X", "unless CONFIG_X/obj-y"),
    (b"ifeq ($(CONFIG_X),)", "unless CONFIG_X/obj-y"), (b"ifneq ($(CONFIG_X), y)", "unless CONFIG_X/obj-y"),
    (b"ifeq ($(CONFIG_X),m)", "ifeq ($(CONFIG_X),m)/obj-y")])
def test_a_condition_has_one_name_in_whatever_form(line: bytes, name: str) -> None:
    assert sections.scope(line + b"\nobj-y += x.o\nendif\n", 2, "Makefile") == name


def test_a_file_of_no_known_kind_is_read_as_c() -> None:
    source = b"int one(void)\n{\n\treturn 0;\n}\n"
    assert sections.is_c("a.c")
    assert sections.scope(source, 3, "a.c") == "one()"
    assert not sections.readable("a.json")
