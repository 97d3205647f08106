"""Builds in a work tree that lacks files: the same answers as in a whole one, and nothing blamed for what is absent."""

from __future__ import annotations

from pathlib import Path

import pytest

from backport.kbuild import absent
from backport.kbuild.absent import NotCheckedOut
from backport.kbuild.driver import build_cell
from backport.kbuild.make import Exited
from backport.kbuild.result import BuildResult
from backport.manifest import Tree
from backport.patch.parse import parse
from backport.trees import sparse
from backport.trees.store import Head, Store
from backport.trees.worktree import worktree
from backport.verdict import Build
from tests.support.fakekernel import FILES, MAKEFILE, diff_of, fake_kernel, git

DUMMY = "drivers/net/dummy.c"
X86 = "arch/x86/kvm/x86.c"
# drivers/first is searched before include/, and not checked out
FIRST = {"Makefile": MAKEFILE.replace("@V@", "6").replace("@P@", "1").replace("@S@", "1").replace(
             "-nostdinc -I", "-nostdinc -I$(srctree)/drivers/first -I"),
         "drivers/first/twin.h": "#define TWIN first\nextern int first;\n",
         "include/twin.h": "#define TWIN second\nextern int second;\n",
         "drivers/far/far.h": "#include \"further/further.h\"\n#define FAR FURTHER\n",
         "drivers/far/further/further.h": "#define FURTHER 3\n"}


class Sparse:
    """A fake kernel in a store, and the driver on its sparse work tree."""

    def __init__(self, top: Path, files: dict[str, str]) -> None:
        self.repository = top / "repository"
        self.repository.mkdir()
        commit = fake_kernel(self.repository, files={**FIRST, **files})
        self.store = Store(top / "cache")
        with self.store.git() as store:
            store.run("fetch", "--quiet", str(self.repository), f"{commit}:refs/trees/t")
        self.head = Head("t", commit, "6.1.1", "test", 0.0)
        self.path = self.store.cache / "worktrees/t"

    def build(self, edits: dict[str, str | None], *, whole: bool = False) -> BuildResult:
        if whole:
            with worktree(self.store, self.head):
                pass
        return build_cell(Tree("t", "6.1", ()), self.head, parse(diff_of(self.repository, edits)), store=self.store,
                          cache=self.store.cache, jobs=2, compared=False)

    def edit(self, name: str, old: str, new: str) -> dict[str, str | None]:
        text = (self.repository / name).read_text()
        assert old in text
        return {name: text.replace(old, new, 1)}


@pytest.fixture
def fake(tmp_path: Path) -> Sparse:
    return Sparse(tmp_path, {})


def test_a_file_outside_the_cone_is_built_and_the_tree_stays_sparse(fake: Sparse) -> None:
    result = fake.build(fake.edit(DUMMY, "int dummy", "long dummy"))
    assert (result.verdict, result.objects) == (Build.PASS, ("drivers/net/dummy.o",)), result
    assert sparse.absent(fake.path) == {"Documentation/virt/kvm/api.rst",
                                         *(name for name in FIRST if name.startswith("drivers/f"))}
    assert git(fake.path, "status", "--porcelain") == ""


@pytest.mark.parametrize("edits", [
    {DUMMY: '#include "dummy.h"\n#include "../far/far.h"\nint dummy = FAR;\n'},
    {X86: f'#include "../../../drivers/far/far.h"\nint far_one = FAR;\n{FILES[X86]}'},
    {"kernel/sched.c": f'#include <../drivers/far/far.h>\nint far_one = FAR;\n{FILES["kernel/sched.c"]}'}])
def test_an_include_of_a_file_that_is_not_checked_out_is_got(fake: Sparse, edits: dict[str, str | None]) -> None:
    result = fake.build(edits)
    assert result.verdict is Build.PASS, result
    assert "drivers/first/twin.h" in sparse.absent(fake.path)


