"""Trees, indexes and objects that are read and written without a process are those that git reads and writes."""

from __future__ import annotations

import tempfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from backport.check import check
from backport.git import Git
from backport.gitformat import index_of, index_rows, write_object
from backport.patch.parse import parse
from backport.trees.stack import Stack
from backport.verdict import Apply
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


OLD = b"".join(b"line %d\n" % number for number in range(20))
NEW = OLD.replace(b"line 9\n", b"line nine\n")


def carried(git: Git, old: str, new: str, *options: str) -> None:
    """The change from one commit to the other applies to the first, and leads to the second."""
    diff = git.run("diff", "--binary", *options, old, new).out
    assert check(git, old, parse(diff)).outcome is Apply.CLEAN
    with Stack(git, old) as stack:
        made = stack.push(diff).commit
        assert stack.git.run("ls-tree", "-r", made).out == git.run("ls-tree", "-r", new).out


@pytest.mark.parametrize("modes", [(b"100664", b"40000"), (b"100644", b"040000"), (b"100775", b"40000")])
def test_a_tree_of_an_old_tool_is_read_as_git_reads_it(tmp_path: Path, modes: tuple[bytes, bytes]) -> None:
    git = TestRepo(tmp_path / "r").git

    def commit(text: bytes) -> str:
        sha = git.run("hash-object", "-w", "--stdin", stdin=text).text
        for mode, name in ((modes[0], b"f.c"), (modes[1], b"dir")):
            sha = git.run("hash-object", "-w", "-t", "tree", "--literally", "--stdin",
                          stdin=mode + b" " + name + b"\0" + bytes.fromhex(sha)).text
        return git.run("commit-tree", sha, "-m", "x").text
    old, new = commit(OLD), commit(NEW)
    assert git.entry(old, "dir/f.c") == git.ls_tree(old)[0][:2]
    assert git.differing(old, new) == ["dir/f.c"]
    carried(git, old, new)


@pytest.mark.parametrize("place", ["a:b", 'a"b"', "a\nb", "a\\b"])
def test_the_name_of_a_directory_ends_nothing(tmp_path: Path, place: str) -> None:
    """GIT_ALTERNATE_OBJECT_DIRECTORIES is a list with colons; the store was called damaged."""
    repo = TestRepo(tmp_path / place / "r")
    first = repo.commit({"f.c": OLD, "x.bin": b"\0old" * 9})
    second = repo.commit({"f.c": NEW})
    carried(repo.git, first, second)
    carried(repo.git, second, repo.commit({"x.bin": b"\0new" * 9}))


def test_objects_that_are_named_by_sha256(tmp_path: Path) -> None:
    (tmp_path / "r").mkdir()
    Git(tmp_path / "r").run("init", "--quiet", "--object-format=sha256")
    repo = TestRepo(tmp_path / "r")
    first = repo.commit({"dir/f.c": OLD})
    assert len(first) == 64
    carried(repo.git, first, repo.commit({"dir/f.c": NEW}))


def test_a_tree_whose_last_file_goes(tmp_path: Path) -> None:
    repo = TestRepo(tmp_path / "r")
    first = repo.commit({"dir/f.c": OLD})
    carried(repo.git, first, repo.commit({"dir/f.c": None}))


def test_an_index_whose_entries_stand_in_another_file_is_not_read(tmp_path: Path) -> None:
    """One file of three would be read as the whole state, and the others as removed by the patch."""
    repo = TestRepo(tmp_path / "r")
    repo.commit({"a.c": b"a\n", "b.c": b"b\n"})
    index, env = repo.path / ".git/index", {"GIT_DIR": str(repo.path / ".git")}      # without what Git pins
    assert index_rows(index.read_bytes(), 20) is not None
    repo.git.run("update-index", "--split-index", env=env)
    (repo.path / "c.c").write_bytes(b"c\n")
    repo.git.run("add", "c.c", env=env)
    assert b"link" in index.read_bytes()
    assert index_rows(index.read_bytes(), 20) is None
    repo.git.run("config", "core.splitIndex", "true")
    repo.git.run("config", "core.bigFileThreshold", "1")
    first = repo.commit({"a.c": OLD})
    carried(repo.git, first, repo.commit({"a.c": NEW}))
