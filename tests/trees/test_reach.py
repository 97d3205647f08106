"""What an added line of one file can see of a tree."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from backport.trees.index import Index
from backport.trees.store import Store
from tests.support.trees import commit, files

SOURCES = {
    **files("6.1.7"),
    "include/linux/unit.h": b"int unit_open(void);\n/* said_only */\n#define UNIT_MASK 0xfeed\n",
    "tools/include/unit.h": b"#define tools_only(x) (x)\n#define UNIT_MASK 1\n",
    "samples/a.c": b"int sample_only(void)\n{\n\treturn 0;\n}\n",
    "arch/arm64/include/asm/unit.h": b"#define arm64_only 1\n#define both_archs 1\n",
    "arch/arm64/kvm/mine.h": b"#define arm64_private 1\n",
    "arch/x86/include/asm/unit.h": b"#define x86_only 1\n#define both_archs 2\n",
    "arch/x86/kvm/unit.c": b"#include \"mmu.h\"\n#include <linux/unit.h>\nint f(void)\n{\n\treturn 0;\n}\n",
    "arch/x86/kvm/other.c": b"static int other_static(void)\n{\n\ttrace_unit(1);\n\treturn 0;\n}\n",
    "arch/x86/kvm/mmu.h": b"#include \"mmu/inner.h\"\nint mmu_private;\n",
    "arch/x86/kvm/mmu/inner.h": b"int inner_private;\n",
    "arch/x86/kvm/lapic.h": b"int lapic_private;\n",
    "drivers/a/a.c": b"#include \"core.h\"\n",
    "drivers/a/lib/core.h": b"int core_private;\n",
    "drivers/b/part.c": b"int part;\n",
    "drivers/b/whole.c": b"static int whole_static(void)\n{\n\treturn 0;\n}\n#include \"part.c\"\n",
}
X86, ARM, DRIVER = "arch/x86/kvm/unit.c", "arch/arm64/kvm/arm.c", "drivers/a/a.c"


@pytest.fixture(scope="module")
def index(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Index]:
    folder: Path = tmp_path_factory.mktemp("sight")
    head = commit(folder / "origin", SOURCES)
    store = Store(folder / "cache")
    with store.git() as git:
        git.run("fetch", "-q", str(folder / "origin"), head)
    made = Index(store.path, head)
    yield made
    made.close()


@pytest.mark.parametrize(("name", "path"), [
    ("unit_open", X86), ("UNIT_MASK", X86), ("x86_only", X86), ("arm64_only", ARM), ("both_archs", X86),
    ("both_archs", ARM), ("x86_only", DRIVER), ("arm64_only", DRIVER), ("x86_only", "arch/um/kernel/um.c"),
    ("mmu_private", X86), ("inner_private", X86), ("trace_unit", X86), ("core_private", DRIVER),
    ("whole_static", "drivers/b/part.c"), ("tools_only", "tools/a.c"), ("unit_open", "new/folder/file.c"),
    ("lapic_private", "arch/x86/kvm/mmu.h"),
])
def test_what_is_seen(index: Index, name: str, path: str) -> None:
    assert index.unseen(name, path) is None


@pytest.mark.parametrize(("name", "path", "where"), [
    ("tools_only", X86, "tools/include/unit.h"),
    ("sample_only", X86, "samples/a.c"),
    ("arm64_only", X86, "arch/arm64/include/asm/unit.h"),
    ("x86_only", ARM, "arch/x86/include/asm/unit.h"),
    ("arm64_only", "arch/x86/kvm/mmu.h", "arch/arm64/include/asm/unit.h"),
    ("other_static", X86, "arch/x86/kvm/other.c"),
    ("other_static", DRIVER, "arch/x86/kvm/other.c"),
    ("lapic_private", X86, "headers that it does not include"),
    ("arm64_private", X86, "arch/arm64/kvm/mine.h"),
    ("mmu_private", DRIVER, "headers that it does not include"),
])
def test_what_is_not_seen_is_told_with_the_place(index: Index, name: str, path: str, where: str) -> None:
    told = index.unseen(name, path)
    assert told is not None
    assert told.startswith("only in")
    assert where in told


def test_what_is_nowhere_but_in_a_comment_or_a_number_is_nowhere(index: Index) -> None:
    assert index.unseen("said_only", X86) == ""
    assert index.contains("said_only")
    assert index.unseen("xfeed", X86) == ""
    assert not index.contains("xfeed")
    assert index.unseen("nothing", X86) == ""


def test_a_header_that_the_patch_adds_counts(index: Index) -> None:
    assert index.unseen("lapic_private", X86) is not None
    assert index.unseen("lapic_private", X86, ("lapic.h",)) is None
