"""The store survives kill -9 and several writers; what is noted beside a ref is never believed against it."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from backport.errors import InfraError
from backport.git import Git
from backport.manifest import Tree
from backport.temporary import mark, sweep_once
from backport.trees.fastimport import TreeEntry, import_tree
from backport.trees.fetch import fetch, own_heads
from backport.trees.store import Head, Store, read_json
from tests.support.trees import files, one, tarball


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "cache")


def put(store: Store, name: str, version: str) -> Head:
    with store.git() as git:
        entries = [TreeEntry("100644", name.encode(), data) for name, data in files(version).items()]
        commit = import_tree(git, "refs/scratch", entries, "x")
        git.run("update-ref", "-d", "refs/scratch")
    head = Head(name, commit, version, "test", 5.0)
    store.set(head)
    return head


def test_a_head_is_what_was_set(store):
    head = put(store, "linux-6.1.y", "6.1.7")
    assert store.head("linux-6.1.y") == head
    assert store.heads() == [head]
    for none in ("linux-6.1", "linux-6.1.y/x", "../x", "", "linux-6.1.yy"):
        assert store.head(none) is None
    store.remove("linux-6.1.y")
    assert store.heads() == []


def test_any_number_of_trees_is_one_question_of_git(store, monkeypatch):
    heads = [put(store, f"linux-6.{number}.y", f"6.{number}.7") for number in range(1, 6)]
    asked = []
    run = Git.run
    monkeypatch.setattr(Git, "run", lambda self, *args, **named: asked.append(args) or run(self, *args, **named))
    assert own_heads(store, [Tree(head.tree, "", ()) for head in heads]) == heads
    assert [args[0] for args in asked] == ["for-each-ref"]


def test_a_kill_between_ref_and_note_leaves_a_true_head(store):
    put(store, "linux-6.1.y", "6.1.7")
    note = store.cache / "trees/linux-6.1.y.json"
    old = note.read_bytes()
    new = put(store, "linux-6.1.y", "6.1.8")
    note.write_bytes(old)                                   # as if killed before the new note was written
    head = store.head("linux-6.1.y")
    assert (head.commit, head.version, head.source) == (new.commit, "6.1.8", "unknown")
    note.write_bytes(b"{half")
    assert store.head("linux-6.1.y").version == "6.1.8"


def test_what_a_kill_left_beside_the_notes_is_swept_although_nothing_is_written_there(store):
    put(store, "linux-6.1.y", "6.1.7")
    gone = subprocess.Popen(["true"])
    gone.wait()
    left = [store.cache / folder / f".{mark('file').rsplit('-', 2)[0]}-{gone.pid}-abcdefgh"
            for folder in ("trees", "sources/0123456789abcdef")]
    for path in left:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"{half")
    holder = store.cache / "store.lock.holder"
    holder.write_text(f"{gone.pid}\n")
    sweep_once.cache_clear()                                # another process
    store.tidy()
    assert not [path for path in (*left, holder) if path.exists()]
    with store.writing():
        store.tidy()
        assert holder.exists()                              # of one who lives


def test_nothing_tidies_the_store_up_behind_its_readers(store):
    with store.git() as git:
        assert git.run("config", "gc.auto").text == "0"
        assert git.run("config", "maintenance.auto").text == "false"
        assert git.run("rev-parse", "--is-bare-repository").text == "true"


def test_a_cache_that_cannot_be_written_says_what_to_do(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(InfraError, match="--cache"):
        Store(tmp_path / "file").create()


KILLED = """
import os, sys
from dataclasses import replace
from pathlib import Path
from backport.manifest import load
from backport.trees import fastimport, fetch, tarball
from backport.trees.sources import tarball as source
from backport.trees.store import Store
real = source.tar_entries
def dying(path, progress=None):
    for number, entry in enumerate(real(path, progress)):
        if number == 2:
            os.kill(os.getpid(), 9)
        yield entry
source.tar_entries = dying
fetch.fetch(Store(Path(sys.argv[1])), load(Path(sys.argv[2])))
"""


def test_a_run_that_was_killed_in_the_middle_of_an_import_is_made_good_by_the_next(tmp_path, store):
    (tmp_path / "t.tar.xz").write_bytes(tarball(files()))
    trees = one(tmp_path, f"{{tarball: {tmp_path}/t.tar.xz}}")
    ended = subprocess.run([sys.executable, "-c", KILLED, str(store.cache), str(trees.path)], check=False)
    assert ended.returncode == -9
    assert store.heads() == []                              # the ref moves only when the tree is whole
    for wreck in ("refs/incoming/linux-6.1.y.lock", "packed-refs.lock", "shallow.lock", "objects/pack/tmp_pack_x1",
                  "refs/trees/linux-6.1.y.lock", "objects/info/alternates.lock"):
        (store.path / wreck).parent.mkdir(parents=True, exist_ok=True)
        (store.path / wreck).write_bytes(b"")
    [result] = fetch(store, trees)
    assert result.head.version == "6.1.7"
    with store.git() as git:
        git.run("fsck", "--strict")
    left = [path.name for path in store.path.rglob("*") if path.name.startswith(("tmp_", "fast_import_crash"))]
    assert left == []
    assert [path for path in store.path.rglob("*.lock") if path.name != "backport.lock"] == []


def test_a_store_whose_making_was_killed_is_finished(store):
    """`git init` and `git config` refused over config.lock, and so did every command until somebody removed it."""
    store.path.mkdir(parents=True)
    (store.path / "config.lock").write_bytes(b"[co")
    (store.path / "HEAD").write_bytes(b"ref: refs/heads/none\n")
    store.create()
    with store.git() as git:
        assert git.run("config", "core.bare").text == "true"
        assert git.run("config", "gc.auto").text == "0"


PARALLEL = """
import sys
from dataclasses import replace
from pathlib import Path
from backport.manifest import load
from backport.trees.fetch import fetch, own_heads
from backport.trees.progress import Progress
from backport.trees.store import Store
class Say(Progress):
    def say(self, text):
        print(text, flush=True)
