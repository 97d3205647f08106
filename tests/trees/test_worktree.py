"""The work tree: pristine on entry, put back on exit, times that kbuild can trust, repaired after kill -9."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from backport.trees.fastimport import TreeEntry, import_tree
from backport.trees.store import Head, Store
from backport.trees.worktree import changed, remove, restore, worktree
from tests.support.patience import until

FILES = {b"Makefile": b"VERSION = 6\nPATCHLEVEL = 1\nSUBLEVEL = 7\n", b"a.c": b"int a;\n", b"dir/b.c": b"int b;\n",
         b".gitignore": b"*.o\n"}


def put(store: Store, name: str, files: dict[bytes, bytes]) -> Head:
    with store.git() as git:
        commit = import_tree(git, f"refs/trees/{name}", [TreeEntry("100644", k, v) for k, v in files.items()], "x")
    return Head(name, commit, "6.1.7", "test", 0.0)


def times(path: Path) -> dict[str, int]:
    return {str(p.relative_to(path)): p.stat().st_mtime_ns for p in path.rglob("*") if p.is_file() and p.name != ".git"}


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "cache")


def test_it_lies_outside_the_store_and_holds_the_tree(store):
    head = put(store, "t", FILES)
    with worktree(store, head) as path:
        assert store.path not in path.parents
        assert set(times(path)) == {name.decode() for name in FILES}
        assert (path / "dir/b.c").read_bytes() == b"int b;\n"


def test_a_sealed_one_is_looked_over_after_an_exception_and_by_the_next_who_enters(store):
    head = put(store, "t", FILES)
    with worktree(store, head, sealed=True) as path:
        (path / "a.c").write_bytes(b"int z;\n")
        (path / "x.o").write_bytes(b"left")
    with worktree(store, head, sealed=True) as path:
        assert changed(path) == []
        assert (path / "a.c").read_bytes() == FILES[b"a.c"]

    def fail(path: Path) -> None:
        (path / "a.c").write_bytes(b"int z;\n")
        raise KeyError

    with pytest.raises(KeyError), worktree(store, head, sealed=True) as path:
        fail(path)
    assert changed(path) == []


def test_everything_is_put_back_and_only_restored_files_get_a_new_time(store):
    head = put(store, "t", FILES)
    with worktree(store, head) as path:
        before = times(path)
        old = path / "a.c"
        stat = old.stat()
        time.sleep(0.02)
        old.write_bytes(b"int z;\n")                              # same size ...
        os.utime(old, ns=(stat.st_atime_ns, stat.st_mtime_ns))    # ... and even the same time
        (path / "dir/b.c").unlink()
        (path / "x.o").write_bytes(b"ignored")
        (path / "new").mkdir()
        (path / "new/file.c").write_bytes(b"new")
        assert changed(path) == ["a.c", "dir/b.c", "new/file.c", "x.o"]
    assert changed(path) == []
    after = times(path)
    assert old.read_bytes() == b"int a;\n"
    assert set(after) == set(before)
    assert after["a.c"] > before["a.c"]
    assert after["dir/b.c"] > before["dir/b.c"]
    assert after["Makefile"] == before["Makefile"]


def test_an_exception_inside_puts_back_as_well(store):
    head = put(store, "t", FILES)
    def harm() -> None:
        with worktree(store, head) as path:
            (path / "a.c").write_bytes(b"broken")
            raise RuntimeError

    with pytest.raises(RuntimeError):
        harm()
    path = store.cache / "worktrees/t"
    assert (path / "a.c").read_bytes() == b"int a;\n"


def test_times_survive_entering_again_and_a_moved_head_touches_what_differs(store):
    head = put(store, "t", FILES)
    with worktree(store, head) as path:
        before = times(path)
    time.sleep(0.02)
    with worktree(store, head) as path:
        assert times(path) == before
    moved = put(store, "t", {**FILES, b"a.c": b"int a2;\n", b"c.c": b"int c;\n"})
    with worktree(store, moved) as path:
        now = times(path)
        assert {name for name in now if now[name] != before.get(name)} == {"a.c", "c.c"}
    with worktree(store, head) as path:
        assert (path / "a.c").read_bytes() == b"int a;\n"
        assert not (path / "c.c").exists()


def test_restore_names_what_had_been_changed(store):
    head = put(store, "t", FILES)
    with worktree(store, head) as path:
        (path / "a.c").write_bytes(b"other")
        assert restore(path, head.commit) == ["a.c"]
        assert restore(path, head.commit) == []


CHILD = """
import os, sys
from pathlib import Path
from backport.trees.store import Store
from backport.trees.worktree import worktree
store = Store(Path(sys.argv[1]))
with worktree(store, store.head("t")) as path:
    (path / "a.c").write_bytes(b"half")
    (path / "junk").write_bytes(b"junk")
    admin = Path((path / ".git").read_text().split(":", 1)[1].strip())
    (admin / "index.lock").write_bytes(b"")
    os.kill(os.getpid(), 9)
"""


def test_a_run_that_was_killed_inside_leaves_nothing_to_do_by_hand(store):
    head = put(store, "t", FILES)
    with worktree(store, head) as path:
        made = times(path)["Makefile"]
    ended = subprocess.run([sys.executable, "-c", CHILD, str(store.cache)], check=False)
    assert ended.returncode == -9
    with worktree(store, head) as path:
        assert (path / "a.c").read_bytes() == b"int a;\n"
        assert not (path / "junk").exists()
        assert times(path)["Makefile"] == made          # repaired, not made anew


@pytest.mark.parametrize("harm", ["directory", "record", "index", "dotgit", "file", "head"])
def test_a_damaged_work_tree_is_made_anew(store, harm):
    head = put(store, "t", FILES)
    with worktree(store, head) as path:
        admin = Path((path / ".git").read_text().split(":", 1)[1].strip())
    if harm == "directory":
        shutil.rmtree(path)
    elif harm == "record":
        shutil.rmtree(admin)
    elif harm == "index":
        (admin / "index").write_bytes(b"garbage")
    elif harm == "dotgit":
        (path / ".git").unlink()
    elif harm == "head":
        (admin / "HEAD").write_bytes(b"")
    else:
        shutil.rmtree(path)
        path.write_bytes(b"in the way")
    with worktree(store, head) as again:
        assert again == path
        assert set(times(path)) == {name.decode() for name in FILES}


def test_two_are_never_inside_one_tree_and_the_second_says_that_it_waits(store):
    head = put(store, "t", FILES)
    said: list[str] = []
    order: list[str] = []

    def second() -> None:
        with worktree(store, head, say=said.append):
            order.append("second")

    with worktree(store, head):
        thread = threading.Thread(target=second)
        thread.start()
        assert until(lambda: bool(said))
        order.append("first")
    thread.join()
    assert order == ["first", "second"]
    assert said == ["waiting for another backport process that uses the work tree of t"]


def test_many_trees_can_be_entered_and_removed_at_once(store):
    """`git worktree add` in parallel fails: it has to be serialised."""
    heads = [put(store, f"t{i}", {**FILES, b"n": b"%d" % i}) for i in range(8)]
    errors: list[BaseException] = []

    def enter(head: Head) -> None:
        try:
            for _ in range(2):
                with worktree(store, head) as path:
                    assert (path / "n").read_bytes() == head.tree[1:].encode()
                remove(store, head.tree)
                assert not path.exists()
        except BaseException as error:
            errors.append(error)

    threads = [threading.Thread(target=enter, args=(head,)) for head in heads]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert errors == []
