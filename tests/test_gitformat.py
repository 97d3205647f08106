"""Trees, indexes and objects that are read and written without a process are those that git reads and writes."""

from __future__ import annotations

import tempfile
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from backport.gitformat import index_of, index_rows, write_object
from tests.support.gitrepo import TestRepo

NAMES = st.text(st.sampled_from("ab.-\x80é/"), min_size=1, max_size=9).filter(
    lambda name: all(part not in ("", ".", "..") for part in name.split("/")))


def _apart(names: list[str]) -> list[str]:
    """Without those that a file of another name stands in the way of."""
    return [name for name in names if not any(other.startswith(name + "/") for other in names)]


STATES = st.lists(NAMES, min_size=1, max_size=8, unique=True).map(_apart)


@settings(max_examples=25, deadline=None)
@given(old=STATES, new=STATES)
def test_a_tree_with_changes_is_the_one_that_git_makes(old: list[str], new: list[str]) -> None:
    with tempfile.TemporaryDirectory() as place:
        repo = TestRepo(Path(place) / "r")
        git = repo.git
        blob = git.run("hash-object", "-w", "--stdin", stdin=b"text\n").text

        def tree(paths: list[str]) -> str:
            env = {"GIT_INDEX_FILE": str(Path(place) / "index")}
            (Path(place) / "index").write_bytes(index_of([("100644", blob, path) for path in paths], 20))
            listed = git.run("ls-files", "-z", env=env).out.decode("utf-8", "surrogateescape").split("\0")[:-1]
            assert sorted(listed) == sorted(paths)
            assert index_rows((Path(place) / "index").read_bytes(), 20) == {path: ("100644", blob) for path in paths}
            return git.run("write-tree", env=env).text

        first, second = tree(old), tree(new)
        changes = {path: ("100644", blob) if path in new else None for path in set(old) ^ set(new)}
        assert git.replaced(first, changes, git.objects) == second
        commits = [write_object(git.objects, "commit", (
            f"tree {name}\nauthor a <a@b> 0 +0000\ncommitter a <a@b> 0 +0000\n\nx\n").encode(), 20)
            for name in (first, second)]
        assert set(git.differing(*commits)) == set(changes)
        assert all(git.entry(commits[1], path) == ("100644", blob) for path in new)
        assert all(git.entry(commits[1], path) != ("100644", blob) for path in set(old) - set(new))
        assert "error" not in git.run("fsck", "--strict", *commits, ok=()).err


def test_modes_links_and_submodules(tmp_path: Path) -> None:
    repo = TestRepo(tmp_path / "r")
    (repo.path / "link").symlink_to("a.c")
    (repo.path / "run").write_bytes(b"#!\n")
    (repo.path / "run").chmod(0o755)
    first = repo.commit({"dir/a.c": b"a\n"})
    assert [repo.git.entry(first, path) for path in ("none", "run/x", "dir/none/x")] == [None, None, None]
    modes = [row[0] for path in ("link", "run", "dir/a.c", "dir") if (row := repo.git.entry(first, path))]
    assert modes == ["120000", "100755", "100644", "040000"]
    rows = repo.git.touched(first, ["link/x", "run", "dir/a.c", "dir"])
    assert [(mode, path) for mode, _sha, path in rows] == [("120000", "link"), ("100755", "run"), ("100644", "dir/a.c")]
    assert list(repo.git.files(first, "dir")) == [b"a\n"]


def test_an_index_of_another_kind_is_not_read(tmp_path: Path) -> None:
    repo = TestRepo(tmp_path / "r")
    repo.commit({"a.c": b"a\n"})
    (repo.path / "b.c").write_bytes(b"b\n")
    repo.git.run("add", "-N", "b.c")
    assert index_rows((repo.path / ".git/index").read_bytes(), 20) is None
    assert index_rows(b"", 20) is None


def test_an_index_that_the_disk_damaged_is_not_read() -> None:
    whole = index_of([("100644", "0" * 40, "a/b.c"), ("100755", "1" * 40, "c")], 20)
    assert index_rows(whole, 20) == {"a/b.c": ("100644", "0" * 40), "c": ("100755", "1" * 40)}
    for at in range(len(whole)):
        assert index_rows(whole[:at] + bytes([whole[at] ^ 1]) + whole[at + 1:], 20) is None, at
        assert index_rows(whole[:at], 20) is None, at
    unhashed = whole[:-20] + bytes(20)                # index.skipHash
    assert index_rows(unhashed, 20) == index_rows(whole, 20)
    more = bytearray(unhashed)
    more[11] = 3                     # an entry more than there is
    assert index_rows(bytes(more), 20) is None
