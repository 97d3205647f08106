"""Code that stands in another file of the tree: which of several is the one."""

from __future__ import annotations

from collections.abc import Mapping

from backport.adapt.engine import adapt
from backport.adapt.records import Adaptation
from backport.patch.parse import parse
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


LONG = b"".join(source(f"unit_{verb}", last=f"return finish_{verb}(u);", first=f"prepare_{verb}(u);")
                for verb in ("open", "close", "read", "write", "map", "sync", "lock", "poll", "trim", "stop", "wipe",
                             "mark"))
LONG_CHANGE = (LONG, LONG.replace(b"prepare_map(u)", b"prepare_map_early(u)"))


def test_the_same_file_in_another_directory_is_as_sure_as_it_would_be_in_its_own() -> None:
    answer = carried({"fs/new/unit.c": LONG_CHANGE}, {"fs/old/unit.c": LONG + b"int here;\n"})
    assert paths(answer) == {"fs/old/unit.c"}
    assert answer.sure is Sure.CERTAIN
    assert any("fs/old/unit.c" in note for note in answer.notes)


def test_a_file_that_another_of_its_name_comes_near_is_for_review() -> None:
    other = LONG.replace(b"prepare_map", b"get_map").replace(b"unit_poll", b"unit_look")
    answer = carried({"fs/new/unit.c": LONG_CHANGE}, {"fs/old/unit.c": LONG, "fs/copy/unit.c": other})
    assert answer.patch is None or answer.sure is Sure.REVIEW


def test_a_file_of_the_name_with_much_of_its_own_is_for_review() -> None:
    far = LONG.split(b"int unit_lock")[0] + b"".join(source(f"disk_{n}", last=f"return end_{n};", first=f"begin_{n}();")
                                                      for n in range(12))
    answer = carried({"fs/new/unit.c": LONG_CHANGE}, {"fs/old/unit.c": far})
    assert answer.patch is None or answer.sure is Sure.REVIEW


def test_a_file_of_another_name_is_for_review() -> None:
    answer = carried({"fs/new/unit.c": LONG_CHANGE}, {"fs/old/device.c": LONG})
    assert answer.patch is None or answer.sure is Sure.REVIEW


def test_a_name_with_a_tab_or_a_quote_is_written_so_that_it_is_read_again() -> None:
    place = 'fs/old "x"\t/dir.c'
    answer = carried({"fs/new/dir.c": DIR}, {place: DIR[0]})
    assert paths(answer) == {place}
    assert answer.patch is not None
    assert [file.path for file in parse(answer.patch.render()).files] == [place]


def test_a_file_whose_name_no_patch_may_have_is_no_place() -> None:
    """Its name went into the header as it was, and made other lines of the header."""
    answer = carried({"fs/new/dir.c": DIR}, {"fs/old\n--- a/Makefile/dir.c": DIR[0]})
    assert answer.patch is None
    assert answer.reason
