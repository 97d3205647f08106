"""The list of a tree's files: what is looked up in it."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from backport.treeview import FileList, MemoryView, alike, beneath, stem

_PART = st.text("ab.-_0/", min_size=1, max_size=4)
_PATHS = st.lists(st.lists(_PART.map(lambda part: part.replace("/", "") or "x"), min_size=1, max_size=4)
                  .map("/".join), unique=True, max_size=30)


@given(_PATHS)
def test_it_finds_what_a_search_through_all_paths_finds(paths: list[str]) -> None:
    listing = FileList(sorted(paths))
    for path in [*paths, "no/such.c"]:
        folder, _, name = path.rpartition("/")
        assert list(listing.named(name)) == [one for one in listing if one.rpartition("/")[2] == name]
        assert list(listing.stemmed(stem(path))) == [one for one in listing if stem(one) == stem(path)]
        for one in (folder, path, ""):
            assert listing.folder(one) == {other.rpartition("/")[2] for other in listing
                                           if other.rpartition("/")[0] == one}


@given(_PATHS)
def test_what_is_below_a_directory_is_what_a_search_finds(paths: list[str]) -> None:
    listing = FileList(sorted(paths))
    for folder in {path.rpartition("/")[0] for path in paths} | {"no"} - {""}:
        assert list(beneath(listing, folder)) == [one for one in listing if one.startswith(f"{folder}/")]


def test_a_document_is_found_under_another_ending() -> None:
    assert list(FileList(["Documentation/a/the_file.txt", "b/The-File.rst"]).stemmed("the_file")) == [
        "Documentation/a/the_file.txt", "b/The-File.rst"]


def test_files_of_a_name_are_found_in_any_view() -> None:
    assert list(alike(MemoryView("t", {"b/x.c": b"", "a/x.c": b"", "x.c/y": b""}), "x.c")) == ["a/x.c", "b/x.c"]
