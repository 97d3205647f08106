"""Code that stands in another file of the tree: which of several is the one."""

from __future__ import annotations

from collections.abc import Mapping

from backport.adapt.engine import adapt
from backport.adapt.records import Adaptation
from backport.treeview import MemoryView
from backport.verdict import Apply, Sure
from tests.support.adapting import patch_of


def source(name: str, last: str = "return ret;", first: str = "prepare(u);") -> bytes:
    return (f"int {name}(struct unit *u)\n{{\n\tint ret;\n\n\tret = {first}\n\tif (ret)\n\t\tgo(u);\n\twait_for(u);\n"
            f"\t{last}\n}}\n").encode()


def carried(changed: Mapping[str, tuple[bytes, bytes]], tree: Mapping[str, bytes],
            upstream: Mapping[str, bytes] | None = None) -> Adaptation:
    there = {path: before for path, (before, _after) in changed.items()}
    return adapt(patch_of(changed), MemoryView("tree", tree), preimages=there,
                 upstream=MemoryView("upstream", {**there, **(upstream or {})}))


def paths(answer: Adaptation) -> set[str]:
    return {file.path for file in answer.patch.files} if answer.patch is not None else set()


OPEN = (source("unit_open"), source("unit_open").replace(b"go(u)", b"go_on(u)"))
DIR = (source("unit_dir"), source("unit_dir").replace(b"go(u)", b"go_on(u)"))


def test_the_only_place_is_taken_and_named() -> None:
    answer = carried({"fs/new/client/dir.c": DIR}, {"fs/old/dir.c": DIR[0], "fs/other/dir.c": b"int x;\n"})
    assert paths(answer) == {"fs/old/dir.c"}
    assert answer.sure is Sure.REVIEW
    assert any("fs/old/dir.c" in note for note in answer.notes)


def test_of_two_places_the_one_that_shares_more_of_the_path_is_taken_for_review() -> None:
    answer = carried({"drivers/gpu/amd/legacy/unit.c": DIR},
                     {"drivers/gpu/amd/power/unit.c": DIR[0], "drivers/gpu/radeon/unit.c": DIR[0]})
    assert paths(answer) == {"drivers/gpu/amd/power/unit.c"}
    assert answer.sure is Sure.REVIEW


def test_the_directory_with_upstreams_other_files_is_taken() -> None:
    upstream = {f"fs/new/client/{name}": b"" for name in ("file.c", "link.c", "misc.c")}
    tree = {f"fs/old/{name}": b"" for name in ("file.c", "link.c", "misc.c")}
    answer = carried({"fs/new/client/dir.c": DIR}, {**tree, "fs/old/dir.c": DIR[0], "fs/copy/dir.c": DIR[0]}, upstream)
    assert paths(answer) == {"fs/old/dir.c"}


def test_a_file_goes_where_the_patchs_other_files_went() -> None:
    tree = {"fs/old/dir.c": DIR[0], "fs/copy/dir.c": DIR[0], "fs/old/open.c": OPEN[0]}
    changed = {"fs/new/dir.c": DIR, "fs/new/open.c": OPEN}
    there = {path: before for path, (before, _after) in changed.items()}
    answer = adapt(patch_of(changed), MemoryView("tree", tree), preimages=there)
    assert paths(answer) == {"fs/old/dir.c", "fs/old/open.c"}
    assert answer.sure is Sure.REVIEW


def test_a_tie_is_declined_and_both_are_named() -> None:
    answer = carried({"fs/new/dir.c": DIR}, {"fs/one/dir.c": DIR[0], "fs/two/dir.c": DIR[0]})
    assert answer.outcome is Apply.CONFLICT
    assert "fs/one/dir.c and fs/two/dir.c" in answer.reason


def test_a_directory_among_many_with_a_file_of_that_name_is_found() -> None:
    static = (b"static " + source("probe"), b"static " + source("probe").replace(b"go(u)", b"go_on(u)"))
    tree = {f"fs/{name}/dir.c": b"static " + source("probe", "return -1;", f"{name}(u);") for name in "abcdefghijk"}
    upstream = {"fs/new/file.c": b"", "fs/new/link.c": b""}
    answer = carried({"fs/new/dir.c": static}, {**tree, "fs/old/dir.c": static[0], "fs/old/file.c": b"",
                                                "fs/old/link.c": b""}, upstream)
    assert paths(answer) == {"fs/old/dir.c"}