def test_a_header_that_the_tree_does_not_have_is_the_patchs_and_the_tree_stays_sparse(fake: Sparse) -> None:
    result = fake.build(fake.edit(DUMMY, "int dummy", "#include <linux/nowhere.h>\nint dummy"))
    assert result.verdict is Build.FAIL
    assert "linux/nowhere.h" in result.reason
    assert "drivers/far/far.h" in sparse.absent(fake.path)


def test_a_header_that_another_of_its_name_stands_before_is_not_passed_by(fake: Sparse) -> None:
    """Without a word the compiler would take include/twin.h."""
    edits = fake.edit(X86, "#include", "#include <twin.h>\nint *twin_one(void);\nint *twin_one(void)\n{\n"
                                       "\treturn &first;\n}\n#include")
    assert fake.build(edits).verdict is Build.PASS
    assert fake.build(edits, whole=True).verdict is Build.PASS


def test_nor_where_both_compile(tmp_path: Path) -> None:
    fake = Sparse(tmp_path, {"drivers/first/twin.h": "static int twin_unused;\n", "include/twin.h": "\n"})
    result = fake.build(fake.edit(X86, "#include", "#include <twin.h>\n#include"))
    assert result.verdict is Build.WARN, result
    assert "twin_unused" in result.reason


def test_the_baseline_itself_passes_no_header_by(tmp_path: Path) -> None:
    fake = Sparse(tmp_path, {X86: "#include <twin.h>\nextern int *twin_one(void);\nint *twin_one(void)\n{\n"
                                  f"\treturn &first;\n}}\n{FILES[X86]}"})
    result = fake.build(fake.edit(X86, "-16", "-17"))
    assert result.verdict is Build.PASS, result
    assert "drivers/first/twin.h" not in sparse.absent(fake.path)


def test_has_include_is_no_way_to_see_that_the_tree_is_sparse(fake: Sparse) -> None:
    edits = fake.edit(X86, "#include", "#if !__has_include(<../drivers/far/far.h>)\n#error sparse\n#endif\n#include")
    assert fake.build(edits).verdict is Build.PASS


def test_new_files_and_files_of_every_kind_outside_the_cone(fake: Sparse) -> None:
    edits: dict[str, str | None] = {**fake.edit(DUMMY, "int dummy", '#include "new/new.h"\nint dummy'),
                                    "drivers/net/new/new.h": "#define NEW 1\n", "Documentation/virt/kvm/api.rst": "T\n",
                                    "drivers/far/far.h": None}
    result = fake.build(edits)
    assert result.verdict is Build.PASS, result
    assert git(fake.path, "status", "--porcelain") == ""


def test_a_failure_of_a_patch_that_steers_the_build_is_told_of_the_whole_tree(fake: Sparse) -> None:
    edits = {**fake.edit(X86, "-16", "nothing"), "arch/x86/kvm/Makefile": FILES["arch/x86/kvm/Makefile"] + "# more\n"}
    result = fake.build(edits)
    assert result.verdict is Build.FAIL
    assert "nothing" in result.reason
    assert sparse.absent(fake.path) == frozenset()


def test_a_target_that_lies_outside_is_got(fake: Sparse) -> None:
    with worktree(fake.store, fake.head, partial=True) as path:
        for said in (b"make[3]: *** No rule to make target 'drivers/far/far.o', needed by 'x'.  Stop.\n",
                     b"/bin/sh: 1: cannot open drivers/far/far.h: No such file\n",
                     f"{path}/{X86}:3:10: fatal error: far/far.h: No such file or directory\n".encode()):
            with pytest.raises(NotCheckedOut) as met:
                absent.stopped(path, Exited(2, said, 0.0))
            assert met.value.files == {"drivers/far/far.h"}
        for said in (b"x.c:3: error: 'far' undeclared\n", b"x.c:3:10: fatal error: linux/nope.h: No such file"):
            absent.stopped(path, Exited(2, said, 0.0))
        absent.stopped(path, Exited(0, b"far/far.h: No such file", 0.0))