[result] = fetch(Store(Path(sys.argv[1])), load(Path(sys.argv[2])), progress=Say())
print("HEAD", result.head.commit)
"""


def test_two_fetches_at_once_do_the_work_once_and_the_second_says_that_it_waits(tmp_path, store):
    (tmp_path / "t.tar.xz").write_bytes(tarball(files()))
    trees = one(tmp_path, f"{{tarball: {tmp_path}/t.tar.xz}}")
    command = [sys.executable, "-c", PARALLEL, str(store.cache), str(trees.path)]
    with store.writing():                                   # hold both up
        runs = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(2)]
        lines = [run.stdout.readline() for run in runs]
        assert all(f"waiting for another backport process that writes {store.path} (process {os.getpid()})" in line
                   for line in lines)
    outputs = [run.communicate(timeout=300)[0] for run in runs]
    assert [run.returncode for run in runs] == [0, 0]
    assert len({output.split("HEAD ")[1] for output in outputs}) == 1
    assert sum("6.1.7 from tarball" in output for output in outputs) == 1      # the other found it there
    assert read_json(store.cache / "trees/linux-6.1.y.json")["version"] == "6.1.7"


def test_a_second_run_needs_neither_the_lock_nor_the_source(tmp_path, store):
    (tmp_path / "t.tar.xz").write_bytes(tarball(files()))
    trees = one(tmp_path, f"{{tarball: {tmp_path}/t.tar.xz}}")
    fetch(store, trees)
    before = (store.cache / "trees/linux-6.1.y.json").read_bytes()
    [again] = fetch(store, trees)
    assert not again.changed
    assert again.head.version == "6.1.7"
    assert (store.cache / "trees/linux-6.1.y.json").read_bytes() == before


def test_a_commit_is_made_of_the_files_alone(tmp_path):
    """Two stores, filled in another order, hold the same commit."""
    entries = [TreeEntry("100644", name.encode(), data) for name, data in files().items()]
    names = set()
    for number, order in enumerate((entries, entries[::-1])):
        with Store(tmp_path / str(number)).git() as git:
            names.add(import_tree(git, "refs/x", order, "message\n"))
    assert len(names) == 1


def test_odd_names_survive(tmp_path):
    odd = {b'"quoted"': b"1", b"new\nline": b"2", b"back\\slash": b"3", b"\xfc": b"4", b" space ": b"5"}
    with Store(tmp_path).git() as git:
        commit = import_tree(git, "refs/x", [TreeEntry("100644", name, data) for name, data in odd.items()], "m")
        rows = git.ls_tree(commit)
        assert {path.encode("utf-8", "surrogateescape"): git.blob(sha) for _mode, sha, path in rows} == odd


def test_a_store_inside_another_repository_is_still_its_own(tmp_path):
    with Git(tmp_path) as git:
        git.run("init", "-q", ".")
    store = Store(tmp_path / "cache")
    put(store, "t", "6.1.7")
    with Git(tmp_path) as git:
        assert git.run("for-each-ref").text == ""


@pytest.mark.parametrize("text", ["", "garbage\n", "\0" * 41])
def test_a_ref_that_says_nothing_is_damage_and_is_fetched_over(store, text):
    kept = put(store, "linux-6.1.y", "6.1.7")
    assert store.damage("linux-6.1.y") == store.damage("linux-5.10.y") == ""
    ref = store.path / "refs/trees/linux-6.1.y"
    ref.write_text(text)
    assert store.head("linux-6.1.y") is None
    assert "trees fetch linux-6.1.y" in store.damage("linux-6.1.y")
    assert store.damage("linux-5.10.y") == ""                           # this one never was there
    store.set(kept)
    assert (store.head("linux-6.1.y"), store.damage("linux-6.1.y")) == (kept, "")
    ref.unlink()
    assert "no ref for it" in store.damage("linux-6.1.y")


def test_a_commit_that_is_lost_is_damage(store):
    kept = put(store, "linux-6.1.y", "6.1.7")
    store.note(replace(kept, commit="3" * 40))
    (store.path / "refs/trees/linux-6.1.y").write_text("3" * 40 + "\n")
    assert "333333333333 is lost" in store.damage("linux-6.1.y")


def test_a_store_without_its_marker_is_not_an_empty_one(store):
    put(store, "linux-6.1.y", "6.1.7")
    (store.path / "backport.json").unlink()
    for ask in (store.heads, lambda: store.head("linux-6.1.y"), lambda: store.damage("linux-6.1.y")):
        with pytest.raises(InfraError) as raised:
            ask()
        assert "trees fetch" in raised.value.hint
    store.create()
    assert store.head("linux-6.1.y") is not None
    assert Store(store.cache / "other").heads() == []
