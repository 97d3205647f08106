"""A patch that includes what an older tree calls otherwise applies there, and does not compile."""

from __future__ import annotations

import pytest

from backport.adapt.includes import missing_headers
from backport.patch.parse import parse
from backport.treeview import MemoryView

TREE = MemoryView("old", {
    "include/linux/slab.h": b"", "include/asm-generic/unaligned.h": b"", "arch/x86/kvm/x86.h": b"",
    "arch/x86/kvm/svm/svm.c": b"", "drivers/net/vendor/hw/queue.h": b"", "include/uapi/linux/kvm.h": b"",
})


def asked(*includes: str, created: bool = False) -> tuple[str, ...]:
    added = "".join(f"+{line}\n" for line in includes)
    text = (f"--- a/arch/x86/kvm/svm/svm.c\n+++ b/arch/x86/kvm/svm/svm.c\n@@ -1,2 +1,{2 + len(includes)} @@\n"
            f" #include <linux/kvm_host.h>\n{added} int x;\n")
    if created:
        text += "--- /dev/null\n+++ b/arch/x86/kvm/own.h\n@@ -0,0 +1 @@\n+int y;\n"
    return missing_headers(parse(text.encode()), TREE)


def test_a_header_that_only_newer_trees_have_is_named() -> None:
    assert asked("#include <linux/slab.h>", "#include <linux/unaligned.h>", "#include <linux/unaligned.h>") == (
        "linux/unaligned.h",)


@pytest.mark.parametrize("line", [
    "#include <linux/slab.h>", "#include <linux/kvm.h>", "#include <asm/unaligned.h>", '#include "../x86.h"',
    '#include "x86.h"', "#include <hw/queue.h>", "#include <generated/utsrelease.h>", "#include <linux/version.h>",
    "/* #include <linux/unaligned.h> */",
])
def test_what_can_be_found_is_not(line: str) -> None:
    assert asked(line) == ()


def test_what_the_patch_brings_along_is_there() -> None:
    assert asked('#include "own.h"') == ("own.h",)
    assert asked('#include "../own.h"', '#include "own.h"', created=True) == ()
